// Package storetest holds what every store must do, as tests: a suite for each concept that databases keep.
//
//	func TestTraces(t *testing.T) {
//		storetest.Traces(t, func(t *testing.T) eventtrace.Store { return openEmpty(t).Traces() })
//	}
package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/runtime/wire"
)

// Traces tests a store against the contract of [eventtrace.Store]. open returns a new, empty one that is closed when its
// test ends.
func Traces(t *testing.T, open func(t *testing.T) eventtrace.Store) {
	t.Helper()
	for _, test := range []struct {
		name string
		run  func(t *testing.T, store eventtrace.Store)
	}{
		{"what is stored comes back exactly", exactly},
		{"a repeat adds nothing", repeat},
		{"a repeat in one batch adds nothing", repeatInBatch},
		{"what is there stays as it was", keepsFirst},
		{"progress is kept beside the events", progress},
		{"progress alone", progressAlone},
		{"topics made anew", madeAnew},
		{"topics made anew while others read them", madeAnewMeanwhile},
		{"sinks that are at work", sinks},
		{"topics whose id was not known", adopted},
		{"nothing at all", nothing},
		{"a refused event leaves no trace", refused},
		{"two sinks at once", concurrently},
		{"a conversation in the order of the log", ordered},
		{"ids of any spelling", spelling},
		{"pages, both ways", paged},
		{"a page is full by its bytes", pagedByBytes},
		{"records of any time", anyTimes},
		{"what is older goes", pruned},
		{"what is older goes beside others", prunedBeside},
		{"what is asked for", asked},
		{"the newest", newest},
		{"a timeline longer than its window", timeline},
		{"what is stored from now on", watched},
		{"counts by type and session", tallied},
		{"response times", responses},
		{"a cancelled call", cancelled},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			store := open(t)
			t.Cleanup(func() {
				if err := store.Close(); err != nil {
					t.Errorf("close: %v", err)
				}
			})
			test.run(t, store)
		})
	}
}

const (
	correlation = "550e8400-e29b-41d4-a716-446655440000"
	session     = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
	eventType   = "CodegenStatusEvent"
)

var start = time.Date(2025, 10, 16, 12, 34, 56, 789_012_000, time.UTC)

// event returns an event of the conversation at an offset, a millisecond after the one before.
func event(topic string, partition int32, offset int64) eventtrace.Event {
	at := start.Add(time.Duration(offset) * time.Millisecond)
	return eventtrace.Event{
		Topic: topic, Partition: partition, Offset: offset,
		EventID: wire.RecordID(topic, partition, offset), CorrelationID: correlation, SessionID: session,
		EventType: eventType, Timestamp: at, LogTime: at.Truncate(time.Millisecond),
		Key: []byte(session), Payload: jsonio.Raw(fmt.Sprintf(`{"message":"step %d","status":"processing"}`, offset)),
	}
}

func batch(topic string, from, to int64) []eventtrace.Event {
	var events []eventtrace.Event
	for offset := from; offset < to; offset++ {
		events = append(events, event(topic, 0, offset))
	}
	return events
}

func appendEvents(t *testing.T, store eventtrace.Store, want int, next eventtrace.Progress, events ...eventtrace.Event) {
	t.Helper()
	added, err := store.Append(t.Context(), events, next)
	if err != nil {
		t.Fatalf("append: %v", err)
	}
	if added != want {
		t.Fatalf("append added %d events, want %d", added, want)
	}
}

func conversation(t *testing.T, store eventtrace.Store) []eventtrace.Event {
	t.Helper()
	events, err := eventtrace.All(t.Context(), store, eventtrace.Query{CorrelationID: correlation})
	if err != nil {
		t.Fatal(err)
	}
	return events
}

// equal compares to the byte; a key or value that is empty differs from none.
func equal(t *testing.T, got, want []eventtrace.Event) {
	t.Helper()
	if len(got) == 0 && len(want) == 0 {
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events differ (-want +got):\n%s", diff)
	}
}

func exactly(t *testing.T, store eventtrace.Store) {
	payloads := []jsonio.Raw{
		`{"big":9007199254740993,"bigger":123456789012345678901234567890,"float":1.0,"small":1e-07,"huge":1e+16}`,
		`{"nul":"\u0000","escaped":"\u00e9\/","plain":"é 漢 🙂","twice":1,"twice":2}`,
		` { "spaced" : [ 1 , 2 ] } `,
		`{"z":1,"a":2}`,
		`"text"`, `null`, `[]`, `-0`, `1E400`,
		jsonio.Raw(strings.Repeat(`[`, jsonio.MaxDepth) + strings.Repeat(`]`, jsonio.MaxDepth)),
		jsonio.Raw(`{"message":"` + strings.Repeat("long ", 200_000) + `"}`),
	}
	var want []eventtrace.Event
	for i, payload := range payloads {
		e := event("payloads", 0, int64(i))
		e.Payload = payload
		want = append(want, e)
	}
	next := int64(len(want))
	add := func(change func(e *eventtrace.Event)) {
		e := event("payloads", 0, next)
		change(&e)
		want = append(want, e)
		next++
	}
	add(func(e *eventtrace.Event) { e.Key = nil })
	add(func(e *eventtrace.Event) { e.Key = []byte{} })
	add(func(e *eventtrace.Event) { e.Key = []byte{0, 0xff, '\\', '\n'} })
	add(func(e *eventtrace.Event) { e.SessionID = "" })
	add(func(e *eventtrace.Event) { e.EventType = "" })
	add(func(e *eventtrace.Event) { e.EventType = strings.Repeat("é", eventtrace.MaxEventType/2) })
	add(func(e *eventtrace.Event) {
		e.Payload, e.Invalid, e.Value = "", "offset 12: NaN is not JSON", []byte("{\"a\": NaN}\x00\xff")
	})
	add(func(e *eventtrace.Event) { e.Payload, e.Value = "", []byte{0, 0, 0, 0, 1, 0, 8} })
	add(func(e *eventtrace.Event) { e.Payload, e.Invalid, e.Value = "", "no value", nil })
	add(func(e *eventtrace.Event) { e.Payload, e.ValueBytes = "", 1<<40 })
	add(func(e *eventtrace.Event) { e.Payload, e.Invalid, e.Value = "", "empty value", []byte{} })
	add(func(e *eventtrace.Event) { e.Timestamp = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC) })
	add(func(e *eventtrace.Event) { e.Timestamp = time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC) })
	add(func(e *eventtrace.Event) { e.Timestamp = time.Date(1969, 12, 31, 23, 59, 59, 999_999_000, time.UTC) })
	add(func(e *eventtrace.Event) { e.Partition, e.Offset = 1<<31-1, 1<<63-1 })

	stored := slices.Clone(want)
	for i := range stored { // cut off, and of another zone
		stored[i].Timestamp = stored[i].Timestamp.Add(999 * time.Nanosecond).In(time.FixedZone("", 3600))
		if stored[i].Timestamp.Year() > 9999 {
			stored[i].Timestamp = want[i].Timestamp
		}
	}
	appendEvents(t, store, len(want), nil, stored...)
	eventtrace.Sort(want)
	equal(t, conversation(t, store), want)
}

func repeat(t *testing.T, store eventtrace.Store) {
	events := batch("repeats", 0, 300)
	appendEvents(t, store, 200, nil, events[:200]...)
	appendEvents(t, store, 0, nil, events[:200]...)
	appendEvents(t, store, 100, nil, events[50:]...)
	appendEvents(t, store, 0, nil, events...)
	equal(t, conversation(t, store), events)
}

func repeatInBatch(t *testing.T, store eventtrace.Store) {
	events := batch("repeats", 0, 3)
	appendEvents(t, store, 3, nil, events[2], events[0], events[2], events[1], events[0])
	equal(t, conversation(t, store), events)
}

func keepsFirst(t *testing.T, store eventtrace.Store) {
	first := event("kept", 0, 7)
	appendEvents(t, store, 1, nil, first)
	second := first
	second.EventType, second.Payload = "Another", `{}`
	appendEvents(t, store, 0, nil, second)
	equal(t, conversation(t, store), []eventtrace.Event{first})
}

func progress(t *testing.T, store eventtrace.Store) {
	check := func(want eventtrace.Progress) {
		t.Helper()
		got, err := store.Progress(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("progress differs (-want +got):\n%s", diff)
		}
	}
	check(eventtrace.Progress{})
	appendEvents(t, store, 2, eventtrace.Progress{"a": {0: 2, 1: 0}}, batch("a", 0, 2)...)
	check(eventtrace.Progress{"a": {0: 2, 1: 0}})
	appendEvents(t, store, 1, eventtrace.Progress{"a": {0: 4}, "b": {0: 1 << 40}}, batch("a", 3, 4)...)
	check(eventtrace.Progress{"a": {0: 4, 1: 0}, "b": {0: 1 << 40}})
	// A log that was cut short is read again from an earlier offset; what is new in it is found.
	appendEvents(t, store, 1, eventtrace.Progress{"a": {0: 3}}, batch("a", 1, 3)...)
	check(eventtrace.Progress{"a": {0: 3, 1: 0}, "b": {0: 1 << 40}})
	equal(t, conversation(t, store), batch("a", 0, 4))
}

func progressAlone(t *testing.T, store eventtrace.Store) {
	appendEvents(t, store, 0, eventtrace.Progress{"a": {0: 5}})
	got, err := store.Progress(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(eventtrace.Progress{"a": {0: 5}}, got); diff != "" {
		t.Errorf("progress differs (-want +got):\n%s", diff)
	}
}

const (
	firstTopic  = "11111111-1111-4111-8111-111111111111"
	secondTopic = "22222222-2222-4222-8222-222222222222"
)

// of has events be of the topic with an id.
func of(id string, events []eventtrace.Event) []eventtrace.Event {
	events = slices.Clone(events)
	for i := range events {
		events[i].TopicID = id
	}
	return events
}

func adopt(t *testing.T, store eventtrace.Store, topic, id string, same bool) {
	t.Helper()
	if err := store.Adopt(t.Context(), topic, id, same); err != nil {
		t.Fatal(err)
	}
}

// knows checks what the store says of topics and progress.
func knows(t *testing.T, store eventtrace.Store, ids map[string]string, next eventtrace.Progress) {
	t.Helper()
	gotIDs, err := store.Topics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	gotNext, err := store.Progress(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(ids, gotIDs) + cmp.Diff(next, gotNext); diff != "" {
		t.Errorf("topics or progress differ (-want +got):\n%s", diff)
	}
}

// madeAnew has two topics of one name, with events at the same places.
func madeAnew(t *testing.T, store eventtrace.Store) {
	first, second := of(firstTopic, batch("a", 0, 5)), of(secondTopic, batch("a", 0, 3))
	for i := range second { // a later time, as log and cursor go by it
		second[i].LogTime = second[i].LogTime.Add(time.Second)
	}
	adopt(t, store, "a", firstTopic, true)
	appendEvents(t, store, 5, eventtrace.Progress{"a": {0: 5, 1: 2}, "b": {0: 7}}, first...)
	adopt(t, store, "a", firstTopic, true)
	adopt(t, store, "a", firstTopic, false) // it is the same
	knows(t, store, map[string]string{"a": firstTopic}, eventtrace.Progress{"a": {0: 5, 1: 2}, "b": {0: 7}})
	adopt(t, store, "a", secondTopic, true) // it isn't
	knows(t, store, map[string]string{"a": secondTopic}, eventtrace.Progress{"b": {0: 7}})
	appendEvents(t, store, 3, eventtrace.Progress{"a": {0: 3}}, second...)
	appendEvents(t, store, 0, nil, slices.Concat(second, first)...)
	equal(t, conversation(t, store), slices.Concat(first, second))
	paged := page(t, store, eventtrace.Query{EventTypes: []string{eventType}}, eventtrace.Newest, 1)
	slices.Reverse(paged)
	equal(t, paged, slices.Concat(first, second))
	if err := store.Adopt(t.Context(), "a", "no id", true); err == nil {
		t.Error("an id that is none was taken")
	}
}

// adopted has events that were stored before topics had ids.
func adopted(t *testing.T, store eventtrace.Store) {
	old := slices.Concat(batch("goes on", 0, 5), batch("made anew", 0, 5), batch("not followed", 0, 1))
	next := eventtrace.Progress{"goes on": {0: 5}, "made anew": {0: 5}}
	appendEvents(t, store, len(old), next, old...)
	adopt(t, store, "goes on", firstTopic, true)
	adopt(t, store, "made anew", secondTopic, false)
	knows(t, store, map[string]string{"goes on": firstTopic, "made anew": secondTopic}, eventtrace.Progress{"goes on": {0: 5}})
	goesOn, anew := of(firstTopic, batch("goes on", 0, 6)), of(secondTopic, batch("made anew", 0, 2))
	appendEvents(t, store, 1, nil, goesOn...)
	appendEvents(t, store, 2, nil, anew...)
	want := slices.Concat(goesOn, batch("made anew", 0, 5), anew, batch("not followed", 0, 1))
	eventtrace.Sort(want)
	equal(t, conversation(t, store), want)
}

func nothing(t *testing.T, store eventtrace.Store) {
	appendEvents(t, store, 0, nil)
	equal(t, conversation(t, store), nil)
	bySession, err := eventtrace.All(t.Context(), store, eventtrace.Query{SessionID: session})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, bySession, nil)
	equal(t, page(t, store, eventtrace.Query{}, eventtrace.Oldest, 10), nil)
	for _, limit := range []int{0, -1} {
		if _, err := store.Read(t.Context(), eventtrace.Query{}, eventtrace.Cursor{}, eventtrace.Oldest, limit); err == nil {
			t.Errorf("a page of %d events is no error", limit)
		}
	}
	if _, err := eventtrace.All(t.Context(), store, eventtrace.Query{CorrelationID: "not an id"}); err == nil {
		t.Error("a correlation id that is no UUID is no error")
	}
}

func refused(t *testing.T, store eventtrace.Store) {
	bad := event("refused", 0, 2)
	bad.EventType = "nul\x00"
	added, err := store.Append(t.Context(), append(batch("refused", 0, 2), bad), eventtrace.Progress{"refused": {0: 3}})
	if err == nil || added != 0 {
		t.Fatalf("append of a refused event: added %d, error %v", added, err)
	}
	if !strings.Contains(err.Error(), "refused[0]@2") {
		t.Errorf("the error does not say where the event stands: %v", err)
	}
	equal(t, conversation(t, store), nil)
	got, err := store.Progress(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 0 {
		t.Errorf("progress after a refused batch: %v", got)
	}
}

// concurrently lets several sinks append overlapping batches, each in another order: together they add each event once.
func concurrently(t *testing.T, store eventtrace.Store) {
	const sinks, topics, offsets = 4, 3, 200
	var (
		want  []eventtrace.Event
		group sync.WaitGroup
		added [sinks]int
		errs  [sinks]error
	)
	for topic := range topics {
		want = append(want, batch(fmt.Sprintf("topic %d", topic), 0, offsets)...)
	}
	for sink := range sinks {
		group.Go(func() {
			random := rand.New(rand.NewPCG(uint64(sink), 1))
			for at := 0; at < offsets; at += 50 {
				var events []eventtrace.Event
				next := make(eventtrace.Progress)
				for topic := range topics {
					name := fmt.Sprintf("topic %d", topic)
					events = append(events, batch(name, int64(max(0, at-10)), int64(at+50))...)
					next.Set(name, 0, int64(at+50))
				}
				random.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
				n, err := store.Append(t.Context(), events, next)
				added[sink] += n
				errs[sink] = errors.Join(errs[sink], err)
			}
		})
	}
	group.Wait()
	total := 0
	for sink := range sinks {
		if errs[sink] != nil {
			t.Errorf("sink %d: %v", sink, errs[sink])
		}
		total += added[sink]
	}
	if total != len(want) {
		t.Errorf("the sinks say that they added %d events, want %d", total, len(want))
	}
	eventtrace.Sort(want)
	equal(t, conversation(t, store), want)
}

func ordered(t *testing.T, store eventtrace.Store) {
	at := func(topic string, partition int32, offset, milli int64) eventtrace.Event {
		e := event(topic, partition, offset)
		e.LogTime = start.Truncate(time.Second).Add(time.Duration(milli) * time.Millisecond)
		e.Timestamp = e.LogTime.Add(-time.Hour * time.Duration(offset)) // a producer whose clock runs backwards
		return e
	}
	want := []eventtrace.Event{
		at("request", 0, 3, 10),
		at("status", 2, 8, 20),
		at("status", 2, 9, 5), // its producer's clock is behind, its offset says otherwise
		at("status", 1, 4, 30),
		at("response", 0, 0, 40),
	}
	appendEvents(t, store, 5, nil, want[4], want[2], want[0], want[3], want[1])
	equal(t, conversation(t, store), want)
	bySession, err := eventtrace.All(t.Context(), store, eventtrace.Query{SessionID: session})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, bySession, want)
	other := at("request", 0, 4, 11)
	other.CorrelationID, other.SessionID = session, correlation
	appendEvents(t, store, 1, nil, other)
	equal(t, conversation(t, store), want)
}

func spelling(t *testing.T, store eventtrace.Store) {
	e := event("ids", 0, 0)
	appendEvents(t, store, 1, nil, e)
	for _, id := range []string{strings.ToUpper(correlation), "{" + correlation + "}", "urn:uuid:" + correlation} {
		got, err := eventtrace.All(t.Context(), store, eventtrace.Query{CorrelationID: id})
		if err != nil {
			t.Fatal(err)
		}
		equal(t, got, []eventtrace.Event{e})
	}
}

func cancelled(t *testing.T, store eventtrace.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := store.Append(ctx, batch("a", 0, 1), nil); err == nil {
		t.Error("append with a cancelled context is no error")
	}
	if _, err := store.Progress(ctx); err == nil {
		t.Error("progress with a cancelled context is no error")
	}
	appendEvents(t, store, 1, nil, batch("a", 0, 1)...)
}
