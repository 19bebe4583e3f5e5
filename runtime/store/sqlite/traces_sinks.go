package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Join implements [eventtrace.Store].
func (s *Traces) Join(ctx context.Context, sink string, topics []string, lease time.Duration) (map[string][]string, error) {
	all, err := s.join(ctx, sink, topics, lease)
	if err != nil {
		return nil, fmt.Errorf("store that a sink is at work: %w", err)
	}
	return all, nil
}

func (s *Traces) join(ctx context.Context, sink string, topics []string, lease time.Duration) (map[string][]string, error) {
	text, err := json.Marshal(topics)
	if err != nil {
		return nil, err
	}
	tx, err := s.db.write.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to undo, before one the error is at hand
	now := time.Now()
	_, err = tx.ExecContext(ctx, `INSERT INTO trace_sinks (sink, topics, until) VALUES (?, ?, ?)
ON CONFLICT (sink) DO UPDATE SET topics = excluded.topics, until = excluded.until`, sink, string(text), now.Add(lease).UnixMilli())
	if err != nil {
		return nil, err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM trace_sinks WHERE until < ?`, now.UnixMilli()); err != nil {
		return nil, err
	}
	rows, err := tx.QueryContext(ctx, `SELECT sink, topics FROM trace_sinks`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := map[string][]string{}
	for rows.Next() {
		var sink, text string
		var topics []string
		if err := rows.Scan(&sink, &text); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(text), &topics); err != nil {
			return nil, err
		}
		all[sink] = topics
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return all, tx.Commit()
}

// Leave implements [eventtrace.Store].
func (s *Traces) Leave(ctx context.Context, sink string) error {
	if _, err := s.db.write.ExecContext(ctx, `DELETE FROM trace_sinks WHERE sink = ?`, sink); err != nil {
		return fmt.Errorf("store that a sink has gone: %w", err)
	}
	return nil
}
