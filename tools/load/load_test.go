package load_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
	"github.com/rogpeppe/go-internal/txtar"
)

// Each archive in testdata holds schemas and, under want, the dump of what they load as, or their faults.
func TestLoad(t *testing.T) {
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
			files, want := map[string][]byte{}, -1
			for i, f := range archive.Files {
				if f.Name == "want" {
					want = i
				} else {
					files[f.Name] = f.Data
				}
			}
			got := loadText(t, load.Files(files))
			if *update {
				if want < 0 {
					archive.Files = append(archive.Files, txtar.File{Name: "want"})
					want = len(archive.Files) - 1
				}
				archive.Files[want].Data = []byte(got)
				if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if want < 0 {
				t.Fatal("the archive has no file named want: run with -update")
			}
			if diff := cmp.Diff(string(archive.Files[want].Data), got); diff != "" {
				t.Errorf("(-want +got; run with -update if the change is meant):\n%s", diff)
			}
		})
	}
}

// loadText loads a source and renders what comes of it.
func loadText(t *testing.T, src load.Source) string {
	t.Helper()
	set, err := load.Schemas(t.Context(), src, load.WithGoPrefix("example.org/gen"))
	if err != nil {
		if _, ok := err.(schema.Errors); !ok {
			return "not loaded: " + err.Error() + "\n"
		}
		return err.Error() + "\n"
	}
	return dump(set)
}
