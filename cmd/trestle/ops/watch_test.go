package ops

import (
	"os"
	"path/filepath"
	"testing"
)

// TestWatchSeesEveryChange looks by hand: a change counts once it has settled, and each counts once.
func TestWatchSeesEveryChange(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	save := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	save(ConfigName, "")
	open := func() *Project {
		t.Helper()
		p, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	w := newWatcher(open())
	look := func(n int) (changes int) {
		t.Helper()
		for range n {
			if w.changed() {
				changes++
				w.p = open()
			}
		}
		return changes
	}
	steps := []struct {
		name   string
		change func()
		want   int // changes that are seen
	}{
		{"nothing", func() {}, 0},
		{"the folder appears", func() { save("schemas/a/v1/a.proto", "a") }, 1},
		{"a file is saved", func() { save("schemas/a/v1/a.proto", "ab") }, 1},
		{"a file is added", func() { save("schemas/a/v1/b.json", "{}") }, 1},
		{"what is no schema", func() { save("schemas/a/v1/.b.json.swp", "x"); save("schemas/.git/c.json", "x") }, 0},
		{"a file is deleted", func() { os.Remove(filepath.Join(dir, "schemas/a/v1/b.json")) }, 1},
		{"the configuration names another folder", func() { save(ConfigName, "schemas: events") }, 2}, // its files too
		{"a file of the other folder", func() { save("events/a.proto", "a") }, 1},
		{"a file of the one before", func() { save("schemas/a/v1/a.proto", "abc") }, 0},
	}
	for _, step := range steps {
		step.change()
		if got := look(6); got != step.want {
			t.Errorf("%s: %d changes, want %d", step.name, got, step.want)
		}
	}
	save("events/a.proto", "being written")
	look(1)
	save("events/a.proto", "being written, still")
	if look(1) != 0 {
		t.Error("a file was taken while it was being written")
	}
	if look(2) != 1 {
		t.Error("a file that had been written was not seen")
	}
}
