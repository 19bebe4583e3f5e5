package trestle_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	trestle "github.com/omninode/trestle/runtime"
)

// TestSnoozedEventsWaitWithoutFailing has events be put off more often than they may fail, and fail for as often as they may.
func TestSnoozedEventsWaitWithoutFailing(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	const perOrder = 4
	ids := orderIDs(12)
	c.writeOrders(t, ids, perOrder)
	book := newLedger(t)
	var mu sync.Mutex
	var outcomes []trestle.Outcome
	r := consume(t, c, book.handle(func(ctx context.Context, e *orderPlaced) error {
		d, _ := trestle.DeliveryFrom(ctx)
		switch {
		case d.Snoozes == 8:
			return nil
		case d.Attempt <= 2 && d.Snoozes == 2*d.Attempt:
			return errTransient
		}
		return fmt.Errorf("not yet: %w", errors.Join(trestle.Snooze(time.Millisecond), errTransient))
	}), trestle.WithRetries(2), trestle.WithoutBreaker(), trestle.WithObserver(func(o trestle.Outcome) {
		mu.Lock()
		defer mu.Unlock()
		outcomes = append(outcomes, o)
	}))
	eventually(t, "all committed", func() bool { return c.committed(testGroup) == int64(perOrder*len(ids)) })
	r.stop()
	book.wantAll(ids, perOrder)
	mu.Lock()
	defer mu.Unlock()
	for _, o := range outcomes {
		if o.Result != trestle.Handled || o.Delivery.Attempt != 3 || o.Delivery.Snoozes != 8 {
			t.Fatalf("%v after attempt %d, put off %d times", o.Result, o.Delivery.Attempt, o.Delivery.Snoozes)
		}
	}
}

// TestSnoozedEventsDoNotHoldUpTheEnd has one key's event be put off for long: others go on meanwhile, the consumer's end doesn't wait for
// it, and the next consumer handles that key alone.
func TestSnoozedEventsDoNotHoldUpTheEnd(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	const perOrder = 20
	ids := orderIDs(12)
	c.writeOrders(t, ids, perOrder)
	total := perOrder * len(ids)
	book := newLedger(t)
	first := consume(t, c, book.handle(func(_ context.Context, e *orderPlaced) error {
		if e.OrderID == "order-0" && e.N == 3 {
			return trestle.Snooze(100 * trestle.MaxSnooze)
		}
		return nil
	}), trestle.WithDrainTimeout(time.Hour))
	left := perOrder - 3
	eventually(t, "all others are handled", func() bool { return book.count() == total-left })
	first.stop()
	second := consume(t, c, book.handle(ok))
	eventually(t, "all committed", func() bool { return c.committed(testGroup) == int64(total) })
	second.stop()
	book.wantAll(ids, perOrder)
	if n := book.repeats(); n != 0 {
		t.Errorf("%d events were handled again", n)
	}
}
