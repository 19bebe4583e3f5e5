package trestle_test

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	trestle "github.com/omninode/trestle/runtime"
)

// refunds is a second topic, of events that are alike.
var refunds = &trestle.TopicInfo{
	Name: "refunds", DeadLetter: "refunds_dlq", EventTypes: []string{"OrderPlaced"}, MaxMessageBytes: 1 << 20,
}

// twoTopics is a cluster in which orders has events of 40 keys that hold things up, and refunds has as many that do not.
func twoTopics(t *testing.T, deadLetters bool) (c *cluster, each int) {
	opts := []kfake.Opt{kfake.SeedTopics(testPartitions, refunds.Name), kfake.SeedTopics(1, refunds.DeadLetter)}
	c = startCluster(t, opts...)
	if !deadLetters {
		if _, err := kadm.NewClient(c.client).DeleteTopic(deadline(t), orders.DeadLetter); err != nil {
			t.Fatal(err)
		}
	}
	const keys, perKey = 40, 10
	c.writeOrders(t, orderIDs(keys), perKey)
	for _, r := range c.read(t, orders.Name) {
		r.Topic = refunds.Name
		c.write(t, r)
	}
	return c, keys * perKey
}

// consumeBoth handles orders as told, and counts refunds.
func consumeBoth(t *testing.T, c *cluster, bad func(context.Context, trestle.Event) error, opts ...trestle.ConsumerOption) (r *running, good *atomic.Int64) {
	t.Helper()
	consumer, err := trestle.NewConsumer(c.brokers, testGroup, quick(opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	trestle.HandleInfo(consumer, &orderPlacedInfo, bad)
	refund := orderPlacedInfo
	refund.Topic = refunds
	good = &atomic.Int64{}
	trestle.HandleInfo(consumer, &refund, func(context.Context, trestle.Event) error {
		good.Add(1)
		return nil
	})
	return run(t, consumer), good
}

// TestOneTopicHoldsUpItself has one topic go wrong, in each way that there is, and the other be handled whole. The topic
// that goes wrong has more events than may be in hand.
func TestOneTopicHoldsUpItself(t *testing.T) {
	t.Parallel()
	small := []trestle.ConsumerOption{trestle.WithMaxInFlight(60), trestle.WithKeyWorkers(4), trestle.WithDrainTimeout(0)}
	long := trestle.WithBackoff(time.Hour, time.Hour)
	for _, tt := range []struct {
		name        string
		deadLetters bool
		handle      func(ctx context.Context, open <-chan struct{}) error
		opts        []trestle.ConsumerOption
	}{
		{"its handlers hang", true, func(_ context.Context, open <-chan struct{}) error { <-open; return nil }, nil},
		{"its handlers fail", true, func(context.Context, <-chan struct{}) error { return errTransient }, []trestle.ConsumerOption{long}},
		{"its dead letters cannot be written", false, func(context.Context, <-chan struct{}) error { return trestle.Permanent(errTransient) },
			[]trestle.ConsumerOption{long}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, each := twoTopics(t, tt.deadLetters)
			open := make(chan struct{})
			r, good := consumeBoth(t, c, func(ctx context.Context, _ trestle.Event) error { return tt.handle(ctx, open) },
				append(small, tt.opts...)...)
			eventually(t, "all of the other topic handled", func() bool { return good.Load() == int64(each) })
			close(open)
			_ = r.end() // what was not finished it names
		})
	}
}

// TestSlowKeyHoldsUpItself has one key be slow, of which there are more events than one fetch brings.
func TestSlowKeyHoldsUpItself(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	ids := append(orderIDs(30), "slow")
	const perKey = 50
	c.writeOrders(t, ids, perKey)
	book := newLedger(t)
	open := make(chan struct{})
	r := consume(t, c, book.handle(func(_ context.Context, e *orderPlaced) error {
		if e.OrderID == "slow" {
			<-open
		}
		return nil
	}))
	eventually(t, "all other keys handled", func() bool { return book.count() == (len(ids)-1)*perKey })
	close(open)
	eventually(t, "the slow key handled", func() bool { return book.count() == len(ids)*perKey })
	r.stop()
	book.wantAll(ids, perKey)
}

// TestGoexitCostsNoWorker has handlers end their goroutines, more of them than there are workers.
func TestGoexitCostsNoWorker(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	ids := orderIDs(30)
	c.writeOrders(t, ids, 2)
	var mu sync.Mutex
	handled := map[string]bool{}
	outcomes := newOutcomes()
	r := consume(t, c, func(_ context.Context, e *orderPlaced) error {
		if e.N == 0 {
			runtime.Goexit()
		}
		mu.Lock()
		defer mu.Unlock()
		handled[e.OrderID] = true
		return nil
	}, trestle.WithKeyWorkers(4), trestle.WithObserver(outcomes.add))
	eventually(t, "all committed", func() bool { return c.committed(testGroup) == 60 })
	r.stop()
	if len(handled) != len(ids) {
		t.Errorf("%d keys were handled, want %d", len(handled), len(ids))
	}
	outcomes.want(t, map[trestle.Result]int{trestle.Handled: 30, trestle.DeadLettered: 30})
	for _, d := range c.deadLetters(t) {
		if d.Error.Type != "PanicError" || d.Error.StackTrace == "" {
			t.Fatalf("dead letter says %s, with %d bytes of a stack", d.Error.Type, len(d.Error.StackTrace))
		}
	}
}

// TestStopWhileTheClusterIsAway ends a consumer whose brokers answer nothing any more.
func TestStopWhileTheClusterIsAway(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, c *cluster) {
		c.writeOrders(t, orderIDs(5), 2)
		var handled atomic.Int64
		release := make(chan struct{})
		defer close(release)
		r := consume(t, c, func(context.Context, *orderPlaced) error {
			handled.Add(1)
			return nil
		}, trestle.WithDrainTimeout(10*time.Millisecond), trestle.WithCommitInterval(time.Hour))
		eventually(t, "all handled", func() bool { return handled.Load() == 10 })
		c.Control(func(kmsg.Request) (kmsg.Response, error, bool) {
			<-release
			return nil, nil, false
		})
		begun := time.Now()
		const most = 10*time.Millisecond + 5*time.Second // as WithDrainTimeout says
		if err := r.end(); err == nil {
			t.Error("Run does not say that nothing was committed")
		}
		if took := time.Since(begun); took > most {
			t.Errorf("Run returned after %v", took)
		}
	})
}
