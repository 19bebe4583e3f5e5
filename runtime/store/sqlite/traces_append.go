package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/omninode/trestle/runtime/eventtrace"
)

const (
	columns = 17
	// rowsPerStatement keeps the parameters of a statement below SQLite's limit, and a statement small enough to
	// prepare quickly.
	rowsPerStatement = 64
)

const insertInto = `INSERT INTO event_logs (topic, topic_id, "partition", "offset", event_id, correlation_id, session_id,
	event_type, "timestamp", log_time, "key", payload, invalid, value, causation_id, deadline, value_bytes) VALUES `

var insertMany = insertRows(rowsPerStatement)

func insertRows(n int) string {
	row := "(?" + strings.Repeat(",?", columns-1) + ")"
	return insertInto + row + strings.Repeat(","+row, n-1) + ` ON CONFLICT (topic, topic_id, "partition", "offset") DO NOTHING`
}

const setProgress = `INSERT INTO trace_progress (topic, "partition", next_offset) VALUES (?, ?, ?)
ON CONFLICT (topic, "partition") DO UPDATE SET next_offset = excluded.next_offset, updated_at = excluded.updated_at`

// Append implements [eventtrace.Store].
func (s *Traces) Append(ctx context.Context, events []eventtrace.Event, next eventtrace.Progress) (int, error) {
	for i := range events {
		if err := events[i].Validate(); err != nil {
			return 0, fmt.Errorf("store events: %w", err)
		}
	}
	added, err := s.append(ctx, events, next)
	if err != nil {
		return 0, fmt.Errorf("store events: %w", err)
	}
	return added, nil
}

func (s *Traces) append(ctx context.Context, events []eventtrace.Event, next eventtrace.Progress) (int, error) {
	tx, err := s.db.write.BeginTx(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback() //nolint:errcheck // after a commit there is nothing to undo, before one the error is at hand
	added, err := insert(ctx, tx, events)
	if err != nil {
		return 0, err
	}
	adopted, err := topicIDs(ctx, tx)
	if err != nil {
		return 0, err
	}
	superseded := eventtrace.Superseded(events, adopted)
	for topic, partitions := range next {
		if superseded[topic] {
			continue
		}
		for partition, offset := range partitions {
			if _, err := tx.ExecContext(ctx, setProgress, topic, partition, offset); err != nil {
				return 0, err
			}
		}
	}
	return added, tx.Commit()
}

func insert(ctx context.Context, tx *sql.Tx, events []eventtrace.Event) (int, error) {
	var (
		many  *sql.Stmt
		err   error
		added int
		args  = make([]any, 0, rowsPerStatement*columns)
	)
	for len(events) > 0 {
		n := min(len(events), rowsPerStatement)
		args = args[:0]
		for i := range events[:n] {
			args = appendRow(args, &events[i])
		}
		var result sql.Result
		if n == rowsPerStatement {
			if many == nil {
				if many, err = tx.PrepareContext(ctx, insertMany); err != nil {
					return 0, err
				}
				defer many.Close()
			}
			result, err = many.ExecContext(ctx, args...)
		} else {
			result, err = tx.ExecContext(ctx, insertRows(n), args...)
		}
		if err != nil {
			return 0, err
		}
		inserted, err := result.RowsAffected()
		if err != nil {
			return 0, err
		}
		added += int(inserted)
		events = events[n:]
	}
	return added, nil
}

func appendRow(args []any, e *eventtrace.Event) []any {
	return append(args, e.Topic, topicID(e.TopicID), e.Partition, e.Offset,
		e.EventID, text(e.CorrelationID), text(e.SessionID), e.EventType, stamp(e.Timestamp), stamp(e.LogTime),
		blob(e.Key), text(string(e.Payload)), text(e.Invalid), blob(e.Value), text(e.CausationID), moment(e.Deadline), size(e.ValueBytes))
}

// unknownTopic stands for the id of a topic that isn't known.
const unknownTopic = "00000000-0000-0000-0000-000000000000"

func topicID(id string) string { return cmp.Or(id, unknownTopic) }

func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func size(n int64) any {
	if n == 0 {
		return nil
	}
	return n
}

func moment(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return stamp(t)
}

// blob keeps nil and empty apart.
func blob(b []byte) any {
	if b == nil {
		return nil
	}
	return b
}

// layout has a fixed width, so that text sorts as time.
const layout = "2006-01-02T15:04:05.000000Z"

func stamp(t time.Time) string { return t.UTC().Format(layout) }
