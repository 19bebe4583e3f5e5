package postgres

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/store/storetest"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

// TestTracesAreReadByIndex has each question that is promised to be answered by an index read its page from that index in order,
// so that nothing is read but the page.
func TestTracesAreReadByIndex(t *testing.T) {
	t.Parallel()
	db := opened(t)
	// The planner is to know the table: of a new one it thinks that all of it is read soonest.
	for offset := int64(0); offset < 20_000; offset += 5000 {
		if _, err := db.Traces().Append(t.Context(), storetest.PlannedEvents(offset, 5000), nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.pool.Exec(t.Context(), "ANALYZE event_logs"); err != nil {
		t.Fatal(err)
	}
	for name, planned := range storetest.PlannedQueries() {
		for _, at := range []eventtrace.Cursor{{}, {LogTime: planned.At, Topic: "a", Offset: 7}} {
			for _, way := range []eventtrace.Way{eventtrace.Oldest, eventtrace.Newest} {
				query, args, err := readRows(planned.Query, at, way, 100)
				if err != nil {
					t.Fatal(err)
				}
				plan := explain(t, db.pool, query, args...)
				if !strings.Contains(plan, planned.Index) || !planned.Narrowed && strings.Contains(plan, "->  Sort") {
					t.Errorf("%s, from %+v, newest first: %t:\n%s", name, at, way, plan)
				}
			}
		}
	}
}

// opened is a database of the test's own.
func opened(t *testing.T) *Database {
	t.Helper()
	db, err := Open(t.Context(), services.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// explain says how a query was answered.
func explain(t *testing.T, on interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}, query string, args ...any) string {
	t.Helper()
	rows, err := on.Query(t.Context(), "EXPLAIN (ANALYZE, COSTS off, TIMING off) "+query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var plan strings.Builder
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&plan, values...)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan.String()
}
