package sqlite_test

import (
	"database/sql"
	"path/filepath"
	"testing"

	"github.com/omninode/trestle/runtime/dedup"
	"github.com/omninode/trestle/runtime/store/sqlite"
	"github.com/omninode/trestle/runtime/store/storetest"
)

func openDatabase(t testing.TB) *sqlite.Database {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "outbox.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

func TestOutbox(t *testing.T) {
	t.Parallel()
	storetest.Outbox(t, func(t *testing.T) storetest.Outboxed {
		db := openDatabase(t)
		return storetest.Outboxed{Outbox: db.Outbox(), InTx: db.InTx}
	})
}

func TestDedup(t *testing.T) {
	t.Parallel()
	storetest.Dedup(t, func(t *testing.T) dedup.Store { return openDatabase(t).Dedup() })
}

// TestOutboxOfAProgram is in a file that a program has opened itself, with transactions that take the lock when they first write.
func TestOutboxOfAProgram(t *testing.T) {
	t.Parallel()
	storetest.Outbox(t, func(t *testing.T) storetest.Outboxed {
		own, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "shop.db")+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(wal)")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := own.Close(); err != nil {
				t.Error(err)
			}
		})
		db := sqlite.Use(own)
		if err := db.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		return storetest.Outboxed{Outbox: db.Outbox(), InTx: db.InTx}
	})
}
