package sqlite

import (
	"context"
	"fmt"

	"github.com/omninode/trestle/runtime/eventtrace"
)

// Traces is the [eventtrace.Store] of a file.
type Traces struct {
	db *Database
}

var _ eventtrace.Store = (*Traces)(nil)

// Traces returns the file's traced events.
func (d *Database) Traces() *Traces { return &Traces{db: d} }

// Close closes the file. Whoever keeps more than traces in it closes the database itself.
func (s *Traces) Close() error { return s.db.Close() }

// Progress implements [eventtrace.Store].
func (s *Traces) Progress(ctx context.Context) (_ eventtrace.Progress, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("read the trace's progress: %w", err)
		}
	}()
	rows, err := s.db.read.QueryContext(ctx, `SELECT topic, "partition", next_offset FROM trace_progress`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	progress := make(eventtrace.Progress)
	for rows.Next() {
		var (
			topic     string
			partition int32
			next      int64
		)
		if err := rows.Scan(&topic, &partition, &next); err != nil {
			return nil, err
		}
		progress.Set(topic, partition, next)
	}
	return progress, rows.Err()
}
