package event

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// PublishOption says something about one event that is published; package trestle has them.
type PublishOption func(*PublishSettings)

// PublishSettings are what the options of one event say. What the envelope lacks is filled in as usual.
type PublishSettings struct {
	Deletion bool // of the event's key, instead of the event
	Envelope Envelope
	Timeout  time.Duration // how long to try to deliver; 0: the publisher's own
	Headers  []Header      // behind those that every record has; one of the same name as one of those is left out
	// Encoded is called with what the event became, before it is sent; an error keeps it from that. It is the runtime's own.
	Encoded func(Record, Envelope) error
}

// CallOption says something about one call; package trestle has them. Every [PublishOption] is one, and counts for the
// request.
type CallOption interface{ ApplyCall(*CallSettings) }

// CallSettings are what the options of one call say.
type CallSettings struct {
	Publish  []PublishOption
	Watchers []Watcher
}

// Watcher is called with the status events of a call's conversation.
type Watcher struct {
	Info   *EventInfo
	Notify func(context.Context, Event)
}

// ApplyCall makes the option one of a call: it counts for the request.
func (o PublishOption) ApplyCall(s *CallSettings) { s.Publish = append(s.Publish, o) }

// Requester sends a request and returns its response, which is one that reply.New made. A trestle.Caller is one.
type Requester interface {
	CallInfo(ctx context.Context, reply *EventInfo, request Event, opts ...CallOption) (Event, error)
}

// EventPublisher publishes events. A trestle.Publisher is one.
type EventPublisher interface {
	Publish(ctx context.Context, e Event, opts ...PublishOption) error
}

// Answerer registers a handler of requests whose responses are published under the request's ids. A trestle.Consumer is
// one. A handler that is nil, or does not fit the schemas, is reported when the consumer runs.
type Answerer interface {
	AnswerInfo(pub EventPublisher, request, reply *EventInfo, answer func(context.Context, Event) (Event, error))
}

// Call sends a request and returns its response, of the type P. Generated packages have it for each of their requests,
// typed: what their Calls call.
func Call[P Event](ctx context.Context, r Requester, request Event, opts ...CallOption) (P, error) {
	var none P
	if any(none) == nil {
		return none, errors.New("call: the response type is an interface: name an event type")
	}
	response, err := r.CallInfo(ctx, none.EventInfo(), request, opts...)
	if err != nil {
		return none, err
	}
	typed, ok := response.(P)
	if !ok {
		return none, fmt.Errorf("call: the response is a %T, not a %T", response, none)
	}
	return typed, nil
}

// Answer registers the handler of a request with a, and has the response that it returns published by pub. Generated
// packages have it for all their requests: HandleAnswers.
func Answer[E, R any, P interface {
	*E
	Event
}, Q interface {
	*R
	Event
}](a Answerer, pub EventPublisher, answer func(context.Context, P) (Q, error)) {
	var handle func(context.Context, Event) (Event, error)
	if answer != nil {
		handle = func(ctx context.Context, e Event) (Event, error) {
			response, err := answer(ctx, e.(P))
			if err != nil || response == nil {
				return nil, err // not an Event that holds a nil response
			}
			return response, nil
		}
	}
	a.AnswerInfo(pub, P(nil).EventInfo(), Q(nil).EventInfo(), handle)
}
