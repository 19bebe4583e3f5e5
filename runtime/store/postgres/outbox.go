package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/outbox"
)

// Outbox is the outbox of a database: of publishers, who write into it, and of relays ([outbox.Store]).
type Outbox struct {
	db *Database
}

var _ outbox.Store = (*Outbox)(nil)

// Outbox returns the database's outbox. It needs PostgreSQL 13 or later.
func (d *Database) Outbox() *Outbox { return &Outbox{db: d} }

// channel is where relays listen.
const channel = "trestle_outbox"

// notifyEvery is the shortest time between two notifications by one process. Commits that notify take turns in the whole server,
// so not each may; relays look by themselves soon after they have found something.
const notifyEvery = 20 * time.Millisecond

const addRow = `INSERT INTO trestle_outbox (lane, key_hash, event_id, topic, "key", value, headers) VALUES ($1, $2, $3, $4, $5, $6, $7)`

const addRowNotifying = `WITH added AS (` + addRow + `) SELECT pg_notify('` + channel + `', '')`

// Add writes the record of an event in the transaction that ctx carries; see [WithTx]. It fails with
// [outbox.ErrNoTransaction] where there is none.
func (o *Outbox) Add(ctx context.Context, eventID string, record kafka.Record) error {
	tx, ok := TxFrom(ctx)
	if !ok {
		return fmt.Errorf("%w: give it one with postgres.WithTx, or by Database.InTx", outbox.ErrNoTransaction)
	}
	headers, err := event.StoredHeaders(record.Headers).MarshalJSON()
	if err != nil {
		return err
	}
	key, lane := outbox.Place(eventID, &record)
	statement := addRow
	if o.mayNotify() {
		statement = addRowNotifying
	}
	_, err = tx.Exec(ctx, statement, lane, key, eventID, record.Topic, record.Key, record.Value, headers)
	return err
}

func (o *Outbox) mayNotify() bool {
	now, last := time.Now().UnixNano(), o.db.notified.Load()
	return now-last >= int64(notifyEvery) && o.db.notified.CompareAndSwap(last, now)
}

// Lease implements [outbox.Store].
func (o *Outbox) Lease(ctx context.Context, relay string, d time.Duration) (leases []outbox.Lease, share int, err error) {
	err = o.inTx(ctx, "lease lanes", func(tx pgx.Tx) error {
		// Relays take turns, so that none counts on what another is taking.
		if _, err := tx.Exec(ctx, `SELECT 1 FROM trestle_outbox_lanes ORDER BY lane FOR UPDATE`); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO trestle_outbox_relays (relay, until) VALUES ($1, clock_timestamp() + $2)
			ON CONFLICT (relay) DO UPDATE SET until = excluded.until`, relay, d); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM trestle_outbox_relays WHERE until < clock_timestamp() AND relay <> $1`, relay); err != nil {
			return err
		}
		if err := tx.QueryRow(ctx, `SELECT ($1 + count(*) - 1) / count(*) FROM trestle_outbox_relays`, outbox.Lanes).Scan(&share); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE trestle_outbox_lanes SET relay = $1, leased_until = clock_timestamp() + $2
			WHERE relay = $1 OR lane IN (
				SELECT lane FROM trestle_outbox_lanes WHERE relay IS NULL OR relay <> $1 AND leased_until < clock_timestamp() ORDER BY lane
				LIMIT greatest(0, $3 - (SELECT count(*) FROM trestle_outbox_lanes WHERE relay = $1)))`, relay, d, share); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, `SELECT lane, relay, transactional_id FROM trestle_outbox_lanes WHERE relay = $1 ORDER BY lane`, relay)
		if err != nil {
			return err
		}
		leases, err = pgx.CollectRows(rows, pgx.RowToStructByPos[outbox.Lease])
		return err
	})
	return leases, share, err
}

// Leave implements [outbox.Store].
func (o *Outbox) Leave(ctx context.Context, relay string) error {
	return o.inTx(ctx, "give back lanes", func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `UPDATE trestle_outbox_lanes SET relay = NULL, leased_until = NULL WHERE relay = $1`, relay); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `DELETE FROM trestle_outbox_relays WHERE relay = $1`, relay)
		return err
	})
}

// Begun implements [outbox.Store].
func (o *Outbox) Begun(ctx context.Context, lease outbox.Lease) (b outbox.Batch, err error) {
	err = o.inTx(ctx, "read a lane's batch", func(tx pgx.Tx) error {
		var ids []int64
		var position []byte
		err := tx.QueryRow(ctx, `SELECT number, row_ids, "position" FROM trestle_outbox_lanes WHERE lane = $1 AND relay = $2 FOR UPDATE`,
			lease.Lane, lease.Relay).Scan(&b.Number, &ids, &position)
		if err != nil {
			return lostIfNone(err)
		}
		if position != nil {
			if err := json.Unmarshal(position, &b.Position); err != nil {
				return err
			}
		}
		b.Rows, err = rowsOf(ctx, tx, ids)
		return err
	})
	return b, err
}

// idle says whether the lane has nothing to do: its batch has no rows, and none waits.
const idle = `SELECT cardinality(row_ids) = 0
	AND NOT EXISTS (SELECT FROM trestle_outbox WHERE lane = $1 AND NOT aside)
	AND NOT EXISTS (SELECT FROM trestle_outbox_refused WHERE lane = $1 AND retry_at <= clock_timestamp())
FROM trestle_outbox_lanes WHERE lane = $1 AND relay = $2 AND number = $3`

const rowColumns = `id, event_id, topic, "key", value, headers, created_at`

// oldestRows selects, of the rows of a condition on $1, the oldest until they are enough: $2 rows, or $3 bytes of their values.
func oldestRows(condition string) string {
	return `SELECT ` + rowColumns + ` FROM (
	SELECT *, sum(size) OVER (ORDER BY id) - size AS before FROM (
		SELECT *, coalesce(octet_length(value), 0) AS size FROM trestle_outbox o WHERE ` + condition + ` ORDER BY id LIMIT $2) AS oldest) AS sized
WHERE before < $3 ORDER BY id`
}

var (
	// readyRows are those of a lane of which no key is held up.
	readyRows = oldestRows(`lane = $1 AND NOT aside`)
	// freeRows are those of a lane of keys that are not held up.
	freeRows = oldestRows(`lane = $1 AND NOT aside AND NOT EXISTS (SELECT FROM trestle_outbox_refused r WHERE r.key_hash = o.key_hash)`)
	// dueRows are those of an array of ids.
	dueRows = oldestRows(`id = ANY($1)`)
)

// asideRows sets aside, of the oldest rows of a lane, those of keys that are held up, so that they are not passed over again and again.
const asideRows = `UPDATE trestle_outbox SET aside = true WHERE id IN (
	SELECT id FROM (SELECT id, key_hash FROM trestle_outbox WHERE lane = $1 AND NOT aside ORDER BY id LIMIT $2) AS oldest
	JOIN trestle_outbox_refused USING (key_hash))`

// Next implements [outbox.Store].
func (o *Outbox) Next(ctx context.Context, lease outbox.Lease, finished int64, rows, bytes int, position func(string) outbox.Position) (b outbox.Batch, err error) {
	var nothing bool
	err = o.db.pool.QueryRow(ctx, idle, lease.Lane, lease.Relay, finished).Scan(&nothing)
	if err != nil {
		return outbox.Batch{}, fmt.Errorf("look for rows of the outbox: %w", lostIfNone(err))
	}
	if nothing { // without a write: lanes wait most of the time
		return outbox.Batch{Number: finished}, nil
	}
	err = o.inTx(ctx, "begin a batch of the outbox", func(tx pgx.Tx) error {
		held, err := finish(ctx, tx, lease, finished)
		if err != nil {
			return err
		}
		b = outbox.Batch{Number: finished + 1}
		if held {
			due, err := tx.Query(ctx, `SELECT row_id FROM trestle_outbox_refused WHERE lane = $1 AND retry_at <= clock_timestamp()
				ORDER BY row_id LIMIT $2`, lease.Lane, rows)
			if err != nil {
				return err
			}
			ids, err := pgx.CollectRows(due, pgx.RowTo[int64])
			if err != nil {
				return err
			}
			if len(ids) > 0 {
				if b.Rows, err = collectRows(ctx, tx, dueRows, ids, rows, bytes); err != nil {
					return err
				}
			}
			if _, err := tx.Exec(ctx, asideRows, lease.Lane, rows); err != nil {
				return err
			}
		}
		if len(b.Rows) == 0 {
			ready := readyRows
			if held {
				ready = freeRows
			}
			if b.Rows, err = collectRows(ctx, tx, ready, lease.Lane, rows, bytes); err != nil {
				return err
			}
		}
		if len(b.Rows) > 0 {
			b.Position = position(b.Rows[0].Record.Topic)
		}
		return setBatch(ctx, tx, lease, b)
	})
	return b, err
}

// lockLane reads a lane's batch, and has rows be looked for by walking through an index: where much waits, of a table whose rows live for
// moments, the planner knows too little, and would read and sort all of a lane's for each batch.
const lockLane = `SELECT row_ids, EXISTS (SELECT FROM trestle_outbox_refused r WHERE r.lane = l.lane),
	set_config('enable_sort', 'off', true) || set_config('enable_bitmapscan', 'off', true) || set_config('enable_seqscan', 'off', true)
FROM trestle_outbox_lanes l WHERE lane = $1 AND relay = $2 AND number = $3 FOR UPDATE`

// finish removes the rows of the lane's batch, and says whether keys of the lane are held up. It keeps the lane locked.
func finish(ctx context.Context, tx pgx.Tx, lease outbox.Lease, number int64) (held bool, err error) {
	var ids []int64
	var settings string
	err = tx.QueryRow(ctx, lockLane, lease.Lane, lease.Relay, number).Scan(&ids, &held, &settings)
	if err != nil || len(ids) == 0 {
		return held, lostIfNone(err)
	}
	if _, err := tx.Exec(ctx, `DELETE FROM trestle_outbox WHERE id = ANY($1)`, ids); err != nil || !held {
		return held, err
	}
	_, err = tx.Exec(ctx, `WITH written AS (DELETE FROM trestle_outbox_refused WHERE row_id = ANY($1) RETURNING key_hash)
		UPDATE trestle_outbox o SET aside = false FROM written WHERE o.aside AND o.key_hash = written.key_hash`, ids)
	return held, err
}

// setBatch makes b the lane's batch.
func setBatch(ctx context.Context, tx pgx.Tx, lease outbox.Lease, b outbox.Batch) error {
	position, err := json.Marshal(b.Position)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE trestle_outbox_lanes SET number = $2, row_ids = $3, "position" = $4 WHERE lane = $1`,
		lease.Lane, b.Number, idsOf(b.Rows), position)
	return err
}

// Amend implements [outbox.Store].
func (o *Outbox) Amend(ctx context.Context, lease outbox.Lease, b outbox.Batch, refused []outbox.Refusal, retry outbox.Retry) error {
	return o.inTx(ctx, "set rows of the outbox aside", func(tx pgx.Tx) error {
		var locked bool
		err := tx.QueryRow(ctx, `SELECT true FROM trestle_outbox_lanes WHERE lane = $1 AND relay = $2 AND number = $3 FOR UPDATE`,
			lease.Lane, lease.Relay, b.Number).Scan(&locked)
		if err != nil {
			return lostIfNone(err)
		}
		for _, r := range refused {
			key, _ := outbox.Place(r.Row.EventID, &r.Row.Record)
			if _, err := tx.Exec(ctx, `INSERT INTO trestle_outbox_refused AS r (key_hash, lane, row_id, topic, attempts, error, retry_at)
				VALUES ($1, $2, $3, $4, 1, $5, clock_timestamp() + $6)
				ON CONFLICT (key_hash) DO UPDATE SET row_id = excluded.row_id, topic = excluded.topic, error = excluded.error,
					attempts = r.attempts + 1, retry_at = clock_timestamp() + least($7, $6 * power(2, least(r.attempts, 30)))`,
				key, lease.Lane, r.Row.ID, r.Row.Record.Topic, r.Err, retry.Lowest, retry.Highest); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, `UPDATE trestle_outbox SET aside = true WHERE id = $1 AND NOT aside`, r.Row.ID); err != nil {
				return err
			}
		}
		return setBatch(ctx, tx, lease, b)
	})
}

// Release implements [outbox.Store].
func (o *Outbox) Release(ctx context.Context, lease outbox.Lease, finished int64) error {
	return o.inTx(ctx, "give back a lane", func(tx pgx.Tx) error {
		if _, err := finish(ctx, tx, lease, finished); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `UPDATE trestle_outbox_lanes SET number = number + 1, row_ids = '{}', "position" = NULL,
			relay = NULL, leased_until = NULL WHERE lane = $1`, lease.Lane)
		return err
	})
}

// Status implements [outbox.Store].
func (o *Outbox) Status(ctx context.Context) (s outbox.Status, err error) {
	err = o.inTx(ctx, "count the outbox", func(tx pgx.Tx) error {
		var oldest *time.Time
		err := tx.QueryRow(ctx, `SELECT count(*), min(created_at), clock_timestamp(), (SELECT count(*) FROM trestle_outbox_refused)
			FROM trestle_outbox`).Scan(&s.Depth, &oldest, &s.Now, &s.RefusedKeys)
		if err != nil {
			return err
		}
		if oldest != nil {
			s.Oldest = *oldest
		}
		rows, err := tx.Query(ctx, `SELECT row_id, topic, attempts, error, since, retry_at FROM trestle_outbox_refused
			ORDER BY since, row_id LIMIT $1`, outbox.MaxRefused)
		if err != nil {
			return err
		}
		s.Refused, err = pgx.CollectRows(rows, pgx.RowToStructByPos[outbox.RefusedRow])
		return err
	})
	return s, err
}

// Listen implements [outbox.Store]. It takes a connection out of the pool, which makes others in its place.
func (o *Outbox) Listen(ctx context.Context, wake func()) error {
	taken, err := o.db.pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("listen to the outbox: %w", err)
	}
	conn := taken.Hijack()
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing was asked of it
	_, err = conn.Exec(ctx, "LISTEN "+channel)
	for err == nil {
		wake() // for what came before it listened
		_, err = conn.WaitForNotification(ctx)
	}
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("listen to the outbox: %w", err)
}

func (o *Outbox) inTx(ctx context.Context, what string, f func(pgx.Tx) error) error {
	if err := pgx.BeginFunc(ctx, o.db.pool, f); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func lostIfNone(err error) error {
	if errors.Is(err, pgx.ErrNoRows) {
		return outbox.ErrLost
	}
	return err
}

func rowsOf(ctx context.Context, tx pgx.Tx, ids []int64) ([]outbox.Row, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	return collectRows(ctx, tx, `SELECT `+rowColumns+` FROM trestle_outbox WHERE id = ANY($1) ORDER BY id`, ids)
}

func collectRows(ctx context.Context, tx pgx.Tx, query string, args ...any) ([]outbox.Row, error) {
	rows, err := tx.Query(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanRow)
}

func scanRow(row pgx.CollectableRow) (r outbox.Row, err error) {
	var headers []byte
	to := &r.Record
	if err := row.Scan(&r.ID, &r.EventID, &to.Topic, &to.Key, &to.Value, &headers, &r.Created); err != nil {
		return r, err
	}
	return r, (*event.StoredHeaders)(&to.Headers).UnmarshalJSON(headers)
}

func idsOf(rows []outbox.Row) []int64 {
	ids := make([]int64, len(rows))
	for i := range rows {
		ids[i] = rows[i].ID
	}
	slices.Sort(ids)
	return ids
}
