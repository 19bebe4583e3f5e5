package storetest

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/wire"
)

func tallied(t *testing.T, store eventtrace.Store) {
	events := crowd(30)
	for i := range events {
		if i%10 == 9 {
			events[i].EventType, events[i].SessionID = "", correlation
		}
		if i%10 == 8 {
			events[i].SessionID = ""
		}
	}
	appendEvents(t, store, len(events), nil, events...)
	q := eventtrace.Query{From: events[5].LogTime, Until: events[25].LogTime}
	got, err := store.Tally(t.Context(), q)
	want := []eventtrace.Tally{
		{EventType: "", Topic: "topic 0", Count: 1}, {EventType: "", Topic: "topic 1", Count: 1},
		{EventType: eventType, Topic: "topic 0", Count: 6}, {EventType: eventType, Topic: "topic 1", Count: 5}, {EventType: eventType, Topic: "topic 2", Count: 7},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("tally: error %v (-want +got):\n%s", err, diff)
	}
	sessions, err := store.Busiest(t.Context(), q, 5)
	wantSessions := []eventtrace.SessionTally{
		{SessionID: session, Count: 16, First: events[5].LogTime, Last: events[24].LogTime},
		{SessionID: correlation, Count: 2, First: events[9].LogTime, Last: events[19].LogTime},
	}
	if diff := cmp.Diff(wantSessions, sessions); diff != "" || err != nil {
		t.Errorf("busiest: error %v (-want +got):\n%s", err, diff)
	}
	if sessions, err = store.Busiest(t.Context(), q, 1); err != nil || len(sessions) != 1 {
		t.Errorf("the busiest: %v, error %v", sessions, err)
	}
}

// responses compares with what the events alone say.
func responses(t *testing.T, store eventtrace.Store) {
	from, random := start.Truncate(time.Millisecond), rand.New(rand.NewPCG(7, 7))
	q := eventtrace.ResponseQuery{Request: "Ask", Reply: "Told", From: from, Until: from.Add(10 * time.Second), Patience: 3 * time.Second, Slowest: 4}
	var events []eventtrace.Event
	add := func(id, name string, at time.Time, topic string) *eventtrace.Event {
		e := event(topic, 0, int64(len(events)))
		e.CorrelationID, e.EventType, e.LogTime = id, name, at
		events = append(events, e)
		return &events[len(events)-1]
	}
	var waits []eventtrace.Wait
	var want eventtrace.Responses
	for i := range 200 {
		id := wire.RecordID("conversation", 0, int64(i))
		asked := from.Add(time.Duration(random.IntN(22_000)-11_000) * time.Millisecond)
		answered := asked.Add(time.Duration(random.IntN(8_000)) * time.Millisecond)
		silent, deadline := i%5 == 0, time.Time{}
		request := add(id, "Ask", asked, "asks")
		if i%3 == 0 {
			deadline = asked.Add(time.Second)
			request.Deadline = deadline
		}
		if !silent {
			add(id, "Told", answered.Add(time.Second), "tells")
			add(id, "Told", answered, "tells")
			add(id, "Status", asked, "tells")
		}
		silent = silent || !answered.Before(q.Until)
		if asked.Before(q.From.Add(-10*time.Second)) || !asked.Before(q.Until) {
			continue
		}
		within := !asked.Before(q.From)
		if within {
			want.Requests++
		}
		switch {
		case !silent && !answered.Before(q.From):
			want.Answered++
			waits = append(waits, eventtrace.Wait{CorrelationID: id, Asked: asked, For: answered.Sub(asked), Answered: true})
		case silent && within:
			waits = append(waits, eventtrace.Wait{CorrelationID: id, Asked: asked, For: q.Until.Sub(asked)})
			if deadline.IsZero() {
				deadline = asked.Add(q.Patience)
			}
			if deadline.Before(q.Until) {
				want.Unanswered++
			}
		}
	}
	appendEvents(t, store, len(events), nil, events...)
	slices.SortFunc(waits, func(a, b eventtrace.Wait) int { return int(b.For - a.For) })
	want.Slowest = waits[:4]
	for of, p := range map[int]*time.Duration{50: &want.P50, 95: &want.P95, 99: &want.P99} {
		*p = waits[len(waits)-(len(waits)*of+99)/100].For
	}
	got, err := store.Responses(t.Context(), q)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("responses: error %v (-want +got):\n%s", err, diff)
	}
	q.Topics = []string{"asks", "tells"}
	if again, err := store.Responses(t.Context(), q); err != nil || cmp.Diff(want, again) != "" {
		t.Errorf("responses on both topics: %+v, error %v", again, err)
	}
	q.Topics = []string{"asks"}
	if silent, err := store.Responses(t.Context(), q); err != nil || silent.Answered != 0 || silent.Requests != want.Requests {
		t.Errorf("responses where they are on another's topic: %+v, error %v", silent, err)
	}
	q.Topics, q.Request = nil, "Nothing"
	if none, err := store.Responses(t.Context(), q); err != nil || cmp.Diff(eventtrace.Responses{}, none) != "" && none.Requests != 0 {
		t.Errorf("responses to nothing: %+v, error %v", none, err)
	}
	q.From = q.Until
	if _, err := store.Responses(t.Context(), q); err == nil {
		t.Error("a window without a length is no error")
	}
}
