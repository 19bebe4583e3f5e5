package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/jsonio"
)

const selectEvents = `SELECT topic, CASE WHEN topic_id = '00000000-0000-0000-0000-000000000000' THEN '' ELSE topic_id::text END AS known_id,
	"partition", "offset", event_id::text, coalesce(correlation_id::text, ''),
	coalesce(session_id::text, ''), event_type, "timestamp", log_time, "key", coalesce(payload::text, ''),
	coalesce(invalid, ''), value, coalesce(causation_id::text, ''), deadline, coalesce(value_bytes, 0)
FROM event_logs`

// Read implements [eventtrace.Store].
func (s *Traces) Read(ctx context.Context, q eventtrace.Query, at eventtrace.Cursor, way eventtrace.Way, limit int) ([]eventtrace.Event, error) {
	if limit < 1 {
		return nil, fmt.Errorf("read the trace: limit is %d, at least 1", limit)
	}
	query, args, err := readRows(q, at, way, limit)
	if err != nil {
		return nil, fmt.Errorf("read the trace: %w", err)
	}
	events, err := s.query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("read the trace: %w", err)
	}
	return events, nil
}

// Count implements [eventtrace.Store].
func (s *Traces) Count(ctx context.Context, q eventtrace.Query, before eventtrace.Cursor) (n int64, err error) {
	c, err := conditionsOf(q)
	if err == nil {
		c.cursor(before, eventtrace.Newest)
		err = s.db.pool.QueryRow(ctx, "SELECT count(*) FROM event_logs"+c.where(), c.args...).Scan(&n)
	}
	if err != nil {
		return 0, fmt.Errorf("count events of the trace: %w", err)
	}
	return n, nil
}

func readRows(q eventtrace.Query, at eventtrace.Cursor, way eventtrace.Way, limit int) (string, []any, error) {
	c, err := conditionsOf(q)
	if err != nil {
		return "", nil, err
	}
	c.cursor(at, way)
	order := " ORDER BY " + c.logTime + `, topic, topic_id, "partition", "offset" LIMIT `
	if way == eventtrace.Newest {
		order = " ORDER BY " + c.logTime + ` DESC, topic DESC, topic_id DESC, "partition" DESC, "offset" DESC LIMIT `
	}
	limited := c.arg(int64(limit))
	return selectEvents + c.where() + order + limited, c.args, nil
}

// conditions are those of a query, with what stands for their parameters.
type conditions struct {
	index eventtrace.Index
	// logTime is the record's time as the index has it that is to be used, and no other.
	logTime string
	all     []string
	args    []any
}

func conditionsOf(q eventtrace.Query) (*conditions, error) {
	if err := q.Validate(); err != nil {
		return nil, err
	}
	c := &conditions{index: q.Index(), logTime: "log_time"}
	switch c.index {
	case eventtrace.IndexTime:
		c.logTime = "(log_time AT TIME ZONE 'UTC')"
	case eventtrace.IndexPlaces:
		c.logTime = "(log_time + interval '0')"
	}
	if q.CorrelationID != "" {
		c.id("correlation_id", eventtrace.IndexCorrelation, q.CorrelationID)
	}
	if q.SessionID != "" {
		c.id("session_id", eventtrace.IndexSession, q.SessionID)
	}
	if p := q.Places; p != nil {
		c.add("topic = ", p.Topic)
		c.add("topic_id = ", topicID(p.TopicID))
		c.add(`"partition" = `, p.Partition)
		c.add(`"offset" >= `, p.First)
		c.add(`"offset" < `, p.End)
	}
	c.oneOf("event_type", eventtrace.IndexType, q.EventTypes)
	c.oneOf("topic", eventtrace.IndexTopic, q.Topics)
	if q.Key != nil {
		c.add(`"key" = `, q.Key)
	}
	if !q.From.IsZero() {
		c.within(">=", q.From)
	}
	if !q.Until.IsZero() {
		c.within("<", q.Until)
	}
	if q.Text != "" {
		text, bytes := c.arg(q.Text), c.arg([]byte(q.Text))
		c.all = append(c.all, "(strpos(payload::text, "+text+") > 0 OR position("+bytes+"::bytea IN value) > 0)")
	}
	return c, nil
}

func (c *conditions) arg(value any) string {
	c.args = append(c.args, value)
	return fmt.Sprintf("$%d", len(c.args))
}

func (c *conditions) add(what string, value any) { c.all = append(c.all, what+c.arg(value)) }

// within compares the record's time: as the index has it, and as partitions are told apart by.
func (c *conditions) within(than string, at time.Time) {
	arg := c.arg(at) + "::timestamptz"
	if c.logTime != "log_time" {
		c.all = append(c.all, c.logTime+" "+than+" "+c.comparable(arg))
	}
	c.all = append(c.all, "log_time "+than+" "+arg)
}

// comparable has a time compare with logTime.
func (c *conditions) comparable(at string) string {
	if c.index == eventtrace.IndexTime {
		return "(" + at + " AT TIME ZONE 'UTC')"
	}
	return at
}

// id and oneOf compare with the column where its index is to be used, else with what the column's indexes do not have.
func (c *conditions) id(column string, index eventtrace.Index, id string) {
	parsed := uuid.MustParse(id)
	if c.index == index {
		c.add(column+" = ", [16]byte(parsed))
	} else {
		c.add(column+"::text = ", parsed.String())
	}
}

func (c *conditions) oneOf(column string, index eventtrace.Index, values []string) {
	switch {
	case len(values) == 0:
	case c.index == index:
		c.add(column+" = ", values[0])
	default:
		c.all = append(c.all, column+" || '' = ANY ("+c.arg(values)+")")
	}
}

// cursor leaves what stands behind a cursor, or before it.
func (c *conditions) cursor(at eventtrace.Cursor, way eventtrace.Way) {
	if at.IsZero() {
		return
	}
	than := ">"
	if way == eventtrace.Newest {
		than = "<"
	}
	c.within(than+"=", at.LogTime) // what the index serves
	logged := c.comparable(c.arg(at.LogTime) + "::timestamptz")
	c.all = append(c.all, "("+c.logTime+`, topic, topic_id, "partition", "offset") `+than+" ("+strings.Join([]string{
		logged, c.arg(at.Topic), c.arg(topicID(at.TopicID)), c.arg(at.Partition), c.arg(at.Offset),
	}, ", ")+")")
}

func (c *conditions) where() string {
	if len(c.all) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(c.all, " AND ")
}

// query returns the rows that fill a page.
func (s *Traces) query(ctx context.Context, query string, args ...any) ([]eventtrace.Event, error) {
	rows, err := s.db.pool.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var events []eventtrace.Event
	for size := 0; size < eventtrace.PageBytes && rows.Next(); {
		var (
			e               eventtrace.Event
			payload         string
			stamped, logged time.Time
			deadline        *time.Time
		)
		err := rows.Scan(&e.Topic, &e.TopicID, &e.Partition, &e.Offset, &e.EventID, &e.CorrelationID, &e.SessionID, &e.EventType,
			&stamped, &logged, &e.Key, &payload, &e.Invalid, &e.Value, &e.CausationID, &deadline, &e.ValueBytes)
		if err != nil {
			return nil, err
		}
		e.Timestamp, e.LogTime, e.Payload = stamped.UTC(), logged.UTC(), jsonio.Raw(payload)
		if deadline != nil {
			e.Deadline = deadline.UTC()
		}
		events = append(events, e)
		size += e.Size()
	}
	rows.Close() // what is behind a full page is passed over, and an error in it shows here
	return events, rows.Err()
}
