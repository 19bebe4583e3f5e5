package trestle

import (
	"context"

	"go.opentelemetry.io/otel/propagation"
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
