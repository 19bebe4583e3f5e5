package trestle_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/deadletter"
)

// consumeBatches handles the topic's events in batches, by the names that it has in place of those of the tests.
func (c *oneTopic) consumeBatches(t *testing.T, handle func(context.Context, []orderItem) error, batch []trestle.BatchOption, opts ...trestle.ConsumerOption) *running {
	t.Helper()
	names := trestle.WithNames(trestle.Names{Topics: map[string]string{orders.Name: c.topic.Name, orders.DeadLetter: c.topic.DeadLetter}})
	consumer, err := trestle.NewConsumer(c.brokers, c.group, append([]trestle.ConsumerOption{
		trestle.WithLogger(quiet), names, trestle.WithBackoff(time.Millisecond, 10*time.Millisecond),
	}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	trestle.HandleBatch(consumer, handle, batch...)
	return run(t, consumer)
}

// awaitStable waits until the group has so many members, each with partitions.
func (c *oneTopic) awaitStable(t *testing.T, members int) {
	t.Helper()
	eventually(t, fmt.Sprintf("a group of %d", members), func() bool {
		groups, err := c.admin().DescribeGroups(deadline(t), c.group)
		group := groups[c.group]
		return err == nil && group.State == "Stable" && len(group.Members) == members && !slices.ContainsFunc(group.Members, func(m kadm.DescribedGroupMember) bool {
			assigned, ok := m.Assigned.AsConsumer()
			return !ok || len(assigned.Topics) == 0
		})
	})
}

// TestLimitsOfBatchesOnKafka has what stands on a partition come in batches that are bound by their number, by their bytes, and by the time
// that they wait.
func TestLimitsOfBatchesOnKafka(t *testing.T) {
	t.Parallel()
	const events = 21
	size := int64(len("a") + len(orderJSON("a", 10)))
	for name, tc := range map[string]struct {
		batch []trestle.BatchOption
		most  int // events of a batch
		rest  int // of the last one
	}{
		"number": {[]trestle.BatchOption{trestle.WithMaxBatchSize(7), trestle.WithMaxBatchWait(time.Minute)}, 7, 7},
		"bytes":  {[]trestle.BatchOption{trestle.WithMaxBatchBytes(3 * size), trestle.WithMaxBatchWait(time.Minute)}, 3, 3},
		"time":   {[]trestle.BatchOption{trestle.WithMaxBatchSize(20), trestle.WithMaxBatchWait(50 * time.Millisecond)}, 20, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := onKafka(t, 1)
			var records []*kgo.Record
			for n := range events {
				r := orderRecord("a", 10+n)
				r.Topic = c.topic.Name
				records = append(records, r)
			}
			c.write(t, records...) // in one request: they are there together
			var calls calls
			r := c.consumeBatches(t, func(_ context.Context, items []orderItem) error { calls.enter(items); return nil }, tc.batch)
			eventually(t, "all committed", func() bool { return c.lag(t) == 0 })
			r.stop()
			var want [][]int64
			for n := int64(10); n < 10+events; {
				call := []int64{}
				for ; n < 10+events && len(call) < tc.most; n++ {
					call = append(call, n)
				}
				want = append(want, call)
			}
			if diff := cmp.Diff(want, calls.got); diff != "" || len(want[len(want)-1]) != tc.rest {
				t.Errorf("calls: %s", diff)
			}
		})
	}
}

// TestWhatFailsInABatchOnKafka has a batch of two keys with an event that fails for a while and one that fails for good, and says how it
// is called, and what becomes of them.
func TestWhatFailsInABatchOnKafka(t *testing.T) {
	t.Parallel()
	c := onKafka(t, 1)
	var records []*kgo.Record
	for n := range 3 {
		for _, key := range []string{"a", "b"} {
			r := orderRecord(key, n)
			r.Topic = c.topic.Name
			records = append(records, r)
		}
	}
	c.write(t, records...)
	var mu sync.Mutex
	var got [][]string
	outcomes := newOutcomes()
	r := c.consumeBatches(t, func(_ context.Context, items []orderItem) error {
		mu.Lock()
		defer mu.Unlock()
		var names []string
		var failed trestle.BatchError
		for i, item := range items {
			names = append(names, eventName(item.Event))
			switch eventName(item.Event) {
			case "a#1":
				if item.Delivery.Attempt < 3 {
					failed.Add(i, errTransient)
				}
			case "b#0":
				failed.Add(i, trestle.Permanent(errTransient))
			}
		}
		got = append(got, names)
		return failed.Err()
	}, []trestle.BatchOption{trestle.WithMaxBatchSize(6), trestle.WithMaxBatchWait(time.Minute)}, trestle.WithKeyWorkers(1), trestle.WithRetries(5),
		trestle.WithObserver(outcomes.add))
	eventually(t, "all committed", func() bool { return c.lag(t) == 0 })
	r.stop()
	want := [][]string{{"a#0", "a#1", "a#2", "b#0", "b#1", "b#2"}, {"a#1"}, {"a#1"}, {"a#2"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("calls: %s", diff)
	}
	outcomes.want(t, map[trestle.Result]int{trestle.Handled: 5, trestle.DeadLettered: 1})
	letters := c.scan(t, c.topic.DeadLetter)
	if len(letters) != 1 {
		t.Fatalf("%d dead letters", len(letters))
	}
	letter, err := deadletter.Parse(&letters[0])
	if err != nil || string(letter.Original.Key) != "b" || letter.Original.Offset != 1 || letter.SourceTopic != c.topic.Name {
		t.Errorf("got %+v, %v", letter, err)
	}
}
