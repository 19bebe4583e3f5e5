package trestle_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	trestle "github.com/omninode/trestle/runtime"
)

// stall has brokers leave requests with records unanswered until the returned function is called. The channel gets one of each.
func (c *cluster) stall() (seen <-chan struct{}, heal func()) {
	var healed atomic.Bool
	requests := make(chan struct{}, 1000)
	c.ControlKey(kmsg.Produce.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
		if healed.Load() {
			return nil, nil, false
		}
		c.KeepControl()
		requests <- struct{}{}
		return nil, nil, true
	})
	return requests, func() { healed.Store(true) }
}

// answers are what callbacks said, by event.
type answers struct {
	mu  sync.Mutex
	of  map[string][]error
	all chan string // the events, as they are answered
}

func newAnswers() *answers { return &answers{of: map[string][]error{}, all: make(chan string, 10_000)} }

func (a *answers) publish(t testing.TB, p *trestle.Publisher, e *orderPlaced, opts ...trestle.PublishOption) {
	t.Helper()
	name := eventName(e)
	err := p.PublishAsync(deadline(t), e, func(_ trestle.Receipt, err error) {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.of[name] = append(a.of[name], err)
		a.all <- name
	}, opts...)
	if err != nil {
		t.Fatal(err)
	}
}

func (a *answers) await(t testing.TB) string {
	t.Helper()
	select {
	case name := <-a.all:
		return name
	case <-deadline(t).Done():
		t.Fatal("no event was answered")
		return ""
	}
}

// wantLate checks that an event was answered once, as late, and what was said of its fate.
func (a *answers) wantLate(t testing.TB, name string, fate trestle.Fate) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	failed, ok := errors.AsType[*trestle.PublishError](errors.Join(a.of[name]...))
	if len(a.of[name]) != 1 || !ok || failed.Fate != fate || !failed.Retriable {
		t.Errorf("%s: %v, want it %v", name, a.of[name], fate)
	}
}

// logged are the events on the topic, each as often as it is there, in order by key.
func (c *cluster) logged(t testing.TB) map[string]int {
	t.Helper()
	times, last := map[string]int{}, map[string]int64{}
	for _, r := range c.read(t, orders.Name) {
		d, err := trestle.Decode(&trestle.Record{Topic: r.Topic, Value: r.Value}, trestle.NewTypes(&orderPlacedInfo), trestle.DecodeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		e := d.Event.(*orderPlaced)
		if before, ok := last[e.OrderID]; ok && e.N < before {
			t.Errorf("%s stands behind #%d of its key", eventName(e), before)
		}
		last[e.OrderID] = e.N
		times[eventName(e)]++
	}
	return times
}

// askingAtOnce are options with which a client asks again at once.
func askingAtOnce(more ...trestle.PublisherOption) []trestle.PublisherOption {
	return append([]trestle.PublisherOption{
		trestle.WithDeliveryTimeout(2 * time.Second), trestle.WithLinger(0),
		trestle.WithKafka(kgo.MetadataMinAge(10*time.Millisecond), kgo.RetryBackoffFn(func(int) time.Duration { return 10 * time.Millisecond })),
	}, more...)
}

// TestShortTimeoutFailsNoOtherEvent publishes to a broker that takes the first event and doesn't answer. That event's time is
// up first; those behind it, of its key and of others, are written in order once the broker answers again.
func TestShortTimeoutFailsNoOtherEvent(t *testing.T) {
	t.Parallel()
	c := startCluster(t, kfake.SeedTopics(1, "one"))
	requests, heal := c.stall()
	p := newPublisher(t, c.brokers, askingAtOnce()...)
	said := newAnswers()
	said.publish(t, p, &orderPlaced{OrderID: "a"}, trestle.WithPublishTimeout(time.Second))
	<-requests
	for n := int64(1); n <= 3; n++ {
		said.publish(t, p, &orderPlaced{OrderID: "a", N: n}, trestle.WithPublishTimeout(testPatience))
		said.publish(t, p, &orderPlaced{OrderID: "b", N: n}, trestle.WithPublishTimeout(testPatience))
	}
	if first := said.await(t); first != "a#0" {
		t.Errorf("%s was answered first", first)
	}
	said.wantLate(t, "a#0", trestle.FateUnknown)
	heal()
	if err := p.Flush(deadline(t)); err != nil {
		t.Fatal(err)
	}
	for n := 1; n <= 3; n++ {
		for _, key := range []string{"a", "b"} {
			if errs := said.of[fmt.Sprintf("%s#%d", key, n)]; len(errs) != 1 || errs[0] != nil {
				t.Errorf("%s#%d: %v", key, n, errs)
			}
		}
	}
	for name, times := range c.logged(t) {
		if times != 1 {
			t.Errorf("%s is on the topic %d times", name, times)
		}
	}
	if n := len(c.logged(t)); n < 6 {
		t.Errorf("%d events are on the topic", n)
	}
}

// TestLateEventThatWasNotSentIsWithdrawn publishes while the topic has no leader: what is late is not sent, nor written
// later, and what waits behind it is.
func TestLateEventThatWasNotSentIsWithdrawn(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	fault := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Topic: orders.Name, Err: kerr.LeaderNotAvailable, Count: -1})
	p := newPublisher(t, c.brokers, askingAtOnce()...)
	said := newAnswers()
	for n := int64(0); n < 4; n++ {
		timeout := testPatience
		if n%2 == 0 {
			timeout = time.Second
		}
		said.publish(t, p, &orderPlaced{OrderID: "a", N: n}, trestle.WithPublishTimeout(timeout))
	}
	said.await(t)
	said.await(t)
	said.wantLate(t, "a#0", trestle.NotSent)
	said.wantLate(t, "a#2", trestle.NotSent)
	fault.Remove()
	if err := p.Flush(deadline(t)); err != nil {
		t.Fatal(err)
	}
	if got := c.logged(t); len(got) != 2 || got["a#1"] != 1 || got["a#3"] != 1 {
		t.Errorf("on the topic: %v", got)
	}
}

// TestStalledPartitionDelaysNoOther has one partition's events go unanswered: events of others, published meanwhile, are
// written at once, and events that could not be handed over are known not to be.
func TestStalledPartitionDelaysNoOther(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	p := newPublisher(t, c.brokers, askingAtOnce()...)
	key := map[int32]string{} // of each partition
	for n := 0; len(key) < testPartitions; n++ {
		name := fmt.Sprint("k", n)
		done := make(chan int32, 1)
		err := p.PublishAsync(deadline(t), &orderPlaced{OrderID: name}, func(r trestle.Receipt, err error) {
			if err != nil {
				t.Error(err)
			}
			done <- r.Partition
		})
		if err != nil {
			t.Fatal(err)
		}
		if id := <-done; key[id] == "" {
			key[id] = name
		}
	}
	fault := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: orders.Name, Partitions: []int32{0}, Err: kerr.NotLeaderForPartition, Count: -1})
	said := newAnswers()
	said.publish(t, p, &orderPlaced{OrderID: key[0], N: 1}, trestle.WithPublishTimeout(time.Second))
	said.publish(t, p, &orderPlaced{OrderID: key[0], N: 2}, trestle.WithPublishTimeout(testPatience))
	if first := said.await(t); first != key[0]+"#1" {
		t.Errorf("%s was answered first", first)
	}
	for n := int64(1); n <= 20; n++ {
		if err := p.Publish(deadline(t), &orderPlaced{OrderID: key[1], N: n}); err != nil {
			t.Fatal(err)
		}
	}
	said.wantLate(t, key[0]+"#1", trestle.FateUnknown)
	fault.Remove()
	if err := p.Flush(deadline(t)); err != nil {
		t.Fatal(err)
	}
	got := c.logged(t)
	if got[key[0]+"#1"] > 1 || got[key[0]+"#2"] != 1 || got[key[1]+"#20"] != 1 {
		t.Errorf("on the topic: %v", got)
	}
}

// TestWhatIsSaidOfEventsIsTrue publishes with all kinds of timeouts to a cluster that fails in all its ways, and compares what
// was said of each event with what is on the topic: what was acknowledged is there once, what was not sent is not, and each
// key is in order. Events that have time enough are all acknowledged.
func TestWhatIsSaidOfEventsIsTrue(t *testing.T) {
	t.Parallel()
	for _, seed := range []uint64{1, 2, 3} {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			c := startCluster(t)
			var mu sync.Mutex
			random, well := rand.New(rand.NewPCG(seed, 0)), false
			c.ControlKey(kmsg.Produce.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
				mu.Lock()
				defer mu.Unlock()
				c.KeepControl()
				if well {
					return nil, nil, false
				}
				fault := kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: orders.Name, Partitions: []int32{random.Int32N(testPartitions)}, Count: 1}
				switch random.IntN(12) {
				case 0:
					return nil, nil, true // silence
				case 1:
					return nil, errTransient, true // it hangs up
				case 2, 3, 4, 5:
					fault.Err = kerr.NotLeaderForPartition
				case 6:
					fault.Err = kerr.RequestTimedOut // written all the same
				default:
					return nil, nil, false
				}
				c.Fault(fault)
				return nil, nil, false
			})
			p := newPublisher(t, c.brokers, askingAtOnce(trestle.WithBatchBytes(1<<10))...)
			said := newAnswers()
			timeouts := []time.Duration{time.Millisecond, 20 * time.Millisecond, 100 * time.Millisecond, time.Second, testPatience}
			const events, keys = 1500, 12
			pick := rand.New(rand.NewPCG(seed, 1))
			patient := map[string]bool{} // those that have time enough
			for n := range int64(events) {
				e, timeout := &orderPlaced{OrderID: fmt.Sprint(pick.IntN(keys)), N: n}, timeouts[pick.IntN(len(timeouts))]
				patient[eventName(e)] = timeout == testPatience
				said.publish(t, p, e, trestle.WithPublishTimeout(timeout))
				if n%50 == 0 {
					said.await(t)
				}
			}
			mu.Lock()
			well = true
			mu.Unlock()
			if err := p.Flush(deadline(t)); err != nil {
				t.Fatal(err)
			}
			if err := p.Close(deadline(t)); err != nil {
				t.Fatal(err)
			}
			logged := c.logged(t)
			counts := map[string]int{}
			if len(said.of) != events {
				t.Errorf("%d events were answered, want %d", len(said.of), events)
			}
			for name, errs := range said.of {
				failed, _ := errors.AsType[*trestle.PublishError](errors.Join(errs...))
				switch n := logged[name]; {
				case len(errs) != 1:
					t.Errorf("%s was answered %d times", name, len(errs))
				case errs[0] != nil && patient[name]:
					t.Errorf("%s failed before its time: %v", name, errs[0])
				case errs[0] == nil && n != 1, n > 1:
					t.Errorf("%s (%v) is on the topic %d times", name, errs[0], n)
				case errs[0] == nil:
					counts["written"]++
				case failed == nil:
					t.Errorf("%s: %v", name, errs[0])
				case failed.Fate == trestle.NotSent && n > 0:
					t.Errorf("%s is said not to be sent, and is on the topic", name)
				default:
					counts[failed.Fate.String()]++
				}
			}
			if counts["written"] == 0 {
				t.Errorf("%v: none was written", counts)
			}
			t.Log(counts)
		})
	}
}

// TestFullPublisherGivesUpInTime publishes more than may wait while brokers don't answer.
func TestFullPublisherGivesUpInTime(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	_, heal := c.stall()
	p := newPublisher(t, c.brokers, askingAtOnce(trestle.WithBatchBytes(1<<10), trestle.WithBufferedBytes(1<<10))...)
	var last error
	for range 20 {
		if last = p.Publish(context.Background(), &orderPlaced{OrderID: "a"}, trestle.WithPublishTimeout(50*time.Millisecond)); last == nil {
			t.Fatal("an event was published that nobody took")
		}
	}
	if full, ok := errors.AsType[*trestle.PublishError](last); !ok || full.Fate != trestle.NotSent || !full.Retriable {
		t.Errorf("the last event: %v", last)
	}
	heal()
	if err := p.Publish(deadline(t), &orderPlaced{OrderID: "a"}, trestle.WithPublishTimeout(testPatience)); err != nil {
		t.Errorf("after the outage: %v", err)
	}
	if err := p.Publish(deadline(t), &orderPlaced{OrderID: "a"}, trestle.WithPublishTimeout(-1)); err == nil {
		t.Error("a negative timeout is accepted")
	}
}

// TestCallbackPublishesWhileClosing has an event be held back behind one of its key until the publisher is closed, and published again by
// whoever is told.
func TestCallbackPublishesWhileClosing(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	requests, heal := c.stall()
	defer heal()
	p := newPublisher(t, c.brokers, askingAtOnce()...)
	said := newAnswers()
	said.publish(t, p, &orderPlaced{OrderID: "a"}, trestle.WithPublishTimeout(time.Second))
	<-requests
	said.await(t)
	again := make(chan error, 1)
	err := p.PublishAsync(deadline(t), &orderPlaced{OrderID: "a", N: 1}, func(trestle.Receipt, error) {
		again <- p.PublishAsync(context.Background(), &orderPlaced{OrderID: "a", N: 2}, func(trestle.Receipt, error) {})
	}, trestle.WithPublishTimeout(2*testPatience))
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
		defer cancel()
		_ = p.Close(ctx) // it was not acknowledged
	}()
	select {
	case <-closed:
	case <-deadline(t).Done():
		t.Fatal("Close does not return")
	}
	if err := <-again; !errors.Is(err, trestle.ErrClosed) {
		t.Errorf("publishing again: %v", err)
	}
}
