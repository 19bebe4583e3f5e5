package postgres

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

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
				sorts := strings.Contains(strings.ReplaceAll(plan, "->  Sort (actual rows=0 loops=1)", ""), "->  Sort") // but of an empty partition
				if !strings.Contains(plan, indexOfDay[planned.Index]) || !planned.Narrowed && sorts {
					t.Errorf("%s, from %+v, newest first: %t:\n%s", name, at, way, plan)
				}
			}
		}
	}
}

// TestTimesLeavePartitionsOut has questions with times read the partitions of these alone, by an index.
func TestTimesLeavePartitionsOut(t *testing.T) {
	t.Parallel()
	db := opened(t)
	const days, perDay = 6, 3000
	first := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -10)
	for day := range days {
		events := storetest.PlannedEvents(int64(day*perDay), perDay)
		for i := range events {
			events[i].LogTime = first.AddDate(0, 0, day).Add(time.Duration(i) * 20 * time.Second)
		}
		if _, err := db.Traces().Append(t.Context(), events, nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.pool.Exec(t.Context(), "ANALYZE event_logs"); err != nil {
		t.Fatal(err)
	}
	from, until := first.AddDate(0, 0, 2).Add(time.Hour), first.AddDate(0, 0, 2).Add(3*time.Hour)
	type question struct {
		query string
		args  []any
		err   error
	}
	ask := func(query string, args []any, err error) question { return question{query, args, err} }
	window := eventtrace.Query{From: from, Until: until}
	questions := map[string]question{"tally": ask(tallyRows(window)), "busiest": ask(busiestRows(window, 10))}
	for name, planned := range storetest.PlannedQueries() {
		planned.Query.From, planned.Query.Until = from, until
		questions[name] = ask(readRows(planned.Query, eventtrace.Cursor{}, eventtrace.Newest, 10))
	}
	r := eventtrace.ResponseQuery{Request: "Another3", Reply: "Another4", From: from.Add(2 * time.Hour), Until: until.Add(2 * time.Hour)}
	questions["responses"] = ask(countWaits, append(waitsOf(r), 1.0), nil)
	questions["slowest responses"] = ask(slowestWaits, append(waitsOf(r), 10), nil)
	for name, q := range questions {
		if q.err != nil {
			t.Fatal(q.err)
		}
		plan := explain(t, db.pool, q.query, q.args...)
		for day := range days {
			partition := "event_logs_" + first.AddDate(0, 0, day).Format("20060102")
			switch read := strings.Contains(plan, partition); {
			case read != (day == 2):
				t.Errorf("%s reads %s: %t:\n%s", name, partition, read, plan)
			case strings.Contains(plan, "Seq Scan on "+partition):
				t.Errorf("%s is not answered by an index of %s:\n%s", name, partition, plan)
			}
		}
	}
}

// indexOfDay are the ends of the names of the indexes that the partition of the planned events' day has, or that of their month.
var indexOfDay = map[string]string{
	"event_logs_session_time":     "_session_id_log_time_idx",
	"event_logs_correlation_time": "_correlation_id_log_time_idx",
	"event_logs_type":             "_event_type_log_time_idx",
	"event_logs_topic_time":       "_topic_log_time_idx",
	"event_logs_time":             "_timezone_idx",
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
