package dedup_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kfake"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/dedup"
	"github.com/omninode/trestle/runtime/store/sqlite"
)

// Handle an event once that was sent twice.
func ExampleOnce() {
	if err := countRequests(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// handled
	// duplicate
	// 1 in the database
}

func countRequests(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "requests")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	cluster, err := kfake.NewCluster(kfake.SeedTopics(1, requests))
	if err != nil {
		return err
	}
	defer cluster.Close()
	brokers := cluster.ListenAddrs()

	pub, err := trestle.NewPublisher(brokers)
	if err != nil {
		return err
	}
	defer pub.Close(ctx)
	e, id := request("7c9e6679-7425-40de-944b-e07fc1f90ae7"), uuid.NewString()
	for range 2 { // as a caller does that did not learn what became of the first
		if err := pub.Publish(ctx, e, trestle.WithEventID(id)); err != nil {
			return err
		}
	}

	db, err := sqlite.Open(ctx, filepath.Join(dir, "requests.db"))
	if err != nil {
		return err
	}
	defer db.Close()
	err = db.InTx(ctx, func(ctx context.Context) error {
		tx, _ := sqlite.TxFrom(ctx)
		_, err := tx.ExecContext(ctx, "CREATE TABLE requests (session text)")
		return err
	})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	c, err := trestle.NewConsumer(brokers, "counting",
		trestle.WithHandlerMiddleware(dedup.Once(db.Dedup())),
		trestle.WithLogger(slog.New(slog.DiscardHandler)),
		trestle.WithObserver(func(o trestle.Outcome) {
			fmt.Println(o.Result)
			if o.Result == trestle.Duplicate {
				stop()
			}
		}))
	if err != nil {
		return err
	}
	trestle.Handle(c, func(ctx context.Context, r *codegenv1.CodegenPatternRequest) error {
		tx, _ := sqlite.TxFrom(ctx) // of this call
		_, err := tx.ExecContext(ctx, "INSERT INTO requests VALUES (?)", r.GetSessionId())
		return err
	})
	if err := c.Run(ctx); err != nil {
		return err
	}
	return db.InTx(context.WithoutCancel(ctx), func(ctx context.Context) error {
		tx, _ := sqlite.TxFrom(ctx)
		var n int
		err := tx.QueryRowContext(ctx, "SELECT count(*) FROM requests").Scan(&n)
		fmt.Println(n, "in the database")
		return err
	})
}

// Forget what was handled long ago, for as long as the program runs.
func ExamplePrune() {
	if err := forgetRequests(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// remembered: true
	// for the first time, once more: true
}

func forgetRequests(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "requests")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	db, err := sqlite.Open(ctx, filepath.Join(dir, "requests.db"))
	if err != nil {
		return err
	}
	defer db.Close()
	const id = "550e8400-e29b-41d4-a716-446655440000"
	remember := func() (first bool, err error) {
		err = db.InTx(ctx, func(ctx context.Context) error {
			first, err = db.Dedup().Remember(ctx, "counting", id)
			return err
		})
		return first, err
	}
	first, err := remember()
	if err != nil {
		return err
	}
	fmt.Println("remembered:", first)

	pruning, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- dedup.Prune(pruning, db.Dedup(), time.Nanosecond) }() // a program keeps them for weeks
	for first = false; !first && err == nil; {
		first, err = remember()
	}
	stop()
	fmt.Println("for the first time, once more:", first)
	return errors.Join(err, <-ended)
}
