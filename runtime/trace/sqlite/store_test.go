package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/omninode/trestle/runtime/trace"
	"github.com/omninode/trestle/runtime/trace/sqlite"
	"github.com/omninode/trestle/runtime/trace/tracetest"
)

func open(t testing.TB, path string) *sqlite.Store {
	t.Helper()
	store, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func TestStore(t *testing.T) {
	t.Parallel()
	tracetest.Exercise(t, func(t *testing.T) trace.Store {
		return open(t, filepath.Join(t.TempDir(), "a trace?#%.db"))
	})
}

func BenchmarkAppend(b *testing.B) {
	store := open(b, filepath.Join(b.TempDir(), "trace.db"))
	defer store.Close()
	tracetest.BenchmarkAppend(b, store, nil)
}
