package chain

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// buildCache is a build cache of Go's for a run of many projects: what is compiled of one is of no use to another, and takes
// a gigabyte of five thousand schemas. Nil is the user's own.
type buildCache struct {
	dir  string
	kept map[string]bool // what the first project left there, most of it libraries
}

// newBuildCache returns an empty cache, which is removed when the test ends.
func newBuildCache(t *testing.T) *buildCache {
	t.Helper()
	dir, err := os.MkdirTemp(mustDir(t, filepath.Join(root, ".cache")), "chain-build-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return &buildCache{dir: dir}
}

// env is the environment of a compiler that uses the cache.
func (c *buildCache) env() []string {
	if c == nil {
		return nil
	}
	return append(os.Environ(), "GOCACHE="+c.dir)
}

// trim removes what came after the first project.
func (c *buildCache) trim(t *testing.T) {
	t.Helper()
	if c == nil {
		return
	}
	first := c.kept == nil
	if first {
		c.kept = map[string]bool{}
	}
	err := filepath.WalkDir(c.dir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil || entry.IsDir():
			return err
		case first:
			c.kept[path] = true
		case !c.kept[path]:
			return os.Remove(path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestBuildCacheStaysSmall has a cache keep what the first project left, and nothing of those after it.
func TestBuildCacheStaysSmall(t *testing.T) {
	t.Parallel()
	c := newBuildCache(t)
	add := func(name string) {
		mustDir(t, filepath.Join(c.dir, "00"))
		if err := os.WriteFile(filepath.Join(c.dir, "00", name), []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, project := range []string{"first", "second", "third"} {
		add(project)
		c.trim(t)
	}
	left, err := os.ReadDir(filepath.Join(c.dir, "00"))
	if err != nil || len(left) != 1 || left[0].Name() != "first" {
		t.Errorf("%v, %v: only what the first project left is to be there", left, err)
	}
}
