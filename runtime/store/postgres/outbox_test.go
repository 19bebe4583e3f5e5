package postgres_test

import (
	"testing"

	"github.com/omninode/trestle/runtime/dedup"
	"github.com/omninode/trestle/runtime/store/postgres"
	"github.com/omninode/trestle/runtime/store/storetest"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

func openDatabase(t testing.TB, dsn string) *postgres.Database {
	t.Helper()
	db, err := postgres.Open(t.Context(), dsn)
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
		db := openDatabase(t, services.Postgres(t))
		return storetest.Outboxed{Outbox: db.Outbox(), InTx: db.InTx, Overlaps: true}
	})
}

func TestDedup(t *testing.T) {
	t.Parallel()
	storetest.Dedup(t, func(t *testing.T) dedup.Store { return openDatabase(t, services.Postgres(t)).Dedup() })
}
