package integration_test

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/twmb/franz-go/pkg/kgo"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	hooksv1 "github.com/omninode/trestle/gen/omninode/hooks/v1"
	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/store"
	"github.com/omninode/trestle/runtime/trestletest/services"
	"github.com/omninode/trestle/runtime/wire"
)

// TestSamples sends every event that the guide shows, and every one that its Python classes wrote, down the whole path:
// published, handled typed, traced into both stores. Each comes back equal as JSON.
func TestSamples(t *testing.T) {
	k := connect(t, services.SharedKafka(t).Brokers()).withTopics(1)
	samples := slices.Concat(loadSamples(t, "examples"), loadSamples(t, "python-writes"))
	topics, deadLetters := topicsOf(slices.Concat(codegenv1.Events(), hooksv1.Events()))
	topics = slices.DeleteFunc(topics, func(name string) bool { return name == "omninode_system_alerts" })
	deadLetters = slices.DeleteFunc(deadLetters, func(name string) bool { return name == "" })

	var mu sync.Mutex
	handled := map[at]string{} // whole values
	arrived := make(chan struct{}, 1000)
	consumer := consume(k, "samples", topics, deadLetters, func(c *trestle.Consumer) {
		record := func(ctx context.Context, e trestle.Event) error {
			d, ok := trestle.DeliveryFrom(ctx)
			if !ok {
				return errors.New("no delivery in the handler's context")
			}
			value, err := wire.AppendEnvelope(nil, e.EventInfo().Envelope, &d.Envelope, e)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			where := at{place{d.Topic, d.Partition}, d.Offset}
			if _, twice := handled[where]; twice {
				t.Errorf("%v was handled twice", where)
			}
			handled[where] = string(value)
			arrived <- struct{}{}
			return nil
		}
		onCodegen(c, record)
		onHooks(c, record)
	})

	written := publishSamples(t, k, samples)
	done := within(t, patience).Done()
	for i := range len(written) {
		select {
		case <-arrived:
		case <-done:
			t.Fatalf("%d of %d events were handled after %v", i, len(written), patience)
		}
	}
	consumer.checkDone()
	if len(handled) != len(written) {
		t.Errorf("%d events were handled, want %d", len(handled), len(written))
	}
	for where, s := range written {
		value, ok := handled[where]
		if !ok {
			t.Errorf("%s at %v was not handled", s.file, where)
			continue
		}
		s.compare(t, "handled", parseJSON(t, []byte(value)))
	}

	postgres, sqlite := services.Postgres(t), "sqlite:"+filepath.Join(t.TempDir(), "trace.db")
	all := slices.Concat(topics, deadLetters)
	inPostgres := traceInto(t, k, postgres, all, written)
	inSQLite := traceInto(t, k, sqlite, all, written)
	if diff := cmp.Diff(inPostgres, inSQLite, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("PostgreSQL (-) and SQLite (+) hold different events:\n%s", diff)
	}
	checkGuideQueries(t, postgres, written)
}

// written is a sample in the log.
type written struct {
	*sample
	raw bool // as Python wrote it, byte for byte; otherwise read and published by Go
}

// compare checks that a whole event is the sample, but for what schema and publisher give it by default.
func (w written) compare(t testing.TB, what string, got any) {
	t.Helper()
	envelope, _ := got.(map[string]any)
	want, times := wantHandled(t, w.text), slices.Concat(envelopeTimes, hookTimes)
	if !w.hasEnvelope() {
		want, got = member(t, want, "payload"), member(t, got, "payload")
		times = nil
		for _, path := range hookTimes {
			times = append(times, strings.TrimPrefix(path, "payload."))
		}
	}
	if diff := diffJSON(want, withoutDefaults(want, got, envelope), times...); diff != "" {
		t.Errorf("%s (raw: %v), %s, differs:\n%s", w.file, w.raw, what, diff)
	}
}

// publishSamples publishes each sample as a typed event and, where it is a whole one, as a foreign producer would.
func publishSamples(t *testing.T, k *kafka, samples []sample) map[at]written {
	t.Helper()
	pub, err := trestle.NewPublisher(k.brokers,
		trestle.WithLogger(logTo(t)),
		trestle.WithSource(trestle.Source{ServiceName: "samples", ServiceVersion: "1.0.0", InstanceID: "samples-1"}))
	if err != nil {
		t.Fatal(err)
	}
	out := map[at]written{}
	var mu sync.Mutex
	for _, s := range samples {
		e, env, err := event.ReadText(s.info, []byte(s.text), event.TextOptions{})
		if err != nil {
			t.Fatalf("%s: %v", s.file, err)
		}
		err = pub.PublishAsync(t.Context(), e, func(r trestle.Receipt, err error) {
			if err != nil {
				t.Errorf("%s: %v", s.file, err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			out[at{place{r.Topic, r.Partition}, r.Offset}] = written{&s, false}
		}, trestle.WithEnvelope(env))
		if err != nil {
			t.Fatalf("%s: %v", s.file, err)
		}
		if s.hasEnvelope() {
			r, err := k.client.ProduceSync(t.Context(), &kgo.Record{Topic: s.info.Topic.Name, Value: []byte(s.text)}).First()
			if err != nil {
				t.Fatalf("%s: %v", s.file, err)
			}
			mu.Lock()
			out[at{place{r.Topic, r.Partition}, r.Offset}] = written{&s, true}
			mu.Unlock()
		}
	}
	if err := pub.Close(within(t, patience)); err != nil {
		t.Fatal(err)
	}
	return out
}

// traceInto traces all that topics hold into a store, checks that it holds every record once and the samples as they
// are, and returns the samples' events by place.
func traceInto(t *testing.T, k *kafka, address string, topics []string, samples map[at]written) []eventtrace.Event {
	t.Helper()
	ctx := within(t, patience)
	store, err := store.OpenTraces(ctx, address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	}()
	records := len(k.read(nil, topics...))
	for run, want := range []int{records, 0} { // the second run finds everything there
		sink, err := eventtrace.NewSink(k.brokers, topics, store, eventtrace.Envelopes(envelopeOf), eventtrace.WithLogger(logTo(t)))
		if err != nil {
			t.Fatal(err)
		}
		if err := sink.RunUntilEnd(ctx); err != nil {
			t.Fatal(err)
		}
		if stats := sink.Stats(); stats.Stored != int64(want) || stats.Repeated != 0 || stats.Invalid != 0 {
			t.Errorf("run %d into %s: %+v, want %d stored and all of them valid", run, address, stats, want)
		}
	}

	stored := map[at]eventtrace.Event{}
	for name := range eventTypes() {
		for e, err := range eventtrace.Events(ctx, store, eventtrace.Query{EventTypes: []string{name}}, eventtrace.Cursor{}, eventtrace.Oldest) {
			if err != nil {
				t.Fatal(err)
			}
			stored[at{place{e.Topic, e.Partition}, e.Offset}] = e
		}
	}
	if len(stored) != records {
		t.Errorf("%s: %d events are found by type, want %d", address, len(stored), records)
	}
	var events []eventtrace.Event
	for where, s := range samples {
		e, ok := stored[where]
		if !ok {
			t.Errorf("%s: %s at %v is missing", address, s.file, where)
			continue
		}
		s.compareStored(t, address, e)
		events = append(events, e)
	}
	slices.SortFunc(events, eventtrace.ComparePlace)
	return events
}

// compareStored checks a traced event against its sample.
func (w written) compareStored(t testing.TB, address string, e eventtrace.Event) {
	t.Helper()
	if w.raw && !strings.Contains(w.text, string(e.Payload)) {
		t.Errorf("%s: the payload of %s was stored as %s", address, w.file, e.Payload)
	}
	envelope := map[string]any{"payload": parseJSON(t, []byte(e.Payload))}
	want := w.json.(map[string]any)
	for name, value := range map[string]string{
		"event_type": e.EventType, "correlation_id": e.CorrelationID, "session_id": e.SessionID, "event_id": e.EventID,
		"timestamp": e.Timestamp.Format("2006-01-02T15:04:05.999999Z"),
	} {
		if _, ok := want[name]; !ok {
			continue
		}
		if value != "" {
			envelope[name] = value
		} else {
			envelope[name] = nil
		}
	}
	if w.raw && w.info.Envelope == wire.BaseEvent && e.EventID != want["event_id"] {
		t.Errorf("%s: %s has the event id %s", address, w.file, e.EventID)
	}
	for _, name := range []string{"envelope_version", "version", "source", "trace_id", "metadata"} {
		if value, ok := want[name]; ok { // not a column of its own
			envelope[name] = value
		}
	}
	w.compare(t, "stored in "+address, envelope)
}
