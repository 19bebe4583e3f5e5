package trestle

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/wire"
)

// Answer registers the handler of a request, and has the response that it returns published under the request's
// correlation and session ids. An error, the publisher's too, is that of any handler: the request is tried again and
// goes to its dead letter, which [Call] learns of. A response that is invalid, or carries other ids, goes there at once; so
// does a request that was given no response.
//
// The handler's context ends when the request's caller waits no longer, and a request that nobody waits for any more is not
// handled: [ClockTolerance] after the time that the record's own time and its `timeout-ms` header make.
//
// What [Handle] refuses, Run reports, and also a response of another type than the request's schema names.
func Answer[E, R any, P interface {
	*E
	Event
}, Q interface {
	*R
	Event
}](c *Consumer, pub *Publisher, answer func(context.Context, P) (Q, error)) {
	event.Answer(c, pub, answer)
}

// AnswerInfo is [Answer] for a program that learns of its event types when it runs: the handler gets requests that
// request.New made, and returns responses of the type of reply, or nil for none.
func (c *Consumer) AnswerInfo(pub event.EventPublisher, request, reply *EventInfo, answer func(context.Context, Event) (Event, error)) {
	own, isOwn := pub.(*Publisher)
	switch {
	case request.Reply != reply.Type:
		c.refuse(request, fmt.Errorf("returns %s, but its schema names the reply %q", reply.Type, request.Reply))
		return
	case pub == nil || isOwn && own == nil:
		c.refuse(request, errors.New("has no publisher for its responses"))
		return
	case answer == nil:
		HandleInfo(c, request, nil)
		return
	}
	handle := func(ctx context.Context, e Event) error {
		response, err := answer(ctx, e)
		switch {
		case err != nil:
			return err
		case response == nil:
			return Permanent(fmt.Errorf("handler of %s returned no response", request.FullName))
		}
		d, _ := DeliveryFrom(ctx)
		return pub.Publish(ctx, response, WithCorrelationID(d.Envelope.CorrelationID), WithSessionID(d.Envelope.SessionID))
	}
	c.register(&eventHandler{info: request, handle: handle, answers: reply.Type}, (*topicHandlers).addEvent)
}

// ClockTolerance is by how much the clocks of a caller and of who answers it may differ without a request being taken for
// expired that its caller still waits for. So much longer than its caller it is handled.
const ClockTolerance = time.Second

// errNotAwaited is why the context of a request's handler ends.
var errNotAwaited = errors.New("the request's caller waits no longer")

// awaitedUntil says until when the caller of a request waits for the response that the handler gives, with the tolerance; it
// says false where nothing says so.
func (h *eventHandler) awaitedUntil(d *Delivery) (time.Time, bool) {
	if h.answers == "" {
		return time.Time{}, false
	}
	after, err := strconv.ParseInt(wire.HeaderValue(d.Headers, wire.HeaderTimeout), 10, 64)
	if err != nil || after < 0 || after > int64((math.MaxInt64-ClockTolerance)/time.Millisecond) { // more would overflow
		return time.Time{}, false
	}
	return d.Timestamp.Add(time.Duration(after)*time.Millisecond + ClockTolerance), true
}

// unanswered are the event types of the responses that are not published when an event of a topic fails; eventType is
// empty, or none that is handled, where it could not be read.
func (t *topicHandlers) unanswered(eventType string) []string {
	if h := t.byType[eventType]; h != nil {
		if h.answers == "" {
			return nil
		}
		return []string{h.answers}
	}
	var all []string
	for _, h := range t.byType {
		if h.answers != "" {
			all = append(all, h.answers)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
