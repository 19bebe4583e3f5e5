package trestletest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/internal/testseam"
	"github.com/omninode/trestle/runtime/wire"
)

// Group is the consumer group of handlers that are called without brokers.
const Group = "test"

// Handlers are handlers of events that are called without brokers, one event after the other, by a consumer's own workers: what
// becomes of an event is what would become of it behind a cluster. Only nobody waits: the next attempt is made at once, and an
// event that waits for the end of an outage is given up. The test fails when a handler puts one off a thousand times.
// Handlers of batches get one event at a time: batches of several come from a [Cluster].
//
// Handlers are an event.Requester: typed calls of generated packages, such as codegenv1.NewCalls(handlers), are answered by them.
// They are safe for concurrent use; events wait for each other, so that a handler can't have another one of its own called.
type Handlers struct {
	tb  testing.TB
	pub *Recorder // encodes what they are given

	mu        sync.Mutex
	rehearsal testseam.Rehearsal
}

// Outcome says what became of an event that was given to [Handlers].
type Outcome struct {
	// Outcome has the event's delivery, its result and its last error.
	trestle.Outcome
	// Attempts is how often it was tried; 1 for an event that did not come to its handler.
	Attempts int
	// Waits are the times between the calls of its handler, as long as they would have been: before each further attempt, and
	// those of trestle.Snooze.
	Waits []time.Duration
	// Waiting says that the event is not done: handlers fail as in an outage, for which its topic would wait.
	Waiting bool
	// DeadLetter is the event's; nil: none was written.
	DeadLetter *deadletter.DeadLetter
	// Sent is what its handler published to a [Recorder], in order.
	Sent []*Sent
}

// NewHandlers returns the handlers that register gives to a consumer of the group "test" with these options, such as
// trestle.Handle or a generated HandleAnswers does. The test fails when an option is wrong or the handlers do not fit together.
func NewHandlers(tb testing.TB, register func(*trestle.Consumer), opts ...trestle.ConsumerOption) *Handlers {
	tb.Helper()
	all := append([]trestle.ConsumerOption{trestle.WithLogger(testLogger(tb)), trestle.WithKeys(Keys())}, opts...)
	c, err := trestle.NewConsumer([]string{noBroker}, Group, append(all, alone())...)
	if err != nil {
		tb.Fatal(err)
	}
	register(c)
	rehearsal, err := testseam.Rehearse(c)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := rehearsal.Close(); err != nil {
			tb.Error(err)
		}
	})
	var shared []trestle.PublisherOption // such as WithNames
	for _, o := range opts {
		if o, ok := o.(trestle.PublisherOption); ok {
			shared = append(shared, o)
		}
	}
	return &Handlers{tb: tb, pub: NewRecorder(tb, shared...), rehearsal: rehearsal}
}

// Handle has one event handled by one handler, and says what became of it: see [Handlers.Handle].
func Handle[E any, P interface {
	*E
	trestle.Event
}](tb testing.TB, handler func(context.Context, P) error, e P, opts ...trestle.ConsumerOption) Outcome {
	tb.Helper()
	return NewHandlers(tb, func(c *trestle.Consumer) { trestle.Handle(c, handler) }, opts...).Handle(e)
}

// Handle publishes an event, and has it handled. The test fails when the event can't be published, as it breaks a rule: what
// becomes of an event that others wrote so, [Handlers.HandleRecord] tells.
func (h *Handlers) Handle(e trestle.Event, opts ...trestle.PublishOption) Outcome {
	h.tb.Helper()
	o, err := h.publish(h.tb.Context(), e, opts)
	if err != nil {
		h.tb.Fatal(err)
	}
	return o
}

// Delete has the deletion of the event's key handled, on a compacted topic.
func (h *Handlers) Delete(e trestle.Event, opts ...trestle.PublishOption) Outcome {
	h.tb.Helper()
	return h.Handle(e, append(opts, func(s *event.PublishSettings) { s.Deletion = true })...)
}

// HandleRecord has a record handled as it is, such as one with the bytes that another program writes. Its offset is the number of
// records before it; where it has no time, it is the present.
func (h *Handlers) HandleRecord(r trestle.Record) Outcome {
	h.tb.Helper()
	o, err := h.handle(h.tb.Context(), r)
	if err != nil {
		h.tb.Fatal(err)
	}
	return o
}

// publish encodes an event, and has its record handled.
func (h *Handlers) publish(ctx context.Context, e trestle.Event, opts []trestle.PublishOption) (Outcome, error) {
	var record trestle.Record
	take := func(s *event.PublishSettings) {
		s.Encoded = func(r trestle.Record, _ trestle.Envelope) error { record = r; return nil }
	}
	if err := h.pub.pub.Publish(ctx, e, append(opts, take)...); err != nil {
		return Outcome{}, err
	}
	return h.handle(ctx, record)
}

func (h *Handlers) handle(ctx context.Context, r trestle.Record) (Outcome, error) {
	if r.Timestamp.IsZero() {
		r.Timestamp = time.Now()
	}
	ctx, cancel := context.WithTimeoutCause(ctx, Patience, fmt.Errorf("waited %v for it", Patience))
	defer cancel()
	published := new(collector)
	h.mu.Lock()
	defer h.mu.Unlock()
	done, err := h.rehearsal.Handle(context.WithValue(ctx, collectorKey{}, published), r)
	if err != nil {
		return Outcome{}, err
	}
	o := Outcome{Waits: done.Waits, Sent: published.all(), Waiting: done.Outcome == nil}
	if done.Outcome != nil {
		o.Outcome = done.Outcome.(trestle.Outcome)
		o.Attempts = o.Delivery.Attempt
	}
	if done.Letter != nil {
		if o.DeadLetter, err = deadletter.Parse(done.Letter); err != nil {
			return Outcome{}, err
		}
	}
	return o, nil
}

// CallInfo implements [event.Requester]: the request is handled at once, and what its handler publishes in response is returned.
// A request that goes to its dead letter is a *trestle.UnansweredError in a *trestle.CallError, as it is to any caller. What the
// handler publishes of the request's conversation is given to trestle.WithStatus, once the handler has returned.
func (h *Handlers) CallInfo(ctx context.Context, reply *trestle.EventInfo, request trestle.Event, opts ...trestle.CallOption) (trestle.Event, error) {
	var settings event.CallSettings
	for _, o := range opts {
		o.ApplyCall(&settings)
	}
	if slices.ContainsFunc(settings.Watchers, func(w event.Watcher) bool { return w.Notify == nil }) {
		return nil, &trestle.CallError{EventType: request.EventInfo().FullName, Err: errors.New("WithStatus: must not be nil")}
	}
	if until, ok := ctx.Deadline(); ok { // as a caller says it
		left := strconv.FormatInt(max(0, time.Until(until).Milliseconds()), 10)
		settings.Publish = append(settings.Publish, trestle.WithHeader(wire.HeaderTimeout, []byte(left)))
	}
	o, err := h.publish(ctx, request, settings.Publish)
	if err != nil {
		return nil, err
	}
	asked := o.Delivery.Envelope
	for _, s := range o.Sent {
		for _, w := range settings.Watchers {
			if s.Err == nil && s.Event != nil && s.Info.FullName == w.Info.FullName && ofConversation(s.Envelope, asked) {
				w.Notify(ctx, s.Event)
			}
		}
	}
	fail := func(err error) (trestle.Event, error) {
		return nil, &trestle.CallError{EventType: request.EventInfo().FullName, CorrelationID: asked.CorrelationID, Err: err}
	}
	if d := o.DeadLetter; d != nil {
		return fail(&trestle.UnansweredError{
			Topic: request.EventInfo().Topic.DeadLetter, Group: d.ConsumerGroup, Type: d.Error.Type, Message: d.Error.Message,
		})
	}
	for _, s := range o.Sent {
		if s.Err == nil && s.Event != nil && s.Info.FullName == reply.FullName && s.Envelope.CorrelationID == asked.CorrelationID {
			return s.Event, nil
		}
	}
	return fail(errors.New("no response was published to a recorder: " + o.String()))
}

// ofConversation says whether an event is of a request's conversation, as callers tell.
func ofConversation(env, request trestle.Envelope) bool {
	return env.CorrelationID != "" && strings.EqualFold(env.CorrelationID, request.CorrelationID) ||
		env.SessionID != "" && strings.EqualFold(env.SessionID, request.SessionID)
}

// String says what became of the event, with *** for what is sensitive in what was published.
func (o Outcome) String() string {
	var b strings.Builder
	if o.Waiting {
		b.WriteString("it waits for the end of an outage")
	} else {
		fmt.Fprintf(&b, "it was %v after %d attempts", o.Result, o.Attempts)
	}
	if o.Err != nil {
		fmt.Fprintf(&b, ": %v", o.Err)
	}
	for _, s := range o.Sent {
		b.WriteString("\n  published: " + s.String())
	}
	return b.String()
}
