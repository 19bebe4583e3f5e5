package trestle_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/kafka"
)

// TestDeduplication writes events with ids of their own, some of them again, and one that fails at first.
func TestDeduplication(t *testing.T) {
	t.Parallel()
	ids := make([]string, 5)
	for i := range ids {
		ids[i] = uuid.NewString()
	}
	written := []int{0, 1, 0, 2, 2, 3, 0, 4, 4} // by the fourth 0 it was forgotten: 1, 2 and 3 were handled since
	for name, tt := range map[string]struct {
		remembered int
		want       string // what is handled, in order
		duplicates float64
	}{
		"none":  {0, "[0 1 0 2 2 3 0 4 4]", 0},
		"three": {3, "[0 1 2 3 0 4 4]", 2},
		"all":   {100, "[0 1 2 3 4 4]", 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, m := startCluster(t), newMeters(t)
			for n, which := range written {
				r := orderRecord("one", n)
				r.Headers = append(r.Headers, kgo.RecordHeader{Key: "event-id", Value: []byte(ids[which])})
				c.write(t, r)
			}
			var mu sync.Mutex
			var handled []int
			failed := false
			r := consume(t, c, func(ctx context.Context, e *orderPlaced) error {
				mu.Lock()
				defer mu.Unlock()
				which := written[e.N]
				handled = append(handled, which)
				if which == 4 && !failed { // what goes to its dead letter is handled when it comes again
					failed = true
					return trestle.Permanent(errTransient)
				}
				return nil
			}, trestle.WithDeduplication(tt.remembered), m)
			eventually(t, "all committed", func() bool { return c.committed(testGroup) == int64(len(written)) })
			r.stop()
			if got := fmt.Sprint(handled); got != tt.want {
				t.Errorf("handled %s, want %s", got, tt.want)
			}
			if tt.duplicates > 0 {
				m.wantSums(sumOf(tt.duplicates, "trestle.consumer.events", "trestle.result", "duplicate"))
			}
		})
	}
}

// TestErrDuplicate has a handler, and middleware, find events to have been handled before: they are done, and no failures.
func TestErrDuplicate(t *testing.T) {
	t.Parallel()
	c, m := startCluster(t), newMeters(t)
	c.writeOrders(t, []string{"one"}, 6)
	var mu sync.Mutex
	identities := map[string]bool{}
	r := consume(t, c, func(ctx context.Context, e *orderPlaced) error {
		d, _ := trestle.DeliveryFrom(ctx)
		identity, ok := trestle.IdentityFrom(ctx)
		if d.Group != testGroup || !ok || identity == d.EventID { // the producer gave it none
			t.Errorf("group %q, identity %q of event %s", d.Group, identity, d.EventID)
		}
		mu.Lock()
		identities[identity] = true
		mu.Unlock()
		if e.N == 1 {
			return fmt.Errorf("order %s: %w", e.OrderID, trestle.ErrDuplicate)
		}
		return nil
	}, m, trestle.WithHandlerMiddleware(func(next trestle.HandlerFunc) trestle.HandlerFunc {
		return func(ctx context.Context, e trestle.Event) error {
			if e.(*orderPlaced).N >= 4 {
				return trestle.ErrDuplicate
			}
			return next(ctx, e)
		}
	}))
	eventually(t, "all committed", func() bool { return c.committed(testGroup) == 6 })
	r.stop()
	m.wantSums(
		sumOf(3, "trestle.consumer.events", "trestle.result", "duplicate"), sumOf(3, "trestle.consumer.events", "trestle.result", "handled"),
		sumOf(0, "trestle.consumer.retries"), sumOf(0, "trestle.consumer.dead_letters"), sumOf(0, "messaging.process.duration", "error.type", "_OTHER"),
	)
	if len(identities) != 4 {
		t.Errorf("%d identities, want 4: %v", len(identities), identities)
	}
	if identity, ok := trestle.IdentityFrom(t.Context()); ok || identity != "" {
		t.Errorf("outside of a handler: %q, %t", identity, ok)
	}
}

// TestDuplicatesEndAnOutage has a handler fail as in an outage, and then find nothing but duplicates.
func TestDuplicatesEndAnOutage(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.writeOrders(t, []string{"one"}, 1)
	var failed atomic.Bool
	r := consume(t, c, func(context.Context, *orderPlaced) error {
		if !failed.Swap(true) {
			return trestle.Unavailable(errTransient)
		}
		return trestle.ErrDuplicate
	}, trestle.WithBreaker(trestle.Breaker{Lowest: time.Millisecond, Highest: time.Millisecond}))
	eventually(t, "it is committed", func() bool { return c.committed(testGroup) == 1 })
	eventually(t, "the outage is over", func() bool { return r.Health().Ready })
}

// TestPublishedAgain publishes an event again of which nobody knows what became of it, under the id that the error names.
func TestPublishedAgain(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	p := newPublisher(t, c.brokers)
	unanswered := make(chan struct{})
	c.ControlKey(kmsg.Produce.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.SleepControl(func() { <-unanswered })
		return nil, nil, false
	})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	e := &orderPlaced{OrderID: "a"}
	err := p.Publish(ctx, e)
	failed, ok := errors.AsType[*trestle.PublishError](err)
	if !ok || failed.Fate != trestle.FateUnknown || failed.EventID == "" {
		t.Fatalf("error %v", err)
	}
	close(unanswered)
	if err := p.Publish(deadline(t), e, trestle.WithEventID(failed.EventID)); err != nil {
		t.Fatal(err)
	}
	records := c.read(t, orders.Name)
	if len(records) != 2 {
		t.Fatalf("%d records, want 2", len(records))
	}
	for _, r := range records {
		record := kafka.FromClient(r)
		if id := record.Header("event-id"); id != failed.EventID {
			t.Errorf("event id %s, want %s", id, failed.EventID)
		}
	}
}
