package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/omninode/trestle/runtime/eventtrace"
)

// anyTimes has records of all the times that a producer may send, days apart, in one batch and again.
func anyTimes(t *testing.T, store eventtrace.Store) {
	now := time.Now().UTC().Truncate(time.Millisecond)
	var events []eventtrace.Event
	for i, at := range []time.Time{
		{}, time.Date(1, 1, 1, 0, 0, 0, 1000, time.UTC), time.Unix(0, -1_000_000), time.Unix(0, 0), time.Date(2010, 12, 31, 23, 59, 59, 0, time.UTC),
		time.Date(2011, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2012, 2, 29, 12, 0, 0, 0, time.UTC), time.Date(2012, 2, 28, 12, 0, 0, 0, time.UTC),
		now.AddDate(0, 0, -401), now.AddDate(0, 0, -30), now.AddDate(0, 0, -1), now, now.AddDate(0, 0, 1), now.AddDate(0, 0, 2), now.AddDate(0, 0, 3),
		now.AddDate(0, 0, 4), time.Date(2500, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC),
	} {
		e := event("times", 0, int64(i))
		e.LogTime = at.UTC()
		events = append(events, e)
	}
	appendEvents(t, store, len(events), eventtrace.Progress{"times": {0: int64(len(events))}}, events...)
	appendEvents(t, store, 0, nil, events...)
	slices.SortFunc(events, byCursor)
	for _, q := range []eventtrace.Query{{SessionID: session}, {}, {EventTypes: []string{eventType}}, {Topics: []string{"times"}}} {
		equal(t, page(t, store, q, eventtrace.Oldest, 4), events)
		for i := range events {
			q.From = events[i].LogTime
			if q.From.IsZero() {
				continue // it bounds nothing
			}
			equal(t, page(t, store, q, eventtrace.Oldest, 100), events[i:])
			q.From, q.Until = time.Time{}, events[i].LogTime
			equal(t, page(t, store, q, eventtrace.Oldest, 100), events[:i])
			q.Until = time.Time{}
		}
	}
	equal(t, page(t, store, eventtrace.Query{Places: &eventtrace.Places{Topic: "times", First: 0, End: 100}}, eventtrace.Oldest, 5), events)
}
