package trestle

import (
	"context"
	"errors"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/omninode/trestle/runtime/wire"
)

// consumerGauges are read from the queue when metrics are collected.
type consumerGauges struct {
	lag, partitions, paused, inFlight, retained, running, refused, open, held metric.Int64ObservableGauge
	lagTime, typeLagTime, inFlightTime                                        metric.Float64ObservableGauge
}

// gauge has what a member holds read when metrics are collected, until that is ended.
func (c *Consumer) gauge(m *member) (metric.Registration, error) {
	i := &instruments{Meter: c.cfg.meters.Meter(meterName), prefix: "trestle.consumer."}
	g := &consumerGauges{
		lag:          i.gauge("lag", "{record}", "Records of a partition that are not done: those in hand, and the offsets from there to the end of what is committed."),
		lagTime:      i.age("lag.time", "Age of the oldest record of a partition that is not done, by its timestamp; 0 when none is left."),
		typeLagTime:  i.age("event.lag.time", "Age of the oldest event of a type in hand, by its record's timestamp."),
		partitions:   i.gauge("partitions", "{partition}", "Partitions assigned."),
		paused:       i.gauge("paused", "{partition}", "Partitions assigned that are paused by hand."),
		inFlight:     i.gauge("in_flight", "{record}", "Records in hand: running, queued, or waiting for another attempt."),
		retained:     i.gauge("retained", "By", "Memory that the records in hand keep."),
		inFlightTime: i.age("in_flight.time", "How long the oldest record has been in hand, since it was fetched."),
		running:      i.gauge("running", "{call}", "Calls of handlers under way."),
		refused:      i.gauge("refused_dead_letters", "{record}", "Records in hand whose dead letter could not be written, so that they hold up their keys."),
		open:         i.gauge("breaker.open", "1", "1 while the topic waits for the end of an outage, 0 otherwise."),
		held:         i.gauge("held_keys", "{key}", "Keys of the partitions assigned that dead letters hold; of topics whose keys are held."),
	}
	all := []metric.Observable{
		g.lag, g.lagTime, g.typeLagTime, g.partitions, g.paused, g.inFlight, g.retained, g.inFlightTime, g.running, g.refused, g.open, g.held,
	}
	registered, err := i.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		g.observe(o, c, m.queue.status(c.typeOf))
		return nil
	}, all...)
	return registered, errors.Join(append(i.errs, err)...)
}

// typeOf is the event type of a record, as far as it is known, as an attribute may have it.
func (c *Consumer) typeOf(t *task) string {
	topic := c.topics[t.part.tp.topic]
	if h := t.handler.Load(); h != nil && h != topic.raw {
		return h.info.Type
	}
	for _, header := range t.record.Headers {
		if header.Key == wire.HeaderEventType {
			return topic.meter.eventType(string(header.Value))
		}
	}
	if len(topic.info.EventTypes) == 1 {
		return topic.info.EventTypes[0]
	}
	return otherType
}

// topicStatus adds up the partitions of a topic.
type topicStatus struct {
	partitions, paused, running, refused int
	held                                 int // keys
	inHand                               amount
	received                             time.Time
	byType                               map[string]time.Time
}

func (g *consumerGauges) observe(o metric.Observer, c *Consumer, parts []*partitionStatus) {
	now := time.Now()
	topics := map[string]*topicStatus{}
	for name := range c.topics {
		topics[name] = &topicStatus{byType: map[string]time.Time{}}
	}
	for _, p := range parts {
		topics[p.tp.topic].add(p)
		if c.topics[p.tp.topic].holdsKeys() {
			topics[p.tp.topic].held += c.topics[p.tp.topic].pending.heldKeys(p.tp)
		}
		if p.lag >= 0 {
			where := metric.WithAttributeSet(c.meter.where(p.tp.topic, semconv.MessagingDestinationPartitionID(strconv.Itoa(int(p.tp.id)))))
			o.ObserveInt64(g.lag, p.lag, where)
			o.ObserveFloat64(g.lagTime, age(p.since, now).Seconds(), where)
		}
	}
	for name, t := range topics {
		where := metric.WithAttributeSet(c.meter.where(name))
		o.ObserveInt64(g.partitions, int64(t.partitions), where)
		o.ObserveInt64(g.paused, int64(t.paused), where)
		o.ObserveInt64(g.inFlight, int64(t.inHand.records), where)
		o.ObserveInt64(g.retained, t.inHand.bytes, where)
		o.ObserveFloat64(g.inFlightTime, age(t.received, now).Seconds(), where)
		o.ObserveInt64(g.running, int64(t.running), where)
		o.ObserveInt64(g.refused, int64(t.refused), where)
		open := int64(0)
		if !c.topics[name].breaker.openSince().IsZero() {
			open = 1
		}
		o.ObserveInt64(g.open, open, where)
		if c.topics[name].holdsKeys() {
			o.ObserveInt64(g.held, int64(t.held), where)
		}
		for eventType, since := range t.byType {
			o.ObserveFloat64(g.typeLagTime, age(since, now).Seconds(), metric.WithAttributeSet(c.meter.where(name, eventTypeKey.String(eventType))))
		}
	}
}

func (t *topicStatus) add(p *partitionStatus) {
	t.partitions++
	if p.paused {
		t.paused++
	}
	t.running += p.running
	t.refused += p.refused
	t.inHand = t.inHand.and(p.inHand)
	t.received = earlier(t.received, p.received)
	for eventType, since := range p.byType {
		t.byType[eventType] = earlier(t.byType[eventType], since)
	}
}

// earlier returns the earlier of two times, of which a zero one is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// age is how old something is; what is of no time, or of one by a clock that is ahead, is new.
func age(since, now time.Time) time.Duration {
	if since.IsZero() {
		return 0
	}
	return max(0, now.Sub(since))
}
