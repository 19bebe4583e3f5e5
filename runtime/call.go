package trestle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/semaphore"

	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/wire"
)

// Caller sends requests and waits for their responses. It is safe for concurrent use, and meant to be shared.
//
// It reads the topics of responses itself, all their partitions ([WithReplyPartition]: its own) and outside of any consumer group,
// from where they end when the first request is sent: so every instance of a service sees the responses to its own requests, and
// nothing is committed. It decodes those that are its own: Trestle's consumers answer under the `caller-id` that a request carries. In
// the same way it reads the dead letters of requests, if it may.
type Caller struct {
	cfg     *callerConfig
	pub     *Publisher
	owned   bool // pub is the caller's own
	replies *replies
	room    *semaphore.Weighted // calls that may start

	mu     sync.Mutex
	closed bool
	gone   chan struct{}  // closed when calls under way are to be given up
	calls  sync.WaitGroup // grows under mu, while not closed
}

// ErrCallerClosed is the reason of calls on a closed caller, and of those that were under way for too long when it was
// closed.
var ErrCallerClosed = errors.New("caller is closed")

// CallError says why a call whose request could be sent has no response: none came before the context ended
// (context.DeadlineExceeded), it was invalid (*ValidationError) or of another type, the request went to its dead letter
// (*UnansweredError), the response's topic can't be read, or the caller was closed (ErrCallerClosed).
type CallError struct {
	EventType     string // of the request: its full name
	CorrelationID string // empty when the call failed before it had one
	Err           error
}

// Error names the request and says why.
func (e *CallError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "call %s", e.EventType)
	if e.CorrelationID != "" {
		fmt.Fprintf(&b, " (correlation id %s)", e.CorrelationID)
	}
	fmt.Fprintf(&b, ": %v", e.Err)
	return b.String()
}

// Unwrap returns the cause.
func (e *CallError) Unwrap() error { return e.Err }

// NewCaller returns a caller. It fails when an option is wrong, and names it; no broker is contacted before the first
// call.
func NewCaller(brokers []string, opts ...CallerOption) (*Caller, error) {
	cfg, err := newCallerConfig(brokers, opts)
	if err != nil {
		return nil, fmt.Errorf("new caller: %w", err)
	}
	c := &Caller{cfg: cfg, pub: cfg.publisher, room: semaphore.NewWeighted(int64(cfg.maxCalls)), gone: make(chan struct{})}
	if c.pub == nil {
		c.owned = true
		c.pub, err = NewPublisher(brokers, WithConnection(cfg.kafka), WithNames(cfg.names.names()), WithLinger(0), WithMeterProvider(cfg.meters), WithTracerProvider(cfg.tracers))
		if err != nil {
			return nil, fmt.Errorf("new caller: %w", err)
		}
	}
	c.replies, err = newReplies(cfg)
	if err != nil {
		if c.owned {
			err = errors.Join(err, c.pub.Close(context.Background()))
		}
		return nil, fmt.Errorf("new caller: %w", err)
	}
	return c, nil
}

// Call sends a request and waits for the response with its correlation id until ctx ends; give ctx a deadline.
//
// The error is that of [Publisher.Publish] when the request was not published, a *CallError otherwise. It comes at once when
// the request went to its dead letter: of a group that answers it with [Answer], or of other programs. What arrives later, or
// for nobody who waits here, is passed over. In a handler the request belongs to the conversation of the event being handled,
// as with Publish; elsewhere it starts a new one, unless it or an option says otherwise. Two calls for the same response type
// under one correlation id can't be told apart: the second fails while the first waits.
func Call[P Event](ctx context.Context, c *Caller, request Event, opts ...CallOption) (P, error) {
	return event.Call[P](ctx, c, request, opts...)
}

// CallInfo is [Call] for a program that learns of its event types when it runs: the response is one that reply.New
// made.
func (c *Caller) CallInfo(ctx context.Context, reply *EventInfo, request Event, opts ...CallOption) (Event, error) {
	if request == nil {
		return nil, errors.New("call: the request is nil")
	}
	var cfg event.CallSettings
	for _, o := range opts {
		o.ApplyCall(&cfg)
	}
	info := request.EventInfo()
	fail := func(err error) (Event, error) { return nil, &CallError{EventType: info.FullName, Err: err} }
	if err := checkCall(info, reply, cfg.Watchers); err != nil {
		return fail(err)
	}
	reply, err := c.named(reply, cfg.Watchers)
	if err != nil {
		return fail(err)
	}
	if !c.begin() {
		return fail(ErrCallerClosed)
	}
	defer c.calls.Done()
	ctx, cancel := c.untilGone(ctx)
	defer cancel()
	if !c.room.TryAcquire(1) && c.room.Acquire(ctx, 1) != nil {
		return fail(fmt.Errorf("too many calls under way: %w", context.Cause(ctx)))
	}
	defer c.room.Release(1)

	return c.exchange(ctx, request, reply, cfg)
}

// named returns the response's description in the caller's environment, and has the watchers have theirs.
func (c *Caller) named(reply *EventInfo, watchers []event.Watcher) (*EventInfo, error) {
	var err error
	for i := range watchers {
		if watchers[i].Info, err = c.cfg.names.event(watchers[i].Info); err != nil {
			return nil, err
		}
	}
	return c.cfg.names.event(reply)
}

func checkCall(request, reply *EventInfo, watchers []event.Watcher) error {
	switch {
	case request.Reply == "":
		return errors.New("it is no request: its schema names no reply")
	case request.Reply != reply.Type:
		return fmt.Errorf("it is answered by %s, not by %s", request.Reply, reply.Type)
	case reply.Topic == nil:
		return fmt.Errorf("response type %s has no topic", reply.FullName)
	}
	for _, w := range watchers {
		switch {
		case w.Notify == nil:
			return errors.New("WithStatus: must not be nil")
		case w.Info.Topic == nil:
			return fmt.Errorf("WithStatus: event type %s has no topic", w.Info.FullName)
		}
	}
	return nil
}

// withConversation gives a request a correlation id, fresh, that has none from elsewhere, also where its envelope needs none.
func withConversation(ctx context.Context, request Event, fresh string) PublishOption {
	return func(s *event.PublishSettings) {
		if s.Envelope.CorrelationID != "" {
			return
		}
		if handled := handledIn(ctx); handled != nil && handled.Envelope.CorrelationID != "" {
			return
		}
		var own Envelope
		var ignored event.Violations
		request.ShareEnvelope(&own, &ignored)
		if own.CorrelationID == "" {
			s.Envelope.CorrelationID = fresh
		}
	}
}

// addressed has a request say who waits for its response, and for how long.
func (c *Caller) addressed(ctx context.Context) PublishOption {
	return func(s *event.PublishSettings) {
		s.Headers = append(s.Headers, Header{Key: wire.HeaderCaller, Value: []byte(c.replies.id)})
		if until, ok := ctx.Deadline(); ok {
			left := max(0, time.Until(until).Milliseconds())
			s.Headers = append(s.Headers, Header{Key: wire.HeaderTimeout, Value: strconv.AppendInt(nil, left, 10)})
		}
	}
}

// exchange publishes a request and waits for what comes back.
func (c *Caller) exchange(ctx context.Context, request Event, reply *EventInfo, cfg event.CallSettings) (Event, error) {
	sent := &sending{info: request.EventInfo()}
	fail := func(err error) (Event, error) {
		return nil, &CallError{EventType: sent.info.FullName, CorrelationID: sent.ids.correlation, Err: err}
	}
	var w *waitingCall
	defer func() {
		if w != nil {
			c.replies.remove(w)
		}
	}()
	wait := func(s *sending) (err error) { // before the request is sent: the response may come first
		if w != nil {
			return nil // middleware publishes it again
		}
		sent = s
		if w, err = c.wait(ctx, s, reply, cfg.Watchers); err != nil {
			_, err = fail(err)
		}
		return err
	}
	fresh := uuid.NewString() // one, however often middleware publishes the request
	if c.cfg.readsPart(reply) {
		if err := c.replies.open(ctx, reply, false); err != nil {
			return fail(err)
		}
		fresh = c.replies.draw(reply.Topic.Name)
	}
	outcome := make(chan error, 1)
	opts := append(slices.Clip(cfg.Publish), withConversation(ctx, request, fresh), c.addressed(ctx), c.pub.whenEncoded(wait, request))
	err := c.pub.begin(atOnce(ctx), request, func(_ Receipt, err error) {
		select {
		case outcome <- err:
		default: // of another time that middleware published it
		}
	}, opts...)
	if err != nil {
		return nil, err
	}
	if w == nil {
		return fail(errors.New("middleware has not published it"))
	}
	acknowledged, published := false, outcome
	for {
		select {
		case a := <-w.answer:
			w.drain(ctx)
			if a.err != nil {
				return fail(a.err)
			}
			return a.event, nil
		case err := <-published:
			if err != nil {
				return nil, err
			}
			acknowledged, published = true, nil
		case <-w.news:
			w.drain(ctx)
		case <-ctx.Done():
			switch cause := context.Cause(ctx); {
			case !acknowledged && !errors.Is(cause, ErrCallerClosed):
				return nil, sent.failed(fmt.Errorf("not acknowledged yet: %w", cause), FateUnknown)
			default:
				return fail(fmt.Errorf("no response: %w", cause))
			}
		}
	}
}

// wait has a call wait for the response to an encoded request.
func (c *Caller) wait(ctx context.Context, s *sending, reply *EventInfo, watchers []event.Watcher) (*waitingCall, error) {
	for _, w := range watchers {
		if err := c.replies.open(ctx, w.Info, true); err != nil {
			return nil, err
		}
	}
	if err := c.replies.open(ctx, reply, !c.cfg.readsPart(reply)); err != nil {
		return nil, err
	}
	if err := c.replies.openLetters(ctx, s.info.Topic); err != nil {
		return nil, err
	}
	w := newWaiting(s.info, s.ids, reply, watchers)
	if err := c.replies.start(ctx, w); err != nil {
		return nil, err
	}
	return w, nil
}

func (c *Caller) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.calls.Add(1)
	return true
}

// untilGone returns a context that also ends, by ErrCallerClosed, when the caller gives up its calls.
func (c *Caller) untilGone(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	go func() {
		select {
		case <-c.gone:
			cancel(ErrCallerClosed)
		case <-ended:
		}
	}()
	return ctx, sync.OnceFunc(func() { close(ended); cancel(nil) })
}

// Close refuses new calls, waits for those under way until ctx ends, and then gives them up with ErrCallerClosed. All
// calls have returned when it does, unless a function given to WithStatus hangs. It reports when calls were given up.
// Closing again does nothing.
func (c *Caller) Close(ctx context.Context) error {
	c.mu.Lock()
	closed := c.closed
	c.closed = true
	c.mu.Unlock()
	if closed {
		return nil
	}
	idle := make(chan struct{})
	go func() { c.calls.Wait(); close(idle) }()
	var failed error
	select {
	case <-idle:
	case <-ctx.Done():
		select {
		case <-idle:
		default:
			failed = fmt.Errorf("close caller: calls given up: %w", context.Cause(ctx))
		}
	}
	close(c.gone)
	<-idle
	c.replies.close()
	if c.owned {
		failed = errors.Join(failed, c.pub.Close(ctx))
	}
	return failed
}
