package trestle_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	trestle "github.com/omninode/trestle/runtime"
)

// soon has a breaker try again soon.
var soon = trestle.WithBreaker(trestle.Breaker{Lowest: time.Millisecond, Highest: 20 * time.Millisecond})

// TestOutageIsNotDeadLettered takes away what handlers depend on, in the middle of 3,000 events, and gives it back.
func TestOutageIsNotDeadLettered(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	ids := orderIDs(60)
	const perKey = 50
	c.writeOrders(t, ids, perKey)
	var off atomic.Bool
	var once sync.Once
	outcomes := newOutcomes()
	r := consume(t, c, func(context.Context, *orderPlaced) error {
		if off.Load() {
			return errTransient
		}
		return nil
	}, soon, trestle.WithRetries(1), trestle.WithObserver(func(o trestle.Outcome) {
		outcomes.add(o)
		if o.Result == trestle.Handled && o.Delivery.Offset == 300 {
			once.Do(func() {
				off.Store(true)
				time.AfterFunc(300*time.Millisecond, func() { off.Store(false) })
			})
		}
	}))
	eventually(t, "all committed", func() bool { return c.committed(testGroup) == int64(len(ids)*perKey) })
	r.stop()
	dead := outcomes.count(trestle.DeadLettered)
	if handled := outcomes.count(trestle.Handled); dead > 20 || handled+dead != len(ids)*perKey {
		t.Errorf("%d events were dead-lettered in an outage, at most 20 should be, and %d handled", dead, handled)
	}
}

// TestPoisonIsDeadLettered has one event in a hundred fail for ever, among others that do not: the breaker stays closed.
func TestPoisonIsDeadLettered(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	ids := orderIDs(100)
	const perKey = 20
	c.writeOrders(t, ids, perKey)
	outcomes := newOutcomes()
	var logged strings.Builder
	var mu sync.Mutex
	logger := slog.New(slog.NewTextHandler(lockedWriter{&mu, &logged}, nil))
	r := consume(t, c, func(_ context.Context, e *orderPlaced) error {
		if e.OrderID == "order-7" {
			return errTransient
		}
		return nil
	}, soon, trestle.WithLogger(logger), trestle.WithObserver(outcomes.add))
	eventually(t, "all committed", func() bool { return c.committed(testGroup) == int64(len(ids)*perKey) })
	r.stop()
	outcomes.want(t, map[trestle.Result]int{trestle.Handled: (len(ids) - 1) * perKey, trestle.DeadLettered: perKey})
	if strings.Contains(logged.String(), "outage") {
		t.Errorf("poison was taken for an outage:\n%s", logged.String())
	}
}

// TestBadEventsThatAreTriedAgainTogether has one event in ten of a backlog fail for ever. The others are done by the time these are tried
// again, all at once, and nothing else is tried between: the breaker stays closed all the same.
func TestBadEventsThatAreTriedAgainTogether(t *testing.T) {
	t.Parallel()
	bad := func(e *orderPlaced) bool { return strings.HasSuffix(e.OrderID, "7") }
	one := func(_ context.Context, e *orderPlaced) error {
		if bad(e) {
			return errTransient
		}
		return nil
	}
	many := func(_ context.Context, items []orderItem) error {
		var failed trestle.BatchError
		for i, item := range items {
			if bad(item.Event) {
				failed.Add(i, errTransient)
			}
		}
		return failed.Err()
	}
	ids := orderIDs(500)
	for name, handle := range map[string]func(*cluster, ...trestle.ConsumerOption) *running{
		"single events": func(c *cluster, opts ...trestle.ConsumerOption) *running { return consume(t, c, one, opts...) },
		"batches": func(c *cluster, opts ...trestle.ConsumerOption) *running {
			return consumeBatches(t, c, many, nil, opts...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := startCluster(t)
			c.writeOrders(t, ids, 1)
			outcomes := newOutcomes()
			var logged strings.Builder
			var mu sync.Mutex
			logger := slog.New(slog.NewTextHandler(lockedWriter{&mu, &logged}, nil))
			r := handle(c, soon, trestle.WithBackoff(200*time.Millisecond, 200*time.Millisecond), trestle.WithLogger(logger), trestle.WithObserver(outcomes.add))
			eventually(t, "all committed", func() bool { return c.committed(testGroup) == int64(len(ids)) })
			r.stop()
			outcomes.want(t, map[trestle.Result]int{trestle.Handled: len(ids) / 10 * 9, trestle.DeadLettered: len(ids) / 10})
			if strings.Contains(logged.String(), "outage") {
				t.Errorf("bad events were taken for an outage:\n%s", logged.String())
			}
		})
	}
}

// TestLeftoversAreNoOutage has one event in ten not be done when a consumer ends, while those behind it are. All that the next one gets is
// those, and they fail for ever: they reach their dead letters, as they would have without a restart.
func TestLeftoversAreNoOutage(t *testing.T) {
	t.Parallel()
	ids := orderIDs(300)
	for name, retries := range map[string]int{"with retries": 2, "without": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := startCluster(t)
			c.writeOrders(t, ids, 1)
			bad := len(ids) / 10
			first := newOutcomes()
			r := consume(t, c, func(_ context.Context, e *orderPlaced) error {
				if strings.HasSuffix(e.OrderID, "7") {
					return trestle.Snooze(time.Hour)
				}
				return nil
			}, trestle.WithObserver(first.add))
			eventually(t, "the good ones are handled", func() bool { return first.count(trestle.Handled) == len(ids)-bad })
			r.stop()
			c.writeOrders(t, []string{"good"}, 1) // behind them, so that they are known to have been left
			outcomes := newOutcomes()
			r = consume(t, c, func(_ context.Context, e *orderPlaced) error {
				if strings.HasSuffix(e.OrderID, "7") {
					return errTransient
				}
				return nil
			}, trestle.WithRetries(retries), trestle.WithObserver(outcomes.add), trestle.WithBreaker(trestle.Breaker{Lowest: time.Hour, Highest: time.Hour}))
			eventually(t, "all committed", func() bool { return c.committed(testGroup) == int64(len(ids)+1) })
			r.stop()
			if dead := outcomes.count(trestle.DeadLettered); dead != bad {
				t.Errorf("%d dead letters, want %d", dead, bad)
			}
		})
	}
}

// TestFirstAttemptsAreNoOutage has every event fail at first, and succeed when it is tried again.
func TestFirstAttemptsAreNoOutage(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	ids := orderIDs(40)
	c.writeOrders(t, ids, 5)
	outcomes := newOutcomes()
	r := consume(t, c, func(ctx context.Context, _ *orderPlaced) error {
		if d, _ := trestle.DeliveryFrom(ctx); d.Attempt == 1 {
			return errTransient
		}
		return nil
	}, trestle.WithBreaker(trestle.Breaker{Lowest: time.Hour, Highest: time.Hour}), trestle.WithObserver(outcomes.add))
	eventually(t, "all committed", func() bool { return c.committed(testGroup) == int64(len(ids)*5) })
	r.stop()
	outcomes.want(t, map[trestle.Result]int{trestle.Handled: len(ids) * 5})
}

type lockedWriter struct {
	mu *sync.Mutex
	w  *strings.Builder
}

func (l lockedWriter) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(b)
}

// TestUnavailableOpensAtOnce has handlers say themselves that what they depend on is away.
func TestUnavailableOpensAtOnce(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.writeOrders(t, []string{"a"}, 3)
	logger, waits := whenLogged("topic waits for the end of an outage")
	outcomes := newOutcomes()
	var back atomic.Bool
	r := consume(t, c, func(context.Context, *orderPlaced) error {
		if !back.Load() {
			return trestle.Unavailable(errTransient)
		}
		return nil
	}, soon, trestle.WithRetries(0), trestle.WithLogger(logger), trestle.WithObserver(outcomes.add))
	select {
	case <-waits:
	case <-deadline(t).Done():
		t.Fatal("the breaker does not open")
	}
	back.Store(true)
	eventually(t, "all committed", func() bool { return c.committed(testGroup) == 3 })
	r.stop()
	outcomes.want(t, map[trestle.Result]int{trestle.Handled: 3})
	if err := trestle.Unavailable(errTransient); !errors.Is(err, errTransient) || trestle.Unavailable(nil) != nil {
		t.Errorf("got %v and %v", err, trestle.Unavailable(nil))
	}
}

// TestStopDuringOutage ends a consumer whose topic waits: what waits is left to the next one, at once.
func TestStopDuringOutage(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.writeOrders(t, orderIDs(30), 2)
	logger, waits := whenLogged("topic waits for the end of an outage")
	r := consume(t, c, func(context.Context, *orderPlaced) error { return errTransient },
		trestle.WithBreaker(trestle.Breaker{Lowest: time.Hour, Highest: time.Hour}), trestle.WithLogger(logger),
		trestle.WithDrainTimeout(time.Hour))
	select {
	case <-waits:
	case <-deadline(t).Done():
		t.Fatal("the breaker does not open")
	}
	r.stop()
	book := newLedger(t)
	again := consume(t, c, book.handle(ok))
	eventually(t, "all handled by the next", func() bool { return book.count() == 60 })
	again.stop()
	if n := len(c.deadLetters(t)); n > 0 {
		t.Errorf("%d events were dead-lettered", n)
	}
}

// TestPauseAndResume stops a topic, and a partition of another, before and while the consumer runs.
func TestPauseAndResume(t *testing.T) {
	t.Parallel()
	c, each := twoTopics(t, true)
	consumer, err := trestle.NewConsumer(c.brokers, testGroup, quick()...)
	if err != nil {
		t.Fatal(err)
	}
	byPartition := [testPartitions]atomic.Int64{}
	trestle.HandleInfo(consumer, &orderPlacedInfo, func(ctx context.Context, _ trestle.Event) error {
		d, _ := trestle.DeliveryFrom(ctx)
		byPartition[d.Partition].Add(1)
		return nil
	})
	refund := orderPlacedInfo
	refund.Topic = refunds
	var others atomic.Int64
	trestle.HandleInfo(consumer, &refund, func(context.Context, trestle.Event) error { others.Add(1); return nil })
	consumer.Pause(orders.Name, 0, 1)
	consumer.Pause(refunds.Name)
	r := run(t, consumer)
	ends := [testPartitions]int64{}
	for _, p := range c.PartitionInfos(orders.Name) {
		ends[p.Partition] = p.HighWatermark
	}
	eventually(t, "the partition that goes on is handled", func() bool { return byPartition[2].Load() == ends[2] })
	consumer.Resume(orders.Name, 1)
	eventually(t, "the one that was resumed, too", func() bool { return byPartition[1].Load() == ends[1] })
	if byPartition[0].Load() > 0 || others.Load() > 0 {
		t.Errorf("%d events of a paused partition were handled, and %d of a paused topic", byPartition[0].Load(), others.Load())
	}
	consumer.Resume(orders.Name, 0)
	consumer.Resume(refunds.Name)
	eventually(t, "all are handled", func() bool { return byPartition[0].Load() == ends[0] && others.Load() == int64(each) })
	r.stop()
}

// TestOverdueHandlersAreReplaced has as many handlers go on past their deadline as there are workers.
func TestOverdueHandlersAreReplaced(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	ids := orderIDs(20)
	c.writeOrders(t, ids, 2)
	open := make(chan struct{})
	var hung atomic.Int64
	logger, overdue := whenLogged("handler goes on past its deadline")
	book := newLedger(t)
	r := consume(t, c, book.handle(func(ctx context.Context, e *orderPlaced) error {
		if e.N == 0 && hung.Add(1) <= 4 {
			<-open // whatever ctx says
			if ctx.Err() == nil {
				t.Error("the handler's context has not ended")
			}
		}
		return nil
	}), trestle.WithKeyWorkers(4), trestle.WithHandlerTimeout(10*time.Millisecond), trestle.WithLogger(logger))
	eventually(t, "the other keys are handled", func() bool { return book.count() == 2*(len(ids)-4) })
	select {
	case <-overdue:
	default:
		t.Error("it was not logged")
	}
	close(open)
	eventually(t, "all are handled", func() bool { return book.count() == 2*len(ids) })
	r.stop()
}
