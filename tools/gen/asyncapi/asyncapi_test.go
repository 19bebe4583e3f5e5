package asyncapi_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/omninode/trestle/runtime/trestletest/services"
	"github.com/omninode/trestle/tools/gen/asyncapi"
	"github.com/omninode/trestle/tools/gen/output"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

var update = flag.Bool("update", false, "write the golden file")

func loadSet(t *testing.T, dir string) *schema.Set {
	t.Helper()
	set, err := load.Schemas(t.Context(), load.Dir(dir))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func generate(t *testing.T, set *schema.Set) []byte {
	t.Helper()
	files, err := asyncapi.Generate(set)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 1 || files[0].Path != asyncapi.Path {
		t.Fatalf("got %d files, want %s", len(files), asyncapi.Path)
	}
	return files[0].Content
}

func ours() string { return filepath.Join("..", "..", "..", "schemas") }

func shop() string { return filepath.Join("testdata", "shop") }

func TestGolden(t *testing.T) {
	t.Parallel()
	got := generate(t, loadSet(t, shop()))
	golden := filepath.Join("testdata", "shop.golden.json")
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("not as in %s, -want +got:\n%s", golden, diff)
	}
	if !output.Generated(got) {
		t.Error("no generator knows the file again")
	}
	if again := generate(t, loadSet(t, shop())); !bytes.Equal(got, again) {
		t.Error("a second run makes another document")
	}
}

func TestNothing(t *testing.T) {
	t.Parallel()
	files, err := asyncapi.Generate(&schema.Set{})
	if err != nil || len(files) > 0 {
		t.Errorf("got %d files, %v for no schemas, want none", len(files), err)
	}
}

// TestReferences follows every reference of the document of this project's schemas.
func TestReferences(t *testing.T) {
	t.Parallel()
	var root any
	if err := json.Unmarshal(generate(t, loadSet(t, ours())), &root); err != nil {
		t.Fatal(err)
	}
	count := 0
	var walk func(any)
	walk = func(v any) {
		switch x := v.(type) {
		case []any:
			for _, item := range x {
				walk(item)
			}
		case map[string]any:
			if ref, ok := x["$ref"].(string); ok {
				count++
				if !resolves(root, ref) {
					t.Errorf("%s leads nowhere", ref)
				}
			}
			for _, member := range x {
				walk(member)
			}
		}
	}
	walk(root)
	if count < 100 {
		t.Errorf("found %d references, want those of all messages", count)
	}
}

func resolves(root any, ref string) bool {
	path, ok := strings.CutPrefix(ref, "#/")
	if !ok {
		return false
	}
	for name := range strings.SplitSeq(path, "/") {
		at, ok := root.(map[string]any)
		if !ok {
			return false
		}
		if root, ok = at[strings.ReplaceAll(strings.ReplaceAll(name, "~1", "/"), "~0", "~")]; !ok {
			return false
		}
	}
	return true
}

// TestParser lets AsyncAPI's own parser read the documents, and one that is broken on purpose.
func TestParser(t *testing.T) {
	t.Parallel()
	node := services.Node(t, services.AsyncAPIParser)
	dir := t.TempDir()
	set := loadSet(t, ours())
	document := generate(t, set)
	documents := [][]byte{
		document, generate(t, loadSet(t, shop())),
		bytes.Replace(document, []byte(`"action": "send"`), []byte(`"action": "shout"`), 1),
	}
	args := []string{filepath.Join("testdata", "check.mjs"), node}
	for i, text := range documents {
		path := filepath.Join(dir, string(rune('a'+i))+".json")
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
		args = append(args, path)
	}
	out, err := exec.CommandContext(t.Context(), "node", args...).Output()
	if err != nil {
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			t.Logf("%s", exit.Stderr)
		}
		t.Fatal(err)
	}
	var got []struct {
		Channels, Operations, Messages, Replies int
		Problems                                []string
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	for i, name := range []string{"this project's", "the shop's"} {
		for _, problem := range got[i].Problems {
			t.Errorf("%s: %s", name, problem)
		}
	}
	if got[0].Channels != len(set.Topics) || got[0].Messages != len(set.Events()) {
		t.Errorf("%d channels and %d messages, want %d and %d", got[0].Channels, got[0].Messages, len(set.Topics), len(set.Events()))
	}
	requests := slices.DeleteFunc(set.Events(), func(e *schema.Event) bool { return e.Reply == nil })
	if want := 2 * len(requests); got[0].Replies != want || got[0].Operations <= want {
		t.Errorf("%d of %d operations have a reply, want %d", got[0].Replies, got[0].Operations, want)
	}
	if len(got[2].Problems) == 0 {
		t.Error("the parser has nothing to say of a document that is wrong")
	}
}
