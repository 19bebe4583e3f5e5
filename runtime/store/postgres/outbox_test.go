package postgres_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/omninode/trestle/runtime/dedup"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/outbox"
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

// TestOutboxOfAProgram is in a schema of its own, in a database, a pool and transactions of the program's, whose user may do no more than
// write events; a relay's may not change tables either.
func TestOutboxOfAProgram(t *testing.T) {
	t.Parallel()
	dsn := services.Postgres(t)
	conn := connect(t, dsn)
	config := conn.Config()
	writer, relay := "writer_of_"+config.Database, "relay_of_"+config.Database
	for _, statement := range []string{
		"CREATE TABLE orders (id text PRIMARY KEY)",
		"CREATE SCHEMA trestle",
		"CREATE ROLE " + writer + " LOGIN", "CREATE ROLE " + relay + " LOGIN",
		"GRANT USAGE ON SCHEMA trestle TO " + writer + ", " + relay,
		"GRANT INSERT, SELECT ON orders TO " + writer,
	} {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	defer func() {
		for _, role := range []string{writer, relay} {
			if _, err := conn.Exec(t.Context(), "DROP OWNED BY "+role+"; DROP ROLE "+role); err != nil {
				t.Error(err)
			}
		}
	}()
	openDatabase(t, dsn+"&search_path=trestle")
	for _, statement := range []string{
		"GRANT INSERT ON trestle.trestle_outbox TO " + writer,
		"GRANT SELECT, UPDATE, DELETE ON trestle.trestle_outbox TO " + relay,
		"GRANT SELECT, UPDATE ON trestle.trestle_outbox_lanes TO " + relay,
		"GRANT SELECT, INSERT, UPDATE, DELETE ON trestle.trestle_outbox_relays, trestle.trestle_outbox_refused TO " + relay,
	} {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	use := func(role string) (*pgxpool.Pool, *postgres.Database) {
		pool, err := pgxpool.New(t.Context(), strings.Replace(dsn, config.User+"@", role+"@", 1)+"&search_path=public,trestle")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(pool.Close)
		return pool, postgres.Use(pool)
	}
	pool, db := use(writer)
	errNo := errors.New("no")
	for id, end := range map[string]error{"kept": nil, "undone": errNo} {
		err := pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
			if _, err := tx.Exec(t.Context(), "INSERT INTO orders VALUES ($1)", id); err != nil {
				return err
			}
			err := db.Outbox().Add(postgres.WithTx(t.Context(), tx), uuid.NewString(), kafka.Record{Topic: "orders", Key: []byte("k"), Value: []byte(id)})
			return errors.Join(err, end)
		})
		if !errors.Is(err, end) {
			t.Fatalf("%s: %v", id, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	var orders int
	if err := pool.QueryRow(t.Context(), "SELECT count(*) FROM orders").Scan(&orders); err != nil || orders != 1 { // the pool is still open
		t.Errorf("%d orders, error %v", orders, err)
	}
	_, of := use(relay)
	leases, _, err := of.Outbox().Lease(t.Context(), "r", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	for _, lease := range leases {
		b, err := of.Outbox().Next(t.Context(), lease, 0, 10, 1<<20, func(string) outbox.Position { return nil })
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range b.Rows {
			values = append(values, string(row.Record.Value))
			refused := []outbox.Refusal{{Row: row, Err: "too large"}}
			if err := of.Outbox().Amend(t.Context(), lease, outbox.Batch{Number: b.Number}, refused, outbox.Retry{Lowest: 1, Highest: 1}); err != nil {
				t.Error(err)
			}
		}
		if err := of.Outbox().Release(t.Context(), lease, b.Number); err != nil {
			t.Error(err)
		}
	}
	if len(values) != 1 || values[0] != "kept" {
		t.Errorf("the outbox has %v", values)
	}
	if s, err := of.Outbox().Status(t.Context()); err != nil || s.RefusedKeys != 1 {
		t.Errorf("status %+v, error %v", s, err)
	}
	if err := of.Outbox().Leave(t.Context(), "r"); err != nil {
		t.Error(err)
	}
}
