package postgres_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/runtime/store/postgres"
	"github.com/omninode/trestle/runtime/store/storetest"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

// TestGuideQueries asks what people ask with psql.
func TestGuideQueries(t *testing.T) {
	t.Parallel()
	dsn := services.Postgres(t)
	store := open(t, dsn)
	defer store.Close()
	events := storetest.Events("status", 0, 4)
	events[3].Payload = `{"message":"\u0000"}`
	events[1].Payload = `{"message":"Analysis complete","status":"completed","n":9007199254740993,"f":1.0,"e":1e-07}`
	if _, err := store.Append(t.Context(), events, nil); err != nil {
		t.Fatal(err)
	}
	conn := connect(t, dsn)
	rows, err := conn.Query(t.Context(), `SELECT event_type, correlation_id::text, timestamp,
		payload->>'message' as message, payload->>'status' as status
		FROM event_logs WHERE session_id = $1 AND strpos(payload::text, '\u0000') = 0 ORDER BY timestamp ASC`, events[0].SessionID)
	if err != nil {
		t.Fatal(err)
	}
	type line struct {
		Type, Correlation string
		At                time.Time
		Message, Status   string
	}
	got, err := pgx.CollectRows(rows, pgx.RowToStructByPos[line])
	if err != nil {
		t.Fatal(err)
	}
	var want []line
	for _, e := range events[:3] {
		want = append(want, line{e.EventType, e.CorrelationID, e.Timestamp.In(time.Local), "Extracting requirements from the document", "processing"})
	}
	want[1].Message, want[1].Status = "Analysis complete", "completed"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("timeline differs (-want +got):\n%s", diff)
	}
	var key, numbers string
	if err := conn.QueryRow(t.Context(), `SELECT convert_from("key", 'UTF8'), concat(payload->>'n', ' ', payload->>'f', ' ', payload->>'e')
		FROM event_logs WHERE topic = 'status' AND partition = 0 AND "offset" = 1`).Scan(&key, &numbers); err != nil {
		t.Fatal(err)
	}
	if key != string(events[1].Key) || numbers != "9007199254740993 1.0 1e-07" {
		t.Errorf("key %q, numbers %q", key, numbers)
	}
}

// TestRefusedContentHoldsNothingUp stores events that the server refuses among others.
func TestRefusedContentHoldsNothingUp(t *testing.T) {
	t.Parallel()
	store := open(t, services.Postgres(t))
	defer store.Close()
	events := storetest.Events("poison", 0, 5)
	for i := range events {
		events[i].CorrelationID = events[0].CorrelationID
	}
	deep := jsonio.Raw(strings.Repeat("[", 50_000) + strings.Repeat("]", 50_000))
	events[1].Payload = `{"cut":`
	events[3].Payload = deep
	next := eventtrace.Progress{"poison": {0: 5}}
	for i, want := range []int{5, 0} { // and again
		added, err := store.Append(t.Context(), events, next)
		if err != nil || added != want {
			t.Fatalf("append %d: added %d, error %v", i, added, err)
		}
	}
	got, err := eventtrace.All(t.Context(), store, eventtrace.Query{CorrelationID: events[0].CorrelationID})
	if err != nil {
		t.Fatal(err)
	}
	for i, refused := range map[int]jsonio.Raw{1: `{"cut":`, 3: deep} {
		if !strings.HasPrefix(got[i].Invalid, "refused by PostgreSQL: ") {
			t.Errorf("event %d: invalid %q", i, got[i].Invalid)
		}
		events[i].Payload, events[i].Value, events[i].Invalid = "", []byte(refused), got[i].Invalid
	}
	if diff := cmp.Diff(events, got); diff != "" {
		t.Errorf("events differ (-want +got):\n%s", diff)
	}
	progress, err := store.Progress(t.Context())
	if diff := cmp.Diff(next, progress); diff != "" || err != nil {
		t.Errorf("progress differs, error %v (-want +got):\n%s", err, diff)
	}
}

// TestConnectionsThatBreak has the server end all connections between two batches: the second is stored all the same,
// at the latest when it is tried again.
func TestConnectionsThatBreak(t *testing.T) {
	t.Parallel()
	dsn := services.Postgres(t)
	store := open(t, dsn)
	defer store.Close()
	conn := connect(t, dsn)
	total := 0
	for round := range int64(3) {
		if _, err := conn.Exec(t.Context(), `SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid()`); err != nil {
			t.Fatal(err)
		}
		events := storetest.Events("a", round*100, 100)
		var errs []error
		for len(errs) < 10 {
			added, err := store.Append(t.Context(), events, nil)
			total += added
			if err == nil {
				break
			}
			errs = append(errs, err)
		}
		if len(errs) == 10 {
			t.Fatalf("round %d: %v", round, errors.Join(errs...))
		}
	}
	if total != 300 {
		t.Errorf("added %d events, want 300", total)
	}
}

func TestOpenTogether(t *testing.T) {
	t.Parallel()
	dsn := services.Postgres(t)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			store, err := postgres.Open(t.Context(), dsn)
			if err != nil {
				t.Error(err)
				return
			}
			store.Close()
		})
	}
	group.Wait()
}

// TestOpenWithoutRightsToChangeTables opens as a service that may only use what an operator has migrated.
func TestOpenWithoutRightsToChangeTables(t *testing.T) {
	t.Parallel()
	dsn := services.Postgres(t)
	open(t, dsn).Close()
	conn := connect(t, dsn)
	config := conn.Config()
	role := "sink_of_" + config.Database
	for _, statement := range []string{
		"CREATE ROLE " + role + " LOGIN",
		"GRANT SELECT, INSERT, UPDATE ON event_logs, trace_progress, trace_topics, trace_sinks TO " + role,
		"GRANT DELETE ON trace_progress, trace_topics, trace_sinks TO " + role,
		"GRANT SELECT ON trestle_migrations TO " + role,
	} {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	defer func() {
		for _, statement := range []string{"DROP OWNED BY " + role, "DROP ROLE " + role} {
			if _, err := conn.Exec(t.Context(), statement); err != nil {
				t.Error(err)
			}
		}
	}()
	store := open(t, strings.Replace(dsn, config.User+"@", role+"@", 1))
	defer store.Close()
	if added, err := store.Append(t.Context(), storetest.Events("a", 0, 3), eventtrace.Progress{"a": {0: 3}}); err != nil || added != 3 {
		t.Errorf("added %d, error %v", added, err)
	}
	const id = "11111111-1111-4111-8111-111111111111"
	for _, of := range []string{id, "22222222-2222-4222-8222-222222222222"} { // the second has replaced the first
		if err := store.Adopt(t.Context(), "a", of, true); err != nil {
			t.Error(err)
		}
	}
	if _, err := store.Join(t.Context(), id, []string{"a"}, time.Minute); err != nil {
		t.Error(err)
	}
	if err := store.Leave(t.Context(), id); err != nil {
		t.Error(err)
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	dsn := services.Postgres(t)
	conn := connect(t, dsn)
	latin := conn.Config().Database + "_latin"
	if _, err := conn.Exec(t.Context(), "CREATE DATABASE "+latin+" ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"); err != nil {
		t.Fatal(err)
	}
	defer conn.Exec(t.Context(), "DROP DATABASE "+latin+" WITH (FORCE)") //nolint:errcheck // the server goes with the tests
	for name, test := range map[string]struct{ dsn, want string }{
		"another encoding": {strings.Replace(dsn, conn.Config().Database, latin, 1), "encoding is LATIN1, it must be UTF8"},
		"nobody there":     {"postgres://127.0.0.1:1/x?connect_timeout=2", "open the store"},
		"not a DSN":        {"postgres://%zz", "open the store"},
	} {
		if store, err := postgres.Open(t.Context(), test.dsn); err == nil {
			store.Close()
			t.Errorf("%s: no error", name)
		} else if !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want %q", name, err, test.want)
		}
	}
}
