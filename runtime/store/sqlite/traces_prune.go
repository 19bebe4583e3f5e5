package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/omninode/trestle/runtime/eventtrace"
)

const (
	// deletedAtOnce is how many rows go in one transaction: those who write wait for no more.
	deletedAtOnce = 500
	// pagesAtOnce is how many pages are given back in one transaction.
	pagesAtOnce = 1000
)

// staleRows are the conditions of what is older than ?1, which is ?3 as text, where times after ?2 are nobody's.
var staleRows = []string{
	indexedTime("event_logs") + " < ?1 AND ?2 IS NOT NULL AND ?3 IS NOT NULL",
	indexedTime("event_logs") + " >= ?2 AND created_at < ?3 AND ?1 IS NOT NULL",
}

func staleTimes(before time.Time) []any {
	return []any{before.UnixMicro(), time.Now().Add(eventtrace.Ahead).UnixMicro(), stamp(before)}
}

// Prunable implements [eventtrace.Store].
func (s *Traces) Prunable(ctx context.Context, before time.Time) (p eventtrace.Pruned, err error) {
	if err := eventtrace.CheckPrune(before); err != nil {
		return p, err
	}
	for _, where := range staleRows {
		var n, bytes int64
		err := s.db.read.QueryRowContext(ctx, "SELECT count(*), coalesce(sum(length(CAST(coalesce(payload, value, '') AS blob))), 0) FROM event_logs WHERE "+where,
			staleTimes(before)...).Scan(&n, &bytes)
		if err != nil {
			return p, fmt.Errorf("look for what is older in the trace: %w", err)
		}
		p.Deleted += n
		p.Bytes += bytes
	}
	return p, nil
}

// Prune implements [eventtrace.Store].
func (s *Traces) Prune(ctx context.Context, before time.Time) (eventtrace.Pruned, error) {
	p, err := s.prune(ctx, before)
	if err != nil {
		return p, fmt.Errorf("prune the trace: %w", err)
	}
	return p, nil
}

func (s *Traces) prune(ctx context.Context, before time.Time) (p eventtrace.Pruned, err error) {
	if err := eventtrace.CheckPrune(before); err != nil {
		return p, err
	}
	used, err := usedBytes(ctx, s.db.write)
	if err != nil {
		return p, err
	}
	for _, where := range staleRows {
		for n := int64(deletedAtOnce); n == deletedAtOnce; {
			result, err := s.db.write.ExecContext(ctx, "DELETE FROM event_logs WHERE rowid IN (SELECT rowid FROM event_logs WHERE "+where+" LIMIT ?4)",
				append(staleTimes(before), deletedAtOnce)...)
			if err == nil {
				n, err = result.RowsAffected()
			}
			if err != nil {
				return p, err
			}
			p.Deleted += n
		}
	}
	left, err := usedBytes(ctx, s.db.write)
	if err != nil {
		return p, err
	}
	p.Bytes = max(0, used-left)
	return p, giveBack(ctx, s.db.write)
}

// usedBytes is how much of the file holds something.
func usedBytes(ctx context.Context, db *sql.DB) (n int64, err error) {
	err = db.QueryRowContext(ctx, `SELECT (c.page_count - f.freelist_count) * s.page_size
		FROM pragma_page_count() AS c, pragma_freelist_count() AS f, pragma_page_size() AS s`).Scan(&n)
	return n, err
}

// giveBack shortens a file that was made to be by the pages that hold nothing. Another uses them again.
func giveBack(ctx context.Context, db *sql.DB) error {
	for before := int64(-1); ; {
		var free int64
		if err := db.QueryRowContext(ctx, "PRAGMA freelist_count").Scan(&free); err != nil {
			return err
		}
		if free == 0 || free == before {
			return nil
		}
		before = free
		rows, err := db.QueryContext(ctx, fmt.Sprintf("PRAGMA incremental_vacuum(%d)", pagesAtOnce))
		if err != nil {
			return err
		}
		for rows.Next() { // each gives a page back
		}
		if err := rows.Err(); err != nil {
			return err
		}
	}
}
