package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"

	"github.com/jackc/pgx/v5"

	"github.com/omninode/trestle/runtime/parking"
)

// Parking is the [parking.Store] of a database.
type Parking struct {
	db *Database
}

var _ parking.Store = (*Parking)(nil)

// Parking returns the database's parked dead letters.
func (d *Database) Parking() *Parking { return &Parking{db: d} }

const parkLetter = `INSERT INTO parked_letters (topic, topic_id, "partition", "offset", consumer_group, dead_letter, "key", headers, value,
	refusal, parked_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
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
	_, err = s.db.pool.Exec(ctx, parkLetter, l.Topic, id(l.TopicID), l.Partition, l.Offset, l.Group, l.DeadLetter, l.Key, headers, l.Value,
		l.Refusal, l.ParkedAt)
	if err != nil {
		return fmt.Errorf("park the dead letter of %v: %w", l.Place, err)
	}
	return nil
}

// meant is the condition of a filter, whose values are the first two parameters.
const meant = `($1 = '' OR consumer_group = $1) AND ($2 = '' OR dead_letter = $2)`

// List implements [parking.Store].
func (s *Parking) List(ctx context.Context, f parking.Filter) iter.Seq2[parking.Letter, error] {
	return func(yield func(parking.Letter, error) bool) {
		// Who stops early has the connection closed: else all that is left would be read to keep it.
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		rows, err := s.db.pool.Query(ctx, `SELECT topic, topic_id::text, "partition", "offset", consumer_group, dead_letter, "key", headers, value,
	refusal, parked_at
FROM parked_letters WHERE `+meant+` ORDER BY topic, topic_id, "partition", "offset", consumer_group`, f.Group, f.DeadLetter)
		if err != nil {
			yield(parking.Letter{}, fmt.Errorf("list parked dead letters: %w", err))
			return
		}
		stopped := false
		defer func() {
			if stopped {
				cancel()
			}
			rows.Close()
		}()
		for rows.Next() {
			l, err := scanLetter(rows)
			if err != nil {
				stopped = true
				yield(parking.Letter{}, fmt.Errorf("list parked dead letters: %w", err))
				return
			}
			if !yield(l, nil) {
				stopped = true
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(parking.Letter{}, fmt.Errorf("list parked dead letters: %w", err))
		}
	}
}

func scanLetter(rows pgx.Rows) (parking.Letter, error) {
	var l parking.Letter
	var headers []byte
	err := rows.Scan(&l.Topic, &l.TopicID, &l.Partition, &l.Offset, &l.Group, &l.DeadLetter, &l.Key, &headers, &l.Value, &l.Refusal, &l.ParkedAt)
	if err != nil {
		return parking.Letter{}, err
	}
	l.ParkedAt = l.ParkedAt.UTC()
	return l, json.Unmarshal(headers, &l.Headers)
}

// Count implements [parking.Store].
func (s *Parking) Count(ctx context.Context, f parking.Filter) (map[string]int, error) {
	rows, err := s.db.pool.Query(ctx, `SELECT dead_letter, count(*) FROM parked_letters WHERE `+meant+` GROUP BY dead_letter`, f.Group, f.DeadLetter)
	if err != nil {
		return nil, fmt.Errorf("count parked dead letters: %w", err)
	}
	counts := map[string]int{}
	var topic string
	var n int
	_, err = pgx.ForEachRow(rows, []any{&topic, &n}, func() error {
		counts[topic] = n
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("count parked dead letters: %w", err)
	}
	return counts, nil
}

// Remove implements [parking.Store].
func (s *Parking) Remove(ctx context.Context, at parking.Place) error {
	if err := at.Validate(); err != nil {
		return fmt.Errorf("remove a parked dead letter: %w", err)
	}
	_, err := s.db.pool.Exec(ctx, `DELETE FROM parked_letters
WHERE topic = $1 AND topic_id = $2 AND "partition" = $3 AND "offset" = $4 AND consumer_group = $5`,
		at.Topic, id(at.TopicID), at.Partition, at.Offset, at.Group)
	if err != nil {
		return fmt.Errorf("remove the parked dead letter of %v: %w", at, err)
	}
	return nil
}
