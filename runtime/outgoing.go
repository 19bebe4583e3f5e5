package trestle

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// outgoing has a topic's events until they are answered. Each is in one of two places: in the client's hands, or held back. Events
// of one key reach the client in the order in which they were published.
//
// What becomes of a new event is the topic's mode:
//
//	flowing   it is handed to the client at once; nothing is held back
//	choosing  it is held back, and the watcher hands over what may go, in order
//	renewing  it is held back, and nothing is handed over
//
// The mode changes so:
//
//	any → renewing       the client gave an event back because the topic was made anew: it fails all of the topic's, of which none was
//	                     written, until it is told to forget the topic, which has to wait until it has none left
//	renewing → choosing  the client has none left, and was told to forget the topic
//	flowing → choosing   the watcher asked the client for events whose time is up, or nothing has been answered for long
//	choosing → flowing   nothing is held back, nothing that the client was asked for is in its hands, and it answers
//
// An event leaves the client's hands once, by returned, after each time that it was handed over. There it is answered, or held back
// again where no broker has it and its time is not up. When the time of an event is up, the watcher answers it: at once if it is held
// back, and otherwise when the client has not given it back for a while; overdue.go says how it is asked to. An event that was
// answered so stays in the client's hands until the client gives it back, and then is forgotten.
type outgoing struct {
	topic string

	mu      sync.RWMutex // held to hand over an event, and fully to change what is below
	mode    outgoingMode
	closed  bool            // no more events are taken
	held    []*sending      // sorted when they are handed over
	attempt *attemptContext // that events are handed over in
	renewed time.Duration
	probed  time.Duration // when an event was last handed over while nothing was answered

	hand      inHand
	published atomic.Uint64
	answered  atomic.Int64  // when a broker last answered for an event, since the publisher began
	due       atomic.Int64  // when the watcher looks, since the publisher began; 0: when it is woken
	wake      chan struct{} // has it look
}

type outgoingMode uint8

const (
	flowing outgoingMode = iota
	choosing
	renewing
)

// attemptContext is what events are handed over in, until the client is asked for them. It is the context that the client has them
// with: the end of that asks for those that no broker has.
type attemptContext struct {
	context.Context
	end context.CancelFunc
	// The doubts of the connections when it began, and when the client was asked.
	begun, asked uint64
}

func newAttempt(c *connections) *attemptContext {
	ctx, end := context.WithCancel(context.Background())
	return &attemptContext{Context: ctx, end: end, begun: c.doubts.Load()}
}

// withdraw asks the client for the attempt's events.
func (a *attemptContext) withdraw(c *connections) {
	a.asked = c.doubts.Load()
	a.end()
}

// doubtsBefore are the doubts of the connections when the client can have begun to give an event of the attempt back: with one that it
// was asked for it gives back all that waits for the same partition, those of later attempts, too.
func (a *attemptContext) doubtsBefore() uint64 {
	if a.Err() != nil {
		return a.asked
	}
	return a.begun
}

// inHand are the events in the client's hands, the one that it has had longest first. Its lock is taken by callbacks of the client,
// which may hold up others of its calls: so none is made while it is held.
type inHand struct {
	mu          sync.Mutex
	n           int
	first, last *sending
}

func (l *inHand) add(s *sending) {
	l.mu.Lock()
	s.before, s.after = l.last, nil
	if l.last == nil {
		l.first = s
	} else {
		l.last.after = s
	}
	l.last = s
	l.n++
	l.mu.Unlock()
}

// remove returns how many are left.
func (l *inHand) remove(s *sending) int {
	l.mu.Lock()
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
	l.n--
	left := l.n
	l.mu.Unlock()
	return left
}

func (l *inHand) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.n
}

// outgoingTo returns a topic's, nil when the publisher is closed and has none.
func (p *Publisher) outgoingTo(name string) *outgoing {
	if t, ok := p.topics.Load(name); ok {
		return t.(*outgoing)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if t, ok := p.topics.Load(name); ok {
		return t.(*outgoing)
	}
	if p.closed {
		return nil
	}
	t := &outgoing{topic: name, attempt: newAttempt(&p.connections), wake: make(chan struct{}, 1)}
	p.topics.Store(name, t)
	p.background.Go(func() { p.watch(t) })
	return t
}

// since is the time since the publisher began.
func (p *Publisher) since() time.Duration { return time.Since(p.began) }

// dispatch takes an event in, unless the publisher is closed.
func (p *Publisher) dispatch(s *sending, now time.Duration) bool {
	t := p.outgoingTo(s.client.Topic)
	if t == nil {
		return false
	}
	t.mu.RLock()
	taken := t.mode == flowing && !t.closed
	if taken {
		p.accept(t, s)
		p.produce(t, s, now)
	}
	t.mu.RUnlock()
	if !taken && !p.dispatchInTurn(t, s, now) {
		return false
	}
	if due := t.due.Load(); due == 0 || int64(s.until) < due {
		t.look()
	}
	return true
}

// flows says whether events are handed to the client at once.
func (t *outgoing) flows() bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.mode == flowing
}

// dispatchInTurn is dispatch to a topic that may not be flowing.
func (p *Publisher) dispatchInTurn(t *outgoing, s *sending, now time.Duration) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	p.accept(t, s)
	if t.mode == flowing { // since then
		p.produce(t, s, now)
		return true
	}
	t.held = append(t.held, s)
	t.look()
	return true
}

// accept counts an event that the publisher answers for from now on. It needs the topic's mu.
func (p *Publisher) accept(t *outgoing, s *sending) {
	p.pending.Add(1)
	p.waiting.n.Add(1)
	s.seq = t.published.Add(1)
}

// produce hands an event to the client. It needs the topic's mu.
func (p *Publisher) produce(t *outgoing, s *sending, now time.Duration) {
	s.attempt, s.handed, s.producedBefore = t.attempt, now, p.connections.produced.Load()
	t.hand.add(s)
	// Not the publishing caller's: the client gives back all that waits for a partition, and one who stops waiting must not
	// delay the events of others.
	s.client.Context = s.attempt
	p.client.Produce(context.Background(), &s.client, func(r *kgo.Record, err error) { p.returned(t, s, r, err) })
}

// returned takes back an event from the client.
func (p *Publisher) returned(t *outgoing, s *sending, r *kgo.Record, err error) {
	if err == nil {
		t.answered.Store(p.connections.answered.Load())
		t.given(s)
		p.answer(s, Receipt{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, EventID: s.ids.event, Timestamp: r.Timestamp}, nil)
		p.forget(s)
		return
	}
	withdrawn := errors.Is(err, context.Canceled) // nobody ends a context that the client has but withdraw
	// A request was given up meanwhile that may have had it: see overdue.go.
	doubtful := withdrawn && p.connections.doubts.Load() != s.attempt.doubtsBefore()
	if !withdrawn {
		t.answered.Store(int64(p.since()))
	}
	anew := errors.Is(err, kerr.UnknownTopicID)
	held := (anew || withdrawn) && p.holdBack(t, s, anew)
	t.given(s) // once it is held, if it is: see renew and handOver
	switch {
	case held:
		return
	case doubtful, withdrawn && p.cfg.acks == AcksLeader: // of what was sent the client waits for an answer with AcksAll alone
		err = p.failed(s, s.late())
	case withdrawn:
		err = s.notSent(s.late())
	default:
		err = p.failed(s, err)
	}
	p.answer(s, Receipt{}, err)
	p.forget(s)
}

// holdBack keeps an event to be handed over again, unless it is too late for that.
func (p *Publisher) holdBack(t *outgoing, s *sending, anew bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if s.told.Load() || p.since() >= s.until || p.ctx.Err() != nil {
		return false
	}
	t.held = append(t.held, s)
	switch {
	case anew && t.mode != renewing:
		t.mode = renewing
		p.cfg.logger.Warn("topic was made anew: publishing to the new one", "topic", t.topic)
	case t.mode == flowing:
		t.mode = choosing
	}
	t.look()
	return true
}

// given accounts for an event that the client has given back.
func (t *outgoing) given(s *sending) {
	if t.hand.remove(s) > 0 {
		return
	}
	t.mu.RLock()
	wanted := t.mode == renewing
	t.mu.RUnlock()
	if wanted {
		t.look()
	}
}

// sortHeld puts what is held back into the order in which it was published. It needs mu.
func (t *outgoing) sortHeld() {
	slices.SortFunc(t.held, func(a, b *sending) int { return cmp.Compare(a.seq, b.seq) })
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

// refuseNew has no topic take an event any more. What came out of the spool is on the disk, and is not tried until it is written any more,
// but for as long as others are.
func (p *Publisher) refuseNew() {
	until := p.since() + p.cfg.deliveryTimeout
	limit := func(s *sending) {
		if s.timeout == untilSent {
			s.until = until
		}
	}
	p.eachTopic(func(t *outgoing) {
		t.closed = true
		t.hand.mu.Lock()
		for s := t.hand.first; s != nil; s = s.after {
			limit(s)
		}
		t.hand.mu.Unlock()
		for _, s := range t.held {
			limit(s)
		}
		t.look()
	})
}

// giveUpHeld answers what is held back when the publisher is closed.
func (p *Publisher) giveUpHeld() {
	var held []*sending
	p.eachTopic(func(t *outgoing) { held, t.held = append(held, t.held...), nil })
	for _, s := range held { // without a lock: a callback may publish
		p.answer(s, Receipt{}, s.notSent(kgo.ErrClientClosed))
		p.forget(s)
	}
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

// eachTopic calls each with the topic's mu held.
func (p *Publisher) eachTopic(each func(*outgoing)) {
	for _, t := range p.topics.Range {
		t := t.(*outgoing)
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
