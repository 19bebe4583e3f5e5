package onwire_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jhump/protoreflect/v2/protoprint"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/omninode/trestle/tools/gen/digest"
	"github.com/omninode/trestle/tools/gen/onwire"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

var update = flag.Bool("update", false, "write the golden files")

// Each archive in testdata holds schemas and, below want, what they are on the wire. That text is what the descriptor says, whoever compiles it, with or without
// comments; nothing is made of it a second time.
func TestFiles(t *testing.T) {
	t.Parallel()
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			in, want := map[string][]byte{}, map[string]string{}
			var names []string
			for _, f := range archive.Files {
				if to, ok := strings.CutPrefix(f.Name, "want/"); ok {
					want[to] = string(f.Data)
				} else {
					in[f.Name] = f.Data
					names = append(names, f.Name)
				}
			}
			set, err := load.Schemas(t.Context(), load.Files(in))
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			made := onwire.New(set)
			for _, f := range set.Files() {
				on, err := made.File(f.Proto)
				if err != nil {
					t.Fatal(err)
				}
				if on == f.Proto {
					continue
				}
				text, err := (&protoprint.Printer{}).PrintProtoToString(on)
				if err != nil {
					t.Fatal(err)
				}
				got[f.Path] = text
				sameDigest(t, set, f, text)
			}
			if *update {
				archive.Files = nil
				for _, name := range names {
					archive.Files = append(archive.Files, txtar.File{Name: name, Data: in[name]})
				}
				for _, name := range names {
					if got[name] != "" {
						archive.Files = append(archive.Files, txtar.File{Name: "want/" + name, Data: []byte(got[name])})
					}
				}
				if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got; run with -update if the change is meant):\n%s", diff)
			}
		})
	}
}

// sameDigest holds the digest of a file to that of the text that it is on the wire.
func sameDigest(t *testing.T, set *schema.Set, f *schema.File, text string) {
	t.Helper()
	want, err := digest.New(set).Protobuf(f.Proto)
	if err != nil {
		t.Fatal(err)
	}
	stored := load.RegisteredSchema{Name: "stored", Language: schema.Protobuf, Text: text}
	made := onwire.New(set)
	for _, imported := range digest.Imports(f.Proto) {
		on, err := made.File(imported)
		if err != nil {
			t.Fatal(err)
		}
		text, err := (&protoprint.Printer{}).PrintProtoToString(on)
		if err != nil {
			t.Fatal(err)
		}
		stored.References = append(stored.References, load.Reference{Name: imported.Path(), Text: text})
	}
	read, err := load.Schemas(t.Context(), stored, load.ToCompare(), load.WithoutComments())
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if got, err := digest.New(read).Protobuf(read.MainFile().Proto); err != nil || got != want {
		t.Errorf("%s has digest %s, and read again %s: %v", f.Path, want, got, err)
	}
}
