package trestle_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
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

// breakages are ways for a cluster to be away.
func breakages() map[string]func(*cluster) {
	return map[string]func(*cluster){
		"gone": func(c *cluster) { c.Close() },
		"silent": func(c *cluster) {
			c.ControlKey(kmsg.Produce.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
				c.KeepControl()
				return nil, nil, true
			})
		},
		"hanging up": func(c *cluster) {
			c.ControlKey(kmsg.Produce.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
				c.KeepControl()
				return nil, errTransient, true
			})
		},
		"without leaders": func(c *cluster) {
			c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: orders.Name, Err: kerr.NotLeaderForPartition, Count: -1})
		},
	}
}

func TestPublishReturnsWhenTheClusterIsAway(t *testing.T) {
	t.Parallel()
	for name, breakIt := range breakages() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := startCluster(t)
			p := newPublisher(t, c.brokers, trestle.WithDeliveryTimeout(time.Second))
			if err := p.Publish(deadline(t), &orderPlaced{OrderID: "before"}); err != nil {
				t.Fatal(err)
			}
			breakIt(c)

			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			err := p.Publish(ctx, &orderPlaced{OrderID: "a"})
			if away, ok := errors.AsType[*trestle.PublishError](err); !ok || !away.Retriable || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("by its context: got %v", err)
			}
			err = p.Publish(deadline(t), &orderPlaced{OrderID: "a"})
			if away, ok := errors.AsType[*trestle.PublishError](err); !ok || !away.Retriable || errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("by the delivery timeout: got %v", err)
			}
		})
	}
}

// TestEveryAcceptedEventIsAnsweredOnce publishes while the cluster fails in all its ways, and compares what the
// callbacks said with what is on the topic.
func TestEveryAcceptedEventIsAnsweredOnce(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	var requests atomic.Int32
	c.ControlKey(kmsg.Produce.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if requests.Add(1)%5 == 0 {
			return nil, errTransient, true
		}
		return nil, nil, false
	})
	c.Fault(
		kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: orders.Name, Partitions: []int32{0}, Err: kerr.NotLeaderForPartition, Count: 3},
		kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: orders.Name, Err: kerr.RequestTimedOut, Count: 5}, // written all the same
		kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: orders.Name, Partitions: []int32{1}, Err: kerr.NotEnoughReplicas, Count: 3},
		kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: orders.Name, Err: kerr.NotEnoughReplicasAfterAppend, Count: 2},
	)
	p := newPublisher(t, c.brokers, trestle.WithBatchBytes(2<<10), trestle.WithBufferedBytes(16<<10), trestle.WithLinger(0),
		trestle.WithKafka(kgo.MetadataMinAge(10*time.Millisecond), kgo.RetryBackoffFn(func(int) time.Duration { return time.Millisecond })))
	const publishers, each = 4, 100
	var mu sync.Mutex
	answers := map[string][]error{}
	var wg sync.WaitGroup
	for i := range publishers {
		wg.Go(func() {
			for n := range each {
				e := &orderPlaced{OrderID: fmt.Sprintf("order-%d", i), N: int64(n)}
				name := eventName(e)
				err := p.PublishAsync(deadline(t), e, func(_ trestle.Receipt, err error) {
					mu.Lock()
					defer mu.Unlock()
					answers[name] = append(answers[name], err)
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := p.Flush(deadline(t)); err != nil {
		t.Fatal(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(answers) != publishers*each {
		t.Errorf("%d events answered, want %d", len(answers), publishers*each)
	}
	for name, errs := range answers {
		if len(errs) != 1 || errs[0] != nil {
			t.Errorf("%s: %v", name, errs)
		}
	}
	next := map[string]int64{}
	for _, r := range c.read(t, orders.Name) {
		d, err := trestle.Decode(&trestle.Record{Topic: r.Topic, Value: r.Value}, trestle.NewTypes(&orderPlacedInfo), trestle.DecodeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		e := d.Event.(*orderPlaced)
		if e.N != next[e.OrderID] {
			t.Fatalf("%s stands where #%d should", eventName(e), next[e.OrderID])
		}
		next[e.OrderID]++
	}
}

func TestContextThatEndsAfterwardsFailsNoEvent(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	release := make(chan struct{})
	c.ControlKey(kmsg.Produce.Int16(), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.SleepControl(func() { <-release })
		return nil, nil, false
	})
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: orders.Name, Err: kerr.NotLeaderForPartition}) // so that it is sent again
	p := newPublisher(t, c.brokers, trestle.WithLinger(100*time.Millisecond))
	ctx, cancel := context.WithCancel(t.Context())
	answers := make(chan error, 2)
	for n, publish := range []context.Context{ctx, deadline(t)} {
		err := p.PublishAsync(publish, &orderPlaced{OrderID: "a", N: int64(n)}, func(_ trestle.Receipt, err error) { answers <- err })
		if err != nil {
			t.Fatal(err)
		}
	}
	cancel()
	close(release)
	for range 2 {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
}

func TestFullBufferBlocksUntilTheContextEnds(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	breakages()["silent"](c)
	p := newPublisher(t, c.brokers, trestle.WithBatchBytes(1<<10), trestle.WithBufferedBytes(1<<10), trestle.WithDeliveryTimeout(time.Second))
	answered := make(chan error, 1)
	if err := p.PublishAsync(deadline(t), &orderPlaced{Note: strings.Repeat("a", 500)}, func(_ trestle.Receipt, err error) { answered <- err }); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	err := p.PublishAsync(ctx, &orderPlaced{Note: strings.Repeat("a", 500)}, func(trestle.Receipt, error) { t.Error("called") })
	if full, ok := errors.AsType[*trestle.PublishError](err); !ok || !full.Retriable || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if err := <-answered; err == nil {
		t.Error("an event was reported published that was not")
	}
	c.DropControl()
}

func TestCloseAnswersEveryEvent(t *testing.T) {
	t.Parallel()
	for name, breakIt := range breakages() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := startCluster(t)
			p := newPublisher(t, c.brokers)
			if err := p.Publish(deadline(t), &orderPlaced{OrderID: "before"}); err != nil {
				t.Fatal(err)
			}
			breakIt(c)
			var answers, failures atomic.Int32
			for n := range 50 {
				err := p.PublishAsync(deadline(t), &orderPlaced{OrderID: fmt.Sprint(n)}, func(_ trestle.Receipt, err error) {
					answers.Add(1)
					if away, ok := errors.AsType[*trestle.PublishError](err); ok && away.Retriable {
						failures.Add(1)
					}
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if err := p.Close(ctx); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "50 events") {
				t.Errorf("Close says %v", err)
			}
			if answers.Load() != 50 || failures.Load() != 50 {
				t.Errorf("%d events answered, %d as failed, want 50", answers.Load(), failures.Load())
			}
			if err := p.Publish(deadline(t), &orderPlaced{}); !errors.Is(err, trestle.ErrClosed) {
				t.Errorf("Publish after Close says %v", err)
			}
			if err := p.Close(deadline(t)); err != nil {
				t.Errorf("closing again: %v", err)
			}
		})
	}
}

func TestCloseDeliversWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	p := newPublisher(t, c.brokers, trestle.WithLinger(time.Minute))
	var delivered atomic.Int32
	for range 100 {
		if err := p.PublishAsync(deadline(t), &orderPlaced{}, func(_ trestle.Receipt, err error) {
			if err == nil {
				delivered.Add(1)
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Close(deadline(t)); err != nil {
		t.Error(err)
	}
	if delivered.Load() != 100 || c.end(orders.Name) != 100 {
		t.Errorf("%d delivered, %d on the topic, want 100", delivered.Load(), c.end(orders.Name))
	}
}
