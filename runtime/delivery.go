package trestle

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/omninode/trestle/runtime/wire"
)

// Delivery says which record a handler is called for.
type Delivery struct {
	Topic     string
	Partition int32
	Offset    int64
	Key       []byte // nil: none
	Headers   []Header
	Timestamp time.Time // the record's
	// EventID identifies the event: its `event-id` header, or its envelope's id, or, where the producer set none, a UUID
	// made of where the record stands.
	EventID string
	// Envelope is what surrounds the event, what it lacks filled in from the payload. For [HandleRaw] it has event id and
	// event type alone, as headers say.
	Envelope Envelope
	// ZonelessTimes counts the event's times that name no zone; they are taken as UTC.
	ZonelessTimes int
	// Unavailable are the encrypted fields that can't be read, as the keys are not to be had; they are absent from the event, whatever its schema requires. See [Require].
	Unavailable []UnavailableField
	// Attempt counts the handler's calls for this record by this consumer, from 1, and those before it came to retry topics; but not
	// those that put it off.
	Attempt int
	// Snoozes counts those: see Snooze.
	Snoozes int
	// Group is the consumer group that handles it, by its name on the cluster.
	Group string
}

// Format writes, for any verb, which record it is and how often it was tried, but neither its key nor its headers: they may hold
// what is sensitive.
func (d Delivery) Format(s fmt.State, _ rune) {
	fmt.Fprintf(s, "%s/%d/%d (%s %s, attempt %d)", d.Topic, d.Partition, d.Offset, d.Envelope.EventType, d.EventID, d.Attempt)
}

// LogValue is what slog writes of it: what the runtime's own logs say of records.
func (d Delivery) LogValue() slog.Value { return slog.GroupValue(d.logAttrs()...) }

// DeliveryFrom returns the delivery that a handler's context belongs to, for one of batches that of the first event. It says
// false outside of a handler.
func DeliveryFrom(ctx context.Context) (Delivery, bool) {
	d := handledIn(ctx)
	if d == nil {
		return Delivery{}, false
	}
	return *d, true
}

// IdentityFrom returns what tells the event that a handler's context belongs to from all others, for those who note which were
// handled: its id or, where the producer set none, a UUID made of the topic's id, the partition and the offset, so that
// what stands in its place once the topic is deleted and made anew is another. It says false outside of a handler, and in one of a
// batch of several.
func IdentityFrom(ctx context.Context) (string, bool) {
	h, ok := ctx.Value(handlingKey{}).(*handling)
	if !ok || batchIn(ctx) != nil {
		return "", false
	}
	d := &h.Delivery
	if d.EventID != wire.RecordID(d.Topic, d.Partition, d.Offset) {
		return d.EventID, true
	}
	return wire.RecordID(cmp.Or(h.task.topicID(h.member), d.Topic), d.Partition, d.Offset), true
}

// handling is one call of a handler, and the context of that: one piece of memory for all that a call needs.
type handling struct {
	context.Context // of the partition, and of the span that the event was published in
	Delivery
	member  *member
	task    *task
	record  Record     // what the event is decoded from
	batch   *batchCall // that it is the first event of; nil: none
	outputs outputs
	snooze  *snoozeError // by which the handler has put it off; nil: it has not
	// duplicate says that the handler found the event to have been handled before.
	duplicate bool
}

// Value implements [context.Context].
func (h *handling) Value(key any) any {
	if key == (handlingKey{}) {
		return h
	}
	return h.Context.Value(key)
}

type handlingKey struct{}

// handledIn returns the delivery that a handler's context belongs to, nil outside of a handler.
func handledIn(ctx context.Context) *Delivery {
	if h, ok := ctx.Value(handlingKey{}).(*handling); ok {
		return &h.Delivery
	}
	return nil
}

func newHandling(m *member, t *task) *handling {
	original, before := t.original()
	h := &handling{Context: t.part.ctx, member: m, task: t, record: original}
	from := &h.record
	from.Oversized = t.oversized
	h.Delivery = Delivery{
		Topic: from.Topic, Partition: from.Partition, Offset: from.Offset, Key: from.Key, Timestamp: from.Timestamp,
		Headers: from.Headers, Attempt: before + t.attempt, Snoozes: t.snoozes, Group: m.group,
	}
	return h
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
