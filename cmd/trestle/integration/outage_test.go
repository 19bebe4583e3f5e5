package integration_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

const (
	// deliveryTimeout is how long the publishers of these tests try.
	deliveryTimeout = 3 * time.Second
	// slack is how much later the caller may learn it, on a machine that is busy.
	slack = 5 * time.Second
)

// TestBrokerAway takes the only broker away in the middle of a stream of events and gives it back.
func TestBrokerAway(t *testing.T) {
	t.Parallel()
	for _, outage := range []struct {
		name       string
		away, back func(*services.KafkaCluster)
	}{
		{"paused", func(c *services.KafkaCluster) { c.Pause(1) }, func(c *services.KafkaCluster) { c.Resume(1) }},
		{"killed", func(c *services.KafkaCluster) { c.Kill(1) }, func(c *services.KafkaCluster) { c.Start(1) }},
	} {
		t.Run(outage.name, func(t *testing.T) {
			t.Parallel()
			cluster := services.Kafka(t)
			k := connect(t, cluster.Brokers()).withTopics(1, statusTopic)
			s := startStream(t, k.brokers, trestle.WithDeliveryTimeout(deliveryTimeout))

			s.awaitDelivered(1000)
			outage.away(cluster)
			s.checkPublishFails()
			s.awaitFailed(50)
			outage.back(cluster)
			s.awaitDelivered(s.delivered() + 1000)
			failed := s.stop()

			s.checkLog(k)
			for _, err := range failed {
				if e, ok := errors.AsType[*trestle.PublishError](err); !ok || !e.Retriable {
					t.Fatalf("an event that the cluster did not take failed with %v, want a retriable PublishError", err)
				}
			}
			s.publishAgain(failed)
			s.checkNothingMissing(k)
		})
	}
}

// TestNodeKilledWhilePublishing kills one node of three: everything is delivered, each event once.
func TestNodeKilledWhilePublishing(t *testing.T) {
	t.Parallel()
	cluster := services.Kafka(t, services.WithNodes(3))
	k := connect(t, cluster.Brokers()).withTopics(3, statusTopic)
	s := startStream(t, k.brokers)
	s.awaitDelivered(1000)
	cluster.Kill(2)
	s.awaitEveryPartition(k)
	cluster.Start(2)
	s.awaitDelivered(s.delivered() + 1000)
	if failed := s.stop(); len(failed) > 0 {
		for id, err := range failed {
			t.Fatalf("%d events failed though two of three nodes were there, among them %s: %v", len(failed), id, err)
		}
	}
	s.checkLog(k)
}

// stream publishes events without a pause and keeps the ledger of them.
type stream struct {
	t       *testing.T
	brokers []string
	pub     *trestle.Publisher
	cancel  context.CancelFunc
	stopped chan struct{}

	mu      sync.Mutex
	changed sync.Cond
	fates   map[string]*fate // of accepted events, by event id
	ok, bad int              // callbacks
}

// fate is an accepted event and what became of it.
type fate struct {
	session string
	n       int

	callbacks int
	receipt   trestle.Receipt
	err       error
}

func startStream(t *testing.T, brokers []string, opts ...trestle.PublisherOption) *stream {
	t.Helper()
	// A small buffer, so that publishing waits for the cluster instead of filling the memory while it is away.
	opts = append(opts, trestle.WithBatchBytes(16<<10), trestle.WithBufferedBytes(64<<10), trestle.WithLogger(logTo(t)))
	pub, err := trestle.NewPublisher(brokers, opts...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	s := &stream{
		t: t, brokers: brokers, pub: pub, cancel: cancel, stopped: make(chan struct{}), fates: map[string]*fate{},
	}
	s.changed.L = &s.mu
	go s.run(ctx)
	t.Cleanup(func() {
		cancel()
		<-s.stopped
		if err := pub.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *stream) run(ctx context.Context) {
	defer close(s.stopped)
	sessions := make([]string, 100)
	for i := range sessions {
		sessions[i] = uuid.NewString()
	}
	for i := 0; ctx.Err() == nil; i++ {
		id := uuid.Must(uuid.NewV7()).String()
		s.mu.Lock()
		f := &fate{session: sessions[i%len(sessions)], n: i / len(sessions)}
		s.fates[id] = f
		s.mu.Unlock()
		if err := s.publish(ctx, id, f); err != nil {
			s.mu.Lock()
			delete(s.fates, id) // not accepted: no callback may come, and the log must not have it
			s.mu.Unlock()
			if _, ok := errors.AsType[*trestle.PublishError](err); !ok {
				s.t.Errorf("not accepted: %v, want a PublishError", err)
			}
		}
	}
}

func (s *stream) publish(ctx context.Context, id string, e *fate) error {
	return s.pub.PublishAsync(ctx, statusEvent(e.session, e.n), func(r trestle.Receipt, err error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		f := s.fates[id]
		if f == nil {
			s.t.Errorf("callback for %s, which was not accepted", id)
			return
		}
		f.callbacks++
		f.receipt, f.err = r, err
		if err == nil {
			s.ok++
		} else {
			s.bad++
		}
		s.changed.Broadcast()
	}, trestle.WithEventID(id))
}

func (s *stream) delivered() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ok
}

func (s *stream) awaitDelivered(n int) {
	s.t.Helper()
	s.await("delivered", n, func() bool { return s.ok >= n })
}

func (s *stream) awaitFailed(n int) {
	s.t.Helper()
	s.await("failed", n, func() bool { return s.bad >= n })
}

// await waits for callbacks.
func (s *stream) await(what string, n int, reached func() bool) {
	s.t.Helper()
	timeout := time.AfterFunc(patience, s.changed.Broadcast)
	defer timeout.Stop()
	begun := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for !reached() {
		if time.Since(begun) > patience {
			s.t.Fatalf("waited for %d %s: %d events are delivered and %d failed after %v", n, what, s.ok, s.bad, patience)
		}
		s.changed.Wait()
	}
}

// awaitEveryPartition waits until every partition has taken an event that was published after the call.
func (s *stream) awaitEveryPartition(k *kafka) {
	s.t.Helper()
	s.mu.Lock()
	from := map[place]int64{}
	for _, f := range s.fates {
		if f.callbacks > 0 && f.err == nil {
			p := place{f.receipt.Topic, f.receipt.Partition}
			from[p] = max(from[p], f.receipt.Offset)
		}
	}
	s.mu.Unlock()
	const more = 100
	partitions := guideTopics[statusTopic].Partitions
	s.await("in every partition", more, func() bool {
		reached := map[place]bool{}
		for _, f := range s.fates {
			p := place{f.receipt.Topic, f.receipt.Partition}
			if f.callbacks > 0 && f.err == nil && f.receipt.Offset > from[p]+more {
				reached[p] = true
			}
		}
		return len(reached) == int(partitions)
	})
}
