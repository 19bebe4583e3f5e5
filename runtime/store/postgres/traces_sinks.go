package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Join implements [eventtrace.Store]. The time is the server's.
func (s *Traces) Join(ctx context.Context, sink string, topics []string, lease time.Duration) (map[string][]string, error) {
	all := map[string][]string{}
	err := pgx.BeginFunc(ctx, s.db.pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO trace_sinks (sink, topics, until) VALUES ($1, $2, now() + $3 * interval '1 millisecond')
ON CONFLICT (sink) DO UPDATE SET topics = excluded.topics, until = excluded.until`, sink, topics, lease.Milliseconds())
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM trace_sinks WHERE until < now()`); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `SELECT sink::text, topics FROM trace_sinks`)
		if err != nil {
			return err
		}
		var of []string
		_, err = pgx.ForEachRow(rows, []any{&sink, &of}, func() error { all[sink] = of; of = nil; return nil })
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("store that a sink is at work: %w", err)
	}
	return all, nil
}

// Leave implements [eventtrace.Store].
func (s *Traces) Leave(ctx context.Context, sink string) error {
	if _, err := s.db.pool.Exec(ctx, `DELETE FROM trace_sinks WHERE sink = $1`, sink); err != nil {
		return fmt.Errorf("store that a sink has gone: %w", err)
	}
	return nil
}
