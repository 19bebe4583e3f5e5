package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/jsonio"
)

const selectEvents = `SELECT topic, CASE topic_id WHEN '` + unknownTopic + `' THEN '' ELSE topic_id END, "partition", "offset", event_id, coalesce(correlation_id, ''),
	coalesce(session_id, ''), event_type, "timestamp", log_time, "key", "key" IS NOT NULL, coalesce(payload, ''), coalesce(invalid, ''),
	value, value IS NOT NULL, coalesce(causation_id, ''), deadline, coalesce(value_bytes, 0)
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
		err = s.db.read.QueryRowContext(ctx, "SELECT count(*) FROM event_logs"+c.where(), c.args...).Scan(&n)
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
	order := " ORDER BY " + c.logTime + `, topic, topic_id, "partition", "offset" LIMIT ?`
	if way == eventtrace.Newest {
		order = " ORDER BY " + c.logTime + ` DESC, topic DESC, topic_id DESC, "partition" DESC, "offset" DESC LIMIT ?`
	}
	return selectEvents + c.where() + order, append(c.args, int64(limit)), nil
}

// indexedTime is a table's log_time as its indexes have it: in microseconds since 1970.
func indexedTime(table string) string {
	return "(unixepoch(substr(" + table + ".log_time, 1, 19)) * 1000000 + substr(" + table + ".log_time, 21, 6))"
}

// conditions are those of a query, with their parameters. A column behind a + is one whose indexes are not to be used.
type conditions struct {
	index   eventtrace.Index
	logTime string // the record's time
	all     []string
	args    []any
}

func conditionsOf(q eventtrace.Query) (*conditions, error) {
	if err := q.Validate(); err != nil {
		return nil, err
	}
	c := &conditions{index: q.Index(), logTime: indexedTime("event_logs")}
	if c.index == eventtrace.IndexPlaces {
		c.logTime = "+" + c.logTime
	}
	if q.CorrelationID != "" {
		c.add(c.column("correlation_id", eventtrace.IndexCorrelation)+" = ?", uuid.MustParse(q.CorrelationID).String())
	}
	if q.SessionID != "" {
		c.add(c.column("session_id", eventtrace.IndexSession)+" = ?", uuid.MustParse(q.SessionID).String())
	}
	if p := q.Places; p != nil {
		c.add(`topic = ? AND topic_id = ? AND "partition" = ? AND "offset" >= ? AND "offset" < ?`,
			p.Topic, topicID(p.TopicID), p.Partition, p.First, p.End)
	}
	c.oneOf(c.column("event_type", eventtrace.IndexType), q.EventTypes)
	c.oneOf(c.column("topic", eventtrace.IndexTopic), q.Topics)
	if q.Key != nil {
		c.add(`"key" = ?`, q.Key)
	}
	if !q.From.IsZero() {
		c.add(c.logTime+" >= ?", q.From.UnixMicro())
	} else if c.index == eventtrace.IndexTime {
		c.add(c.logTime+" >= ?", int64(math.MinInt64)) // true of all; without a bound all rows would be read and sorted
	}
	if !q.Until.IsZero() {
		c.add(c.logTime+" < ?", q.Until.UnixMicro())
	}
	if q.Text != "" {
		c.add("(instr(payload, ?) > 0 OR instr(value, ?) > 0)", q.Text, []byte(q.Text))
	}
	return c, nil
}

func (c *conditions) add(condition string, args ...any) {
	c.all, c.args = append(c.all, condition), append(c.args, args...)
}

// column is a column as it is compared.
func (c *conditions) column(name string, index eventtrace.Index) string {
	if c.index == index {
		return name
	}
	return "+" + name
}

func (c *conditions) oneOf(column string, values []string) {
	if len(values) == 0 {
		return
	}
	args := make([]any, len(values))
	for i, v := range values {
		args[i] = v
	}
	if len(values) == 1 {
		c.add(column+" = ?", args...)
		return
	}
	c.add(column+" IN (?"+strings.Repeat(", ?", len(values)-1)+")", args...)
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
	logged := at.LogTime.UnixMicro()
	// The first of the two conditions is what the index serves.
	c.add(c.logTime+" "+than+"= ? AND ("+c.logTime+`, topic, topic_id, "partition", "offset") `+than+" (?, ?, ?, ?, ?)",
		logged, logged, at.Topic, topicID(at.TopicID), at.Partition, at.Offset)
}

func (c *conditions) where() string {
	if len(c.all) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(c.all, " AND ")
}

// query returns the rows that fill a page.
func (s *Traces) query(ctx context.Context, query string, args ...any) ([]eventtrace.Event, error) {
	rows, err := s.db.read.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var events []eventtrace.Event
	for size := 0; size < eventtrace.PageBytes && rows.Next(); {
		e, err := scan(rows)
		if err != nil {
			return nil, err
		}
		events = append(events, e)
		size += e.Size()
	}
	return events, rows.Err()
}

func scan(rows *sql.Rows) (eventtrace.Event, error) {
	var (
		e                         eventtrace.Event
		stamped, logged, deadline any
		payload                   string
		key, value                bool
	)
	err := rows.Scan(&e.Topic, &e.TopicID, &e.Partition, &e.Offset, &e.EventID, &e.CorrelationID, &e.SessionID, &e.EventType,
		&stamped, &logged, &e.Key, &key, &payload, &e.Invalid, &e.Value, &value, &e.CausationID, &deadline, &e.ValueBytes)
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
	if deadline != nil {
		if e.Deadline, err = instant(deadline); err != nil {
			return eventtrace.Event{}, err
		}
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
