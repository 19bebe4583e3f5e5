package postgres

import (
	"context"
	"fmt"
)

// Holding counts the events that hold one of the marks, by where they are.
func (d *Database) Holding(ctx context.Context, marks [][]byte) (map[string]int64, error) {
	const inValue = `EXISTS (SELECT FROM unnest($1::bytea[]) AS mark WHERE position(mark IN value) > 0)`
	out := map[string]int64{}
	for what, count := range map[string]string{
		"trace store": `SELECT count(*) FROM event_logs WHERE ` + inValue +
			` OR EXISTS (SELECT FROM unnest($1::bytea[]) AS mark WHERE position(mark IN convert_to(payload::text, 'UTF8')) > 0)`,
		"parked dead letters": `SELECT count(*) FROM parked_letters WHERE ` + inValue,
		"outbox":              `SELECT count(*) FROM trestle_outbox WHERE ` + inValue,
	} {
		var n int64
		if err := d.pool.QueryRow(ctx, count, marks).Scan(&n); err != nil {
			return nil, fmt.Errorf("search the %s: %w", what, err)
		}
		out[what] = n
	}
	return out, nil
}
