package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/omninode/trestle/runtime/eventtrace"
)

// Topics implements [eventtrace.Store].
func (s *Traces) Topics(ctx context.Context) (map[string]string, error) {
	ids, err := topicIDs(ctx, s.db.read)
	if err != nil {
		return nil, fmt.Errorf("read the trace's topics: %w", err)
	}
	return ids, nil
}

func topicIDs(ctx context.Context, from interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}) (map[string]string, error) {
	rows, err := from.QueryContext(ctx, `SELECT topic, topic_id FROM trace_topics`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	ids := map[string]string{}
	for rows.Next() {
		var topic, id string
		if err := rows.Scan(&topic, &id); err != nil {
			return nil, err
		}
		ids[topic] = id
	}
	return ids, rows.Err()
}

// Adopt implements [eventtrace.Store].
func (s *Traces) Adopt(ctx context.Context, topic, id string, same bool) error {
	if err := eventtrace.CheckTopicID(topic, id); err != nil {
		return err
	}
	if err := s.adopt(ctx, topic, id, same); err != nil {
		return fmt.Errorf("store the id of topic %s: %w", topic, err)
	}
	return nil
}

func (s *Traces) adopt(ctx context.Context, topic, id string, same bool) error {
	tx, err := s.db.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to undo, before one the error is at hand
	var known string
	err = tx.QueryRowContext(ctx, `SELECT topic_id FROM trace_topics WHERE topic = ?`, topic).Scan(&known)
	switch {
	case err == nil && known == id:
		return nil
	case err == nil, errors.Is(err, sql.ErrNoRows) && !same:
		_, err = tx.ExecContext(ctx, `DELETE FROM trace_progress WHERE topic = ?`, topic)
	case errors.Is(err, sql.ErrNoRows):
		_, err = tx.ExecContext(ctx, `UPDATE event_logs SET topic_id = ? WHERE topic = ? AND topic_id = ?`, id, topic, unknownTopic)
	}
	if err == nil {
		_, err = tx.ExecContext(ctx, `INSERT INTO trace_topics (topic, topic_id) VALUES (?, ?)
ON CONFLICT (topic) DO UPDATE SET topic_id = excluded.topic_id, updated_at = excluded.updated_at`, topic, id)
	}
	if err != nil {
		return err
	}
	return tx.Commit()
}
