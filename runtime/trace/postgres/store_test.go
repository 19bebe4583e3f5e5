package postgres_test

import (
	"os"
	"testing"

	"github.com/omninode/trestle/runtime/trace"
	"github.com/omninode/trestle/runtime/trace/postgres"
	"github.com/omninode/trestle/runtime/trace/tracetest"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

func TestMain(m *testing.M) { os.Exit(services.Main(m)) }

func open(t testing.TB, dsn string) *postgres.Store {
	t.Helper()
	store, err := postgres.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func TestStore(t *testing.T) {
	t.Parallel()
	tracetest.Exercise(t, func(t *testing.T) trace.Store { return open(t, services.Postgres(t)) })
}
