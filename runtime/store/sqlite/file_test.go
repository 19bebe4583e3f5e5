package sqlite_test

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/store/sqlite"
	"github.com/omninode/trestle/runtime/wire"
)

// records returns what a sink stores of records whose values have a size.
func records(from, n, size int) []eventtrace.Event {
	read := eventtrace.Envelopes(func(string) wire.Kind { return wire.OnexV1 })
	events := make([]eventtrace.Event, n)
	for i := range events {
		correlation := uuid.NewString()
		value := fmt.Sprintf(`{"envelope_version":"1.0","correlation_id":%q,"session_id":%q,"event_type":"CodegenStatusEvent",`+
			`"timestamp":"2025-10-16T12:34:56Z","payload":{"status":"processing","message":""}}`, correlation, uuid.NewString())
		value = strings.Replace(value, `""}}`, `"`+strings.Repeat("x", size-len(value))+`"}}`, 1)
		e := read(&kafka.Record{Topic: "omninode_codegen_status_session_v1", Value: []byte(value)})
		e.Topic, e.TopicID, e.Offset = "omninode_codegen_status_session_v1", "11111111-1111-4111-8111-111111111111", int64(from+i)
		e.EventID, e.Key = uuid.NewString(), []byte(correlation)
		e.LogTime = time.Date(2025, 10, 16, 0, 0, 0, 0, time.UTC).Add(time.Duration(from+i) * time.Second)
		events[i] = e
	}
	return events
}

func sizeOf(t *testing.T, path string) int64 {
	t.Helper()
	file, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return file.Size()
}

// TestEventsTakeTheirSize has a file be little larger than the events in it, all indexes with them, and shrink when they go.
func TestEventsTakeTheirSize(t *testing.T) {
	t.Parallel()
	const n, size = 3_000, 2100
	path := filepath.Join(t.TempDir(), "trace.db")
	store := open(t, path)
	if err := store.Close(); err != nil { // what is in the log beside the file is written to it
		t.Fatal(err)
	}
	empty := sizeOf(t, path)
	store = open(t, path)
	for from := 0; from < n; from += 1000 {
		events := records(from, 1000, size)
		if added, err := store.Append(t.Context(), events, nil); err != nil || added != len(events) || events[0].Invalid != "" {
			t.Fatalf("added %d, error %v, invalid %q", added, err, events[0].Invalid)
		}
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	full := sizeOf(t, path)
	each := float64(full-empty) / n
	t.Logf("an event of %d bytes takes %.0f", size, each)
	if each > 1.3*size {
		t.Errorf("an event of %d bytes takes %.0f", size, each)
	}
	store = open(t, path)
	pruned, err := store.Prune(t.Context(), time.Date(2025, 10, 17, 0, 0, 0, 0, time.UTC))
	if err == nil {
		err = store.Close()
	}
	if err != nil || pruned.Deleted != n || pruned.Bytes < n*size {
		t.Fatalf("pruned %+v, error %v", pruned, err)
	}
	if left := sizeOf(t, path); left > full/10 {
		t.Errorf("the file has %d bytes of %d once all events are gone", left, full)
	}
}

// TestFileOfSmallPages goes on with a file that was made with others' settings.
func TestFileOfSmallPages(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "trace.db")
	db, err := sql.Open("sqlite", path+"?_pragma=page_size(4096)&_pragma=journal_mode(wal)")
	if err != nil {
		t.Fatal(err)
	}
	if err := sqlite.Use(db).Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	var full int64
	for round := range 3 {
		store := open(t, path)
		events := records(round*1000, 1000, 2100)
		if added, err := store.Append(t.Context(), events, nil); err != nil || added != len(events) {
			t.Fatalf("added %d, error %v", added, err)
		}
		if pruned, err := store.Prune(t.Context(), events[len(events)-1].LogTime.Add(time.Second)); err != nil || pruned.Deleted != int64(len(events)) {
			t.Fatalf("pruned %+v, error %v", pruned, err)
		}
		if err := store.Close(); err != nil {
			t.Fatal(err)
		}
		if round == 0 {
			full = sizeOf(t, path)
		}
	}
	if now := sizeOf(t, path); now > full*11/10 {
		t.Errorf("the file grew from %d to %d bytes: what was pruned is not used again", full, now)
	}
}
