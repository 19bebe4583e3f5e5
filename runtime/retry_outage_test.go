package trestle_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	trestle "github.com/omninode/trestle/runtime"
)

// TestRetryTopicsAreNoOutage has one event in ten fail for ever. Retry topics have nothing but such events, which reach their dead
// letters all the same.
func TestRetryTopicsAreNoOutage(t *testing.T) {
	t.Parallel()
	c := startWithRetries(t)
	ids := orderIDs(300)
	c.writeOrders(t, ids, 1)
	dead := func() map[string]bool {
		keys := map[string]bool{}
		for _, d := range c.deadLetters(t) {
			keys[string(d.Original.Key)] = true
		}
		return keys
	}
	r := consume(t, c, func(_ context.Context, e *orderPlaced) error {
		if strings.HasSuffix(e.OrderID, "7") {
			return errTransient
		}
		return nil
	}, trestle.WithBreaker(trestle.Breaker{Lowest: time.Hour, Highest: time.Hour}), trestle.WithRetries(0), retryOpts(time.Millisecond, time.Millisecond))
	eventually(t, "all dead letters", func() bool {
		if h := r.Health(); !h.Ready && len(h.Reasons) > 0 && h.Reasons[0].Code == trestle.BreakerOpen {
			t.Fatalf("an outage: %+v", h)
		}
		return len(dead()) == len(ids)/10
	})
	r.stop()
}

// TestRetriesWaitForTheEndOfAnOutage has events in a retry topic come due in an outage of their topic: they wait for its end, and go on
// by themselves then, each by how it fares.
func TestRetriesWaitForTheEndOfAnOutage(t *testing.T) {
	t.Parallel()
	c := startWithRetries(t)
	ids := orderIDs(120)
	late := len(ids) / 10
	var off atomic.Bool
	off.Store(true)
	var retries atomic.Int64
	var consumer atomic.Pointer[running]
	isOpen := func() bool {
		return slices.ContainsFunc(consumer.Load().Health().Reasons, func(r trestle.HealthReason) bool {
			return r.Code == trestle.BreakerOpen && r.Topic == orders.Name
		})
	}
	r := consume(t, c, func(ctx context.Context, e *orderPlaced) error {
		d, _ := trestle.DeliveryFrom(ctx)
		switch {
		case strings.HasPrefix(e.OrderID, "outage") && off.Load():
			return trestle.Unavailable(errTransient)
		case e.OrderID != "doomed" && !strings.HasSuffix(e.OrderID, "7"):
			return nil
		case d.Attempt == 1 || e.OrderID == "doomed":
			return errTransient
		}
		for off.Load() && !isOpen() { // so that the outage is there before the first of them is due
			select {
			case <-time.After(time.Millisecond):
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		retries.Add(1)
		if off.Load() {
			return errors.New("still off")
		}
		return nil
	}, soon, trestle.WithRetries(0), trestle.WithRetryTopics(orders.Name, trestle.RetryTopic{Name: retrySoon, Delay: 200 * time.Millisecond}))
	consumer.Store(r)
	c.writeOrders(t, ids, 1)
	eventually(t, "they are in the retry topic", func() bool { return c.end(retrySoon) == int64(late) })
	c.writeOrders(t, []string{"outage"}, 1)
	eventually(t, "they are tried in vain", func() bool { return retries.Load() >= int64(3*late) })
	if n := c.end(orders.DeadLetter); n > 0 {
		t.Errorf("%d dead letters in an outage", n)
	}
	c.writeOrders(t, []string{"doomed"}, 1)
	off.Store(false)
	eventually(t, "the dead letter of the one that is doomed", func() bool { return c.end(orders.DeadLetter) == 1 })
	eventually(t, "all retries committed", func() bool { return c.committedOn(testGroup, retrySoon) == c.end(retrySoon) })
	if n := c.end(orders.DeadLetter); n != 1 {
		t.Errorf("%d dead letters, want 1", n)
	}
	r.stop()
}

// TestRetriesGoOnThoughTheyFail has the outage that retries wait for end while all that stands in the retry topic fails for ever.
func TestRetriesGoOnThoughTheyFail(t *testing.T) {
	t.Parallel()
	c := startWithRetries(t)
	doomed := orderIDs(4) // too few keys for an outage of their topic
	var said atomic.Bool
	r := consume(t, c, func(ctx context.Context, e *orderPlaced) error {
		if d, _ := trestle.DeliveryFrom(ctx); d.Attempt > 1 && said.CompareAndSwap(false, true) {
			return trestle.Unavailable(errTransient)
		}
		return errTransient
	}, soon, trestle.WithRetries(0), trestle.WithRetryTopics(orders.Name, trestle.RetryTopic{Name: retrySoon, Delay: time.Millisecond}))
	c.writeOrders(t, doomed, 1)
	eventually(t, "all dead letters", func() bool { return c.end(orders.DeadLetter) >= int64(len(doomed)) })
	r.stop()
}
