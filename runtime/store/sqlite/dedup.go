package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/omninode/trestle/runtime/dedup"
)

// Dedup is the [dedup.Store] of a file.
type Dedup struct {
	db *Database
}

var _ dedup.Store = (*Dedup)(nil)

// Dedup returns the file's notes of events that were handled.
func (d *Database) Dedup() *Dedup { return &Dedup{db: d} }

// InTx is [Database.InTx].
func (s *Dedup) InTx(ctx context.Context, f func(ctx context.Context) error) error {
	return s.db.InTx(ctx, f)
}

// Remember implements [dedup.Store].
func (s *Dedup) Remember(ctx context.Context, group, id string) (bool, error) {
	tx, ok := TxFrom(ctx)
	if !ok {
		return false, errors.New("the context carries no transaction: call it in Database.InTx")
	}
	added, err := tx.ExecContext(ctx, `INSERT INTO trestle_handled (consumer_group, event_id, handled_at) VALUES (?, ?, ?)
		ON CONFLICT DO NOTHING`, group, id, stamp(time.Now()))
	if err != nil {
		return false, err
	}
	n, err := added.RowsAffected()
	return n == 1, err
}

// Forget implements [dedup.Store].
func (s *Dedup) Forget(ctx context.Context, before time.Time, n int) (int, error) {
	removed, err := s.db.write.ExecContext(ctx, `DELETE FROM trestle_handled WHERE (event_id, consumer_group) IN (
		SELECT event_id, consumer_group FROM trestle_handled WHERE handled_at < ? ORDER BY handled_at LIMIT ?)`, stamp(before), n)
	if err != nil {
		return 0, fmt.Errorf("forget events that were handled: %w", err)
	}
	gone, err := removed.RowsAffected()
	return int(gone), err
}
