package migrations_test

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/omninode/trestle/migrations"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

func TestMain(m *testing.M) { os.Exit(services.Main(m)) }

// dialect opens databases of one kind.
type dialect struct {
	name     string
	provider func(*sql.DB) (*goose.Provider, error)
	// fresh returns a function that opens one new database, each time with connections of its own.
	fresh func(t *testing.T) func() *sql.DB
	// tables are the names of all tables but goose's.
	tables string
}

var dialects = []dialect{
	{
		name: "postgres", provider: migrations.Postgres,
		fresh: func(t *testing.T) func() *sql.DB {
			dsn := services.Postgres(t)
			return func() *sql.DB { return open(t, "pgx", dsn) }
		},
		tables: `SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'trestle_migrations' ORDER BY 1`,
	},
	{
		name: "sqlite", provider: migrations.SQLite,
		fresh: func(t *testing.T) func() *sql.DB {
			path := filepath.Join(t.TempDir(), "trace.db")
			return func() *sql.DB {
				return open(t, "sqlite", path+"?_txlock=immediate&_pragma=busy_timeout(10000)&_pragma=journal_mode(wal)")
			}
		},
		tables: `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
			AND name <> 'trestle_migrations' ORDER BY 1`,
	},
}

func open(t *testing.T, driver, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, dsn)
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

func (d dialect) migrator(t *testing.T, db *sql.DB) *goose.Provider {
	t.Helper()
	p, err := d.provider(db)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (d dialect) tableNames(t *testing.T, db *sql.DB) string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), d.tables)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return strings.Join(names, " ")
}

func TestUpDownUp(t *testing.T) {
	t.Parallel()
	for _, d := range dialects {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			db := d.fresh(t)()
			p := d.migrator(t, db)
			up := func() string {
				t.Helper()
				if err := migrations.Up(t.Context(), p); err != nil {
					t.Fatal(err)
				}
				return d.tableNames(t, db)
			}
			first := up()
			for _, table := range []string{"event_logs", "trace_progress", "parked_letters"} {
				if !strings.Contains(first, table) {
					t.Fatalf("tables after up: %s", first)
				}
			}
			if again := up(); again != first {
				t.Fatalf("tables after a second up: %s, after the first: %s", again, first)
			}
			if _, err := p.DownTo(t.Context(), 0); err != nil {
				t.Fatal(err)
			}
			if left := d.tableNames(t, db); left != "" {
				t.Fatalf("down leaves tables: %s", left)
			}
			if again := up(); again != first {
				t.Fatalf("tables after up, down, up: %s, after the first up: %s", again, first)
			}
		})
	}
}

// TestTopicIDsKeepWhatIsStored migrates a database that has rows.
func TestTopicIDsKeepWhatIsStored(t *testing.T) {
	t.Parallel()
	for _, d := range dialects {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			db := d.fresh(t)()
			p := d.migrator(t, db)
			exec := func(statement string) {
				t.Helper()
				if _, err := db.ExecContext(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
			}
			count := func(want int) {
				t.Helper()
				var got int
				if err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM event_logs`).Scan(&got); err != nil || got != want {
					t.Errorf("%d rows, error %v; want %d", got, err, want)
				}
			}
			row := func(columns, values string) {
				t.Helper()
				exec(`INSERT INTO event_logs (topic, "partition", "offset", event_id, event_type, "timestamp", log_time, "key"` + columns +
					`) VALUES ('a', 0, 7, '550e8400-e29b-41d4-a716-446655440000', 'T', '2025-10-16T12:34:56.000000Z',
						'2025-10-16T12:34:56.000000Z', 'k'` + values + `)`)
			}
			if _, err := p.UpTo(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
			row("", "")
			exec(`INSERT INTO trace_progress (topic, "partition", next_offset) VALUES ('a', 0, 8)`)
			if err := migrations.Up(t.Context(), p); err != nil {
				t.Fatal(err)
			}
			count(1)
			var id, key, created string
			if err := db.QueryRowContext(t.Context(), `SELECT topic_id, "key", created_at FROM event_logs`).Scan(&id, &key, &created); err != nil ||
				id != "00000000-0000-0000-0000-000000000000" || key != "k" || created == "" {
				t.Errorf("topic id %q, key %q, created %q, error %v", id, key, created, err)
			}
			const now = "11111111-1111-4111-8111-111111111111"
			row(", topic_id", ", '"+now+"'")
			exec(`INSERT INTO trace_topics (topic, topic_id) VALUES ('a', '` + now + `')`)
			count(2)
			if _, err := p.DownTo(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
			count(1) // of the topic that is there now
			if err := migrations.Up(t.Context(), p); err != nil {
				t.Fatal(err)
			}
			count(1)
		})
	}
}

// TestConcurrently lets several processes, each with connections of its own, migrate a new database at once.
func TestConcurrently(t *testing.T) {
	t.Parallel()
	const processes = 8
	for _, d := range dialects {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			connect := d.fresh(t)
			var (
				group sync.WaitGroup
				errs  [processes]error
				begin = make(chan struct{})
			)
			for i := range processes {
				p := d.migrator(t, connect())
				group.Go(func() {
					<-begin
					errs[i] = migrations.Up(t.Context(), p)
				})
			}
			close(begin)
			group.Wait()
			if err := errors.Join(errs[:]...); err != nil {
				t.Fatal(err)
			}
			db := connect()
			var applied int
			if err := db.QueryRowContext(t.Context(),
				"SELECT count(*) FROM trestle_migrations WHERE version_id = 1").Scan(&applied); err != nil {
				t.Fatal(err)
			}
			if applied != 1 {
				t.Errorf("the first migration was applied %d times", applied)
			}
		})
	}
}

func TestPayloadIsPackedWithLZ4(t *testing.T) {
	t.Parallel()
	d := dialects[0]
	db := d.fresh(t)()
	if err := migrations.Up(t.Context(), d.migrator(t, db)); err != nil {
		t.Fatal(err)
	}
	var offered bool
	if err := db.QueryRowContext(t.Context(),
		`SELECT 'lz4' = ANY (enumvals) FROM pg_settings WHERE name = 'default_toast_compression'`).Scan(&offered); errors.Is(err, sql.ErrNoRows) {
		services.Missing(t, "PostgreSQL 14", "the server knows no compression methods")
	} else if err != nil {
		t.Fatal(err)
	}
	var method string
	if err := db.QueryRowContext(t.Context(), `SELECT attcompression::text FROM pg_attribute
		WHERE attrelid = 'event_logs'::regclass AND attname = 'payload'`).Scan(&method); err != nil {
		t.Fatal(err)
	}
	if got := method == "l"; got != offered {
		t.Errorf("payload's compression is %q, the server offers lz4: %t", method, offered)
	}
}

// TestFiles holds the files to their form: numbered without a gap, the same in both dialects, locks named, both ways.
func TestFiles(t *testing.T) {
	t.Parallel()
	name := regexp.MustCompile(`^([0-9]{5})_[a-z0-9_]+\.sql$`)
	var of [2]string
	for i, d := range dialects {
		files, err := fs.Glob(os.DirFS(d.name), "*")
		if err != nil {
			t.Fatal(err)
		}
		of[i] = strings.Join(files, " ")
		for n, file := range files {
			if m := name.FindStringSubmatch(file); m == nil || m[1] != fmt.Sprintf("%05d", n+1) {
				t.Errorf("%s/%s: want %05d_name.sql", d.name, file, n+1)
			}
			text, err := os.ReadFile(filepath.Join(d.name, file))
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{"-- Locks:", "-- +goose Up", "-- +goose Down"} {
				if !strings.Contains(string(text), want) {
					t.Errorf("%s/%s has no %q", d.name, file, want)
				}
			}
		}
	}
	if of[0] != of[1] {
		t.Errorf("the dialects have different migrations: %s and %s", of[0], of[1])
	}
}
