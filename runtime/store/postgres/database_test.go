package postgres_test

import (
	"os"
	"testing"

	"github.com/omninode/trestle/runtime/eventtrace"
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

func TestTraces(t *testing.T) {
	t.Parallel()
	storetest.Traces(t, func(t *testing.T) eventtrace.Store { return open(t, services.Postgres(t)) })
}
