// Package store opens the database that an address names: PostgreSQL or a SQLite file. It links the drivers of both: who
// uses only one opens it by its own package.
//
// There is one adapter a database, in the packages postgres and sqlite, which connects, migrates and closes, and on it a
// store for each concept that is kept: traced events, parked dead letters. What every store of a concept must do, the package storetest
// says as tests, a suite a concept.
package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/parking"
	"github.com/omninode/trestle/runtime/secure"
	"github.com/omninode/trestle/runtime/store/postgres"
	"github.com/omninode/trestle/runtime/store/sqlite"
)

// Database is an open database. Its stores share its connections.
type Database interface {
	// Traces returns the store of traced events. Closing it closes the database.
	Traces() eventtrace.Store
	// Parking returns the store of parked dead letters.
	Parking() parking.Store
	// Close closes the database, after waiting for calls under way.
	Close() error
}

// Option configures what [Open] opens.
type Option func(*config)

type config struct {
	password *secure.Secret
	existing bool
}

// Existing has Open fail with [fs.ErrNotExist] where a SQLite file is not there, instead of creating it. It has no effect on PostgreSQL, where a
// database that is not there is always an error.
func Existing() Option { return func(c *config) { c.existing = true } }

// WithPassword has each connection to PostgreSQL look its password up, in place of what the address says, so that a new one needs no restart. It has no
// effect on a SQLite file.
func WithPassword(password secure.Secret) Option {
	return func(c *config) { c.password = &password }
}

// Open opens the database at the address, and applies the migrations it lacks:
//
//	postgres://user@host/database   PostgreSQL, also postgresql://
//	sqlite:path/to/trace.db         a SQLite file, created if it is missing, also sqlite:///absolute/path
//	path/to/trace.db                the same
func Open(ctx context.Context, address string, opts ...Option) (Database, error) {
	var c config
	for _, o := range opts {
		o(&c)
	}
	postgres, place, err := parse(address)
	switch {
	case err != nil:
		return nil, err
	case postgres:
		return openPostgres(ctx, place, c)
	}
	if c.existing {
		if _, err := os.Stat(place); place != "" && errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("open the store: %w", &fs.PathError{Op: "find", Path: place, Err: fs.ErrNotExist})
		}
	}
	return openSQLite(ctx, place)
}

// Pending says whether the database at the address, as [Open] takes it, lacks migrations, and changes nothing: a SQLite file that is not there lacks them all.
func Pending(ctx context.Context, address string, opts ...Option) (bool, error) {
	var c config
	for _, o := range opts {
		o(&c)
	}
	isPostgres, place, err := parse(address)
	switch {
	case err != nil:
		return false, err
	case isPostgres:
		return postgres.Pending(ctx, place, c.postgres()...)
	}
	return sqlite.Pending(ctx, place)
}

// parse tells a PostgreSQL database from a SQLite file, and says where it is.
func parse(address string) (postgres bool, place string, err error) {
	scheme, rest, ok := strings.Cut(address, ":")
	switch {
	case address == "":
		return false, "", fmt.Errorf("open the store: no address, want postgres://… or sqlite:PATH")
	case ok && (scheme == "postgres" || scheme == "postgresql"):
		return true, address, nil
	case ok && (scheme == "sqlite" || scheme == "sqlite3" || scheme == "file"):
		return false, strings.TrimPrefix(rest, "//"), nil
	case ok && strings.HasPrefix(rest, "//"):
		return false, "", fmt.Errorf("open the store: unknown scheme %s://, want postgres://… or sqlite:PATH", scheme)
	}
	return false, address, nil
}

// OpenTraces opens the database at the address, as [Open] does, for its traced events alone: closing the store closes it.
func OpenTraces(ctx context.Context, address string) (eventtrace.Store, error) {
	db, err := Open(ctx, address)
	if err != nil {
		return nil, err
	}
	return db.Traces(), nil
}

// postgres are the options of a PostgreSQL database.
func (c config) postgres() []postgres.Option {
	if c.password == nil {
		return nil
	}
	return []postgres.Option{postgres.WithPassword(*c.password)}
}

type postgresDatabase struct{ *postgres.Database }

func (d postgresDatabase) Traces() eventtrace.Store { return d.Database.Traces() }

func (d postgresDatabase) Parking() parking.Store { return d.Database.Parking() }

func openPostgres(ctx context.Context, dsn string, c config) (Database, error) {
	db, err := postgres.Open(ctx, dsn, c.postgres()...)
	if err != nil {
		return nil, err
	}
	return postgresDatabase{db}, nil
}

type sqliteDatabase struct{ *sqlite.Database }

func (d sqliteDatabase) Traces() eventtrace.Store { return d.Database.Traces() }

func (d sqliteDatabase) Parking() parking.Store { return d.Database.Parking() }

func openSQLite(ctx context.Context, path string) (Database, error) {
	db, err := sqlite.Open(ctx, path)
	if err != nil {
		return nil, err
	}
	return sqliteDatabase{db}, nil
}

// Holding counts the events of a database that [Open] has opened that hold one of the marks, by where they are: in the trace store, the parked dead letters, or the outbox.
func Holding(ctx context.Context, db Database, marks [][]byte) (map[string]int64, error) {
	searched, ok := db.(interface {
		Holding(ctx context.Context, marks [][]byte) (map[string]int64, error)
	})
	if !ok {
		return nil, fmt.Errorf("search a database: %T can't", db)
	}
	return searched.Holding(ctx, marks)
}
