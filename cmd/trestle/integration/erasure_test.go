package integration_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/omninode/trestle/cmd/trestle/dev"
	"github.com/omninode/trestle/cmd/trestle/ops/gate"
	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/encrypt"
	"github.com/omninode/trestle/runtime/encrypt/kek"
	"github.com/omninode/trestle/runtime/encrypt/keytopic"
	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/eventtrace"
	connection "github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/store/postgres"
	"github.com/omninode/trestle/runtime/trestletest/services"
	sealedv1 "github.com/omninode/trestle/tools/gen/golang/testdata/sealed/want/acme/sealed/v1"
)

// erasure is an environment with events of many persons.
type erasure struct {
	dir     string
	conn    connection.Connection
	db      *postgres.Database
	dsn     string
	persons int
}

const (
	admissions = "acme_admissions_v1"
	erased     = "person-7"
)

// TestErasure destroys the keys of one person of many: that person's fields can't be read any more in topics, dead letters, traces and the outbox, each of which is counted;
// what the events of all others hold is as it was.
func TestErasure(t *testing.T) {
	t.Parallel()
	events := 3000
	if text := os.Getenv("TRESTLE_TEST_ERASURE"); text != "" {
		var err error
		if events, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	e := newErasure(t, min(10_000, events/10))
	e.publish(t, events)
	letters := e.fail(t)
	e.intoOutbox(t)
	trestleRun(t, e.dir, 0, "trace", "run", "--until-end", "--env", stackEnvironment)
	if held, err := e.db.Holding(t.Context(), [][]byte{[]byte("SECRET")}); err != nil || len(held) != 3 || held["trace store"]+held["outbox"]+held["parked dead letters"] > 0 {
		t.Errorf("the database holds it in clear: %v, %v", held, err)
	}
	before := e.read(t)
	if n := before.readable[erased]; n != events/e.persons || before.unreadable != 0 || len(before.sums) != events {
		t.Fatalf("before: %d of %d events of the person are readable, %d of all not", n, events/e.persons, before.unreadable)
	}

	var told struct {
		Keys   []string
		Places []struct {
			Kind, Name string
			Events     int
		}
		NotSearched []string `json:"not_searched"`
	}
	answer, _ := runTrestleWith(t, e.dir, 0, strings.NewReader(erased+"\n"), "keys", "erase", "-", "--env", stackEnvironment, "--json")
	if err := json.Unmarshal([]byte(answer), &told); err != nil {
		t.Fatal(err)
	}
	counted := map[string]int{}
	for _, p := range told.Places {
		if p.Events > 0 {
			counted[strings.TrimSpace(p.Kind+" "+p.Name)] = p.Events
		}
	}
	want := map[string]int{
		"topic " + admissions: events / e.persons, "dead letters " + admissions + "_dlq": letters, "outbox": 1, "trace store": events/e.persons + letters,
	}
	if fmt.Sprint(counted) != fmt.Sprint(want) || len(told.Keys) != 2 || len(told.NotSearched) > 0 {
		t.Errorf("it counted %v, want %v; keys %v", counted, want, told.Keys)
	}
	if audit := trestleRun(t, e.dir, 0, "audit", "list", "--json", "--env", stackEnvironment); !strings.Contains(audit, `"keys erase"`) || !strings.Contains(audit, told.Keys[0]) || strings.Contains(audit, erased) {
		t.Errorf("it is written down as %s", audit)
	}

	after := e.read(t)
	if after.readable[erased] != 0 || after.unreadable != events/e.persons {
		t.Errorf("after: %d events of the person are readable, %d of all not", after.readable[erased], after.unreadable)
	}
	for id, sum := range before.sums {
		if before.of[id] != erased && after.sums[id] != sum {
			t.Fatalf("event %s of %s is another than before", id, before.of[id])
		}
	}
	e.checkCopies(t, letters)
	e.checkOthersGoOn(t)
}

func newErasure(t *testing.T, persons int) *erasure {
	t.Helper()
	started, err := dev.Start(dev.Options{Checker: gate.Checker{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { started.Close() })
	e := &erasure{dir: t.TempDir(), conn: connection.Connection{Brokers: strings.Split(started.Brokers, ",")}, dsn: services.Postgres(t), persons: persons}
	if err := os.CopyFS(filepath.Join(e.dir, "schemas"), os.DirFS(filepath.Join(project, "tools/gen/golang/testdata/sealed/in"))); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(e.dir, "trestle.yaml"), fmt.Sprintf("go_import: example.org/acme/gen\naudit: {file: audit.jsonl}\nenvironments:\n  %s: {brokers: [%s], store: %q, replication_factor: 1, encryption: {kek: {file: kek}}}\n",
		stackEnvironment, started.Brokers, e.dsn))
	trestleRun(t, e.dir, 0, "keys", "new", "kek", "--name", "first")
	trestleRun(t, e.dir, 0, "topics", "apply", "--env", stackEnvironment)
	if e.db, err = postgres.Open(t.Context(), e.dsn); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.db.Close() })
	return e
}

// keys are what a program has that has just started.
func (e *erasure) keys(t *testing.T) *encrypt.Keys {
	t.Helper()
	store, err := keytopic.New(e.conn, keytopic.Topic)
	if err != nil {
		t.Fatal(err)
	}
	class := encrypt.Class{KEK: kek.NewFile(filepath.Join(e.dir, "kek"))}
	keys, err := encrypt.NewKeys(store, map[string]encrypt.Class{"pii": class, "medical": class})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		keys.Close()
		store.Close()
	})
	return keys
}

func person(n int) string { return fmt.Sprint("person-", n) }

// admitted is an event of a person.
func admitted(person string, n int) *sealedv1.PatientAdmitted {
	return &sealedv1.PatientAdmitted{
		Id: fmt.Sprint("event-", n), Text: fmt.Sprint("SECRET of ", person), Weight: int64(n), Record: "0b7c2b1e-5f0a-4d5c-8a51-1f2f3d4e5a6b",
		Patient: &sealedv1.Patient{Who: &sealedv1.Person{Id: person, Name: "SECRET name"}, Ward: "SECRET ward"},
	}
}

var nobody = slog.New(slog.NewTextHandler(io.Discard, nil))

func (e *erasure) publisher(t *testing.T, opts ...trestle.PublisherOption) *trestle.Publisher {
	t.Helper()
	pub, err := trestle.NewPublisher(e.conn.Brokers, append(opts, trestle.WithKeys(e.keys(t)), trestle.WithLogger(nobody))...)
	if err != nil {
		t.Fatal(err)
	}
	return pub
}

// publish publishes so many events, of the persons in turn.
func (e *erasure) publish(t *testing.T, events int) {
	t.Helper()
	pub := e.publisher(t)
	var failed atomic.Int64
	for i := range events {
		err := pub.PublishAsync(t.Context(), admitted(person(i%e.persons), i), func(_ trestle.Receipt, err error) {
			if err != nil {
				failed.Add(1)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := pub.Close(t.Context()); err != nil || failed.Load() > 0 {
		t.Fatalf("%d events failed: %v", failed.Load(), err)
	}
}

// fail has a consumer fail on some events of the person and of another, and returns how many dead letters the person has.
func (e *erasure) fail(t *testing.T) int {
	t.Helper()
	consumer, err := trestle.NewConsumer(e.conn.Brokers, "erasure", trestle.WithLogger(nobody), trestle.WithKeys(e.keys(t)), trestle.WithStart(trestle.Earliest))
	if err != nil {
		t.Fatal(err)
	}
	var handled, died atomic.Int64
	trestle.Handle(consumer, func(_ context.Context, a *sealedv1.PatientAdmitted) error {
		defer handled.Add(1)
		switch who := a.GetPatient().GetWho().GetId(); {
		case who == erased && died.Load() < 2:
			died.Add(1)
			return trestle.Permanent(errors.New("the ward is closed"))
		case who == person(8) && a.GetWeight() == 8:
			return trestle.Permanent(errors.New("the ward is closed"))
		}
		return nil
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- consumer.Run(ctx) }()
	for begun := time.Now(); e.count(t, admissions+"_dlq") < 3; time.Sleep(50 * time.Millisecond) {
		if time.Since(begun) > 2*time.Minute {
			t.Fatalf("there are %d dead letters, of %d events", e.count(t, admissions+"_dlq"), handled.Load())
		}
	}
	stop()
	if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	return 2
}

func (e *erasure) count(t *testing.T, topic string) (n int) {
	t.Helper()
	for _, err := range connection.Scan(t.Context(), e.conn, []string{topic}, connection.FromStart(), connection.ToEnd()) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

// intoOutbox has an event of the person, and one of another, wait in the outbox.
func (e *erasure) intoOutbox(t *testing.T) {
	t.Helper()
	pub := e.publisher(t, trestle.WithOutbox(e.db.Outbox()))
	err := e.db.InTx(t.Context(), func(ctx context.Context) error {
		return errors.Join(pub.Publish(ctx, admitted(erased, 2_000_000_007)), pub.Publish(ctx, admitted(person(8), 2_000_000_008)))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// readEvents are the events of a topic as who has all keys that there are reads them.
type readEvents struct {
	of         map[string]string   // event id → person
	sums       map[string][32]byte // event id → what the event is
	readable   map[string]int      // by person
	unreadable int
}

func (e *erasure) read(t *testing.T) readEvents {
	t.Helper()
	out := readEvents{map[string]string{}, map[string][32]byte{}, map[string]int{}, 0}
	types, keys := trestle.NewTypes(sealedv1.Events()...), e.keys(t)
	for r, err := range connection.Scan(t.Context(), e.conn, []string{admissions}, connection.FromStart(), connection.ToEnd()) {
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(r.Value, []byte("SECRET")) {
			t.Fatalf("in clear: %s", r.Value)
		}
		d, err := trestle.Decode(r, types, trestle.DecodeOptions{Keys: keys, Context: t.Context()})
		if err != nil {
			t.Fatal(err)
		}
		text, err := d.Event.AppendJSON(nil)
		if err != nil {
			t.Fatal(err)
		}
		id, who := d.Envelope.EventID, d.Event.(*sealedv1.PatientAdmitted).GetPatient().GetWho().GetId()
		out.of[id], out.sums[id] = who, sha256.Sum256(text)
		if len(d.Unavailable) == 0 {
			out.readable[who]++
			continue
		}
		out.unreadable++
		for _, u := range d.Unavailable {
			var why *encrypt.UnavailableError
			if who != erased || !errors.As(u.Err, &why) || why.Reason != encrypt.Erased {
				t.Fatalf("%s of %s: %v", u.Path, who, u.Err)
			}
		}
		if bytes.Contains(text, []byte("SECRET")) {
			t.Fatalf("of the person is left: %s", text)
		}
	}
	return out
}

// checkCopies looks at the person's events in dead letters and in the trace store, where they are as they were, and can't be read.
func (e *erasure) checkCopies(t *testing.T, letters int) {
	t.Helper()
	types, keys := trestle.NewTypes(sealedv1.Events()...), e.keys(t)
	decode := func(r *event.Record) (who string, unavailable int) {
		t.Helper()
		d, err := trestle.Decode(r, types, trestle.DecodeOptions{Keys: keys})
		if err != nil {
			t.Fatal(err)
		}
		return d.Event.(*sealedv1.PatientAdmitted).GetPatient().GetWho().GetId(), len(d.Unavailable)
	}
	found := map[string]int{}
	for r, err := range connection.Scan(t.Context(), e.conn, []string{admissions + "_dlq"}, connection.FromStart(), connection.ToEnd()) {
		if err != nil {
			t.Fatal(err)
		}
		letter, err := deadletter.Parse(r)
		if err != nil {
			t.Fatal(err)
		}
		o := letter.Original
		if who, unavailable := decode(&event.Record{Topic: admissions, Value: o.Value, Headers: o.Headers}); (unavailable > 0) != (who == erased) {
			t.Errorf("dead letter of %s: %d fields can't be read", who, unavailable)
		} else {
			found[who]++
		}
	}
	if found[erased] != letters || found[person(8)] != 1 {
		t.Errorf("dead letters: %v", found)
	}
	traced := 0
	for stored, err := range eventtrace.Timeline(t.Context(), e.db.Traces(), eventtrace.Query{EventTypes: []string{"PatientAdmitted"}, Topics: []string{admissions}}, eventtrace.Cursor{}) {
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(stored.Payload), "SECRET") {
			t.Fatalf("the trace store has %s", stored.Payload)
		}
		if !strings.Contains(string(stored.Payload), `"`+erased+`"`) {
			continue
		}
		traced++
		r := event.Record{Topic: admissions, Value: []byte(stored.Payload), Headers: []event.Header{{Key: "event-id", Value: []byte(stored.EventID)}, {Key: "event-type", Value: []byte(stored.EventType)}}}
		if who, unavailable := decode(&r); who != erased || unavailable == 0 {
			t.Errorf("traced event of %s: %d fields can't be read", who, unavailable)
		}
	}
	if traced == 0 {
		t.Error("nothing of the person is in the trace store")
	}
}

// checkOthersGoOn publishes events of the person and of another, with new keys and old ones.
func (e *erasure) checkOthersGoOn(t *testing.T) {
	t.Helper()
	pub := e.publisher(t)
	for _, who := range []string{erased, person(8)} {
		if err := pub.Publish(t.Context(), admitted(who, 1_000_000_000)); err != nil {
			t.Error(err)
		}
	}
	if err := pub.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if now := e.read(t); now.readable[erased] != 1 {
		t.Errorf("of new events of the person %d are readable", now.readable[erased])
	}
}
