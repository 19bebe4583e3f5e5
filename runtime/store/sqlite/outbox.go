package sqlite

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/outbox"
)

// Outbox is the outbox of a file: of publishers, who write into it, and of relays ([outbox.Store]).
type Outbox struct {
	db *Database
}

var _ outbox.Store = (*Outbox)(nil)

// Outbox returns the file's outbox.
func (d *Database) Outbox() *Outbox { return &Outbox{db: d} }

// Add writes the record of an event in the transaction that ctx carries; see [WithTx]. It fails with
// [outbox.ErrNoTransaction] where there is none.
func (o *Outbox) Add(ctx context.Context, eventID string, record kafka.Record) error {
	tx, ok := TxFrom(ctx)
	if !ok {
		return fmt.Errorf("%w: give it one with sqlite.WithTx, or by Database.InTx", outbox.ErrNoTransaction)
	}
	headers, err := event.StoredHeaders(record.Headers).MarshalJSON()
	if err != nil {
		return err
	}
	key, lane := outbox.Place(eventID, &record)
	_, err = tx.ExecContext(ctx, `INSERT INTO trestle_outbox (lane, key_hash, event_id, topic, "key", value, headers, created_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
		lane, key, eventID, record.Topic, blob(record.Key), blob(record.Value), string(headers), stamp(time.Now()))
	return err
}

// Lease implements [outbox.Store].
func (o *Outbox) Lease(ctx context.Context, relay string, d time.Duration) (leases []outbox.Lease, share int, err error) {
	now := time.Now()
	present, until := stamp(now), stamp(now.Add(d))
	err = o.inTx(ctx, "lease lanes", func(tx *sql.Tx) error {
		if err := exec(ctx, tx, `INSERT INTO trestle_outbox_relays (relay, until) VALUES (?, ?)
			ON CONFLICT (relay) DO UPDATE SET until = excluded.until`, relay, until); err != nil {
			return err
		}
		if err := exec(ctx, tx, `DELETE FROM trestle_outbox_relays WHERE until < ? AND relay <> ?`, present, relay); err != nil {
			return err
		}
		if err := tx.QueryRowContext(ctx, `SELECT (? + count(*) - 1) / count(*) FROM trestle_outbox_relays`, outbox.Lanes).Scan(&share); err != nil {
			return err
		}
		if err := exec(ctx, tx, `UPDATE trestle_outbox_lanes SET relay = ?1, leased_until = ?2
			WHERE relay = ?1 OR lane IN (
				SELECT lane FROM trestle_outbox_lanes WHERE relay IS NULL OR relay <> ?1 AND leased_until < ?3 ORDER BY lane
				LIMIT max(0, ?4 - (SELECT count(*) FROM trestle_outbox_lanes WHERE relay = ?1)))`, relay, until, present, share); err != nil {
			return err
		}
		rows, err := tx.QueryContext(ctx, `SELECT lane, transactional_id FROM trestle_outbox_lanes WHERE relay = ? ORDER BY lane`, relay)
		if err != nil {
			return err
		}
		leases, err = collect(rows, func(rows *sql.Rows) (outbox.Lease, error) {
			l := outbox.Lease{Relay: relay}
			return l, rows.Scan(&l.Lane, &l.TransactionalID)
		})
		return err
	})
	return leases, share, err
}

// Leave implements [outbox.Store].
func (o *Outbox) Leave(ctx context.Context, relay string) error {
	return o.inTx(ctx, "give back lanes", func(tx *sql.Tx) error {
		if err := exec(ctx, tx, `UPDATE trestle_outbox_lanes SET relay = NULL, leased_until = NULL WHERE relay = ?`, relay); err != nil {
			return err
		}
		return exec(ctx, tx, `DELETE FROM trestle_outbox_relays WHERE relay = ?`, relay)
	})
}

// Begun implements [outbox.Store].
func (o *Outbox) Begun(ctx context.Context, lease outbox.Lease) (b outbox.Batch, err error) {
	err = o.inTx(ctx, "read a lane's batch", func(tx *sql.Tx) error {
		var ids string
		var position sql.NullString
		err := tx.QueryRowContext(ctx, `SELECT number, row_ids, "position" FROM trestle_outbox_lanes WHERE lane = ? AND relay = ?`,
			lease.Lane, lease.Relay).Scan(&b.Number, &ids, &position)
		if err != nil {
			return lostIfNone(err)
		}
		if position.Valid {
			if err := json.Unmarshal([]byte(position.String), &b.Position); err != nil {
				return err
			}
		}
		b.Rows, err = rowsOf(ctx, tx, ids)
		return err
	})
	return b, err
}

// idle says whether the lane has nothing to do: its batch has no rows, and none waits.
const idle = `SELECT row_ids = '[]'
	AND NOT EXISTS (SELECT 1 FROM trestle_outbox WHERE lane = ?1 AND NOT aside)
	AND NOT EXISTS (SELECT 1 FROM trestle_outbox_refused WHERE lane = ?1 AND retry_at <= ?2)
FROM trestle_outbox_lanes WHERE lane = ?1 AND relay = ?3 AND number = ?4`

const rowColumns = `id, event_id, topic, "key", "key" IS NOT NULL, value, value IS NOT NULL, headers, created_at || ''`

// oldestRows selects, of the rows of a condition with one parameter, the oldest until they are enough: a number of rows, or of bytes of
// their values, which are the next two.
func oldestRows(condition string) string {
	return `SELECT ` + rowColumns + ` FROM (
	SELECT *, sum(size) OVER (ORDER BY id) - size AS before FROM (
		SELECT *, coalesce(length(value), 0) AS size FROM trestle_outbox o WHERE ` + condition + ` ORDER BY id LIMIT ?))
WHERE before < ? ORDER BY id`
}

var (
	// readyRows are those of a lane.
	readyRows = oldestRows(`lane = ? AND NOT aside AND NOT EXISTS (SELECT 1 FROM trestle_outbox_refused r WHERE r.key_hash = o.key_hash)`)
	// dueRows are those of the ids in a JSON array.
	dueRows = oldestRows(`id IN (SELECT value FROM json_each(?))`)
)

// asideRows sets aside, of the oldest rows of a lane, those of keys that are held up, so that they are not passed over again and again.
const asideRows = `UPDATE trestle_outbox SET aside = 1 WHERE id IN (
	SELECT id FROM (SELECT id, key_hash FROM trestle_outbox WHERE lane = ? AND NOT aside ORDER BY id LIMIT ?)
	JOIN trestle_outbox_refused USING (key_hash))`

// Next implements [outbox.Store].
func (o *Outbox) Next(ctx context.Context, lease outbox.Lease, finished int64, rows, bytes int, position func(string) outbox.Position) (b outbox.Batch, err error) {
	var nothing bool
	err = o.db.read.QueryRowContext(ctx, idle, lease.Lane, stamp(time.Now()), lease.Relay, finished).Scan(&nothing)
	if err != nil {
		return outbox.Batch{}, fmt.Errorf("look for rows of the outbox: %w", lostIfNone(err))
	}
	if nothing { // without a write: lanes wait most of the time
		return outbox.Batch{Number: finished}, nil
	}
	err = o.inTx(ctx, "begin a batch of the outbox", func(tx *sql.Tx) error {
		held, err := finish(ctx, tx, lease, finished)
		if err != nil {
			return err
		}
		b = outbox.Batch{Number: finished + 1}
		if held {
			var due string
			if err := tx.QueryRowContext(ctx, `SELECT json_group_array(row_id) FROM (SELECT row_id FROM trestle_outbox_refused
				WHERE lane = ? AND retry_at <= ? ORDER BY row_id LIMIT ?)`, lease.Lane, stamp(time.Now()), rows).Scan(&due); err != nil {
				return err
			}
			if b.Rows, err = collectRows(ctx, tx, dueRows, due, rows, bytes); err != nil {
				return err
			}
			if err := exec(ctx, tx, asideRows, lease.Lane, rows); err != nil {
				return err
			}
		}
		if len(b.Rows) == 0 {
			if b.Rows, err = collectRows(ctx, tx, readyRows, lease.Lane, rows, bytes); err != nil {
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

// lock begins with a write, so that the transaction, which may have been begun deferred, waits for its turn here and nowhere else.
func lock(ctx context.Context, tx *sql.Tx, lease outbox.Lease, number int64) error {
	result, err := tx.ExecContext(ctx, `UPDATE trestle_outbox_lanes SET number = number WHERE lane = ? AND relay = ? AND number = ?`,
		lease.Lane, lease.Relay, number)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, outbox.ErrLost)
	}
	return nil
}

// finish removes the rows of the lane's batch, and says whether keys of the lane are held up.
func finish(ctx context.Context, tx *sql.Tx, lease outbox.Lease, number int64) (held bool, err error) {
	if err := lock(ctx, tx, lease, number); err != nil {
		return false, err
	}
	var ids string
	err = tx.QueryRowContext(ctx, `SELECT row_ids, EXISTS (SELECT 1 FROM trestle_outbox_refused r WHERE r.lane = l.lane)
		FROM trestle_outbox_lanes l WHERE lane = ?`, lease.Lane).Scan(&ids, &held)
	if err != nil {
		return held, err
	}
	if err := exec(ctx, tx, `DELETE FROM trestle_outbox WHERE id IN (SELECT value FROM json_each(?))`, ids); err != nil || !held {
		return held, err
	}
	if err := exec(ctx, tx, `UPDATE trestle_outbox SET aside = 0 WHERE aside AND key_hash IN (
		SELECT key_hash FROM trestle_outbox_refused WHERE row_id IN (SELECT value FROM json_each(?)))`, ids); err != nil {
		return held, err
	}
	return held, exec(ctx, tx, `DELETE FROM trestle_outbox_refused WHERE row_id IN (SELECT value FROM json_each(?))`, ids)
}

// setBatch makes b the lane's batch.
func setBatch(ctx context.Context, tx *sql.Tx, lease outbox.Lease, b outbox.Batch) error {
	position, err := json.Marshal(b.Position)
	if err != nil {
		return err
	}
	ids := make([]int64, len(b.Rows))
	for i := range b.Rows {
		ids[i] = b.Rows[i].ID
	}
	list, err := json.Marshal(ids)
	if err != nil {
		return err
	}
	return exec(ctx, tx, `UPDATE trestle_outbox_lanes SET number = ?, row_ids = ?, "position" = ? WHERE lane = ?`,
		b.Number, string(list), string(position), lease.Lane)
}

// Amend implements [outbox.Store].
func (o *Outbox) Amend(ctx context.Context, lease outbox.Lease, b outbox.Batch, refused []outbox.Refusal, retry outbox.Retry) error {
	return o.inTx(ctx, "set rows of the outbox aside", func(tx *sql.Tx) error {
		if err := lock(ctx, tx, lease, b.Number); err != nil {
			return err
		}
		now := time.Now()
		for _, r := range refused {
			key, _ := outbox.Place(r.Row.EventID, &r.Row.Record)
			var attempts int
			err := tx.QueryRowContext(ctx, `SELECT attempts FROM trestle_outbox_refused WHERE key_hash = ?`, key).Scan(&attempts)
			if err != nil && !errors.Is(err, sql.ErrNoRows) {
				return err
			}
			wait := min(float64(retry.Highest), float64(retry.Lowest)*math.Pow(2, float64(min(attempts, 30))))
			if err := exec(ctx, tx, `INSERT INTO trestle_outbox_refused (key_hash, lane, row_id, topic, attempts, error, since, retry_at)
				VALUES (?, ?, ?, ?, 1, ?, ?, ?)
				ON CONFLICT (key_hash) DO UPDATE SET row_id = excluded.row_id, topic = excluded.topic, error = excluded.error,
					attempts = attempts + 1, retry_at = excluded.retry_at`,
				key, lease.Lane, r.Row.ID, r.Row.Record.Topic, r.Err, stamp(now), stamp(now.Add(time.Duration(wait)))); err != nil {
				return err
			}
			if err := exec(ctx, tx, `UPDATE trestle_outbox SET aside = 1 WHERE id = ?`, r.Row.ID); err != nil {
				return err
			}
		}
		return setBatch(ctx, tx, lease, b)
	})
}

// Release implements [outbox.Store].
func (o *Outbox) Release(ctx context.Context, lease outbox.Lease, finished int64) error {
	return o.inTx(ctx, "give back a lane", func(tx *sql.Tx) error {
		if _, err := finish(ctx, tx, lease, finished); err != nil {
			return err
		}
		return exec(ctx, tx, `UPDATE trestle_outbox_lanes SET number = number + 1, row_ids = '[]', "position" = NULL,
			relay = NULL, leased_until = NULL WHERE lane = ?`, lease.Lane)
	})
}

// Status implements [outbox.Store].
func (o *Outbox) Status(ctx context.Context) (s outbox.Status, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("count the outbox: %w", err)
		}
	}()
	s.Now = time.Now()
	var oldest sql.NullString
	err = o.db.read.QueryRowContext(ctx, `SELECT count(*), min(created_at), (SELECT count(*) FROM trestle_outbox_refused)
		FROM trestle_outbox`).Scan(&s.Depth, &oldest, &s.RefusedKeys)
	if err != nil {
		return s, err
	}
	if oldest.Valid {
		if s.Oldest, err = time.Parse(layout, oldest.String); err != nil {
			return s, err
		}
	}
	rows, err := o.db.read.QueryContext(ctx, `SELECT row_id, topic, attempts, error, since || '', retry_at || '' FROM trestle_outbox_refused
		ORDER BY since, row_id LIMIT ?`, outbox.MaxRefused)
	if err != nil {
		return s, err
	}
	s.Refused, err = collect(rows, func(rows *sql.Rows) (r outbox.RefusedRow, err error) {
		var since, next string
		if err := rows.Scan(&r.ID, &r.Topic, &r.Attempts, &r.Err, &since, &next); err != nil {
			return r, err
		}
		if r.Since, err = time.Parse(layout, since); err != nil {
			return r, err
		}
		r.Next, err = time.Parse(layout, next)
		return r, err
	})
	return s, err
}

// Listen implements [outbox.Store]: SQLite tells nobody of commits.
func (o *Outbox) Listen(ctx context.Context, _ func()) error {
	<-ctx.Done()
	return nil
}

func (o *Outbox) inTx(ctx context.Context, what string, f func(*sql.Tx) error) error {
	if err := o.db.inTx(ctx, f); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func exec(ctx context.Context, tx *sql.Tx, statement string, args ...any) error {
	_, err := tx.ExecContext(ctx, statement, args...)
	return err
}

func lostIfNone(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return outbox.ErrLost
	}
	return err
}

// rowsOf returns the rows of the ids in a JSON array.
func rowsOf(ctx context.Context, tx *sql.Tx, ids string) ([]outbox.Row, error) {
	if ids == "[]" {
		return nil, nil
	}
	return collectRows(ctx, tx, `SELECT `+rowColumns+` FROM trestle_outbox WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id`, ids)
}

func collectRows(ctx context.Context, tx *sql.Tx, query string, args ...any) ([]outbox.Row, error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	return collect(rows, scanRow)
}

func scanRow(rows *sql.Rows) (r outbox.Row, err error) {
	var headers, created string
	var hasKey, hasValue bool
	to := &r.Record
	if err := rows.Scan(&r.ID, &r.EventID, &to.Topic, &to.Key, &hasKey, &to.Value, &hasValue, &headers, &created); err != nil {
		return r, err
	}
	to.Key, to.Value = present(to.Key, hasKey), present(to.Value, hasValue)
	if r.Created, err = time.Parse(layout, created); err != nil {
		return r, err
	}
	return r, (*event.StoredHeaders)(&to.Headers).UnmarshalJSON([]byte(headers))
}

// present is a blob of which the driver may say none when it is empty.
func present(b []byte, is bool) []byte {
	if is && b == nil {
		return []byte{}
	}
	return b
}

func collect[T any](rows *sql.Rows, scan func(*sql.Rows) (T, error)) (all []T, err error) {
	defer rows.Close()
	for rows.Next() {
		one, err := scan(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}
