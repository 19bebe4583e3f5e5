package trestle

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/runtime/kafka"
)

// outgoing is what a publisher has under way to a topic.
//
// When the topic is deleted and made anew, the client fails all that waits for it, until it is told to forget the topic.
// What failed so was never written: it is held back, with what is published meanwhile, and handed over again in order.
type outgoing struct {
	topic  string
	inHand atomic.Int64 // handed to the client, and not answered

	mu      sync.RWMutex  // held to hand over an event, and fully to change what is below
	idle    chan struct{} // closed when none is in hand; nil when nobody waits
	awaited atomic.Bool   // idle is not nil, or about to be
	held    []*sending
	anew    chan struct{} // closed when the client has forgotten the old topic; nil: it need not
	renewed time.Time     // last
}

// renewalPause is the least time between two renewals of a topic: brokers may lag in telling each other of it.
const renewalPause = 500 * time.Millisecond

// outgoingTo needs mu.
func (p *Publisher) outgoingTo(name string) *outgoing {
	topic := p.topics[name]
	if topic == nil {
		topic = &outgoing{topic: name}
		p.topics[name] = topic
	}
	return topic
}

// dispatch hands an event to the client, unless its topic is being renewed.
func (p *Publisher) dispatch(topic *outgoing, s *sending) {
	topic.mu.RLock()
	if topic.anew == nil {
		p.produce(topic, s)
		topic.mu.RUnlock()
		return
	}
	topic.mu.RUnlock()
	topic.mu.Lock()
	defer topic.mu.Unlock()
	if topic.anew == nil { // since then
		p.produce(topic, s)
		return
	}
	topic.held = append(topic.held, s)
}

// produce needs the topic's mu.
func (p *Publisher) produce(topic *outgoing, s *sending) {
	topic.inHand.Add(1)
	s.producedBefore = p.connections.produced.Load()
	kafka.ForClient(&s.client, &s.record)
	// Not ctx: the client gives up whole batches, and a caller who stops waiting must not fail the events of others.
	p.client.Produce(context.Background(), &s.client, func(r *kgo.Record, err error) {
		held := errors.Is(err, kerr.UnknownTopicID) && p.holdBack(topic, s)
		topic.answered() // once it is held, if it is: see renew
		if !held {
			p.answer(s, r, err)
		}
	})
}

// holdBack keeps an event to be handed over again, unless it is too late for that.
func (p *Publisher) holdBack(topic *outgoing, s *sending) bool {
	if time.Since(s.begun) > p.cfg.deliveryTimeout || p.ctx.Err() != nil {
		return false
	}
	topic.mu.Lock()
	defer topic.mu.Unlock()
	topic.held = append(topic.held, s)
	if topic.anew == nil {
		topic.anew = make(chan struct{})
		p.renewals.Go(func() { p.renew(topic) })
	}
	return true
}

// answered accounts for an event that the client has answered.
func (t *outgoing) answered() {
	if t.inHand.Add(-1) > 0 || !t.awaited.Load() {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.idle != nil && t.inHand.Load() == 0 {
		close(t.idle)
		t.idle = nil
	}
}

// renew has the client forget a topic that was made anew, and hands it what was held back.
func (p *Publisher) renew(topic *outgoing) {
	p.cfg.logger.Warn("topic was made anew: publishing to the new one", "topic", topic.topic)
	err := kafka.Sleep(p.ctx, time.Until(topic.renewed.Add(renewalPause)))
	if err == nil {
		err = topic.awaitIdle(p.ctx)
	}
	if err == nil {
		p.client.PurgeTopicsFromProducing(topic.topic)
	}
	topic.mu.Lock()
	held := topic.held
	topic.held, topic.renewed = nil, time.Now()
	slices.SortFunc(held, func(a, b *sending) int { return cmp.Compare(a.seq, b.seq) })
	if err == nil {
		for _, s := range held {
			p.produce(topic, s)
		}
	}
	close(topic.anew)
	topic.anew = nil
	topic.mu.Unlock()
	if err == nil {
		return
	}
	for _, s := range held {
		p.answer(s, nil, kgo.ErrClientClosed)
	}
}

// awaitIdle waits until the client has answered all that it was handed. Its error is ctx's.
func (t *outgoing) awaitIdle(ctx context.Context) error {
	t.mu.Lock()
	t.awaited.Store(true) // before looking: whoever answers the last one looks afterwards
	defer t.awaited.Store(false)
	if t.inHand.Load() == 0 {
		t.mu.Unlock()
		return nil
	}
	idle := make(chan struct{})
	t.idle = idle
	t.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// answer tells of an event what became of it.
func (p *Publisher) answer(s *sending, r *kgo.Record, err error) {
	defer p.pending.Done()
	p.room.Release(s.size)
	p.answering.Lock() // mostly the client's goroutine, which calls one after the other
	defer p.answering.Unlock()
	if err != nil {
		s.done(Receipt{}, p.failed(s, err))
		return
	}
	s.done(Receipt{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, EventID: s.eventID, Timestamp: r.Timestamp}, nil)
}

// renewing returns what to wait for while topics are being renewed, nil when none is.
func (p *Publisher) renewing() (anew <-chan struct{}) {
	p.eachTopic(func(t *outgoing) {
		if t.anew != nil {
			anew = t.anew
		}
	})
	return anew
}

// waiting counts the events that have not been answered.
func (p *Publisher) waiting() int {
	n := 0
	p.eachTopic(func(t *outgoing) { n += int(t.inHand.Load()) + len(t.held) })
	return n
}

func (p *Publisher) eachTopic(each func(*outgoing)) {
	p.mu.Lock()
	topics := slices.Collect(maps.Values(p.topics))
	p.mu.Unlock()
	for _, t := range topics {
		t.mu.RLock()
		each(t)
		t.mu.RUnlock()
	}
}
