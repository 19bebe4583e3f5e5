package sqlite

import (
	"context"
	"fmt"
	"strings"
)

// Holding counts the events that hold one of the marks, by where they are.
func (d *Database) Holding(ctx context.Context, marks [][]byte) (map[string]int64, error) {
	out := map[string]int64{}
	for what, from := range map[string]struct {
		table   string
		columns []string
	}{
		"trace store":         {"event_logs", []string{"CAST(payload AS BLOB)", "value"}},
		"parked dead letters": {"parked_letters", []string{"value"}},
		"outbox":              {"trestle_outbox", []string{"value"}},
	} {
		out[what] = 0
		conditions := []string{"FALSE"}
		var args []any
		for _, column := range from.columns {
			for _, mark := range marks {
				conditions, args = append(conditions, "instr("+column+", ?) > 0"), append(args, mark)
			}
		}
		var n int64
		if err := d.read.QueryRowContext(ctx, "SELECT count(*) FROM "+from.table+" WHERE "+strings.Join(conditions, " OR "), args...).Scan(&n); err != nil {
			return nil, fmt.Errorf("search the %s: %w", what, err)
		}
		out[what] = n
	}
	return out, nil
}
