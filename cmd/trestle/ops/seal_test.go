package ops

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/omninode/trestle/tools/gen"
)

// TestSeal generates a project, and sees when a run passes over making everything again: when nothing of what goes in
// or came out has changed, and only then.
func TestSeal(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		name = filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const order = "schemas/acme/v1/order.json"
	schema := func(title, bound string) string {
		return `{"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "` + title + `", "description": "One.", "type": "object",
			"properties": {"n": {"type": "integer", "maximum": ` + bound + `}}}`
	}
	write("trestle.yaml", "go_import: example.org/acme/gen\n")
	write(order, schema("Order", "7"))
	open := func() *Project {
		p, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	generate := func() Generated {
		t.Helper()
		answer, err := Generate(t.Context(), open())
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
	holds := func() bool { return open().seal().holds() }
	if holds() {
		t.Error("a project that was never generated is sealed")
	}
	first := generate()
	if !holds() {
		t.Fatal("what was generated is not sealed")
	}
	if again := generate(); again.Files != first.Files || len(again.Changed) != 0 {
		t.Errorf("a run that changes nothing says %+v, the first %d files", again, first.Files)
	}
	made := filepath.Join("gen", filepath.FromSlash(first.Changed[0].Path))
	for what, change := range map[string]func(){
		"a schema's text":        func() { write(order, schema("Order", "8")) },
		"a new schema":           func() { write("schemas/acme/v1/other.json", schema("Other", "9")) },
		"a setting":              func() { write("trestle.yaml", "go_import: example.org/other/gen\n") },
		"a generated file":       func() { write(made, "edited") },
		"a generated file, gone": func() { os.Remove(filepath.Join(dir, made)) },
		"a file beside them":     func() { write("gen/x/beside.txt", "") },
	} {
		if what == "a generated file" { // what carries no marker is never overwritten
			text, err := os.ReadFile(filepath.Join(dir, made))
			if err != nil {
				t.Fatal(err)
			}
			change = func() { write(made, string(text)+"\n") }
		}
		change()
		if holds() {
			t.Errorf("%s changed, and the seal holds", what)
		}
		generate()
		if !holds() {
			t.Errorf("%s changed, and what was generated then is not sealed", what)
		}
		files, err := (&generator{}).files(t.Context(), open())
		if err != nil {
			t.Fatal(err)
		}
		if stale := gen.Stale(filepath.Join(dir, "gen"), files); len(stale) > 0 {
			t.Errorf("%s changed, and after generating these are stale: %v", what, stale)
		}
	}
}
