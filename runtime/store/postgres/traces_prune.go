package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/kafka"
)

// Dropping a partition keeps everybody out of the trace for a moment, and DETACH CONCURRENTLY, which does not, is refused beside a default
// partition. So it waits no longer than dropWait for those who read, who keep others waiting as long, and tries again after dropPause, for dropPatience.
const (
	dropWait     = 200 * time.Millisecond
	dropPatience = time.Minute
)

var dropPause = kafka.Backoff{Lowest: 200 * time.Millisecond, Highest: 5 * time.Second}

// deletedAtOnce is how many rows of the default partition go in one transaction.
const deletedAtOnce = 1000

// Prunable implements [eventtrace.Store].
func (s *Traces) Prunable(ctx context.Context, before time.Time) (eventtrace.Pruned, error) {
	p, err := s.prunable(ctx, before)
	if err != nil {
		return p, fmt.Errorf("look for what is older in the trace: %w", err)
	}
	return p, nil
}

func (s *Traces) prunable(ctx context.Context, before time.Time) (p eventtrace.Pruned, err error) {
	if err := eventtrace.CheckPrune(before); err != nil {
		return p, err
	}
	if p.Partitions, err = s.partitionsBefore(ctx, before); err != nil {
		return p, err
	}
	for i := range p.Partitions {
		p.Bytes += p.Partitions[i].Bytes
	}
	for _, where := range staleRows {
		var n, bytes int64
		err := s.db.pool.QueryRow(ctx, "SELECT count(*), coalesce(sum("+rowBytes+"), 0) FROM event_logs_default WHERE "+where, before, eventtrace.Ahead).Scan(&n, &bytes)
		if err != nil {
			return p, err
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
	old, err := s.partitionsBefore(ctx, before)
	if err != nil {
		return p, err
	}
	for _, part := range old {
		dropped, err := s.drop(ctx, part.Name)
		if err != nil {
			return p, fmt.Errorf("drop the partition %s: %w", part.Name, err)
		}
		if dropped {
			p.Partitions = append(p.Partitions, part)
			p.Bytes += part.Bytes
		}
	}
	for _, where := range staleRows {
		for n := int64(deletedAtOnce); n == deletedAtOnce; {
			var bytes int64
			err := s.db.pool.QueryRow(ctx, `WITH gone AS (
	DELETE FROM event_logs_default WHERE ctid = ANY (ARRAY(SELECT ctid FROM event_logs_default WHERE `+where+` LIMIT $3)) RETURNING `+rowBytes+` AS bytes
) SELECT count(*), coalesce(sum(bytes), 0) FROM gone`, before, eventtrace.Ahead, deletedAtOnce).Scan(&n, &bytes)
			if err != nil {
				return p, err
			}
			p.Deleted += n
			p.Bytes += bytes
		}
	}
	return p, nil
}

// staleRows are the conditions of what is older than $1 in the default partition, of which times more than $2 ahead are nobody's.
var staleRows = []string{
	"(log_time AT TIME ZONE 'UTC') < ($1::timestamptz AT TIME ZONE 'UTC') AND $2::interval IS NOT NULL",
	"(log_time AT TIME ZONE 'UTC') >= ((now() + $2::interval) AT TIME ZONE 'UTC') AND created_at < $1::timestamptz",
}

const rowBytes = "coalesce(pg_column_size(payload), 0) + coalesce(pg_column_size(value), 0)"

// partitionsBefore are the partitions of times before one, the oldest first. Of a partition that was never analyzed the server has
// what it counted itself.
func (s *Traces) partitionsBefore(ctx context.Context, before time.Time) ([]eventtrace.PrunedPartition, error) {
	rows, err := s.db.pool.Query(ctx, `SELECT name, first, until, events, bytes FROM (
	SELECT c.relname::text AS name, substring(b.bound FROM 'FROM \(''([^'']*)''')::timestamptz AS first,
		substring(b.bound FROM 'TO \(''([^'']*)''')::timestamptz AS until,
		CASE WHEN c.reltuples > 0 THEN c.reltuples::bigint ELSE pg_stat_get_live_tuples(c.oid) END AS events, pg_total_relation_size(c.oid) AS bytes
	FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid, pg_get_expr(c.relpartbound, c.oid) AS b (bound)
	WHERE i.inhparent = 'event_logs'::regclass
) AS parts WHERE until <= $1 ORDER BY until`, before)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (p eventtrace.PrunedPartition, err error) {
		var first *time.Time
		if err := row.Scan(&p.Name, &first, &p.Until, &p.Events, &p.Bytes); err != nil {
			return p, err
		}
		if first != nil {
			p.From = first.UTC()
		}
		p.Until = p.Until.UTC()
		return p, nil
	})
}

// drop drops a partition, unless somebody else has done so.
func (s *Traces) drop(ctx context.Context, partition string) (dropped bool, err error) {
	for failures, until := 1, time.Now().Add(dropPatience); ; failures++ {
		err := pgx.BeginFunc(ctx, s.db.pool, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, fmt.Sprintf("SET LOCAL lock_timeout = %d", dropWait.Milliseconds())); err != nil {
				return err
			}
			// As trace_partition does, so that the two take turns before either keeps others waiting.
			if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(x'74726163655f'::bigint)"); err != nil {
				return err
			}
			if err := tx.QueryRow(ctx, "SELECT to_regclass($1) IS NOT NULL", pgx.Identifier{partition}.Sanitize()).Scan(&dropped); err != nil || !dropped {
				return err
			}
			_, err := tx.Exec(ctx, "DROP TABLE "+pgx.Identifier{partition}.Sanitize())
			return err
		})
		if err == nil {
			return dropped, nil
		}
		if !inTheWay(err) || time.Now().After(until) {
			return false, err
		}
		if err := kafka.Sleep(ctx, dropPause.After(failures)); err != nil {
			return false, err
		}
	}
}
