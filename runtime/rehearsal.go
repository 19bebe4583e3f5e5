package trestle

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/internal/testseam"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/wire"
)

func init() {
	testseam.DeliverTo = func(deliver testseam.Deliver) any {
		return publisherOption(func(c *publisherConfig) { c.deliver = deliver })
	}
	testseam.Rehearse = func(consumer any) (testseam.Rehearsal, error) { return consumer.(*Consumer).rehearse() }
}

// rehearsal runs a consumer's own workers on records that come from no broker, for package trestletest. Nothing is committed,
// dead letters are kept instead of written, and nobody waits for the next attempt.
type rehearsal struct {
	c       *Consumer
	m       *member
	offset  int64
	written int64      // the offset that the next dead letter, or record of a retry topic, gets
	seen    *recentIDs // of the events handled so far

	mu     sync.Mutex
	now    testseam.Rehearsed
	outage chan struct{} // closed when the record waits for the end of one, or too often
}

// maxWaits is how often a record may wait, at no time: a handler that puts it off until something happens waits for ever.
const maxWaits = 1000

func (c *Consumer) rehearse() (*rehearsal, error) {
	r := &rehearsal{c: c, seen: newRecentIDs(c.cfg.remembered)}
	observe := c.cfg.observe
	c.cfg.observe = func(o Outcome) {
		r.mu.Lock()
		r.now.Outcome = o
		r.mu.Unlock()
		if observe != nil {
			observe(o)
		}
	}
	topics, err := c.begin()
	if err != nil {
		return nil, fmt.Errorf("consumer group %s: %w", c.group, err)
	}
	if r.m, err = newMember(context.Background(), c.cfg, c.group, c.meter, c.limits()); err != nil {
		return nil, fmt.Errorf("consumer group %s: %w", c.group, err)
	}
	r.m.queue.sources = c.sources()
	r.m.produce, r.m.rehearsed = r.keepLetter, true
	if r.m.transactions != nil {
		r.m.transactions.resume()
	}
	r.m.queue.parking = r.parking
	c.newBreakers(r.m.queue)
	for _, topic := range topics {
		r.m.workers.Go(func() { c.work(r.m, c.topics[topic], r.m.queue.topic(topic)) })
	}
	return r, nil
}

// Handle implements [testseam.Rehearsal].
func (r *rehearsal) Handle(ctx context.Context, record event.Record) (testseam.Rehearsed, error) {
	if r.c.topics[record.Topic] == nil {
		return testseam.Rehearsed{}, fmt.Errorf("no handler of group %s reads topic %s", r.c.group, record.Topic)
	}
	outage := make(chan struct{})
	r.mu.Lock()
	r.now, r.outage = testseam.Rehearsed{}, outage
	r.mu.Unlock()

	client := kafka.ToClient(&record)
	client.Offset = r.offset
	r.offset++
	q := r.m.queue
	p := q.open(context.WithoutCancel(ctx), topicPartition{record.Topic, record.Partition})
	p.handled = r.seen
	defer q.release(errLeaving, []*partition{p})
	q.push(p, []*kgo.Record{client})
	if !r.c.topics[record.Topic].breaker.openSince().IsZero() {
		q.admit(record.Topic) // an event is tried from time to time: this is the time
	}

	waiting, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan error, 1)
	go func() { done <- q.awaitIdle(waiting, []*partition{p}) }()
	var err error
	select {
	case err = <-done:
	case <-outage:
		stop()
		<-done
	}
	if err != nil {
		return testseam.Rehearsed{}, fmt.Errorf("its handler has not returned: %w", context.Cause(ctx))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.now.Waits) > maxWaits {
		return testseam.Rehearsed{}, fmt.Errorf("it was put off %d times, and nobody waits in between: does what it waits for ever come?", maxWaits)
	}
	return r.now, nil
}

// parking is asked when a record is to wait, and says how long it does.
func (r *rehearsal) parking(wait time.Duration, suspended bool) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case suspended && r.outage != nil:
		close(r.outage)
		r.outage = nil
	case wait > 0:
		r.now.Waits = append(r.now.Waits, wait)
		if len(r.now.Waits) > maxWaits && r.outage != nil {
			close(r.outage)
			r.outage = nil
		}
	}
	return 0
}

// keepLetter takes the place of the client's TryProduce.
func (r *rehearsal) keepLetter(_ context.Context, letter *kgo.Record, written func(*kgo.Record, error)) {
	kept := kafka.FromClient(letter)
	r.mu.Lock()
	letter.Offset = r.written
	r.written++
	if wire.HeaderBytes(kept.Headers, wire.HeaderRetryGroup) == nil { // else it is the record of a retry topic
		kept.Timestamp = time.Now()
		r.now.Letter = &kept
	}
	r.mu.Unlock()
	written(letter, nil)
}

// Close implements [testseam.Rehearsal].
func (r *rehearsal) Close() error {
	for _, t := range r.c.topics {
		t.breaker.end()
	}
	err := r.m.stopWorkers()
	r.m.disconnect()
	r.m.client.CloseAllowingRebalance()
	return err
}
