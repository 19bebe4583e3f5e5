// Package postgres keeps in a PostgreSQL database what is to be kept, in the tables of the package migrations. There is
// one adapter, [Database], which connects, migrates and closes, and a type on it for each concept:
//
//	db, err := postgres.Open(ctx, "postgres://trestle@db.internal/traces")
//	...
//	traces := db.Traces()   // traced events
//	parked := db.Parking() // parked dead letters
//
// A program that has a pool of its own to the database uses that, see [Use]: its transactions are then those in which events
// are written into the [Outbox].
//
// A traced event's payload is a column of type json, so that people ask for payload->>'message' with psql.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/omninode/trestle/migrations"
	"github.com/omninode/trestle/runtime/secure"
)

// Database is a PostgreSQL database with the tables of the package migrations.
type Database struct {
	pool     *pgxpool.Pool
	borrowed bool         // the pool is another's to close
	notified atomic.Int64 // when an outbox last told its relays, in Unix nanoseconds

	partitions partitions // of the traced events
}

// Option configures what [Open] opens.
type Option func(*pgxpool.Config)

// WithPassword has each connection look its password up, in place of what the DSN says, so that a new one needs no restart.
func WithPassword(password secure.Secret) Option {
	read := password.Kept()
	return func(c *pgxpool.Config) {
		c.BeforeConnect = func(ctx context.Context, conn *pgx.ConnConfig) error {
			text, err := read(ctx)
			if err != nil {
				return fmt.Errorf("password of user %s: %w", conn.User, err)
			}
			conn.Password = text
			return nil
		}
	}
}

// Open connects to the database of the DSN, a URL or a list of key=value as libpq takes them, and applies the
// migrations it lacks. The DSN may also say pool_max_conns and the other settings of pgxpool. Open fails if the
// server does not answer, or the database's encoding is not UTF-8, which JSON needs. Errors do not repeat a password.
func Open(ctx context.Context, dsn string, opts ...Option) (*Database, error) {
	pool, err := newPool(ctx, dsn, opts)
	if err != nil {
		return nil, fmt.Errorf("open the store: %w", err)
	}
	db := &Database{pool: pool}
	if err := db.prepare(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("open the store: %w", err)
	}
	return db, nil
}

func newPool(ctx context.Context, dsn string, opts []Option) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	for _, o := range opts {
		o(config)
	}
	return pgxpool.NewWithConfig(ctx, config)
}

// Pending says whether the database lacks migrations. It changes nothing, and fails if the server does not answer.
func Pending(ctx context.Context, dsn string, opts ...Option) (bool, error) {
	pool, err := newPool(ctx, dsn, opts)
	if err != nil {
		return false, fmt.Errorf("look at the store: %w", err)
	}
	defer pool.Close()
	db := stdlib.OpenDBFromPool(pool)
	defer db.Close()
	provider, err := migrations.Postgres(db)
	if err != nil {
		return false, err
	}
	pending, err := provider.HasPending(ctx)
	if err != nil {
		return false, fmt.Errorf("look at the store: %w", err)
	}
	return pending, nil
}

func (d *Database) prepare(ctx context.Context) error {
	var encoding string
	if err := d.pool.QueryRow(ctx, "SELECT current_setting('server_encoding')").Scan(&encoding); err != nil {
		return err
	}
	if encoding != "UTF8" {
		return fmt.Errorf("the database's encoding is %s, it must be UTF8", encoding)
	}
	return d.Migrate(ctx)
}

// Use returns the database of a pool that the program has. It changes nothing there: the tables are those of the package
// migrations, which [Database.Migrate] or [Open] makes; they are found by the connections' search_path. To keep them in a schema of
// their own, create it, migrate with a DSN that has the setting search_path=trestle, and give the program's pool
// search_path=public,trestle.
func Use(pool *pgxpool.Pool) *Database { return &Database{pool: pool, borrowed: true} }

// Migrate applies the migrations that the database lacks, to the first schema of the search_path.
func (d *Database) Migrate(ctx context.Context) error {
	db := stdlib.OpenDBFromPool(d.pool)
	provider, err := migrations.Postgres(db)
	if err != nil {
		return errors.Join(err, db.Close())
	}
	return errors.Join(migrations.Up(ctx, provider), db.Close())
}

// Close closes the connections, after waiting for those in use; not those of a pool that [Use] was given.
func (d *Database) Close() error {
	if !d.borrowed {
		d.pool.Close()
	}
	return nil
}
