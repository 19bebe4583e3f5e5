package sqlite_test

import (
	"database/sql"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/parking"
	"github.com/omninode/trestle/runtime/store/sqlite"
	"github.com/omninode/trestle/runtime/store/storetest"
)

func open(t testing.TB, path string) *sqlite.Traces {
	t.Helper()
	db, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	return db.Traces()
}

func TestTraces(t *testing.T) {
	t.Parallel()
	storetest.Traces(t, func(t *testing.T) eventtrace.Store {
		return open(t, filepath.Join(t.TempDir(), "a trace?#%.db"))
	})
}

func TestParking(t *testing.T) {
	t.Parallel()
	storetest.Parking(t, func(t *testing.T) parking.Store {
		db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "parked.db"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		return db.Parking()
	})
}

func BenchmarkAppend(b *testing.B) {
	store := open(b, filepath.Join(b.TempDir(), "trace.db"))
	defer store.Close()
	storetest.BenchmarkTraces(b, store, nil)
}

func TestReopened(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "trace.db")
	events := storetest.Events("a", 0, 100)
	next := eventtrace.Progress{"a": {0: 100}}
	for i, want := range []int{100, 0} {
		store := open(t, path)
		added, err := store.Append(t.Context(), events, next)
		if err != nil || added != want {
			t.Errorf("append %d: added %d, error %v", i, added, err)
		}
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}
	store := open(t, path)
	defer store.Close()
	got, err := store.Progress(t.Context())
	if diff := cmp.Diff(next, got); diff != "" || err != nil {
		t.Errorf("progress differs, error %v (-want +got):\n%s", err, diff)
	}
}

// TestSeveralProcesses opens one new file several times at once, and writes through each.
func TestSeveralProcesses(t *testing.T) {
	t.Parallel()
	const processes = 4
	path := filepath.Join(t.TempDir(), "trace.db")
	var (
		group sync.WaitGroup
		added atomic.Int64
	)
	for range processes {
		group.Go(func() {
			db, err := sqlite.Open(t.Context(), path)
			if err != nil {
				t.Error(err)
				return
			}
			defer db.Close()
			store := db.Traces()
			for at := int64(0); at < 300; at += 100 {
				n, err := store.Append(t.Context(), storetest.Events("a", at, 100), eventtrace.Progress{"a": {0: at + 100}})
				if err != nil {
					t.Error(err)
				}
				added.Add(int64(n))
			}
		})
	}
	group.Wait()
	if added.Load() != 300 {
		t.Errorf("the processes added %d events, want 300", added.Load())
	}
}

// TestGuideQueries asks what people ask with the sqlite3 shell.
func TestGuideQueries(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "trace.db")
	store := open(t, path)
	defer store.Close()
	events := storetest.Events("status", 0, 1)
	if _, err := store.Append(t.Context(), events, nil); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var message, status, at string
	if err := db.QueryRowContext(t.Context(), `SELECT payload->>'message', payload->>'status', timestamp || '' FROM event_logs
		WHERE session_id = ? ORDER BY timestamp ASC`, events[0].SessionID).Scan(&message, &status, &at); err != nil {
		t.Fatal(err)
	}
	if message != "Extracting requirements from the document" || status != "processing" || at != "2025-10-16T12:34:56.789012Z" {
		t.Errorf("message %q, status %q, at %q", message, status, at)
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"", ":memory:", filepath.Join(t.TempDir(), "no folder", "trace.db")} {
		if store, err := sqlite.Open(t.Context(), path); err == nil {
			store.Close()
			t.Errorf("%q: no error", path)
		} else if !strings.Contains(err.Error(), "open the store "+path) {
			t.Errorf("%q: error %v", path, err)
		}
	}
}
