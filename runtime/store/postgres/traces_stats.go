package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/omninode/trestle/runtime/eventtrace"
)

// Tally implements [eventtrace.Store].
func (s *Traces) Tally(ctx context.Context, q eventtrace.Query) ([]eventtrace.Tally, error) {
	query, args, err := tallyRows(q)
	if err != nil {
		return nil, fmt.Errorf("count events by type: %w", err)
	}
	rows, err := s.db.pool.Query(ctx, query, args...)
	if err == nil {
		var all []eventtrace.Tally
		if all, err = pgx.CollectRows(rows, pgx.RowToStructByPos[eventtrace.Tally]); err == nil {
			return all, nil
		}
	}
	return nil, fmt.Errorf("count events by type: %w", err)
}

func tallyRows(q eventtrace.Query) (string, []any, error) {
	c, err := conditionsOf(q)
	if err != nil {
		return "", nil, err
	}
	return "SELECT event_type, topic, count(*) FROM event_logs" + c.where() + " GROUP BY 1, 2 ORDER BY 1, 2", c.args, nil
}

// Busiest implements [eventtrace.Store].
func (s *Traces) Busiest(ctx context.Context, q eventtrace.Query, limit int) ([]eventtrace.SessionTally, error) {
	query, args, err := busiestRows(q, limit)
	if err != nil {
		return nil, fmt.Errorf("find the busiest sessions: %w", err)
	}
	rows, err := s.db.pool.Query(ctx, query, args...)
	if err == nil {
		var all []eventtrace.SessionTally
		if all, err = pgx.CollectRows(rows, pgx.RowToStructByPos[eventtrace.SessionTally]); err == nil {
			for i := range all {
				all[i].First, all[i].Last = all[i].First.UTC(), all[i].Last.UTC()
			}
			return all, nil
		}
	}
	return nil, fmt.Errorf("find the busiest sessions: %w", err)
}

func busiestRows(q eventtrace.Query, limit int) (string, []any, error) {
	c, err := conditionsOf(q)
	if err != nil {
		return "", nil, err
	}
	c.all = append(c.all, "session_id IS NOT NULL")
	limited := c.arg(int64(limit))
	return "SELECT session_id::text, count(*), min(log_time), max(log_time) FROM event_logs" + c.where() +
		" GROUP BY session_id ORDER BY 2 DESC, session_id LIMIT " + limited, c.args, nil
}

// waits are the requests of a type, with when each got its response, and how long it waited or waits. $1 is the request's type, $2 that of
// the response, $3 the topics or null, $4 and $5 the window, $6 how far back the requests go.
const waits = `WITH requests AS (
	SELECT r.correlation_id, r.log_time, r.deadline, (
		SELECT min(a.log_time) FROM event_logs a
		WHERE a.correlation_id = r.correlation_id AND a.event_type || '' = $2::text AND a.log_time >= $6::timestamptz AND a.log_time < $5::timestamptz AND ($3::text[] IS NULL OR a.topic || '' = ANY ($3))
	) AS answered
	FROM event_logs r
	WHERE r.event_type = $1::text AND r.log_time >= $6 AND r.log_time < $5 AND r.correlation_id IS NOT NULL
		AND ($3 IS NULL OR r.topic || '' = ANY ($3))
), waits AS (
	SELECT *, greatest(0, floor(extract(epoch FROM coalesce(answered, $5) - log_time) * 1000))::bigint AS ms
	FROM requests WHERE answered >= $4::timestamptz OR answered IS NULL AND log_time >= $4
) `

const (
	countWaits = waits + `SELECT (SELECT count(*) FROM requests WHERE log_time >= $4), count(answered),
	count(*) FILTER (WHERE answered IS NULL AND coalesce(deadline, log_time + make_interval(secs => $7::float8)) < $5),
	coalesce(percentile_disc(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY ms), ARRAY[0, 0, 0]::bigint[]) FROM waits`
	slowestWaits = waits + `SELECT correlation_id::text, log_time, ms, answered IS NOT NULL FROM waits
ORDER BY ms DESC, log_time, correlation_id LIMIT $7`
)

// waitsOf are the first six parameters of waits.
func waitsOf(q eventtrace.ResponseQuery) []any {
	return []any{q.Request, q.Reply, q.Topics, q.From, q.Until, q.From.Add(q.From.Sub(q.Until))}
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
	args := waitsOf(q)
	var ms []int64
	err = s.db.pool.QueryRow(ctx, countWaits, append(args, q.Patience.Seconds())...).Scan(&r.Requests, &r.Answered, &r.Unanswered, &ms)
	if err != nil {
		return r, err
	}
	for i, p := range []*time.Duration{&r.P50, &r.P95, &r.P99} {
		*p = time.Duration(ms[i]) * time.Millisecond
	}
	if q.Slowest == 0 {
		return r, nil
	}
	rows, err := s.db.pool.Query(ctx, slowestWaits, append(args, q.Slowest)...)
	if err != nil {
		return r, err
	}
	r.Slowest, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (w eventtrace.Wait, err error) {
		var ms int64
		err = row.Scan(&w.CorrelationID, &w.Asked, &ms, &w.Answered)
		w.Asked, w.For = w.Asked.UTC(), time.Duration(ms)*time.Millisecond
		return w, err
	})
	return r, err
}
