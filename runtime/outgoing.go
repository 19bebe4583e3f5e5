package trestle

import (
	"cmp"
	"context"
	"errors"
	"slices"
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
	topic   string
	inHand  int           // handed to the client, and not answered
	idle    chan struct{} // closed when none is; nil when nobody waits
	held    []*sending
	anew    chan struct{} // closed when the client has forgotten the old topic; nil: it need not
	renewed time.Time     // last
}

// renewalPause is the least time between two renewals of a topic: brokers may lag in telling each other of it.
const renewalPause = 500 * time.Millisecond

// dispatch needs mu.
func (p *Publisher) dispatch(s *sending) {
	s.seq = p.published
	p.published++
	topic := p.topics[s.record.Topic]
	if topic == nil {
		topic = &outgoing{topic: s.record.Topic}
		p.topics[topic.topic] = topic
	}
	if topic.anew != nil {
		topic.held = append(topic.held, s)
		return
	}
	p.produce(topic, s)
}

// produce needs mu, which keeps what is published at once in order.
func (p *Publisher) produce(topic *outgoing, s *sending) {
	topic.inHand++
	s.producedBefore = p.connections.producedSoFar()
	// Not ctx: the client gives up whole batches, and a caller who stops waiting must not fail the events of others.
	p.client.Produce(context.Background(), kafka.ToClient(&s.record), func(r *kgo.Record, err error) {
		if !p.holdBack(topic, s, err) {
			p.answer(s, r, err)
		}
	})
}

// holdBack takes the client's answer to an event, and says whether the event is to be handed over again.
func (p *Publisher) holdBack(topic *outgoing, s *sending, err error) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	topic.inHand--
	if topic.inHand == 0 && topic.idle != nil {
		close(topic.idle)
		topic.idle = nil
	}
	if !errors.Is(err, kerr.UnknownTopicID) || time.Since(s.begun) > p.cfg.deliveryTimeout || p.ctx.Err() != nil {
		return false
	}
	topic.held = append(topic.held, s)
	if topic.anew == nil {
		topic.anew = make(chan struct{})
		p.renewals.Go(func() { p.renew(topic) })
	}
	return true
}

// renew has the client forget a topic that was made anew, and hands it what was held back.
func (p *Publisher) renew(topic *outgoing) {
	p.cfg.logger.Warn("topic was made anew: publishing to the new one", "topic", topic.topic)
	err := kafka.Sleep(p.ctx, time.Until(topic.renewed.Add(renewalPause)))
	if err == nil {
		err = p.awaitIdle(topic)
	}
	if err == nil {
		p.client.PurgeTopicsFromProducing(topic.topic)
	}
	p.mu.Lock()
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
	p.mu.Unlock()
	if err == nil {
		return
	}
	for _, s := range held {
		p.answer(s, nil, kgo.ErrClientClosed)
	}
}

// awaitIdle waits until the client has answered all that it was handed for a topic. Its error is that of the publisher
// which is being closed.
func (p *Publisher) awaitIdle(topic *outgoing) error {
	p.mu.Lock()
	if topic.inHand == 0 {
		p.mu.Unlock()
		return nil
	}
	idle := make(chan struct{})
	topic.idle = idle
	p.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-p.ctx.Done():
		return p.ctx.Err()
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
func (p *Publisher) renewing() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, topic := range p.topics {
		if topic.anew != nil {
			return topic.anew
		}
	}
	return nil
}

// waiting counts the events that have not been answered.
func (p *Publisher) waiting() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for _, topic := range p.topics {
		n += topic.inHand + len(topic.held)
	}
	return n
}
