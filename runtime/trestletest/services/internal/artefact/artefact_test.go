package artefact

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func TestCachedFillsOnce(t *testing.T) {
	t.Setenv(CacheEnv, t.TempDir())
	var fills atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			dir, err := cached("thing", "v1", func(dir string) error {
				fills.Add(1)
				return os.WriteFile(filepath.Join(dir, "whole"), nil, 0o644)
			})
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := os.Stat(filepath.Join(dir, "whole")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := fills.Load(); got != 1 {
		t.Errorf("filled %d times, want 1", got)
	}
	if _, err := cached("thing", "v2", func(string) error { fills.Add(1); return nil }); err != nil {
		t.Fatal(err)
	}
	if got := fills.Load(); got != 2 {
		t.Errorf("another recipe: filled %d times in all, want 2", got)
	}
}

func TestCachedForgetsWhatIsNotWhole(t *testing.T) {
	cache := t.TempDir()
	t.Setenv(CacheEnv, cache)
	// What a killed download leaves behind.
	left := filepath.Join(cache, "thing.partial", "half")
	if err := os.MkdirAll(left, 0o755); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("connection reset")
	if _, err := cached("thing", "v1", func(dir string) error {
		if err := os.WriteFile(filepath.Join(dir, "some"), nil, 0o644); err != nil {
			t.Error(err)
		}
		return broken
	}); !errors.Is(err, broken) {
		t.Fatalf("got %v, want %v", err, broken)
	}
	dir, err := cached("thing", "v1", func(string) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 0 {
		t.Errorf("got %v, %v in the folder, want nothing of the earlier tries", entries, err)
	}
}

func TestMavenMissing(t *testing.T) {
	t.Setenv(CacheEnv, t.TempDir())
	t.Setenv("PATH", "")
	err := maven(t.Context(), kafkaPOM, t.TempDir(), "dependency:copy-dependencies")
	if err == nil || !strings.Contains(err.Error(), "mvn") {
		t.Errorf("got %v, want an error that names mvn", err)
	}
}

func TestNodeMissing(t *testing.T) {
	tests := map[string]struct{ path, name, want string }{
		"no version": {os.Getenv("PATH"), "@asyncapi/parser", "has no version"},
		"no node":    {"", "left-pad@1.3.0", "node (Node.js) is not on PATH"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Setenv(CacheEnv, t.TempDir())
			t.Setenv("PATH", tt.path)
			_, err := Node(tt.name)
			if _, ok := errors.AsType[*MissingError](err); !ok || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want a MissingError that says %q", err, tt.want)
			}
		})
	}
}
