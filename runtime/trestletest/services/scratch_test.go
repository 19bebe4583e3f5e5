package services

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/gofrs/flock"
)

func TestLocksOfScratchFoldersExclude(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), scratchLock)
	held := flock.New(path)
	if err := held.Lock(); err != nil {
		t.Fatal(err)
	}
	if free, err := flock.New(path).TryLock(); err != nil || free {
		t.Fatalf("second lock: free %v, error %v", free, err)
	}
	if !current(held) {
		t.Error("the held file is not the named one")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if current(held) {
		t.Error("a removed file counts as current")
	}
	if _, err := flock.New(path, flock.SetFlag(os.O_RDONLY)).TryLock(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: got %v, want ErrNotExist", err)
	}
	if err := held.Close(); err != nil {
		t.Fatal(err)
	}
	again := flock.New(path)
	if free, err := again.TryLock(); err != nil || !free {
		t.Fatalf("after it was given up: free %v, error %v", free, err)
	}
	again.Close()
}
