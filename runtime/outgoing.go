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

// outgoing is what a publisher has under way to a topic: in the client's hands, or held back.
//
// When the topic is deleted and made anew, the client fails all that waits for it, until it is told to forget the topic.
// What failed so was never written: it is held back, with what is published meanwhile, and handed over again in order. So it
// is with what waits when the time of an event is up that waits with it: see watch.
type outgoing struct {
	topic string

	mu      sync.RWMutex  // held to hand over an event, and fully to change what is below
	idle    chan struct{} // closed when none is in hand; nil when nobody waits
	awaited atomic.Bool   // idle is not nil, or about to be
	held    []*sending
	anew    chan struct{} // closed when the client has forgotten the old topic; nil: it need not
	renewed time.Time     // last
	slow    bool          // all events go through held, since some wait for long
	attempt *attemptContext
	probed  time.Duration // when an event was last handed over while nothing was answered

	inHand   inHand
	wake     chan struct{} // has the watcher look
	due      atomic.Int64  // when it will look anyway, since the publisher began
	answered atomic.Int64  // when the client last answered, since the publisher began
}

// attemptContext is the context that events are handed over with: its end has the client give back those that no broker has.
type attemptContext struct {
	context.Context
	end    context.CancelFunc
	doubts uint64 // of the connections, at its end
}

func newAttempt() *attemptContext {
	ctx, end := context.WithCancel(context.Background())
	return &attemptContext{Context: ctx, end: end}
}

// withdraw has the client give back the attempt's events.
func (a *attemptContext) withdraw(p *Publisher) {
	a.doubts = p.connections.doubts.Load()
	a.end()
}

// inHand are the events that a client was handed and has not answered, the first one first.
type inHand struct {
	n           atomic.Int64
	mu          sync.Mutex
	first, last *sending
}

func (l *inHand) add(s *sending) {
	l.n.Add(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	s.before, s.after = l.last, nil
	if l.last == nil {
		l.first = s
	} else {
		l.last.after = s
	}
	l.last = s
}

// remove returns how many are left.
func (l *inHand) remove(s *sending) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.before == nil {
		l.first = s.after
	} else {
		s.before.after = s.after
	}
	if s.after == nil {
		l.last = s.before
	} else {
		s.after.before = s.before
	}
	s.before, s.after = nil, nil
	return l.n.Add(-1)
}

// renewalPause is the least time between two renewals of a topic: brokers may lag in telling each other of it.
const renewalPause = 500 * time.Millisecond

// outgoingTo needs mu.
func (p *Publisher) outgoingTo(name string) *outgoing {
	topic := p.topics[name]
	if topic == nil {
		topic = &outgoing{topic: name, attempt: newAttempt(), wake: make(chan struct{}, 1)}
		p.topics[name] = topic
		p.background.Go(func() { p.watch(topic) })
	}
	return topic
}

// since is the time since the publisher began.
func (p *Publisher) since() time.Duration { return time.Since(p.began) }

// open says that events are handed over at once. It needs mu.
func (t *outgoing) open() bool { return t.anew == nil && !t.slow }

// dispatch hands an event to the client, unless the topic's are held back.
func (p *Publisher) dispatch(topic *outgoing, s *sending) {
	defer func() {
		if due := topic.due.Load(); due == 0 || int64(s.until) < due {
			topic.look()
		}
	}()
	topic.mu.RLock()
	if topic.open() {
		p.produce(topic, s)
		topic.mu.RUnlock()
		return
	}
	topic.mu.RUnlock()
	topic.mu.Lock()
	defer topic.mu.Unlock()
	if topic.open() || p.ctx.Err() != nil { // since then; a closed client answers at once
		p.produce(topic, s)
		return
	}
	topic.held = append(topic.held, s)
	if topic.slow {
		topic.look()
	}
}

// produce needs the topic's mu.
func (p *Publisher) produce(topic *outgoing, s *sending) {
	s.attempt, s.handed = topic.attempt, p.since()
	s.producedBefore, s.doubtsBefore = p.connections.produced.Load(), p.connections.doubts.Load()
	topic.inHand.add(s)
	kafka.ForClient(&s.client, &s.record)
	// Not the publishing caller's: the client gives back all that waits for a partition, and one who stops waiting must not
	// delay the events of others.
	s.client.Context = s.attempt
	p.client.Produce(context.Background(), &s.client, func(r *kgo.Record, err error) { p.returned(topic, s, r, err) })
}

// returned takes back an event from the client.
func (p *Publisher) returned(topic *outgoing, s *sending, r *kgo.Record, err error) {
	withdrawn := errors.Is(err, context.Canceled)
	doubtful := withdrawn && p.isDoubtful(s)
	if !withdrawn {
		topic.answered.Store(int64(p.since()))
	}
	anew := errors.Is(err, kerr.UnknownTopicID)
	held := (anew || withdrawn) && p.holdBack(topic, s, anew)
	topic.given(s) // once it is held, if it is: see renew and handOver
	if held {
		return
	}
	switch {
	case err == nil:
		p.answer(s, Receipt{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, EventID: s.eventID, Timestamp: r.Timestamp}, nil)
	case doubtful, withdrawn && p.cfg.acks == AcksLeader: // of what was sent the client waits for an answer with AcksAll alone
		p.answer(s, Receipt{}, p.failed(s, s.late()))
	case withdrawn:
		p.answer(s, Receipt{}, s.notSent(s.late()))
	default:
		p.answer(s, Receipt{}, p.failed(s, err))
	}
	p.forget(s)
}

// isDoubtful says that a request was given up which may have had an event in it that the client has given back: see overdue.go.
func (p *Publisher) isDoubtful(s *sending) bool {
	before := s.doubtsBefore
	if s.attempt.Err() != nil {
		before = s.attempt.doubts
	}
	return p.connections.doubts.Load() != before
}

// holdBack keeps an event to be handed over again, unless it is too late for that.
func (p *Publisher) holdBack(topic *outgoing, s *sending, anew bool) bool {
	topic.mu.Lock()
	defer topic.mu.Unlock()
	if s.told.Load() || p.since() >= s.until || p.ctx.Err() != nil {
		return false
	}
	topic.held = append(topic.held, s)
	switch {
	case !anew:
		topic.slow = true
	case topic.anew == nil:
		topic.anew = make(chan struct{})
		p.background.Go(func() { p.renew(topic) })
	}
	topic.look()
	return true
}

// given accounts for an event that the client has given back.
func (t *outgoing) given(s *sending) {
	if t.inHand.remove(s) > 0 || !t.awaited.Load() {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.idle != nil && t.inHand.n.Load() == 0 {
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
	defer topic.mu.Unlock()
	topic.renewed = time.Now()
	if err == nil && !topic.slow {
		topic.sortHeld()
		for _, s := range topic.held {
			p.produce(topic, s)
		}
		topic.held = nil
	}
	close(topic.anew)
	topic.anew = nil
	topic.look()
}

// sortHeld puts what is held back into the order in which it was published. It needs mu.
func (t *outgoing) sortHeld() {
	slices.SortFunc(t.held, func(a, b *sending) int { return cmp.Compare(a.seq, b.seq) })
}

// awaitIdle waits until the client has answered all that it was handed. Its error is ctx's.
func (t *outgoing) awaitIdle(ctx context.Context) error {
	t.mu.Lock()
	t.awaited.Store(true) // before looking: whoever answers the last one looks afterwards
	defer t.awaited.Store(false)
	if t.inHand.n.Load() == 0 {
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

// answer tells of an event what became of it, if that was not told already.
func (p *Publisher) answer(s *sending, r Receipt, err error) {
	if !s.told.CompareAndSwap(false, true) {
		return
	}
	p.answering.Lock() // mostly the client's goroutine, which calls one after the other
	s.done(r, err)
	p.answering.Unlock()
	p.waiting.done()
}

// forget accounts for an event that the publisher has no more to do with.
func (p *Publisher) forget(s *sending) {
	p.room.Release(s.size)
	p.pending.Done()
}

// giveUpHeld answers what is held back when the publisher is closed.
func (p *Publisher) giveUpHeld() {
	p.eachTopic(func(t *outgoing) {
		for _, s := range t.held {
			p.answer(s, Receipt{}, s.notSent(kgo.ErrClientClosed))
			p.forget(s)
		}
		t.held = nil
	})
}

// heldBytes is the memory of the events that are held back.
func (p *Publisher) heldBytes() int64 {
	n := int64(0)
	p.eachTopic(func(t *outgoing) {
		for _, s := range t.held {
			n += s.size
		}
	})
	return n
}

func (p *Publisher) eachTopic(each func(*outgoing)) {
	p.mu.Lock()
	topics := slices.Collect(maps.Values(p.topics))
	p.mu.Unlock()
	for _, t := range topics {
		t.mu.Lock()
		each(t)
		t.mu.Unlock()
	}
}

// tally counts the events that wait for their answer.
type tally struct {
	n       atomic.Int64
	awaited atomic.Bool

	mu   sync.Mutex
	none chan struct{} // closed when none waits; nil when nobody asks
}

func (w *tally) done() {
	if w.n.Add(-1) > 0 || !w.awaited.Load() {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.none != nil && w.n.Load() == 0 {
		close(w.none)
		w.none = nil
		w.awaited.Store(false)
	}
}

// await returns what is closed once none waits.
func (w *tally) await() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.awaited.Store(true) // before looking
	if w.none == nil {
		w.none = make(chan struct{})
	}
	none := w.none
	if w.n.Load() == 0 {
		close(w.none)
		w.none = nil
		w.awaited.Store(false)
	}
	return none
}
