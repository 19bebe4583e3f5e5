package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"iter"

	"github.com/omninode/trestle/runtime/parking"
)

// Parking is the [parking.Store] of a file.
type Parking struct {
	db *Database
}

var _ parking.Store = (*Parking)(nil)

// Parking returns the file's parked dead letters.
func (d *Database) Parking() *Parking { return &Parking{db: d} }

const parkLetter = `INSERT INTO parked_letters (topic, topic_id, "partition", "offset", consumer_group, dead_letter, "key", headers, value,
	refusal, parked_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (topic, topic_id, "partition", "offset", consumer_group) DO NOTHING`

// Park implements [parking.Store].
func (s *Parking) Park(ctx context.Context, l parking.Letter) error {
	if err := l.Validate(); err != nil {
		return fmt.Errorf("park: %w", err)
	}
	headers, err := json.Marshal(l.Headers)
	if err != nil {
		return fmt.Errorf("park the dead letter of %v: %w", l.Place, err)
	}
	_, err = s.db.write.ExecContext(ctx, parkLetter, l.Topic, l.TopicID, l.Partition, l.Offset, l.Group, l.DeadLetter, blob(l.Key), string(headers),
		blob(l.Value), l.Refusal, stamp(l.ParkedAt))
	if err != nil {
		return fmt.Errorf("park the dead letter of %v: %w", l.Place, err)
	}
	return nil
}

// meant is the condition of a filter, whose values are the first two parameters.
const meant = `(?1 = '' OR consumer_group = ?1) AND (?2 = '' OR dead_letter = ?2)`

// List implements [parking.Store].
func (s *Parking) List(ctx context.Context, f parking.Filter) iter.Seq2[parking.Letter, error] {
	return func(yield func(parking.Letter, error) bool) {
		rows, err := s.db.read.QueryContext(ctx, `SELECT topic, topic_id, "partition", "offset", consumer_group, dead_letter,
	"key", "key" IS NOT NULL, headers, value, value IS NOT NULL, refusal, parked_at
FROM parked_letters WHERE `+meant+` ORDER BY topic, topic_id, "partition", "offset", consumer_group`, f.Group, f.DeadLetter)
		if err != nil {
			yield(parking.Letter{}, fmt.Errorf("list parked dead letters: %w", err))
			return
		}
		defer rows.Close()
		for rows.Next() {
			l, err := scanLetter(rows)
			if err != nil {
				yield(parking.Letter{}, fmt.Errorf("list parked dead letters: %w", err))
				return
			}
			if !yield(l, nil) {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(parking.Letter{}, fmt.Errorf("list parked dead letters: %w", err))
		}
	}
}

func scanLetter(rows *sql.Rows) (parking.Letter, error) {
	var (
		l          parking.Letter
		key, value bool
		headers    string
		parked     any
	)
	err := rows.Scan(&l.Topic, &l.TopicID, &l.Partition, &l.Offset, &l.Group, &l.DeadLetter,
		&l.Key, &key, &headers, &l.Value, &value, &l.Refusal, &parked)
	if err != nil {
		return parking.Letter{}, err
	}
	// The driver hands out an empty blob as none.
	if key && l.Key == nil {
		l.Key = []byte{}
	}
	if value && l.Value == nil {
		l.Value = []byte{}
	}
	if l.ParkedAt, err = instant(parked); err != nil {
		return parking.Letter{}, err
	}
	return l, json.Unmarshal([]byte(headers), &l.Headers)
}

// Count implements [parking.Store].
func (s *Parking) Count(ctx context.Context, f parking.Filter) (map[string]int, error) {
	rows, err := s.db.read.QueryContext(ctx, `SELECT dead_letter, count(*) FROM parked_letters WHERE `+meant+` GROUP BY dead_letter`, f.Group, f.DeadLetter)
	if err != nil {
		return nil, fmt.Errorf("count parked dead letters: %w", err)
	}
	defer rows.Close()
	counts := map[string]int{}
	for rows.Next() {
		var topic string
		var n int
		if err := rows.Scan(&topic, &n); err != nil {
			return nil, fmt.Errorf("count parked dead letters: %w", err)
		}
		counts[topic] = n
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("count parked dead letters: %w", err)
	}
	return counts, nil
}

// Remove implements [parking.Store].
func (s *Parking) Remove(ctx context.Context, at parking.Place) error {
	if err := at.Validate(); err != nil {
		return fmt.Errorf("remove a parked dead letter: %w", err)
	}
	_, err := s.db.write.ExecContext(ctx, `DELETE FROM parked_letters
WHERE topic = ? AND topic_id = ? AND "partition" = ? AND "offset" = ? AND consumer_group = ?`,
		at.Topic, at.TopicID, at.Partition, at.Offset, at.Group)
	if err != nil {
		return fmt.Errorf("remove the parked dead letter of %v: %w", at, err)
	}
	return nil
}
