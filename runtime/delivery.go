package trestle

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Header is a record header. A nil Value differs from an empty one.
type Header struct {
	Key   string
	Value []byte
}

// Delivery says which record a handler is called for.
type Delivery struct {
	Topic     string
	Partition int32
	Offset    int64
	Key       []byte // nil: none
	Headers   []Header
	Timestamp time.Time // the record's
	// EventID identifies the event: its `event-id` header, or `topic/partition/offset` where the producer set none.
	EventID string
	// Envelope is what surrounds the event, what it lacks filled in from the payload.
	Envelope Envelope
	// Attempt counts the handler's calls for this record by this consumer, from 1.
	Attempt int
}

// DeliveryFrom returns the delivery that a handler's context belongs to. It says false outside of a handler.
func DeliveryFrom(ctx context.Context) (Delivery, bool) {
	d, ok := ctx.Value(deliveryKey{}).(*Delivery)
	if !ok {
		return Delivery{}, false
	}
	return *d, true
}

type deliveryKey struct{}

func withDelivery(ctx context.Context, d *Delivery) context.Context {
	return context.WithValue(ctx, deliveryKey{}, d)
}

func newDelivery(r *kgo.Record, attempt int) *Delivery {
	d := &Delivery{
		Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Key: r.Key, Timestamp: r.Timestamp, Attempt: attempt,
		Headers: make([]Header, len(r.Headers)),
	}
	for i, h := range r.Headers {
		d.Headers[i] = Header{h.Key, h.Value}
		if h.Key == headerEventID && d.EventID == "" {
			d.EventID = string(h.Value)
		}
	}
	if d.EventID == "" {
		d.EventID = fmt.Sprintf("%s/%d/%d", r.Topic, r.Partition, r.Offset)
	}
	return d
}

// logAttrs is what a line about a delivery carries.
func (d *Delivery) logAttrs(more ...slog.Attr) []slog.Attr {
	attrs := []slog.Attr{
		slog.String("topic", d.Topic), slog.Int("partition", int(d.Partition)), slog.Int64("offset", d.Offset),
		slog.String("event_id", d.EventID),
	}
	if d.Envelope.EventType != "" {
		attrs = append(attrs, slog.String("event_type", d.Envelope.EventType))
	}
	if d.Envelope.CorrelationID != "" {
		attrs = append(attrs, slog.String("correlation_id", d.Envelope.CorrelationID))
	}
	if d.Envelope.SessionID != "" {
		attrs = append(attrs, slog.String("session_id", d.Envelope.SessionID))
	}
	return append(attrs, more...)
}
