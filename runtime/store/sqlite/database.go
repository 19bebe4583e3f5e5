// Package sqlite keeps in a SQLite file what is to be kept, in the tables of the package migrations, without a database
// server and without cgo. There is one adapter, [Database], which opens, migrates and closes, and a type on it for each
// concept:
//
//	db, err := sqlite.Open(ctx, ".trestle/trace.db")
//	...
//	traces := db.Traces()   // traced events
//	parked := db.Parking() // parked dead letters
//
// A program that has the file open already uses its own connections, see [Use]: its transactions are then those in which events
// are written into the [Outbox].
//
// The file is in WAL mode: readers, also of other processes, do not wait for the writer. Writers take turns.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/omninode/trestle/migrations"
)

// Database is a SQLite file with the tables of the package migrations.
type Database struct {
	write *sql.DB // one connection: SQLite has one writer, and waiting here is cheaper than at the file's lock
	read  *sql.DB
	// borrowed says that both are another's to close.
	borrowed bool
}

// busyTimeout is how long a statement waits for another process's transaction, in milliseconds.
const busyTimeout = 10_000

// pageSize is the size of a new file's pages, in bytes. In smaller ones few events of some KB would fit, and what is left of each page be lost.
const pageSize = 16 << 10

// Open opens the file, creates it if it is missing, and applies the migrations it lacks. The folder must exist. What
// is committed survives a crash of the process; a crash of the machine can undo the last commits, progress and events
// together, and the sink then reads them again.
func Open(ctx context.Context, path string) (*Database, error) {
	db, err := open(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("open the store %s: %w", path, err)
	}
	return db, nil
}

func open(ctx context.Context, path string) (*Database, error) {
	if path == "" || strings.HasPrefix(path, ":memory:") {
		return nil, errors.New("a path of a file is needed: events in memory would be gone with their progress")
	}
	// These settings stay with the file, once it has something, so the writer opens first. A file that is there keeps its pages as they are. The
	// driver runs the pragmas of an address in an order of its own, so that pages' size is not among them.
	write, err := sql.Open("sqlite", dsn(path, "immediate", "synchronous(normal)"))
	if err != nil {
		return nil, err
	}
	write.SetMaxOpenConns(1)
	if _, err := write.ExecContext(ctx, fmt.Sprintf("PRAGMA page_size = %d; PRAGMA auto_vacuum = incremental; PRAGMA journal_mode = wal", pageSize)); err != nil {
		return nil, errors.Join(err, write.Close())
	}
	if err := Use(write).Migrate(ctx); err != nil {
		return nil, errors.Join(err, write.Close())
	}
	read, err := sql.Open("sqlite", dsn(path, "deferred", "query_only(true)"))
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	read.SetMaxOpenConns(max(4, runtime.GOMAXPROCS(0)))
	return &Database{write: write, read: read}, nil
}

// Pending says whether the file lacks migrations, as one does that is not there. It changes nothing.
func Pending(ctx context.Context, path string) (bool, error) {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Dir(path)); err != nil {
			return false, fmt.Errorf("look at the store %s: %w", path, err)
		}
		return true, nil
	}
	db, err := sql.Open("sqlite", dsn(path, "deferred", "query_only(true)"))
	if err != nil {
		return false, err
	}
	defer db.Close()
	provider, err := migrations.SQLite(db)
	if err != nil {
		return false, err
	}
	pending, err := provider.HasPending(ctx)
	if err != nil {
		return false, fmt.Errorf("look at the store %s: %w", path, err)
	}
	return pending, nil
}

// Use returns the database of connections that the program has, by whichever driver of database/sql. It changes nothing there:
// the tables are those of the package migrations, which [Database.Migrate] or [Open] makes. The connections must wait when the
// file is locked (busy_timeout), as others write there too.
func Use(db *sql.DB) *Database { return &Database{write: db, read: db, borrowed: true} }

// Migrate applies the migrations that the file lacks.
func (d *Database) Migrate(ctx context.Context) error {
	provider, err := migrations.SQLite(d.write)
	if err != nil {
		return err
	}
	return migrations.Up(ctx, provider)
}

func dsn(path, transactions string, pragmas ...string) string {
	query := url.Values{"_txlock": {transactions}}
	query.Add("_pragma", fmt.Sprintf("busy_timeout(%d)", busyTimeout)) // first: the others may have to wait
	for _, pragma := range pragmas {
		query.Add("_pragma", pragma)
	}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: query.Encode()}).String()
}

// Close closes the file, after waiting for calls under way; not the connections that [Use] was given.
func (d *Database) Close() error {
	if d.borrowed {
		return nil
	}
	return errors.Join(d.read.Close(), d.write.Close())
}
