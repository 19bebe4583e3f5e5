package store_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/parking"
	"github.com/omninode/trestle/runtime/secure"
	"github.com/omninode/trestle/runtime/store"
)

// Open the database that an operator's address names.
func Example() {
	if err := countParked(context.Background()); err != nil {
		fmt.Println(err)
	}
	// Output:
	// to be migrated: true
	// to be migrated: false
	// 0 events too old
	// 0 traced, 0 parked
	// 0 traced events hold it, 0 that wait
}

func countParked(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "store")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	address := "sqlite:" + filepath.Join(dir, "trestle.db") // or postgres://trestle@db.internal/trestle, which asks for the password
	password := store.WithPassword(secure.Secret{Env: "TRESTLE_DATABASE_PASSWORD"})
	pending, err := store.Pending(ctx, address, password)
	if err != nil {
		return err
	}
	fmt.Println("to be migrated:", pending)
	db, err := store.Open(ctx, address, password)
	if err != nil {
		return err
	}
	defer db.Close()
	if pending, err = store.Pending(ctx, address); err != nil {
		return err
	}
	fmt.Println("to be migrated:", pending)
	traced, err := eventtrace.All(ctx, db.Traces(), eventtrace.Query{SessionID: "7c9e6679-7425-40de-944b-e07fc1f90ae7"})
	if err != nil {
		return err
	}
	gone, err := db.Traces().Prune(ctx, time.Now().AddDate(0, 0, -30)) // of which nothing is kept for longer
	if err != nil {
		return err
	}
	fmt.Println(gone.Events(), "events too old")
	parked, err := db.Parking().Count(ctx, parking.Filter{})
	if err != nil {
		return err
	}
	fmt.Println(len(traced), "traced,", len(parked), "parked")
	held, err := store.Holding(ctx, db, [][]byte{[]byte("7c9e6679")}) // events that hold it, wherever they are
	fmt.Println(held["trace store"], "traced events hold it,", held["outbox"], "that wait")
	return err
}

// A question to a store makes none where the address is mistyped.
func ExampleExisting() {
	_, err := store.Open(context.Background(), filepath.Join(os.TempDir(), "no-such-folder", "trace.db"), store.Existing())
	fmt.Println(errors.Is(err, fs.ErrNotExist))
	// Output:
	// true
}
