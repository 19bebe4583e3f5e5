package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/omninode/trestle/runtime/eventtrace"
)

// Append implements [eventtrace.Store].
//
// It copies straight into the table, which costs what a bare COPY costs. Only where records may already be stored
// (another sink is further, the store's progress was set back) it inserts what is new. An event that the server
// refuses for its content, such as JSON nested too deeply for its stack, is stored as invalid with its bytes, so that
// it does not hold up those behind it.
func (s *Traces) Append(ctx context.Context, events []eventtrace.Event, next eventtrace.Progress) (int, error) {
	for i := range events {
		if err := events[i].Validate(); err != nil {
			return 0, fmt.Errorf("store events: %w", err)
		}
	}
	// In one order everywhere, so that two sinks wait for each other and never in a ring.
	if !slices.IsSortedFunc(events, eventtrace.ComparePlace) {
		events = slices.Clone(events)
		slices.SortFunc(events, eventtrace.ComparePlace)
	}
	if err := s.db.partitions.ensure(ctx, s.db, events); err != nil {
		return 0, fmt.Errorf("store events: make the partitions of their days: %w", err)
	}
	add := copyEvents
	for moved := 0; ; {
		added, err := s.appendWith(ctx, add, events, next)
		switch {
		case err == nil:
			return added, nil
		case sqlState(err) == checkViolation && moved < partitionsMoved:
			moved++
		case add.rank < insertEvents.rank && sqlState(err) == uniqueViolation:
			add = insertEvents
		case add.rank < insertEach.rank && refusesContent(err):
			add = insertEach
		default:
			return 0, fmt.Errorf("store events: %w", err)
		}
	}
}

func (s *Traces) appendWith(ctx context.Context, add way, events []eventtrace.Event, next eventtrace.Progress) (int, error) {
	added := 0
	err := pgx.BeginFunc(ctx, s.db.pool, func(tx pgx.Tx) error {
		var superseded map[string]bool
		if len(events) > 0 {
			adopted, ahead, err := lock(ctx, tx, events)
			if err != nil {
				return err
			}
			superseded = eventtrace.Superseded(events, adopted)
			if ahead && add.rank < insertEvents.rank {
				add = insertEvents
			}
			if added, err = add.into(ctx, tx, events); err != nil {
				return err
			}
		}
		return setProgress(ctx, tx, next, superseded)
	})
	return added, err
}

// way is one of the ways to add events, each slower than the one of the rank before and taking more.
type way struct {
	rank int
	into func(context.Context, pgx.Tx, []eventtrace.Event) (int, error)
}

var (
	copyEvents   = way{0, copyInto}
	insertEvents = way{1, insertInto}
	insertEach   = way{2, insertOneByOne}
)

// lock keeps others from adopting topics under the events' names, and returns the ids of those that are adopted. And it makes sinks that append to the
// same partitions take turns, and says whether any of the events lies before what the store has read: whether it may be there already.
func lock(ctx context.Context, tx pgx.Tx, events []eventtrace.Event) (adopted map[string]string, ahead bool, err error) {
	var (
		names, topics []string
		partitions    []int32
		first         []int64
	)
	for i := range events { // sorted: the first of each partition has its lowest offset
		e := &events[i]
		if i == 0 || events[i-1].Topic != e.Topic {
			names = append(names, e.Topic)
		}
		if i == 0 || events[i-1].Topic != e.Topic || events[i-1].TopicID != e.TopicID || events[i-1].Partition != e.Partition {
			topics, partitions, first = append(topics, e.Topic), append(partitions, e.Partition), append(first, e.Offset)
		}
	}
	adopted = make(map[string]string, len(names))
	var both pgx.Batch // one way there and back
	both.Queue(`SELECT topic, topic_id::text FROM trace_topics WHERE topic = ANY ($1) ORDER BY topic FOR SHARE`, names).Query(func(rows pgx.Rows) error {
		var topic, id string
		_, err := pgx.ForEachRow(rows, []any{&topic, &id}, func() error { adopted[topic] = id; return nil })
		return err
	})
	both.Queue(`SELECT first < p.next_offset
FROM unnest($1::text[], $2::integer[], $3::bigint[]) AS batch (topic, "partition", first)
JOIN trace_progress p USING (topic, "partition")
ORDER BY p.topic, p."partition"
FOR UPDATE OF p`, topics, partitions, first).Query(func(rows pgx.Rows) error {
		behind, err := pgx.CollectRows(rows, pgx.RowTo[bool])
		ahead = slices.Contains(behind, true)
		return err
	})
	return adopted, ahead, tx.SendBatch(ctx, &both).Close()
}

// setProgress sets the progress of topics that no others have superseded.
func setProgress(ctx context.Context, tx pgx.Tx, next eventtrace.Progress, superseded map[string]bool) error {
	type place struct {
		topic     string
		partition int32
	}
	var places []place
	for topic, partitions := range next {
		if superseded[topic] {
			continue
		}
		for partition := range partitions {
			places = append(places, place{topic, partition})
		}
	}
	if len(places) == 0 {
		return nil
	}
	slices.SortFunc(places, func(a, b place) int {
		return cmp.Or(strings.Compare(a.topic, b.topic), cmp.Compare(a.partition, b.partition))
	})
	topics, partitions, offsets := make([]string, len(places)), make([]int32, len(places)), make([]int64, len(places))
	for i, p := range places {
		topics[i], partitions[i], offsets[i] = p.topic, p.partition, next[p.topic][p.partition]
	}
	_, err := tx.Exec(ctx, `INSERT INTO trace_progress (topic, "partition", next_offset)
SELECT * FROM unnest($1::text[], $2::integer[], $3::bigint[])
ON CONFLICT (topic, "partition") DO UPDATE SET next_offset = excluded.next_offset, updated_at = now()`,
		topics, partitions, offsets)
	return err
}

// columns are those of a row that Append writes, in the order of row.
var columns = []string{
	"topic", "topic_id", "partition", "offset", "event_id", "correlation_id", "session_id", "event_type", "timestamp", "log_time",
	"key", "payload", "invalid", "value", "causation_id", "deadline", "value_bytes",
}

func copyInto(ctx context.Context, tx pgx.Tx, events []eventtrace.Event) (int, error) {
	values := make([]any, len(columns))
	n, err := tx.CopyFrom(ctx, pgx.Identifier{"event_logs"}, columns, pgx.CopyFromSlice(len(events), func(i int) ([]any, error) {
		row(values, &events[i])
		return values, nil
	}))
	return int(n), err
}

// row fills values, one a column.
func row(values []any, e *eventtrace.Event) {
	values[0], values[1], values[2], values[3] = e.Topic, topicID(e.TopicID), e.Partition, e.Offset
	values[4], values[5], values[6] = id(e.EventID), id(e.CorrelationID), id(e.SessionID)
	values[7], values[8], values[9] = e.EventType, e.Timestamp, e.LogTime
	values[10] = e.Key
	values[11], values[12], values[13] = text(string(e.Payload)), text(e.Invalid), e.Value
	values[14], values[15], values[16] = id(e.CausationID), moment(e.Deadline), size(e.ValueBytes)
}

func id(s string) pgtype.UUID {
	if s == "" {
		return pgtype.UUID{}
	}
	return pgtype.UUID{Bytes: uuid.MustParse(s), Valid: true} // Validate has seen it
}

// topicID is a topic's id as it is stored, zero where it isn't known.
func topicID(s string) pgtype.UUID {
	known := id(s)
	known.Valid = true
	return known
}

func moment(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}

func size(n int64) any {
	if n == 0 {
		return nil
	}
	return n
}

func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

const insertRows = `INSERT INTO event_logs (topic, topic_id, "partition", "offset", event_id, correlation_id, session_id,
	event_type, "timestamp", log_time, "key", payload, invalid, value, causation_id, deadline, value_bytes)
SELECT * FROM unnest($1::text[], $2::uuid[], $3::integer[], $4::bigint[], $5::uuid[], $6::uuid[], $7::uuid[],
	$8::text[], $9::timestamptz[], $10::timestamptz[], $11::bytea[], $12::json[], $13::text[], $14::bytea[],
	$15::uuid[], $16::timestamptz[], $17::bigint[])
ON CONFLICT (topic, topic_id, "partition", "offset", log_time) DO NOTHING`

func insertInto(ctx context.Context, tx pgx.Tx, events []eventtrace.Event) (int, error) {
	arrays := make([][]any, len(columns))
	values := make([]any, len(columns))
	for i := range events {
		row(values, &events[i])
		for c, v := range values {
			arrays[c] = append(arrays[c], v)
		}
	}
	args := make([]any, len(columns))
	for c := range arrays {
		args[c] = arrays[c]
	}
	tag, err := tx.Exec(ctx, insertRows, args...)
	return int(tag.RowsAffected()), err
}

func insertOneByOne(ctx context.Context, tx pgx.Tx, events []eventtrace.Event) (int, error) {
	added := 0
	for i := range events {
		n, err := insertGuarded(ctx, tx, events[i])
		if e := events[i]; e.Payload != "" && refusesContent(err) {
			e.Invalid = "refused by PostgreSQL: " + strings.ToValidUTF8(err.Error(), "�")
			e.Value, e.Payload = []byte(e.Payload), ""
			n, err = insertGuarded(ctx, tx, e)
		}
		if err != nil {
			return 0, fmt.Errorf("%s[%d]@%d: %w", events[i].Topic, events[i].Partition, events[i].Offset, err)
		}
		added += n
	}
	return added, nil
}

func insertGuarded(ctx context.Context, tx pgx.Tx, e eventtrace.Event) (int, error) {
	added := 0
	err := pgx.BeginFunc(ctx, tx, func(savepoint pgx.Tx) (err error) {
		added, err = insertInto(ctx, savepoint, []eventtrace.Event{e})
		return err
	})
	return added, err
}

const (
	uniqueViolation = "23505"
	// checkViolation comes where a row was on its way to the default partition when its own was made.
	checkViolation = "23514"
	// partitionsMoved is how often that may happen to a batch.
	partitionsMoved = 10
)

// refusesContent says whether the server will refuse the same rows again: a data exception (class 22), or a limit of
// its own (class 54: nesting, row size).
func refusesContent(err error) bool {
	state := sqlState(err)
	return strings.HasPrefix(state, "22") || strings.HasPrefix(state, "54")
}

func sqlState(err error) string {
	if server, ok := errors.AsType[*pgconn.PgError](err); ok {
		return server.Code
	}
	return ""
}
