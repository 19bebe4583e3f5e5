package trestle_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	trestle "github.com/omninode/trestle/runtime"
)

// TestOutputsOfBatches has handlers of batches publish for single events and for the batch as a whole, and name events that failed.
func TestOutputsOfBatches(t *testing.T) {
	t.Parallel()
	c := startShipping(t)
	const perOrder = 20
	ids := orderIDs(30)
	c.writeOrders(t, ids, perOrder)
	pub := newPublisher(t, c.brokers)
	consumer, err := trestle.NewConsumer(c.brokers, testGroup, quick(trestle.WithTransactions(pub), trestle.WithRetries(5), trestle.WithoutBreaker())...)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	tried := map[string]int{}
	wholes := 0
	trestle.HandleBatch(consumer, func(ctx context.Context, items []orderItem) error {
		var failed trestle.BatchError
		for i, item := range items {
			e := item.Event
			itemCtx := item.Context(ctx)
			if d, ok := trestle.DeliveryFrom(itemCtx); !ok || d.Offset != item.Delivery.Offset {
				t.Errorf("%s has the context of %+v", eventName(e), d)
			}
			if id, ok := trestle.IdentityFrom(itemCtx); !ok || id == "" {
				t.Errorf("%s has no identity", eventName(e))
			}
			if err := ship(itemCtx, pub, e); err != nil {
				return err
			}
			mu.Lock()
			tried[eventName(e)]++
			first := tried[eventName(e)] == 1
			mu.Unlock()
			switch draw("batch", e, 12) {
			case 0:
				if first {
					failed.Add(i, errTransient)
				}
			case 1:
				if first {
					failed.Add(i, trestle.Snooze(time.Millisecond))
				}
			case 2:
				failed.Add(i, trestle.Permanent(errTransient))
			}
		}
		// Of the batch as a whole: in some of those batches events are named.
		if len(items) > 1 && draw("whole", items[0].Event, 3) == 0 {
			if err := pub.Publish(ctx, shipped(&orderPlaced{OrderID: "whole", N: int64(len(items))}, 0, 1)); err != nil {
				return err
			}
			if failed.Err() == nil {
				mu.Lock()
				wholes++
				mu.Unlock()
			}
		}
		return failed.Err()
	}, trestle.WithMaxBatchSize(8), trestle.WithMaxBatchWait(5*time.Millisecond))
	r := run(t, consumer)
	eventually(t, "all committed", func() bool { return c.committed(testGroup) == int64(perOrder*len(ids)) })
	r.stop()
	got := committedOutputs(t, c.conn, shipments.Name)
	whole := len(got["whole"])
	delete(got, "whole")
	want := shippedOf(ids, perOrder, func(e *orderPlaced) bool { return draw("batch", e, 12) == 2 })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("outputs of events, want-got:\n%s", diff)
	}
	if whole != wholes || wholes == 0 {
		t.Errorf("%d outputs of batches, want %d", whole, wholes)
	}
}

// TestLateOutputsOfBatches publishes with the contexts of a batch whose handler has returned.
func TestLateOutputsOfBatches(t *testing.T) {
	t.Parallel()
	c := startShipping(t)
	c.writeOrders(t, []string{"a"}, 3)
	pub := newPublisher(t, c.brokers)
	consumer, err := trestle.NewConsumer(c.brokers, testGroup, quick(trestle.WithTransactions(pub))...)
	if err != nil {
		t.Fatal(err)
	}
	contexts := make(chan context.Context, 10)
	trestle.HandleBatch(consumer, func(ctx context.Context, items []orderItem) error {
		contexts <- ctx
		contexts <- items[0].Context(ctx)
		return nil
	}, trestle.WithMaxBatchSize(3), trestle.WithMaxBatchWait(time.Minute))
	r := run(t, consumer)
	eventually(t, "all committed", func() bool { return c.committed(testGroup) == 3 })
	for range 2 {
		err := pub.Publish(<-contexts, shipped(&orderPlaced{OrderID: "late"}, 0, 1))
		if late, ok := errors.AsType[*trestle.PublishError](err); !ok || late.Fate != trestle.NotSent {
			t.Error(fmt.Errorf("published late: %w", err))
		}
	}
	r.stop()
	wantOutputs(t, c.conn, shipments.Name, map[string][]string{})
	if item := (orderItem{}); item.Context(t.Context()) != t.Context() {
		t.Error("an item of no consumer has a context of its own")
	}
}

// TestTransactionsSayAllThatIsDone has the oldest events hang while others are done behind them, on brokers that take short metadata: what a
// commit can't name is not done, so that a member that dies and the next together ship each event once.
func TestTransactionsSayAllThatIsDone(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{4096, 300} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			t.Parallel()
			c := startShipping(t)
			refused := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.TxnOffsetCommit, kmsg.OffsetCommit}, Err: kerr.OffsetMetadataTooLarge, Count: -1, When: func(r kmsg.Request) bool {
				long := false
				switch r := r.(type) {
				case *kmsg.TxnOffsetCommitRequest:
					for _, t := range r.Topics {
						for _, p := range t.Partitions {
							long = long || p.Metadata != nil && len(*p.Metadata) > limit
						}
					}
				case *kmsg.OffsetCommitRequest:
					for _, t := range r.Topics {
						for _, p := range t.Partitions {
							long = long || p.Metadata != nil && len(*p.Metadata) > limit
						}
					}
				}
				return long
			}})
			const perOrder = 150
			ids := orderIDs(24)
			c.writeOrders(t, ids, perOrder)
			hangs := func(e *orderPlaced) bool { return draw("hangs", &orderPlaced{OrderID: e.OrderID}, 3) == 0 }
			hung := 0
			for _, id := range ids {
				if hangs(&orderPlaced{OrderID: id}) {
					hung++
				}
			}
			if hung == 0 || hung == len(ids) {
				t.Fatalf("%d of %d orders hang", hung, len(ids))
			}
			life := newLifeline(0, false)
			first := transact(t, c, life, func(ctx context.Context, pub *trestle.Publisher, e *orderPlaced) error {
				if hangs(e) {
					<-ctx.Done()
					return ctx.Err()
				}
				return ship(ctx, pub, e)
			})
			eventually(t, "most is shipped", func() bool {
				if limit < 4096 { // brokers have said no to a commit by then
					return refused.Hits() > 0 && c.end(shipments.Name) > 30
				}
				return c.end(shipments.Name) > int64(perOrder*(len(ids)-hung)/4)
			})
			first.die()
			second := transact(t, c, newLifeline(0, false), func(ctx context.Context, pub *trestle.Publisher, e *orderPlaced) error {
				return ship(ctx, pub, e)
			})
			eventually(t, "all committed", func() bool { return c.committed(testGroup) == int64(perOrder*len(ids)) })
			second.stop()
			wantOutputs(t, c.conn, shipments.Name, shippedOf(ids, perOrder, nil))
			if (refused.Hits() > 0) != (limit < 4096) {
				t.Errorf("%d commits were refused", refused.Hits())
			}
		})
	}
}
