package trestle

import (
	"context"
	"errors"
	"fmt"
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
	request, response := P(nil).EventInfo(), Q(nil).EventInfo()
	switch {
	case request.Reply != response.Type:
		c.refuse(request, fmt.Errorf("returns %s, but its schema names the reply %q", response.Type, request.Reply))
		return
	case pub == nil:
		c.refuse(request, errors.New("has no publisher for its responses"))
		return
	case answer == nil:
		c.register(request, nil)
		return
	}
	Handle(c, func(ctx context.Context, e P) error {
		r, err := answer(ctx, e)
		switch {
		case err != nil:
			return err
		case r == nil:
			return Permanent(fmt.Errorf("handler of %s returned no response", request.FullName))
		}
		d, _ := DeliveryFrom(ctx)
		return pub.Publish(ctx, r, WithCorrelationID(d.Envelope.CorrelationID), WithSessionID(d.Envelope.SessionID))
	})
}
