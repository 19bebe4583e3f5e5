// Package postgres keeps traced events in PostgreSQL, in the tables of the package migrations.
//
//	store, err := postgres.Open(ctx, "postgres://trestle@db.internal/traces")
//
// The payload is a column of type json, so that people ask for payload->>'message' with psql.
package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/omninode/trestle/migrations"
	"github.com/omninode/trestle/runtime/eventtrace"
)

// Store is a [eventtrace.Store] in a PostgreSQL database.
type Store struct {
	pool *pgxpool.Pool
}

var _ eventtrace.Store = (*Store)(nil)

// Open connects to the database of the DSN, a URL or a list of key=value as libpq takes them, and applies the
// migrations it lacks. The DSN may also say pool_max_conns and the other settings of pgxpool. Open fails if the
// server does not answer, or the database's encoding is not UTF-8, which JSON needs.
func Open(ctx context.Context, dsn string) (*Store, error) {
	pool, err := pgxpool.New(ctx, dsn)
	if err != nil {
		return nil, fmt.Errorf("open the trace store: %w", err)
	}
	store := &Store{pool: pool}
	if err := store.prepare(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("open the trace store: %w", err)
	}
	return store, nil
}

func (s *Store) prepare(ctx context.Context) error {
	var encoding string
	if err := s.pool.QueryRow(ctx, "SELECT current_setting('server_encoding')").Scan(&encoding); err != nil {
		return err
	}
	if encoding != "UTF8" {
		return fmt.Errorf("the database's encoding is %s, it must be UTF8", encoding)
	}
	db := stdlib.OpenDBFromPool(s.pool)
	provider, err := migrations.Postgres(db)
	if err != nil {
		return errors.Join(err, db.Close())
	}
	return errors.Join(migrations.Up(ctx, provider), db.Close())
}

// Close closes the connections, after waiting for those in use.
func (s *Store) Close() error {
	s.pool.Close()
	return nil
}

// Progress implements [eventtrace.Store].
func (s *Store) Progress(ctx context.Context) (eventtrace.Progress, error) {
	rows, err := s.pool.Query(ctx, `SELECT topic, "partition", next_offset FROM trace_progress`)
	if err != nil {
		return nil, fmt.Errorf("read the trace's progress: %w", err)
	}
	progress := make(eventtrace.Progress)
	var (
		topic     string
		partition int32
		next      int64
	)
	_, err = pgx.ForEachRow(rows, []any{&topic, &partition, &next}, func() error {
		progress.Set(topic, partition, next)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the trace's progress: %w", err)
	}
	return progress, nil
}
