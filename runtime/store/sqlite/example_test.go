package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/parking"
	"github.com/omninode/trestle/runtime/store/sqlite"
)

// A service that has the file open publishes in a transaction of its own.
func ExampleUse() {
	if err := placeJob(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// to be migrated: true
	// 1 job, 1 event waits for a relay
	// 1 event that waits is of the session
}

func placeJob(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "jobs")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "jobs.db")
	pending, err := sqlite.Pending(ctx, path)
	if err != nil {
		return err
	}
	fmt.Println("to be migrated:", pending)
	own, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)")
	if err != nil {
		return err
	}
	defer own.Close()
	if _, err := own.ExecContext(ctx, "CREATE TABLE jobs (session text)"); err != nil {
		return err
	}
	db := sqlite.Use(own)
	if err := db.Migrate(ctx); err != nil {
		return err
	}
	pub, err := trestle.NewPublisher([]string{"localhost:9092"}, trestle.WithOutbox(db.Outbox())) // contacts no broker
	if err != nil {
		return err
	}
	defer pub.Close(ctx)

	const session = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
	tx, err := own.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after the commit there is nothing to undo
	if _, err := tx.ExecContext(ctx, "INSERT INTO jobs VALUES (?)", session); err != nil {
		return err
	}
	err = pub.Publish(sqlite.WithTx(ctx, tx), &codegenv1.CodegenStatusEvent{
		SessionId: session, Status: codegenv1.SessionStatus_SESSION_STATUS_PROCESSING, ProgressPercentage: new(0.0), Message: new("begun"),
	})
	if err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}

	var jobs int
	if err := own.QueryRowContext(ctx, "SELECT count(*) FROM jobs").Scan(&jobs); err != nil {
		return err
	}
	status, err := db.Outbox().Status(ctx)
	if err != nil {
		return err
	}
	fmt.Println(jobs, "job,", status.Depth, "event waits for a relay")
	held, err := db.Holding(ctx, [][]byte{[]byte(session)})
	fmt.Println(held["outbox"], "event that waits is of the session")
	return err
}

// One file has a store for each concept.
func ExampleOpen() {
	if err := openStores(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// handled for the first time: true
	// 0 traced, 0 parked
}

func openStores(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "jobs")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	db, err := sqlite.Open(ctx, filepath.Join(dir, "jobs.db"))
	if err != nil {
		return err
	}
	defer db.Close()
	err = db.InTx(ctx, func(ctx context.Context) error {
		first, err := db.Dedup().Remember(ctx, "billing", "550e8400-e29b-41d4-a716-446655440000")
		fmt.Println("handled for the first time:", first)
		if tx, ok := sqlite.TxFrom(ctx); err == nil && ok { // the handler's own statements
			_, err = tx.ExecContext(ctx, "CREATE TABLE invoices (session text)")
		}
		record := trestle.Record{Topic: "invoices", Key: []byte("ord_81"), Value: []byte("{}")} // of no event type; publishers do this for events
		return errors.Join(err, db.Outbox().Add(ctx, "0199a5c4-0000-7000-8000-000000000001", record))
	})
	if err != nil {
		return err
	}
	traced, err := eventtrace.All(ctx, db.Traces(), eventtrace.Query{SessionID: "7c9e6679-7425-40de-944b-e07fc1f90ae7"})
	if err != nil {
		return err
	}
	parked, err := db.Parking().Count(ctx, parking.Filter{Group: "billing"})
	fmt.Println(len(traced), "traced,", len(parked), "parked")
	return err
}
