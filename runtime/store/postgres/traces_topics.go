package postgres

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/jackc/pgx/v5"

	"github.com/omninode/trestle/runtime/eventtrace"
)

// Topics implements [eventtrace.Store].
func (s *Traces) Topics(ctx context.Context) (map[string]string, error) {
	rows, err := s.db.pool.Query(ctx, `SELECT topic, topic_id::text FROM trace_topics`)
	if err != nil {
		return nil, fmt.Errorf("read the trace's topics: %w", err)
	}
	ids := map[string]string{}
	var topic, id string
	if _, err = pgx.ForEachRow(rows, []any{&topic, &id}, func() error { ids[topic] = id; return nil }); err != nil {
		return nil, fmt.Errorf("read the trace's topics: %w", err)
	}
	return ids, nil
}

// Adopt implements [eventtrace.Store]. What is stored of a topic whose id was not known gets it in many small transactions,
// so that nobody waits for them; only when all has it is the topic adopted.
func (s *Traces) Adopt(ctx context.Context, topic, id string, same bool) error {
	if err := eventtrace.CheckTopicID(topic, id); err != nil {
		return err
	}
	known := ""
	err := s.db.pool.QueryRow(ctx, `SELECT topic_id::text FROM trace_topics WHERE topic = $1`, topic).Scan(&known)
	if errors.Is(err, pgx.ErrNoRows) {
		err = nil
		if same {
			err = s.identify(ctx, topic, id)
		}
	}
	if err == nil && known != id {
		err = pgx.BeginFunc(ctx, s.db.pool, func(tx pgx.Tx) error { return setTopic(ctx, tx, topic, id, same) })
	}
	if err != nil {
		return fmt.Errorf("store the id of topic %s: %w", topic, err)
	}
	return nil
}

// setTopic adopts a topic. Others may have done so meanwhile.
func setTopic(ctx context.Context, tx pgx.Tx, topic, id string, same bool) error {
	known := id
	if !same {
		known = "" // of whichever topic
	}
	err := tx.QueryRow(ctx, `SELECT topic_id::text FROM trace_topics WHERE topic = $1 FOR UPDATE`, topic).Scan(&known)
	switch {
	case err != nil && !errors.Is(err, pgx.ErrNoRows):
		return err
	case err == nil && known == id:
		return nil
	case known != id:
		if _, err := tx.Exec(ctx, `DELETE FROM trace_progress WHERE topic = $1`, topic); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, `INSERT INTO trace_topics (topic, topic_id) VALUES ($1, $2::text::uuid)
ON CONFLICT (topic) DO UPDATE SET topic_id = excluded.topic_id, updated_at = now()`, topic, id)
	return err
}

// placesAtOnce is how many places of a partition's log get their topic's id in one transaction.
const placesAtOnce = 10_000

// identify gives what is stored of a topic whose id was not known that id.
func (s *Traces) identify(ctx context.Context, topic, id string) error {
	const unknown = `topic = $1 AND topic_id = '00000000-0000-0000-0000-000000000000'`
	for {
		var partition int32
		var offset int64
		err := s.db.pool.QueryRow(ctx, `SELECT "partition", "offset" FROM event_logs WHERE `+unknown+` ORDER BY "partition", "offset" LIMIT 1`, topic).
			Scan(&partition, &offset)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err == nil {
			_, err = s.db.pool.Exec(ctx, `UPDATE event_logs SET topic_id = $2::text::uuid WHERE `+unknown+
				` AND "partition" = $3 AND "offset" BETWEEN $4 AND $5`, topic, id, partition, offset, offset+min(placesAtOnce, math.MaxInt64-offset))
		}
		if err != nil {
			return err
		}
	}
}
