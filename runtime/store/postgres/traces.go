package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/omninode/trestle/runtime/eventtrace"
)

// Traces is the [eventtrace.Store] of a database.
type Traces struct {
	db *Database
}

var _ eventtrace.Store = (*Traces)(nil)

// Traces returns the database's traced events.
func (d *Database) Traces() *Traces { return &Traces{db: d} }

// Close closes the database. Whoever keeps more than traces in it closes the database itself.
func (s *Traces) Close() error { return s.db.Close() }

// Progress implements [eventtrace.Store].
func (s *Traces) Progress(ctx context.Context) (eventtrace.Progress, error) {
	rows, err := s.db.pool.Query(ctx, `SELECT topic, "partition", next_offset FROM trace_progress`)
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
