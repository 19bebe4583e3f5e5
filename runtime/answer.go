package trestle

import (
	"context"
	"errors"
	"fmt"

	"github.com/omninode/trestle/runtime/event"
)

// Answer registers the handler of a request, and has the response that it returns published under the request's
// correlation and session ids. An error, the publisher's too, is that of any handler: the request is tried again and
// goes to its dead letter. A response that is invalid, or carries other ids, goes there at once; so does a request that
// was given no response.
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
	HandleInfo(c, request, func(ctx context.Context, e Event) error {
		response, err := answer(ctx, e)
		switch {
		case err != nil:
			return err
		case response == nil:
			return Permanent(fmt.Errorf("handler of %s returned no response", request.FullName))
		}
		d, _ := DeliveryFrom(ctx)
		return pub.Publish(ctx, response, WithCorrelationID(d.Envelope.CorrelationID), WithSessionID(d.Envelope.SessionID))
	})
}
