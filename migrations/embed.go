// Package migrations holds the SQL of the databases that Trestle keeps, one folder a dialect, numbered, and only ever
// added to. Each file says at its top which locks it takes.
//
//	provider, err := migrations.Postgres(db)
//	if err != nil {
//		return err
//	}
//	err = migrations.Up(ctx, provider)
//
// Both dialects have the same tables under the same names. What was applied is kept in the table trestle_migrations,
// so that a database may have migrations of its own beside these.
package migrations

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed postgres/*.sql
var postgresFiles embed.FS

//go:embed sqlite/*.sql
var sqliteFiles embed.FS

// table keeps which migrations were applied.
const table = "trestle_migrations"

// lockID is the advisory lock under which one process at a time migrates a PostgreSQL database: "trestle" in ASCII.
const lockID = 0x74726573746c65

// Postgres returns the migrations for a PostgreSQL database. They run under a session's advisory lock, so that
// processes which start together take turns; a connection pooler in transaction mode breaks that. A process waits for
// its turn up to five minutes.
func Postgres(db *sql.DB) (*goose.Provider, error) {
	locker, err := lock.NewPostgresSessionLocker(
		lock.WithLockID(lockID),
		lock.WithLockTimeout(1, 300),
	)
	if err != nil {
		return nil, fmt.Errorf("migrations for PostgreSQL: %w", err)
	}
	return provider(goose.DialectPostgres, db, postgresFiles, "postgres", goose.WithSessionLocker(locker))
}

// SQLite returns the migrations for a SQLite database.
func SQLite(db *sql.DB) (*goose.Provider, error) {
	return provider(goose.DialectSQLite3, db, sqliteFiles, "sqlite")
}

func provider(dialect goose.Dialect, db *sql.DB, files fs.FS, dir string, opts ...goose.ProviderOption) (*goose.Provider, error) {
	sub, err := fs.Sub(files, dir)
	if err != nil {
		return nil, fmt.Errorf("migrations for %s: %w", dir, err)
	}
	opts = append(opts, goose.WithTableName(table), goose.WithDisableGlobalRegistry(true))
	p, err := goose.NewProvider(dialect, db, sub, opts...)
	if err != nil {
		return nil, fmt.Errorf("migrations for %s: %w", dir, err)
	}
	return p, nil
}

// attempts is how often Up tries when another process migrates at the same time.
const attempts = 10

// Up applies what is missing. A database that has everything is only read, so that an account which may not change
// tables can use it. Processes that migrate one database at the same time all succeed: each migration is a transaction,
// and who comes second finds it done and looks again.
func Up(ctx context.Context, p *goose.Provider) error {
	for attempt := 1; ; attempt++ {
		err := upOnce(ctx, p)
		if err == nil {
			return nil
		}
		if attempt == attempts || ctx.Err() != nil {
			return fmt.Errorf("migrate: %w", err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("migrate: %w", err)
		case <-time.After(time.Duration(attempt) * 20 * time.Millisecond):
		}
	}
}

func upOnce(ctx context.Context, p *goose.Provider) error {
	pending, err := p.HasPending(ctx)
	if err != nil || !pending {
		return err
	}
	_, err = p.Up(ctx)
	return err
}
