package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/jsonio"
)

const selectEvents = `SELECT topic, CASE topic_id WHEN '` + unknownTopic + `' THEN '' ELSE topic_id END, "partition", "offset", event_id, coalesce(correlation_id, ''),
	coalesce(session_id, ''), event_type, "timestamp", log_time, "key", "key" IS NOT NULL, coalesce(payload, ''), coalesce(invalid, ''),
	value, value IS NOT NULL
FROM event_logs `

// ByCorrelation implements [eventtrace.Store].
func (s *Traces) ByCorrelation(ctx context.Context, id string) ([]eventtrace.Event, error) {
	return s.byID(ctx, "correlation", id, selectEvents+"WHERE correlation_id = ?")
}

// BySession implements [eventtrace.Store].
func (s *Traces) BySession(ctx context.Context, id string) ([]eventtrace.Event, error) {
	return s.byID(ctx, "session", id, selectEvents+"WHERE session_id = ?")
}

func (s *Traces) byID(ctx context.Context, what, id, query string) ([]eventtrace.Event, error) {
	parsed, err := uuid.Parse(id)
	if err != nil {
		return nil, fmt.Errorf("read the trace of %s %q: not a UUID", what, id)
	}
	events, err := s.query(ctx, query, parsed.String())
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
	where, args := "WHERE event_type = ?", []any{eventType}
	if !before.IsZero() {
		// The first of the two conditions is what the index serves.
		where += ` AND log_time <= ? AND (log_time, topic, topic_id, "partition", "offset") < (?, ?, ?, ?, ?)`
		at := stamp(before.LogTime)
		args = append(args, at, at, before.Topic, topicID(before.TopicID), before.Partition, before.Offset)
	}
	events, err := s.query(ctx, selectEvents+where+
		` ORDER BY log_time DESC, topic DESC, topic_id DESC, "partition" DESC, "offset" DESC LIMIT ?`, append(args, int64(limit)+1)...)
	if err != nil {
		return eventtrace.Page{}, fmt.Errorf("read the trace of type %q: %w", eventType, err)
	}
	return eventtrace.NewPage(events, limit), nil
}

func (s *Traces) query(ctx context.Context, query string, args ...any) ([]eventtrace.Event, error) {
	rows, err := s.db.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var events []eventtrace.Event
	for rows.Next() {
		e, err := scan(rows)
		if err != nil {
			return nil, err
		}
		events = append(events, e)
	}
	return events, rows.Err()
}

func scan(rows *sql.Rows) (eventtrace.Event, error) {
	var (
		e               eventtrace.Event
		stamped, logged any
		payload         string
		key, value      bool
	)
	err := rows.Scan(&e.Topic, &e.TopicID, &e.Partition, &e.Offset, &e.EventID, &e.CorrelationID, &e.SessionID, &e.EventType,
		&stamped, &logged, &e.Key, &key, &payload, &e.Invalid, &e.Value, &value)
	if err != nil {
		return eventtrace.Event{}, err
	}
	// The driver hands out an empty blob as none.
	if key && e.Key == nil {
		e.Key = []byte{}
	}
	if value && e.Value == nil {
		e.Value = []byte{}
	}
	e.Payload = jsonio.Raw(payload)
	if e.Timestamp, err = instant(stamped); err != nil {
		return eventtrace.Event{}, err
	}
	e.LogTime, err = instant(logged)
	return e, err
}

// instant reads a column of text that holds a time; the driver turns some such columns into times by itself.
func instant(column any) (time.Time, error) {
	switch v := column.(type) {
	case time.Time:
		return v.UTC(), nil
	case string:
		return time.Parse(layout, v)
	default:
		return time.Time{}, fmt.Errorf("column holds %T, not a time", column)
	}
}
