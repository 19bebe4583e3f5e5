package store_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/omninode/trestle/runtime/store"
	"github.com/omninode/trestle/runtime/store/storetest"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

func TestMain(m *testing.M) { os.Exit(services.Main(m)) }

func TestStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, address := range map[string]func(t *testing.T) string{
		"a path":            func(*testing.T) string { return filepath.Join(dir, "a.db") },
		"sqlite:":           func(*testing.T) string { return "sqlite:" + filepath.Join(dir, "b.db") },
		"sqlite://":         func(*testing.T) string { return "sqlite://" + filepath.Join(dir, "c.db") },
		"file:":             func(*testing.T) string { return "file:" + filepath.Join(dir, "d.db") },
		"postgres://":       func(t *testing.T) string { return services.Postgres(t) },
		"postgresql://":     func(t *testing.T) string { return strings.Replace(services.Postgres(t), "postgres:", "postgresql:", 1) },
		"a path with colon": func(*testing.T) string { return filepath.Join(dir, "e:f.db") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, err := store.OpenTraces(t.Context(), address(t))
			if err != nil {
				t.Fatal(err)
			}
			if added, err := store.Append(t.Context(), storetest.Events("a", 0, 3), nil); err != nil || added != 3 {
				t.Errorf("added %d, error %v", added, err)
			}
			if err := store.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestStoreSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"":                       "no address",
		"mysql://host/db":        "unknown scheme mysql://",
		"sqlite:":                "a path of a file is needed",
		"sqlite::memory:":        "a path of a file is needed",
		"postgres://127.0.0.1:1": "open the store",
	} {
		if store, err := store.Open(t.Context(), address); err == nil || store != nil {
			t.Errorf("%q: store %v, error %v", address, store, err)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error %v, want %q", address, err, want)
		}
	}
}
