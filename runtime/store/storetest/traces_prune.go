package storetest

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/omninode/trestle/runtime/eventtrace"
)

// pruned has events of many days, and of times that nothing was written at, and removes the older ones.
func pruned(t *testing.T, store eventtrace.Store) {
	today := time.Now().UTC().Truncate(24 * time.Hour)
	var events []eventtrace.Event
	at := func(times ...time.Time) {
		for _, at := range times {
			e := event("pruned", 0, int64(len(events)))
			e.LogTime = at.UTC()
			events = append(events, e)
		}
	}
	at(time.Time{}, time.Unix(0, 0), time.Date(2014, 3, 1, 0, 0, 0, 0, time.UTC))
	for day := range 10 {
		for range 3 {
			at(today.AddDate(0, 0, day-9))
		}
	}
	ahead := len(events)
	at(today.AddDate(0, 1, 0), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)) // stored just now
	next := eventtrace.Progress{"pruned": {0: int64(len(events))}}
	appendEvents(t, store, len(events), next, events...)
	for _, before := range []time.Time{{}, time.Now().Add(time.Hour)} {
		if _, err := store.Prune(t.Context(), before); err == nil {
			t.Errorf("what is before %v was pruned", before)
		}
	}
	left := func(want []eventtrace.Event) {
		t.Helper()
		slices.SortFunc(want, byCursor)
		equal(t, page(t, store, eventtrace.Query{}, eventtrace.Oldest, 100), want)
	}
	left(slices.Clone(events))
	before := today.AddDate(0, 0, -4)
	plan, err := store.Prunable(t.Context(), before)
	if err != nil || plan.Deleted+int64(3*len(plan.Partitions)) < 3+5*3 || plan.Bytes <= 0 {
		t.Errorf("to be pruned: %+v, error %v", plan, err)
	}
	left(slices.Clone(events))
	gone, err := store.Prune(t.Context(), before)
	if err != nil || gone.Bytes < 0 || len(gone.Partitions) != len(plan.Partitions) || gone.Deleted != plan.Deleted {
		t.Errorf("pruned: %+v, error %v; planned: %+v", gone, err, plan)
	}
	left(slices.Clone(events[3+5*3:]))
	if again, err := store.Prune(t.Context(), before); err != nil || cmp.Diff(eventtrace.Pruned{}, again) != "" {
		t.Errorf("pruned again: %+v, error %v", again, err)
	}
	got, err := store.Progress(t.Context())
	if diff := cmp.Diff(next, got); diff != "" || err != nil {
		t.Errorf("progress, error %v (-want +got):\n%s", err, diff)
	}
	// What is ahead of its time is as old as its row, and goes with it.
	if _, err := store.Prune(t.Context(), time.Now()); err != nil {
		t.Error(err)
	}
	left(slices.DeleteFunc(slices.Clone(events[:ahead]), func(e eventtrace.Event) bool { return !e.LogTime.Equal(today) || len(gone.Partitions) == 0 }))
	appendEvents(t, store, 1, nil, events[0]) // what was pruned may be stored again, where somebody reads it again on purpose
}

// prunedBeside prunes while others append and read.
func prunedBeside(t *testing.T, store eventtrace.Store) {
	const rounds = 20
	ctx, stop := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() {
		for ctx.Err() == nil {
			if _, err := store.Read(ctx, eventtrace.Query{SessionID: session}, eventtrace.Cursor{}, eventtrace.Newest, 50); err != nil && ctx.Err() == nil {
				t.Error(err)
				return
			}
		}
	})
	group.Go(func() {
		for ctx.Err() == nil {
			if _, err := store.Prune(ctx, time.Now().AddDate(0, 0, -2)); err != nil && ctx.Err() == nil {
				t.Error(err)
				return
			}
		}
	})
	now := time.Now().UTC().Truncate(time.Millisecond)
	var want []eventtrace.Event
	for round := range int64(rounds) {
		events := batch("beside", round*10, round*10+10)
		for i := range events {
			events[i].LogTime = now
			if i%2 == 0 {
				events[i].LogTime = now.AddDate(0, 0, -3-int(round))
			} else {
				want = append(want, events[i])
			}
		}
		appendEvents(t, store, len(events), nil, events...)
	}
	stop()
	group.Wait()
	if _, err := store.Prune(t.Context(), time.Now().AddDate(0, 0, -2)); err != nil {
		t.Fatal(err)
	}
	equal(t, page(t, store, eventtrace.Query{}, eventtrace.Oldest, 100), want)
}
