package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/omninode/trestle/runtime/eventtrace"
)

// Tally implements [eventtrace.Store].
func (s *Traces) Tally(ctx context.Context, q eventtrace.Query) ([]eventtrace.Tally, error) {
	c, err := conditionsOf(q)
	if err != nil {
		return nil, fmt.Errorf("count events by type: %w", err)
	}
	all, err := list(ctx, s.db.read, "SELECT event_type, topic, count(*) FROM event_logs"+c.where()+" GROUP BY 1, 2 ORDER BY 1, 2", c.args,
		func(rows *sql.Rows) (t eventtrace.Tally, err error) {
			return t, rows.Scan(&t.EventType, &t.Topic, &t.Count)
		})
	if err != nil {
		return nil, fmt.Errorf("count events by type: %w", err)
	}
	return all, nil
}

// Busiest implements [eventtrace.Store].
func (s *Traces) Busiest(ctx context.Context, q eventtrace.Query, limit int) ([]eventtrace.SessionTally, error) {
	c, err := conditionsOf(q)
	if err != nil {
		return nil, fmt.Errorf("find the busiest sessions: %w", err)
	}
	c.add("session_id IS NOT NULL")
	all, err := list(ctx, s.db.read, "SELECT session_id, count(*), min(log_time), max(log_time) FROM event_logs"+c.where()+
		" GROUP BY session_id ORDER BY 2 DESC, session_id LIMIT ?", append(c.args, limit),
		func(rows *sql.Rows) (t eventtrace.SessionTally, err error) {
			var first, last any
			if err := rows.Scan(&t.SessionID, &t.Count, &first, &last); err != nil {
				return t, err
			}
			var errs [2]error
			t.First, errs[0] = instant(first)
			t.Last, errs[1] = instant(last)
			return t, errors.Join(errs[:]...)
		})
	if err != nil {
		return nil, fmt.Errorf("find the busiest sessions: %w", err)
	}
	return all, nil
}

// list returns all rows of a query.
func list[T any](ctx context.Context, db *sql.DB, query string, args []any, scan func(*sql.Rows) (T, error)) ([]T, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return collect(rows, scan)
}

// waits are the requests of a type, with when each got its response, and how long it waited or waits. ?1 is the request's type, ?2 that of
// the response, ?3 and ?4 the window, ?5 how far back the requests go; times are in microseconds since 1970.
func waits(topics string) string {
	return `WITH requests AS (
	SELECT r.correlation_id, r.log_time, ` + indexedTime("r") + ` AS asked, r.deadline, (
		SELECT min(` + indexedTime("a") + `) FROM event_logs a
		WHERE a.correlation_id = r.correlation_id AND +a.event_type = ?2 AND ` + indexedTime("a") + ` < ?4` + strings.ReplaceAll(topics, "@", "a") + `
	) AS answered
	FROM event_logs r
	WHERE r.event_type = ?1 AND ` + indexedTime("r") + ` >= ?5 AND ` + indexedTime("r") + ` < ?4 AND r.correlation_id IS NOT NULL` + strings.ReplaceAll(topics, "@", "r") + `
), waits AS (
	SELECT *, max(0, coalesce(answered, ?4) - asked) / 1000 AS ms FROM requests WHERE answered >= ?3 OR answered IS NULL AND asked >= ?3
) `
}

// Responses implements [eventtrace.Store].
func (s *Traces) Responses(ctx context.Context, q eventtrace.ResponseQuery) (eventtrace.Responses, error) {
	r, err := s.responses(ctx, q)
	if err != nil {
		return r, fmt.Errorf("find how long requests of type %s wait: %w", q.Request, err)
	}
	return r, nil
}

func (s *Traces) responses(ctx context.Context, q eventtrace.ResponseQuery) (r eventtrace.Responses, err error) {
	if err := q.Validate(); err != nil {
		return r, err
	}
	args := []any{q.Request, q.Reply, q.From.UnixMicro(), q.Until.UnixMicro(), q.From.Add(q.From.Sub(q.Until)).UnixMicro()}
	var topics string
	if len(q.Topics) > 0 {
		places := make([]string, len(q.Topics))
		for i, topic := range q.Topics {
			args = append(args, topic)
			places[i] = fmt.Sprintf("?%d", len(args))
		}
		topics = " AND +@.topic IN (" + strings.Join(places, ", ") + ")"
	}
	next, last := fmt.Sprintf("?%d", len(args)+1), fmt.Sprintf("?%d", len(args)+2)
	// The percentiles are those of the waits in order that integers say: what PostgreSQL's percentile_disc takes.
	err = s.db.read.QueryRowContext(ctx, waits(topics)+`, ordered AS (SELECT ms, row_number() OVER (ORDER BY ms) AS n, count(*) OVER () AS total FROM waits)
SELECT (SELECT count(*) FROM requests WHERE asked >= ?3), count(answered),
	count(*) FILTER (WHERE answered IS NULL AND CASE WHEN deadline IS NULL THEN asked < `+next+` ELSE deadline < `+last+` END),
	coalesce((SELECT ms FROM ordered WHERE n = (total * 50 + 99) / 100), 0),
	coalesce((SELECT ms FROM ordered WHERE n = (total * 95 + 99) / 100), 0),
	coalesce((SELECT ms FROM ordered WHERE n = (total * 99 + 99) / 100), 0)
FROM waits`, append(args, q.Until.Add(-q.Patience).UnixMicro(), stamp(q.Until))...).
		Scan(&r.Requests, &r.Answered, &r.Unanswered, milliseconds{&r.P50}, milliseconds{&r.P95}, milliseconds{&r.P99})
	if err != nil || q.Slowest == 0 {
		return r, err
	}
	r.Slowest, err = list(ctx, s.db.read, waits(topics)+`SELECT correlation_id, log_time, ms, answered IS NOT NULL FROM waits
ORDER BY ms DESC, log_time, correlation_id LIMIT `+next, append(args, q.Slowest), func(rows *sql.Rows) (w eventtrace.Wait, err error) {
		var asked any
		if err := rows.Scan(&w.CorrelationID, &asked, milliseconds{&w.For}, &w.Answered); err != nil {
			return w, err
		}
		w.Asked, err = instant(asked)
		return w, err
	})
	return r, err
}

// milliseconds reads a duration.
type milliseconds struct{ of *time.Duration }

// Scan implements [sql.Scanner].
func (m milliseconds) Scan(column any) error {
	ms, ok := column.(int64)
	if !ok {
		return fmt.Errorf("column holds %T, not milliseconds", column)
	}
	*m.of = time.Duration(ms) * time.Millisecond
	return nil
}
