package storetest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/kafka"
)

// watched stores events behind a mark: late ones by their time, on a topic made anew, and on one that was not there.
func watched(t *testing.T, store eventtrace.Store) {
	before := of(firstTopic, batch("a", 0, 5))
	adopt(t, store, "a", firstTopic, true)
	appendEvents(t, store, 5, eventtrace.Progress{"a": {0: 5}}, before...)
	mark, err := eventtrace.NewMark(t.Context(), store)
	if err != nil {
		t.Fatal(err)
	}
	late := of(firstTopic, batch("a", 5, 8))
	late[1].LogTime = late[1].LogTime.Add(-24 * time.Hour)
	for i, events := range [][]eventtrace.Event{before, late} {
		for _, e := range events {
			if mark.Behind(&e) != (i == 1) {
				t.Errorf("%s@%d is behind the mark: %t", e.Topic, e.Offset, i == 0)
			}
		}
	}
	other := batch("a", 8, 9)
	other[0].TopicID, other[0].SessionID = firstTopic, correlation
	anew := of(secondTopic, batch("a", 0, 2))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // what is never stored is not waited for
	defer cancel()
	steps := []func(){
		func() {
			appendEvents(t, store, 4, eventtrace.Progress{"a": {0: 9}}, append(slices.Clone(late), other...)...)
		},
		func() {
			adopt(t, store, "a", secondTopic, true)
			appendEvents(t, store, 2, eventtrace.Progress{"a": {0: 2}}, anew...)
		},
		func() { appendEvents(t, store, 1, eventtrace.Progress{"b": {3: 8}}, batch("b", 7, 8)...) }, // of partition 0, which is none of what was followed
		func() {
			appendEvents(t, store, 3, eventtrace.Progress{"b": {0: 3}, "unwanted": {0: 1}}, append(batch("b", 0, 2), event("unwanted", 0, 0))...)
		},
	}
	want := slices.Concat(late, anew, batch("b", 0, 2))
	eventtrace.Sort(want[:3])
	var got []eventtrace.Event
	steps[0]()
	next := 1
	wanted := func(topic string) bool { return topic != "unwanted" }
	for e, err := range eventtrace.Watch(ctx, store, eventtrace.Query{SessionID: session}, mark, wanted, kafka.Backoff{Lowest: time.Millisecond, Highest: 5 * time.Millisecond}) {
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, e); next < len(steps) && (len(got) == 3 || len(got) == 5) {
			steps[next]()
			if next++; next == 3 {
				steps[next]()
				next++
			}
		}
		if len(got) == len(want) {
			cancel()
		}
	}
	equal(t, got, want)
}
