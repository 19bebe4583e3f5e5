package postgres_test

import (
	"os"
	"testing"

	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/parking"
	"github.com/omninode/trestle/runtime/store/postgres"
	"github.com/omninode/trestle/runtime/store/storetest"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

func TestMain(m *testing.M) { os.Exit(services.Main(m)) }

func open(t testing.TB, dsn string) *postgres.Traces {
	t.Helper()
	db, err := postgres.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	return db.Traces()
}

func TestParking(t *testing.T) {
	t.Parallel()
	storetest.Parking(t, func(t *testing.T) parking.Store {
		db, err := postgres.Open(t.Context(), services.Postgres(t))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		return db.Parking()
	})
}

func TestTraces(t *testing.T) {
	t.Parallel()
	storetest.Traces(t, func(t *testing.T) eventtrace.Store { return open(t, services.Postgres(t)) })
}
