package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/jsonio"
)

const selectEvents = `SELECT topic, CASE WHEN topic_id = '00000000-0000-0000-0000-000000000000' THEN '' ELSE topic_id::text END,
	"partition", "offset", event_id::text, coalesce(correlation_id::text, ''),
	coalesce(session_id::text, ''), event_type, "timestamp", log_time, "key", coalesce(payload::text, ''),
	coalesce(invalid, ''), value
FROM event_logs `

// ByCorrelation implements [eventtrace.Store].
func (s *Traces) ByCorrelation(ctx context.Context, id string) ([]eventtrace.Event, error) {
	return s.byID(ctx, "correlation", id, selectEvents+"WHERE correlation_id = $1")
}

// BySession implements [eventtrace.Store].
func (s *Traces) BySession(ctx context.Context, id string) ([]eventtrace.Event, error) {
	return s.byID(ctx, "session", id, selectEvents+"WHERE session_id = $1")
}

func (s *Traces) byID(ctx context.Context, what, id, query string) ([]eventtrace.Event, error) {
	parsed, err := uuid.Parse(id)
	if err != nil {
		return nil, fmt.Errorf("read the trace of %s %q: not a UUID", what, id)
	}
	events, err := s.query(ctx, query, [16]byte(parsed))
	if err != nil {
		return nil, fmt.Errorf("read the trace of %s %s: %w", what, id, err)
	}
	eventtrace.Sort(events)
	return events, nil
}

// ByType implements [eventtrace.Store].
func (s *Traces) ByType(ctx context.Context, eventType string, before eventtrace.Cursor, limit int) (eventtrace.Page, error) {
	if limit < 1 {
		return eventtrace.Page{}, fmt.Errorf("read the trace of type %q: limit is %d, at least 1", eventType, limit)
	}
	where, args := "WHERE event_type = $1", []any{eventType, int64(limit) + 1}
	if !before.IsZero() {
		// The first of the two conditions is what the index serves.
		where += ` AND log_time <= $3 AND (log_time, topic, topic_id, "partition", "offset") < ($3, $4, $5, $6, $7)`
		args = append(args, before.LogTime, before.Topic, topicID(before.TopicID), before.Partition, before.Offset)
	}
	events, err := s.query(ctx, selectEvents+where+
		` ORDER BY log_time DESC, topic DESC, topic_id DESC, "partition" DESC, "offset" DESC LIMIT $2`, args...)
	if err != nil {
		return eventtrace.Page{}, fmt.Errorf("read the trace of type %q: %w", eventType, err)
	}
	return eventtrace.NewPage(events, limit), nil
}

func (s *Traces) query(ctx context.Context, query string, args ...any) ([]eventtrace.Event, error) {
	rows, err := s.db.pool.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (eventtrace.Event, error) {
		var (
			e               eventtrace.Event
			payload         string
			stamped, logged time.Time
		)
		err := row.Scan(&e.Topic, &e.TopicID, &e.Partition, &e.Offset, &e.EventID, &e.CorrelationID, &e.SessionID, &e.EventType,
			&stamped, &logged, &e.Key, &payload, &e.Invalid, &e.Value)
		e.Timestamp, e.LogTime, e.Payload = stamped.UTC(), logged.UTC(), jsonio.Raw(payload)
		return e, err
	})
}
