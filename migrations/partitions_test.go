package migrations_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/omninode/trestle/migrations"
)

// partitioned is the version whose migration partitions the trace.
const partitioned = 8

// statements are those of a migration's way up, one by one.
func statements(t *testing.T, file string) []string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, up, _ := strings.Cut(string(text), "-- +goose Up")
	up, _, _ = strings.Cut(up, "-- +goose Down")
	var out []string
	for i, part := range strings.Split(up, "-- +goose StatementBegin") {
		if i > 0 {
			whole, rest, _ := strings.Cut(part, "-- +goose StatementEnd")
			out, part = append(out, whole), rest
		}
		for _, statement := range strings.SplitAfter(part, ";\n") {
			if strings.TrimSpace(statement) != "" {
				out = append(out, statement)
			}
		}
	}
	return out
}

// stored are the places and times of all that is in the trace.
func stored(t *testing.T, db *sql.DB, where string) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `SELECT concat_ws(' ', topic, "partition", "offset", event_id, log_time AT TIME ZONE 'UTC', payload)
		FROM event_logs WHERE `+where)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var row string
		if err := rows.Scan(&row); err != nil {
			t.Fatal(err)
		}
		all = append(all, row)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(all)
	return all
}

// before has a database of the version before, with events of absurd times, too.
func before(t *testing.T) (*sql.DB, []string) {
	t.Helper()
	postgres := dialects[0]
	db := postgres.fresh(t)()
	p := postgres.migrator(t, db)
	if _, err := p.UpTo(t.Context(), partitioned-2); err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC()
	for i, at := range []string{
		"0001-01-01", "1970-01-01", "2011-06-01", "2025-10-16 12:34:56.789", now.Format(time.DateTime),
		now.AddDate(0, 0, 4).Format(time.DateTime), "2500-01-01", "9999-12-31 23:59:59.999",
	} {
		execute(t, db, fmt.Sprintf(`INSERT INTO event_logs (topic, "partition", "offset", event_id, event_type, "timestamp", log_time, payload)
			VALUES ('a', %d, %d, gen_random_uuid(), 'T', '2025-10-16', '%s+00', '{"n":1}')`, i%2, i, at))
	}
	execute(t, db, `INSERT INTO trace_progress (topic, "partition", next_offset) VALUES ('a', 0, 7)`)
	return db, stored(t, db, "true")
}

func execute(t *testing.T, db *sql.DB, statement string) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

// TestPartitionsKeepWhatIsStored partitions a trace that has events, also after it was interrupted behind each of the steps, and makes it plain again.
func TestPartitionsKeepWhatIsStored(t *testing.T) {
	t.Parallel()
	steps := statements(t, "postgres/00007_trace_time_key.sql")
	if len(steps) < 7 {
		t.Fatalf("the migration has %d statements: %q", len(steps), steps)
	}
	for done := range len(steps) + 1 {
		t.Run(fmt.Sprintf("%d steps were done", done), func(t *testing.T) {
			t.Parallel()
			db, want := before(t)
			for _, step := range steps[:done] {
				execute(t, db, step)
			}
			p := dialects[0].migrator(t, db)
			check := func() {
				t.Helper()
				if diff := cmp.Diff(want, stored(t, db, "true")); diff != "" {
					t.Errorf("what is stored differs (-want +got):\n%s", diff)
				}
				if found := stored(t, db, `topic = 'a' AND "partition" = 0 AND "offset" >= 6`); len(found) != 1 {
					t.Errorf("found by its place: %q", found)
				}
			}
			parts := func() (rows []int) {
				t.Helper()
				for _, table := range []string{"event_logs_before", "event_logs_default"} {
					var n int
					if err := db.QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil {
						t.Fatal(err)
					}
					rows = append(rows, n)
				}
				return rows
			}
			for range 2 {
				if err := migrations.Up(t.Context(), p); err != nil {
					t.Fatal(err)
				}
				check()
				if diff := cmp.Diff([]int{5, 3}, parts()); diff != "" {
					t.Errorf("rows of the partitions (-want +got):\n%s", diff)
				}
				if _, err := p.DownTo(t.Context(), partitioned-2); err != nil {
					t.Fatal(err)
				}
				check()
				if left := dialects[0].tableNames(t, db); strings.Contains(left, "event_logs_") {
					t.Errorf("tables after down: %s", left)
				}
			}
		})
	}
}

// TestPartitionsInterrupted has the server end the migration's connection while it builds the index.
func TestPartitionsInterrupted(t *testing.T) {
	t.Parallel()
	db, want := before(t)
	holding, err := db.Conn(t.Context()) // building waits for a transaction that was open before
	if err != nil {
		t.Fatal(err)
	}
	defer holding.Close()
	if _, err := holding.ExecContext(t.Context(), `BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1`); err != nil {
		t.Fatal(err)
	}
	p := dialects[0].migrator(t, db)
	failed := make(chan error, 1)
	go func() { _, err := p.Up(t.Context()); failed <- err }()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for killed := false; !killed; {
		err := db.QueryRowContext(ctx, `SELECT coalesce(bool_or(pg_terminate_backend(pid)), false) FROM pg_stat_activity
			WHERE datname = current_database() AND query LIKE '%CONCURRENTLY%' AND query NOT LIKE '%pg_stat_activity%' AND wait_event_type = 'Lock'`).Scan(&killed)
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := <-failed; err == nil {
		t.Fatal("the migration was not interrupted")
	}
	if _, err := holding.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if err := migrations.Up(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, stored(t, db, "true")); diff != "" {
		t.Errorf("what is stored differs (-want +got):\n%s", diff)
	}
}

// TestPartitionsKeepRights has the rights on the trace outlast its migration.
func TestPartitionsKeepRights(t *testing.T) {
	t.Parallel()
	db, _ := before(t)
	var role string
	if err := db.QueryRowContext(t.Context(), "SELECT 'reader_of_' || current_database()").Scan(&role); err != nil {
		t.Fatal(err)
	}
	execute(t, db, "CREATE ROLE "+role)
	t.Cleanup(func() {
		if _, err := db.ExecContext(context.WithoutCancel(t.Context()), "DROP OWNED BY "+role+"; DROP ROLE "+role); err != nil {
			t.Error(err)
		}
	})
	execute(t, db, "GRANT SELECT ON event_logs TO "+role)
	p := dialects[0].migrator(t, db)
	may := func() {
		t.Helper()
		var read, write bool
		if err := db.QueryRowContext(t.Context(), "SELECT has_table_privilege($1, 'event_logs', 'SELECT'), has_table_privilege($1, 'event_logs', 'INSERT')", role).
			Scan(&read, &write); err != nil || !read || write {
			t.Errorf("may read: %t, may write: %t, error %v", read, write, err)
		}
	}
	if err := migrations.Up(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	may()
	if _, err := p.DownTo(t.Context(), partitioned-2); err != nil {
		t.Fatal(err)
	}
	may()
}
