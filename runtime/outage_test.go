package trestle_test

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/replay"
)

// outage is what became of 10,000 events of which the handlers' dependency was away for a while.
type outage struct {
	*cluster
	outcomes *outcomes
	handled  map[string]int
	running  *running
}

const outageKeys, outageEvents = 100, 100

// playOutage takes away what handlers depend on, in the middle of 10,000 events, and gives it back.
func playOutage(t *testing.T, breaker trestle.Breaker) *outage {
	t.Helper()
	c := startCluster(t)
	c.createTopic(t, replay.ResolutionsTopic, 1)
	c.writeOrders(t, orderIDs(outageKeys), outageEvents)
	o := &outage{cluster: c, outcomes: newOutcomes(), handled: map[string]int{}}
	var off atomic.Bool
	var once sync.Once
	var mu sync.Mutex
	breaker.Lowest, breaker.Highest = time.Millisecond, 20*time.Millisecond
	o.running = consume(t, c, func(_ context.Context, e *orderPlaced) error {
		if off.Load() {
			return errTransient
		}
		mu.Lock()
		defer mu.Unlock()
		o.handled[eventName(e)]++
		return nil
	}, trestle.WithBreaker(breaker), trestle.WithRetries(0), trestle.WithObserver(func(outcome trestle.Outcome) {
		o.outcomes.add(outcome)
		if outcome.Result == trestle.Handled && outcome.Delivery.Offset == 1000 {
			once.Do(func() {
				off.Store(true)
				time.AfterFunc(300*time.Millisecond, func() { off.Store(false) })
			})
		}
	}))
	eventually(t, "all are done", func() bool {
		return c.committed(testGroup) >= outageKeys*outageEvents
	})
	if dead := o.outcomes.count(trestle.DeadLettered); dead == 0 || dead > 20 {
		t.Errorf("%d events were dead-lettered in an outage, 1 to 20 should be", dead)
	}
	return o
}

func (o *outage) stats(t *testing.T) *replay.Stats {
	t.Helper()
	r, err := replay.New(kafka.Connection{Brokers: o.brokers}, replay.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := r.Select(deadline(t), replay.Filter{Topics: []string{orders.DeadLetter}})
	if err != nil {
		t.Fatal(err)
	}
	stats, err := s.Stats(deadline(t))
	if err != nil {
		t.Fatal(err)
	}
	return stats
}

// TestLettersOfAnOutageAreReplayed has every event handled once in the end, and every letter resolved.
func TestLettersOfAnOutageAreReplayed(t *testing.T) {
	t.Parallel()
	o := playOutage(t, trestle.Breaker{Replay: true})
	eventually(t, "all are handled", func() bool { return o.outcomes.count(trestle.Handled) == outageKeys*outageEvents })
	o.running.stop()
	for _, id := range orderIDs(outageKeys) {
		for n := range outageEvents {
			if e := eventName(&orderPlaced{OrderID: id, N: int64(n)}); o.handled[e] != 1 {
				t.Errorf("%s was handled %d times", e, o.handled[e])
			}
		}
	}
	stats := o.stats(t)
	if stats.Unresolved != 0 || stats.Topics[0].Replayed != o.outcomes.count(trestle.DeadLettered) {
		t.Errorf("%+v", stats)
	}
}

// TestLettersOfAnOutageStay does without the option.
func TestLettersOfAnOutageStay(t *testing.T) {
	t.Parallel()
	o := playOutage(t, trestle.Breaker{})
	o.running.stop()
	dead := o.outcomes.count(trestle.DeadLettered)
	if stats := o.stats(t); stats.Unresolved != dead || len(o.handled) != outageKeys*outageEvents-dead {
		t.Errorf("%d handled, %d dead-lettered, %+v", len(o.handled), dead, stats)
	}
	ends, err := kadm.NewClient(o.client).ListEndOffsets(deadline(t), orders.Name)
	if err != nil || ends.Error() != nil {
		t.Fatal(err, ends.Error())
	}
	if end := o.end(orders.Name); end != outageKeys*outageEvents {
		t.Errorf("%d records on the topic: something was sent again", end)
	}
}

// TestOnlyLettersOfTheWindowAreReplayed has events fail for good before an outage, which are none of it.
func TestOnlyLettersOfTheWindowAreReplayed(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.createTopic(t, replay.ResolutionsTopic, 1)
	c.writeOrders(t, orderIDs(10), 1)
	var off atomic.Bool
	outcomes := newOutcomes()
	r := consume(t, c, func(_ context.Context, e *orderPlaced) error {
		switch {
		case e.OrderID == "order-3":
			return trestle.Permanent(errTransient)
		case e.OrderID == "order-5":
			return errTransient // it counts, but is not in the window any more when that is full of others
		case off.Load():
			return errTransient
		}
		return nil
	}, trestle.WithBreaker(trestle.Breaker{Replay: true, Lowest: time.Millisecond, Highest: 5 * time.Millisecond}), trestle.WithRetries(0), trestle.WithObserver(outcomes.add))
	eventually(t, "the first are done", func() bool { return c.committed(testGroup) == 10 })
	var more []string
	for _, id := range orderIDs(50) {
		more = append(more, "more-"+id)
	}
	c.writeOrders(t, more, 1)
	eventually(t, "others are done", func() bool { return c.committed(testGroup) == 60 })
	off.Store(true)
	c.writeOrders(t, orderIDs(50)[10:], 1)
	eventually(t, "the breaker opens", func() bool {
		return slices.ContainsFunc(r.Health().Reasons, func(h trestle.HealthReason) bool { return h.Code == trestle.BreakerOpen })
	})
	dead := outcomes.count(trestle.DeadLettered)
	off.Store(false)
	eventually(t, "all are handled", func() bool { return outcomes.count(trestle.Handled) == 10+50+40-2 })
	r.stop()
	o := &outage{cluster: c}
	eventually(t, "two letters are left", func() bool { return o.stats(t).Unresolved == 2 })
	if replayed := o.stats(t).Topics[0].Replayed; replayed < dead-2 || replayed == 0 {
		t.Errorf("%d letters were replayed of %d", replayed, dead)
	}
}
