package trestle

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// The client gives up what waits for a partition together, when the time of its first event is up, and can't be told to give
// up a single event. So it is told of no time; the publisher watches each event's itself. When one is up, the client is to give
// back what it can be sure that no broker has, and all of that is handed over again in order, but for the events that are
// late. An event that was sent, and not answered, the client keeps until it knows, and so those behind it that it was handed
// before. Of these the publisher tells, in time, that they may be written.
//
// What the client is sure of is not always so: once a broker has refused a batch, it forgets that earlier attempts had no
// answer, and that of batches behind it none was looked at. So it is asked for events only while nothing is sent: no request since
// it was handed any of them, none for a while, none unanswered. A request may still have been made just then, and be given up later:
// of a late event that the client gives back after that, the publisher says that it may be written. One that is not late is handed
// over again: any connection that breaks meanwhile would fail it before its time, and mostly it was in no request.
//
// Kafka's order is by partition, which only the client knows; what counts is that of events of one key. While the client has
// an event that it may give back, a later one of its key is not handed over: it would come to stand before it.

const (
	// verdictPatience is for how long after an event's time the client is given to say whether it was sent.
	verdictPatience = time.Second
	// stallPatience is for how long nothing must have been answered, beside the linger, while something waits, until events are
	// held back: what is not handed over can't be written after its time.
	stallPatience = time.Second
	// probePause is how often an event is handed over meanwhile: the next one's partition may be well.
	probePause = 100 * time.Millisecond
	// quietPatience is for how long nothing must have been sent when the client is asked for events: a request may be on its way to
	// its connection.
	quietPatience = 500 * time.Millisecond
	// askPause is the time between two looks whether the client can be asked for events that are late.
	askPause = 20 * time.Millisecond
	// passPause is the least time between two looks at what is held back.
	passPause = 2 * time.Millisecond
)

// lateError says that an event was not acknowledged in its time.
type lateError struct{ after time.Duration }

func (e *lateError) Error() string { return fmt.Sprintf("not acknowledged within %v", e.after) }

func (s *sending) late() error { return &lateError{s.timeout} }

// look has the watcher look.
func (t *outgoing) look() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// watch keeps the time of a topic's events until the publisher is closed.
func (p *Publisher) watch(t *outgoing) {
	timer := time.NewTimer(math.MaxInt64)
	defer timer.Stop()
	for {
		select {
		case <-p.ctx.Done():
			return
		case <-t.wake:
		case <-timer.C:
		}
		due := p.pass(t)
		if due == 0 {
			timer.Reset(math.MaxInt64)
			continue
		}
		timer.Reset(max(passPause, due-p.since()))
	}
}

// pass looks once at a topic's events: answers those that are late, and hands over what was held back. It returns when to look
// again, since the publisher began; 0: when there is something.
func (p *Publisher) pass(t *outgoing) (due time.Duration) {
	now := p.since()
	t.mu.Lock()
	late := t.takeLate(now)
	p.renew(t, now)
	seen := p.lookAtHand(t, now)
	switch {
	case seen.sent: // what comes next can be asked for
		t.attempt = newAttempt(&p.connections)
	case seen.overdue && !p.connections.quiet(quietPatience):
		seen.at(now + askPause)
	case seen.overdue:
		t.attempt.withdraw(&p.connections)
		t.attempt, seen.asked = newAttempt(&p.connections), true
	}
	if t.mode == flowing && (seen.stalled || seen.asked) {
		t.mode = choosing
	}
	if t.mode == choosing {
		p.handOver(t, now, seen)
		if len(t.held) == 0 && !seen.stalled && !seen.asked {
			t.mode = flowing
		}
	}
	due = p.nextLook(t, now, seen)
	t.due.Store(int64(due))
	t.mu.Unlock()
	for _, s := range late {
		p.answer(s, Receipt{}, s.notSent(s.late()))
		p.forget(s)
	}
	for _, s := range seen.unsure {
		p.answer(s, Receipt{}, s.failed(s.late(), FateUnknown))
	}
	return due
}

// takeLate takes the events out of what is held back whose time is up. It needs mu.
func (t *outgoing) takeLate(now time.Duration) (late []*sending) {
	t.held = slices.DeleteFunc(t.held, func(s *sending) bool {
		if now < s.until {
			return false
		}
		late = append(late, s)
		return true
	})
	return late
}

// renewalPause is the least time between two renewals of a topic: brokers may lag in telling each other of it.
const renewalPause = 500 * time.Millisecond

// renew has the client forget a topic that was made anew, once it may. It needs the topic's mu, and lets go of it meanwhile.
func (p *Publisher) renew(t *outgoing, now time.Duration) {
	if t.mode != renewing || now < t.renewed+renewalPause || t.hand.len() > 0 {
		return
	}
	t.mu.Unlock()
	p.client.PurgeTopicsFromProducing(t.topic) // in this mode it is handed none
	t.mu.Lock()
	t.renewed, t.mode = p.since(), choosing
}

// nextLook says when the watcher is to look again; it needs the topic's mu.
func (p *Publisher) nextLook(t *outgoing, now time.Duration, seen handSeen) time.Duration {
	if t.hand.len() > 0 {
		seen.at(now + stallPatience + p.cfg.linger)
	}
	for _, s := range t.held {
		seen.at(s.until)
	}
	switch t.mode {
	case choosing:
		seen.at(now + probePause)
	case renewing:
		if again := t.renewed + renewalPause; now < again {
			seen.at(again)
		}
	}
	return seen.next
}

// handSeen is what a look at the events in the client's hands shows.
type handSeen struct {
	unsure  []*sending        // their time is up, and the client has not said in time whether they were sent
	overdue bool              // the time of some is up that the client may be asked for
	sent    bool              // a request was sent since the client was handed one that it may be asked for
	stalled bool              // nothing has been answered for long
	asked   bool              // the client was asked for some
	keys    map[string]bool   // of all, where events are held back
	keyless map[*sending]bool // those without a key, then: one that is being given back is held back already
	next    time.Duration     // when something becomes due; 0: nothing
}

// at has the watcher look then, if not before.
func (h *handSeen) at(when time.Duration) {
	if h.next == 0 || when < h.next {
		h.next = when
	}
}

// lookAtHand needs the topic's mu.
func (p *Publisher) lookAtHand(t *outgoing, now time.Duration) handSeen {
	var seen handSeen
	produced := p.connections.produced.Load()
	t.hand.mu.Lock()
	defer t.hand.mu.Unlock()
	if s := t.hand.first; s != nil {
		patience := stallPatience + p.cfg.linger
		seen.stalled = now-s.handed > patience && now-time.Duration(t.answered.Load()) > patience
	}
	if len(t.held) > 0 {
		seen.keys, seen.keyless = map[string]bool{}, map[*sending]bool{}
	}
	for s := t.hand.first; s != nil; s = s.after {
		seen.asked = seen.asked || s.attempt.Err() != nil
		seen.sent = seen.sent || s.attempt == t.attempt && s.producedBefore != produced
		switch {
		case seen.keys == nil:
		case len(s.client.Key) > 0:
			seen.keys[string(s.client.Key)] = true
		default:
			seen.keyless[s] = true
		}
		due := s.until
		switch {
		case s.told.Load():
			continue
		case now >= s.until:
			seen.overdue = seen.overdue || s.attempt == t.attempt
			if due += verdictPatience; now >= due {
				seen.unsure = append(seen.unsure, s)
				continue
			}
		}
		seen.at(due)
	}
	return seen
}

// handOver hands over what is held back and may go, in order. It needs the topic's mu.
func (p *Publisher) handOver(t *outgoing, now time.Duration, seen handSeen) {
	room := len(t.held)
	if seen.stalled {
		if room = 0; now-t.probed >= probePause {
			room, t.probed = 1, now
		}
	}
	t.sortHeld()
	t.held = slices.DeleteFunc(t.held, func(s *sending) bool {
		key := string(s.client.Key)
		goes := room > 0 && !seen.keys[key] && !seen.keyless[s]
		if goes {
			p.produce(t, s, now)
			room--
		}
		if key != "" && (!goes || seen.asked) {
			seen.keys[key] = true
		}
		return goes
	})
}
