package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/omninode/trestle/runtime/eventtrace"
)

const (
	firstSink  = "11111111-1111-4111-8111-111111111111"
	secondSink = "22222222-2222-4222-8222-222222222222"
)

func join(t *testing.T, store eventtrace.Store, sink string, lease time.Duration, topics ...string) map[string][]string {
	t.Helper()
	all, err := store.Join(t.Context(), sink, topics, lease)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func wantSinks(t *testing.T, got, want map[string][]string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sinks differ (-want +got):\n%s", diff)
	}
}

func sinks(t *testing.T, store eventtrace.Store) {
	wantSinks(t, join(t, store, firstSink, time.Hour, "a"), map[string][]string{firstSink: {"a"}})
	both := map[string][]string{firstSink: {"a"}, secondSink: {"b", "a"}}
	wantSinks(t, join(t, store, secondSink, time.Hour, "b", "a"), both)
	wantSinks(t, join(t, store, firstSink, time.Hour, "a"), both)
	for range 2 { // that it has gone may be said again
		if err := store.Leave(t.Context(), secondSink); err != nil {
			t.Fatal(err)
		}
	}
	wantSinks(t, join(t, store, firstSink, time.Hour, "c"), map[string][]string{firstSink: {"c"}})

	join(t, store, secondSink, time.Millisecond, "a")
	time.Sleep(20 * time.Millisecond)
	wantSinks(t, join(t, store, firstSink, time.Hour, "c"), map[string][]string{firstSink: {"c"}})
}

// madeAnewMeanwhile has events come of a topic that somebody else has seen deleted and made anew.
func madeAnewMeanwhile(t *testing.T, store eventtrace.Store) {
	adopt(t, store, "a", firstTopic, true)
	appendEvents(t, store, 2, eventtrace.Progress{"a": {0: 2}}, of(firstTopic, batch("a", 0, 2))...)
	adopt(t, store, "a", secondTopic, true)
	appendEvents(t, store, 1, eventtrace.Progress{"a": {0: 1}}, of(secondTopic, batch("a", 0, 1))...)

	late := append(of(firstTopic, batch("a", 2, 3)), batch("b", 0, 1)...)
	appendEvents(t, store, 2, eventtrace.Progress{"a": {0: 3}, "b": {0: 1}}, late...)
	knows(t, store, map[string]string{"a": secondTopic}, eventtrace.Progress{"a": {0: 1}, "b": {0: 1}})
}
