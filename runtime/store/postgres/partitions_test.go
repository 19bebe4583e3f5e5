package postgres_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/store/storetest"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

// daily returns events that are days apart, the first n days before today.
func daily(topic string, days int) []eventtrace.Event {
	events := storetest.Events(topic, 0, days)
	for i := range events {
		events[i].LogTime = time.Now().UTC().Truncate(time.Millisecond).AddDate(0, 0, i-days+1)
	}
	return events
}

// partitionsOf says how many rows each partition has.
func partitionsOf(t *testing.T, conn *pgx.Conn) map[string]int {
	t.Helper()
	rows, err := conn.Query(t.Context(), `SELECT inhrelid::regclass::text, count(event_id) FROM pg_inherits LEFT JOIN event_logs ON event_logs.tableoid = inhrelid
		WHERE inhparent = 'event_logs'::regclass GROUP BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]int{}
	var name string
	var n int
	if _, err := pgx.ForEachRow(rows, []any{&name, &n}, func() error { out[name] = n; return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

func partitionOf(at time.Time) string { return "event_logs_" + at.UTC().Format("20060102") }

// TestPartitionsOfDays has a partition for each day, for old months together, and none for absurd times.
func TestPartitionsOfDays(t *testing.T) {
	t.Parallel()
	dsn := services.Postgres(t)
	store := open(t, dsn)
	defer store.Close()
	events := daily("days", 5)
	want := map[string]int{"event_logs_default": 4, "event_logs_201502": 2}
	for i := range events {
		want[partitionOf(events[i].LogTime)] = 1
	}
	for i, at := range []time.Time{
		{}, time.Unix(0, 0), time.Date(2015, 2, 1, 0, 0, 0, 0, time.UTC), time.Date(2015, 2, 28, 23, 59, 59, 0, time.UTC),
		time.Now().AddDate(0, 0, 5), time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		e := storetest.Events("others", int64(i), 1)[0]
		e.LogTime = at.UTC()
		events = append(events, e)
	}
	if added, err := store.Append(t.Context(), events, nil); err != nil || added != len(events) {
		t.Fatalf("added %d, error %v", added, err)
	}
	if diff := cmp.Diff(want, partitionsOf(t, connect(t, dsn))); diff != "" {
		t.Errorf("partitions and their rows differ (-want +got):\n%s", diff)
	}
}

// TestPartitionsMadeTogether has tracers make the partitions of the same days at once.
func TestPartitionsMadeTogether(t *testing.T) {
	t.Parallel()
	dsn := services.Postgres(t)
	const tracers, days = 6, 8
	var group sync.WaitGroup
	for tracer := range tracers {
		store := open(t, dsn)
		defer store.Close()
		group.Go(func() {
			for _, e := range daily(fmt.Sprint("tracer ", tracer), days) {
				if added, err := store.Append(t.Context(), []eventtrace.Event{e}, nil); err != nil || added != 1 {
					t.Errorf("added %d, error %v", added, err)
				}
			}
		})
	}
	group.Wait()
	store := open(t, dsn) // what went to the default partition while another was in the way is moved when the day is asked for anew
	defer store.Close()
	again := daily("again", days)
	if added, err := store.Append(t.Context(), again, nil); err != nil || added != days {
		t.Fatalf("added %d, error %v", added, err)
	}
	total := 0
	for name, n := range partitionsOf(t, connect(t, dsn)) {
		if total += n; n != tracers+1 && name != "event_logs_default" {
			t.Errorf("%s has %d rows, want %d", name, n, tracers+1)
		}
	}
	if total != days*(tracers+1) {
		t.Errorf("%d rows, want %d", total, days*(tracers+1))
	}
}

// TestPartitionsHoldNobodyUp has somebody read for long while a new day begins: its events are stored all the same, and get their
// partition later.
func TestPartitionsHoldNobodyUp(t *testing.T) {
	t.Parallel()
	dsn := services.Postgres(t)
	first := open(t, dsn)
	defer first.Close()
	reader, err := connect(t, dsn).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reader.Exec(t.Context(), "SELECT count(*) FROM event_logs"); err != nil {
		t.Fatal(err)
	}
	events := daily("held", 2)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if added, err := first.Append(ctx, events[:1], nil); err != nil || added != 1 {
		t.Fatalf("added %d, error %v", added, err)
	}
	conn := connect(t, dsn)
	if diff := cmp.Diff(map[string]int{"event_logs_default": 1}, partitionsOf(t, conn)); diff != "" {
		t.Errorf("while somebody reads (-want +got):\n%s", diff)
	}
	if err := reader.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	second := open(t, dsn)
	defer second.Close()
	for i, want := range []int{1, 0} { // the other one is moved, and a repeat of it found
		if added, err := second.Append(ctx, events, nil); err != nil || added != want {
			t.Fatalf("append %d: added %d, error %v", i, added, err)
		}
	}
	want := map[string]int{"event_logs_default": 0, partitionOf(events[0].LogTime): 1, partitionOf(events[1].LogTime): 1}
	if diff := cmp.Diff(want, partitionsOf(t, conn)); diff != "" {
		t.Errorf("afterwards (-want +got):\n%s", diff)
	}
}

// TestPruneHoldsNobodyUp drops partitions while somebody has read them and is not done: others go on, and so does the drop in the end.
func TestPruneHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	dsn := services.Postgres(t)
	store := open(t, dsn)
	defer store.Close()
	events := daily("pruned", 4)
	if _, err := store.Append(t.Context(), events, nil); err != nil {
		t.Fatal(err)
	}
	reader, err := connect(t, dsn).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reader.Exec(t.Context(), "SELECT count(*) FROM event_logs"); err != nil {
		t.Fatal(err)
	}
	pruned := make(chan error, 1)
	go func() {
		gone, err := store.Prune(t.Context(), time.Now().UTC().AddDate(0, 0, -1))
		if err == nil && len(gone.Partitions) != 2 {
			err = fmt.Errorf("pruned %+v", gone)
		}
		pruned <- err
	}()
	other := open(t, dsn)
	defer other.Close()
	for i := range int64(20) { // for longer than an attempt and the pause after it
		e := storetest.Events("beside", i, 1)[0]
		e.LogTime = events[3].LogTime
		if added, err := other.Append(t.Context(), []eventtrace.Event{e}, nil); err != nil || added != 1 {
			t.Fatalf("added %d, error %v", added, err)
		}
		if found, err := other.Read(t.Context(), eventtrace.Query{SessionID: e.SessionID}, eventtrace.Cursor{}, eventtrace.Oldest, 1); err != nil || len(found) == 0 {
			t.Fatalf("found %d, error %v", len(found), err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	select {
	case err := <-pruned:
		t.Fatalf("pruned while somebody read: %v", err)
	default:
	}
	if err := reader.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-pruned; err != nil {
		t.Fatal(err)
	}
	want := map[string]int{"event_logs_default": 0, partitionOf(events[2].LogTime): 1, partitionOf(events[3].LogTime): 21}
	if diff := cmp.Diff(want, partitionsOf(t, connect(t, dsn))); diff != "" {
		t.Errorf("partitions (-want +got):\n%s", diff)
	}
}

// TestPruneOfWhatWasBefore has what was stored before there were partitions go once all of it may be older.
func TestPruneOfWhatWasBefore(t *testing.T) {
	t.Parallel()
	dsn := services.Postgres(t)
	store := open(t, dsn)
	defer store.Close()
	conn := connect(t, dsn)
	until := time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -3)
	for _, statement := range []string{
		"CREATE TABLE event_logs_before (LIKE event_logs INCLUDING ALL)",
		"ALTER TABLE event_logs ATTACH PARTITION event_logs_before FOR VALUES FROM (MINVALUE) TO ('" + until.Format(time.RFC3339) + "')",
	} {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	events := daily("before", 6)
	events[0].LogTime = time.Time{}
	if added, err := store.Append(t.Context(), events, nil); err != nil || added != 6 {
		t.Fatalf("added %d, error %v", added, err)
	}
	if parts := partitionsOf(t, conn); parts["event_logs_before"] != 2 || len(parts) != 2+4 {
		t.Fatalf("rows of the partitions: %v", parts)
	}
	if gone, err := store.Prune(t.Context(), until.Add(-time.Hour)); err != nil || len(gone.Partitions) != 0 || gone.Events() != 0 {
		t.Errorf("pruned %+v, error %v, where some of it may be younger", gone, err)
	}
	gone, err := store.Prune(t.Context(), until)
	if err != nil || len(gone.Partitions) != 1 || gone.Partitions[0].Name != "event_logs_before" || !gone.Partitions[0].From.IsZero() || !gone.Partitions[0].Until.Equal(until) {
		t.Errorf("pruned %+v, error %v", gone, err)
	}
}
