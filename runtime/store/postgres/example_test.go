package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/parking"
	"github.com/omninode/trestle/runtime/secure"
	"github.com/omninode/trestle/runtime/store/postgres"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

// A service publishes in transactions of its own pool.
func ExampleUse() {
	ctx := context.Background()
	pool, err := pgxpool.New(ctx, "postgres://jobs@db.internal/jobs")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close()
	if err := placeJob(ctx, pool); err != nil {
		fmt.Println(err)
	}
}

func placeJob(ctx context.Context, pool *pgxpool.Pool) error {
	db := postgres.Use(pool)
	if err := db.Migrate(ctx); err != nil {
		return err
	}
	pub, err := trestle.NewPublisher([]string{"localhost:9092"}, trestle.WithOutbox(db.Outbox())) // contacts no broker
	if err != nil {
		return err
	}
	defer pub.Close(ctx)
	if _, err := pool.Exec(ctx, "CREATE TABLE jobs (session text)"); err != nil {
		return err
	}
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		const session = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
		if _, err := tx.Exec(ctx, "INSERT INTO jobs VALUES ($1)", session); err != nil {
			return err
		}
		return pub.Publish(postgres.WithTx(ctx, tx), &codegenv1.CodegenStatusEvent{
			SessionId: session, Status: codegenv1.SessionStatus_SESSION_STATUS_PROCESSING, ProgressPercentage: new(0.0), Message: new("begun"),
		})
	})
}

// One database has a store for each concept, and asks for its password whenever it connects.
func ExampleOpen() {
	if err := openStores(context.Background(), "postgres://jobs@db.internal/jobs", secure.Secret{File: "/run/secrets/jobs"}); err != nil {
		fmt.Println(err)
	}
}

func openStores(ctx context.Context, dsn string, password secure.Secret) error {
	pending, err := postgres.Pending(ctx, dsn, postgres.WithPassword(password))
	if err != nil {
		return err
	}
	fmt.Println("to be migrated:", pending)
	db, err := postgres.Open(ctx, dsn, postgres.WithPassword(password))
	if err != nil {
		return err
	}
	defer db.Close()
	err = db.InTx(ctx, func(ctx context.Context) error {
		first, err := db.Dedup().Remember(ctx, "billing", "550e8400-e29b-41d4-a716-446655440000")
		if tx, ok := postgres.TxFrom(ctx); err == nil && ok && first { // the handler's own statements
			_, err = tx.Exec(ctx, "CREATE TABLE invoices (session text)")
		}
		if err != nil {
			return err
		}
		record := trestle.Record{Topic: "invoices", Key: []byte("ord_81"), Value: []byte("{}")} // of no event type; publishers do this for events
		return db.Outbox().Add(ctx, "0199a5c4-0000-7000-8000-000000000001", record)
	})
	if err != nil {
		return err
	}
	_, err = eventtrace.All(ctx, db.Traces(), eventtrace.Query{SessionID: "7c9e6679-7425-40de-944b-e07fc1f90ae7"})
	_, errParked := db.Parking().Count(ctx, parking.Filter{Group: "billing"})
	held, errHeld := db.Holding(ctx, [][]byte{[]byte("ord_81")}) // in values, and not in keys
	if held["outbox"] > 0 {
		return errors.New("an event holds it")
	}
	return errors.Join(err, errParked, errHeld)
}

// TestExample runs what the examples show, where there is a server.
func TestExample(t *testing.T) {
	t.Parallel()
	pool, err := pgxpool.New(t.Context(), services.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if err := placeJob(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
	status, err := postgres.Use(pool).Outbox().Status(t.Context())
	var jobs int
	if err := errors.Join(err, pool.QueryRow(t.Context(), "SELECT count(*) FROM jobs").Scan(&jobs)); err != nil || jobs != 1 || status.Depth != 1 {
		t.Errorf("%d jobs, %d events wait, %v", jobs, status.Depth, err)
	}

	dsn := services.Postgres(t)
	if err := openStores(t.Context(), dsn, secure.Value("not asked for")); err != nil {
		t.Error(err)
	}
	conn := connect(t, dsn)
	var invoices bool
	if err := conn.QueryRow(t.Context(), "SELECT to_regclass('invoices') IS NOT NULL").Scan(&invoices); err != nil || !invoices {
		t.Errorf("the transaction was committed: %v, %v", invoices, err)
	}
}
