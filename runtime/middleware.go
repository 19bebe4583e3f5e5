package trestle

import (
	"context"
	"errors"
	"log/slog"
	"runtime/debug"
	"slices"
)

// HandlerFunc handles an event. [DeliveryFrom] says of its context which record it came in. For a deletion, a record as it
// is, or a batch, the event is nil.
type HandlerFunc func(ctx context.Context, e Event) error

// HandlerMiddleware makes a handler of another one, which it calls before, after, or instead of what it does itself. What it
// returns counts as what the handler does.
type HandlerMiddleware func(next HandlerFunc) HandlerFunc

// WithHandlerMiddleware adds middleware around the handlers of all events, the outermost first. Around it in turn stands what
// the consumer does itself, from the outside: the span, the metrics, the log of failures, the deadline, and the recovery from
// panics, those of middleware too. Within it stands the middleware that one handler was registered with. Events that
// can't be decoded, are invalid or have no handler do not come to it. NewConsumer fails if one is nil.
func WithHandlerMiddleware(middleware ...HandlerMiddleware) ConsumerOption {
	return consumerOption(func(c *consumerConfig) { c.middleware = append(c.middleware, middleware...) })
}

// PublishFunc publishes an event as [Publisher.PublishAsync] does: when it returns nil, done is called once with what became
// of the event, and otherwise not at all.
type PublishFunc func(ctx context.Context, e Event, done func(Receipt, error), opts ...PublishOption) error

// PublishMiddleware makes a PublishFunc of another one. It may change the options, refuse the event with an error, and learn
// what became of it by a done of its own, which calls the one that it was given and must not block.
type PublishMiddleware func(next PublishFunc) PublishFunc

// WithPublishMiddleware adds middleware around publishing, the outermost first: around Publish, PublishAsync and Delete alike,
// and around the requests of calls. Around it in turn stand the span and the metrics. NewPublisher fails if one is nil.
func WithPublishMiddleware(middleware ...PublishMiddleware) PublisherOption {
	return publisherOption(func(c *publisherConfig) { c.middleware = append(c.middleware, middleware...) })
}

// around returns what each call of a handler is.
func (c *Consumer) around(h *eventHandler) HandlerFunc {
	own := []HandlerMiddleware{c.tracing(h), h.measuring, c.logging, snoozing, c.inTime, recovering, noting}
	if h.batches != nil {
		own = append(own, h.counting)
	}
	f := h.handle
	for _, wrap := range slices.Backward(slices.Concat(own, c.cfg.middleware, h.middleware)) {
		f = wrap(f)
	}
	return f
}

// around returns what publishing an event is.
func (p *Publisher) around(f PublishFunc) PublishFunc {
	own := []PublishMiddleware{p.tracing, p.measuring}
	for _, wrap := range slices.Backward(slices.Concat(own, p.cfg.middleware)) {
		f = wrap(f)
	}
	return f
}

// recovering turns a panic into an error.
func recovering(next HandlerFunc) HandlerFunc {
	return func(ctx context.Context, e Event) (err error) {
		defer func() {
			if value := recover(); value != nil {
				err = Permanent(&PanicError{Value: value, Stack: string(debug.Stack())})
			}
		}()
		return next(ctx, e)
	}
}

// ErrDuplicate is what a handler, or middleware around it, returns of an event that it finds to have been handled before. The event
// is done then, and counts as a [Duplicate]: it is no failure.
var ErrDuplicate = errors.New("the event was handled before")

// noting notes what handlers say of duplicates. Of a batch, snoozing does.
func noting(next HandlerFunc) HandlerFunc {
	return func(ctx context.Context, e Event) error {
		err := next(ctx, e)
		if err != nil && batchIn(ctx) == nil && errors.Is(err, ErrDuplicate) {
			ctx.Value(handlingKey{}).(*handling).duplicate = true
			return nil
		}
		return err
	}
}

// logging reports the calls that failed. What becomes of their events then is logged where that is decided.
func (c *Consumer) logging(next HandlerFunc) HandlerFunc {
	return func(ctx context.Context, e Event) error {
		err := next(ctx, e)
		if err == nil {
			return nil
		}
		h := ctx.Value(handlingKey{}).(*handling)
		switch {
		case h.task.part.ctx.Err() != nil: // another member handles it
		case h.batch != nil:
			h.batch.logFailures(ctx, c, err)
		default:
			c.logFailure(ctx, slog.LevelWarn, &h.Delivery, "handler failed", err, slog.Int("attempt", h.Attempt))
		}
		return err
	}
}
