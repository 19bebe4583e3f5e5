package filelock

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestLockExcludes(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	held, err := Acquire(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Try(path); !errors.Is(err, ErrHeld) {
		t.Fatalf("second lock: got %v, want ErrHeld", err)
	}
	if !held.Current(path) {
		t.Error("the held file is not the named one")
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if held.Current(path) {
		t.Error("a removed file counts as current")
	}
	if _, err := TryExisting(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: got %v, want ErrNotExist", err)
	}
	if err := held.Release(); err != nil {
		t.Fatal(err)
	}
	again, err := Try(path)
	if err != nil {
		t.Fatal(err)
	}
	again.Release()
}
