package trestle

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/omninode/trestle/runtime/kafka"
)

// AwaitReply waits for the response to a request that a caller of the same name sent before, such as this program before it was
// restarted, until ctx ends; give ctx a deadline. since is when the request was sent, or earlier: the response's topic is read from
// there, and then as it goes on. A response that was given to the former caller already is found again while the topic holds it.
//
// The error is a *CallError as that of [Call]; it comes at once when the caller was given no name ([WithCallerName]). That the
// request went to its dead letter is learned where [WithRequestType] says of which type it was: since then, too, unless there is a
// response.
func AwaitReply[P Event](ctx context.Context, c *Caller, correlationID string, since time.Time, opts ...AwaitOption) (P, error) {
	var none P
	if any(none) == nil {
		return none, errors.New("await reply: the response type is an interface: name an event type")
	}
	response, err := c.AwaitReplyInfo(ctx, none.EventInfo(), correlationID, since, opts...)
	if err != nil {
		return none, err
	}
	typed, ok := response.(P)
	if !ok {
		return none, fmt.Errorf("await reply: the response is a %T, not a %T", response, none)
	}
	return typed, nil
}

// AwaitReplyInfo is [AwaitReply] for a program that learns of its event types when it runs: the response is one that reply.New
// made.
func (c *Caller) AwaitReplyInfo(ctx context.Context, reply *EventInfo, correlationID string, since time.Time, opts ...AwaitOption) (Event, error) {
	var cfg awaitConfig
	for _, o := range opts {
		o.applyAwait(&cfg)
	}
	fail := func(err error) (Event, error) {
		return nil, &CallError{EventType: reply.FullName, CorrelationID: correlationID, Err: err}
	}
	switch {
	case !c.cfg.named:
		return fail(errors.New("the caller has no name that it had before: give it WithCallerName"))
	case correlationID == "":
		return fail(errors.New("no correlation id given"))
	case reply.Topic == nil:
		return fail(fmt.Errorf("response type %s has no topic", reply.FullName))
	case cfg.request != nil && cfg.request.Reply != reply.Type:
		return fail(fmt.Errorf("WithRequestType: %s is answered by %q, not by %s", cfg.request.FullName, cfg.request.Reply, reply.Type))
	case cfg.request != nil && cfg.request.Topic == nil:
		return fail(fmt.Errorf("WithRequestType: %s has no topic", cfg.request.FullName))
	}
	reply, err := c.cfg.names.event(reply)
	request := &EventInfo{Topic: new(TopicInfo)}
	if err == nil && cfg.request != nil {
		request, err = c.cfg.names.event(cfg.request)
	}
	if err != nil {
		return fail(err)
	}
	if !c.begin() {
		return fail(ErrCallerClosed)
	}
	defer c.calls.Done()
	ctx, cancel := c.untilGone(ctx)
	defer cancel()
	if c.room.Acquire(ctx, 1) != nil {
		return fail(fmt.Errorf("too many calls under way: %w", context.Cause(ctx)))
	}
	defer c.room.Release(1)
	// Before what is there is read, so that nothing is missed in between.
	if err := c.replies.open(ctx, reply, !c.cfg.readsPart(reply)); err != nil {
		return fail(err)
	}
	if err := c.replies.openLetters(ctx, request.Topic); err != nil {
		return fail(err)
	}
	w := newWaiting(request, eventIDs{correlation: correlationID}, reply, nil)
	if err := c.replies.start(ctx, w); err != nil {
		return fail(err)
	}
	defer c.replies.remove(w)
	looking, stop := context.WithCancel(ctx)
	looked := make(chan error, 1)
	go func() { looked <- c.replies.lookBack(looking, w, since) }()
	defer func() {
		stop()
		if looked != nil {
			<-looked
		}
	}()
	for {
		select {
		case a := <-w.answer:
			if a.err != nil {
				return fail(a.err)
			}
			return a.event, nil
		case err := <-looked:
			if looked = nil; err != nil && ctx.Err() == nil {
				return fail(err)
			}
		case <-ctx.Done():
			return fail(fmt.Errorf("no response: %w", context.Cause(ctx)))
		}
	}
}

// AwaitOption configures what waits for a reply: see [AwaitReply].
type AwaitOption interface{ applyAwait(*awaitConfig) }

type awaitOption func(*awaitConfig)

func (o awaitOption) applyAwait(c *awaitConfig) { o(c) }

type awaitConfig struct {
	request *EventInfo // nil: not known
}

// WithRequestType says of which type the request was whose reply is awaited, so that its dead letter ends the waiting, by an
// *UnansweredError. AwaitReply fails when that type has another reply.
func WithRequestType[E any, P interface {
	*E
	Event
}]() AwaitOption {
	return WithRequestInfo(P(nil).EventInfo())
}

// WithRequestInfo is [WithRequestType] for a program that learns of its event types when it runs.
func WithRequestInfo(request *EventInfo) AwaitOption {
	return awaitOption(func(c *awaitConfig) { c.request = request })
}

// lookBack offers what the topic of a call's response has held since then, up to its present end, until the call has its answer; and
// then what its request's dead letters are.
func (r *replies) lookBack(ctx context.Context, w *waitingCall, since time.Time) error {
	topic := w.reply.Topic.Name
	r.mu.Lock()
	e := r.topics[topic].expected[w.reply]
	r.mu.Unlock()
	from := kafka.FromTime(since.Add(-ClockTolerance))
	for rec, err := range kafka.Scan(ctx, r.cfg.kafka, []string{topic}, from, kafka.ToEnd()) {
		if err != nil {
			return readError(topic, err)
		}
		r.offer(e, rec)
		if len(w.answer) > 0 {
			return nil
		}
	}
	r.mu.Lock()
	letters := r.lettersOf(w)
	r.mu.Unlock()
	if letters == nil {
		return nil
	}
	for rec, err := range kafka.Scan(ctx, r.cfg.kafka, []string{w.request.Topic.DeadLetter}, from, kafka.ToEnd()) {
		if err != nil || len(w.answer) > 0 {
			return nil // calls do without letters that can't be read
		}
		if of, _ := r.callOf(rec); of == w {
			r.letter(rec)
		}
	}
	return nil
}
