package trestle

import (
	"context"
	"reflect"
	"slices"
	"strconv"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/omninode/trestle/runtime/wire"
)

// appendTraceparent adds the header of the span that ctx carries, if any.
func appendTraceparent(ctx context.Context, headers []Header) []Header {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return headers
	}
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return append(headers, Header{Key: wire.HeaderTraceparent, Value: []byte(carrier[wire.HeaderTraceparent])})
}

// withRemoteSpan puts the span that a record was published in into ctx, if it names one.
func withRemoteSpan(ctx context.Context, headers []Header) context.Context {
	parent := wire.HeaderValue(headers, wire.HeaderTraceparent)
	if parent == "" {
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{wire.HeaderTraceparent: parent})
}

// untraced says that spans go nowhere: a span that is not recorded costs memory, too.
func (c *clientConfig) untraced() bool {
	return c.globalTracers && isPlaceholder(otel.GetTracerProvider())
}

// isPlaceholder says of a provider that it is OpenTelemetry's global one, before the program has set one.
func isPlaceholder(p trace.TracerProvider) bool {
	t := reflect.TypeOf(p)
	return t.Kind() == reflect.Pointer && t.Elem().PkgPath() == "go.opentelemetry.io/otel/internal/global"
}

// tracing has a span around publishing, until the event's answer. It goes along in the event's header.
func (p *Publisher) tracing(next PublishFunc) PublishFunc {
	tracer := p.cfg.tracers.Tracer(meterName)
	return func(ctx context.Context, e Event, done func(Receipt, error), opts ...PublishOption) error {
		if p.cfg.untraced() {
			return next(ctx, e, done, opts...)
		}
		kind := p.kinds.of(p.cfg.names.described(e.EventInfo()))
		ctx, span := tracer.Start(ctx, kind.span, kind.start...)
		if !span.IsRecording() {
			return next(ctx, e, done, opts...)
		}
		opts = append(slices.Clip(opts), p.whenEncoded(func(s *sending) error {
			span.SetAttributes(idAttributes(s.ids.event, s.ids.correlation)...)
			return nil
		}, e))
		err := next(ctx, e, func(r Receipt, err error) {
			if err == nil && r.Offset >= 0 {
				span.SetAttributes(placeAttributes(r.Partition, r.Offset)...)
			}
			endSpan(span, err, sendErrorType)
			done(r, err)
		}, opts...)
		if err != nil {
			endSpan(span, err, sendErrorType)
		}
		return err
	}
}

// tracing has a span around each call of a handler, below the one in which the event was published.
func (c *Consumer) tracing(h *eventHandler) HandlerMiddleware {
	tracer, name := c.cfg.tracers.Tracer(meterName), "process "+h.info.Topic.Name
	start := []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(h.meter.set.ToSlice()...)}
	alone := append(slices.Clip(start), trace.WithNewRoot()) // not below the span that Run was called in
	return func(next HandlerFunc) HandlerFunc {
		return func(ctx context.Context, e Event) error {
			if c.cfg.untraced() {
				return next(ctx, e)
			}
			d, opts := handledIn(ctx), alone
			b := batchIn(ctx)
			if b != nil {
				opts = append(slices.Clip(start), b.spanOptions()...)
			} else if from := trace.SpanContextFromContext(ctx); from.IsRemote() {
				opts = append(slices.Clip(start), trace.WithLinks(trace.Link{SpanContext: from}))
			}
			ctx, span := tracer.Start(ctx, name, opts...)
			if !span.IsRecording() {
				return next(ctx, e)
			}
			if b == nil {
				span.SetAttributes(idAttributes(d.EventID, d.Envelope.CorrelationID)...)
				span.SetAttributes(placeAttributes(d.Partition, d.Offset)...)
			}
			err := errGoexit
			defer func() { endSpan(span, err, errorType) }()
			err = next(ctx, e)
			return err
		}
	}
}

func idAttributes(eventID, correlationID string) []attribute.KeyValue {
	attrs := []attribute.KeyValue{semconv.MessagingMessageID(eventID)}
	if correlationID != "" {
		attrs = append(attrs, semconv.MessagingMessageConversationID(correlationID))
	}
	return attrs
}

func placeAttributes(partition int32, offset int64) []attribute.KeyValue {
	return []attribute.KeyValue{
		semconv.MessagingDestinationPartitionID(strconv.Itoa(int(partition))), semconv.MessagingKafkaOffset(int(offset)),
	}
}

func endSpan(span trace.Span, err error, errorType func(error) string) {
	if err != nil {
		span.SetStatus(codes.Error, err.Error())
		span.SetAttributes(semconv.ErrorTypeKey.String(errorType(err)))
	}
	span.End()
}
