package outbox

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
)

const meterName = "github.com/omninode/trestle/runtime/outbox"

// meter measures a relay.
type meter struct {
	published, refusals, recoveries metric.Int64Counter
	gauges                          metric.Registration
}

func newMeter(r *Relay) (*meter, error) {
	of := r.cfg.meters.Meter(meterName)
	var errs []error
	counter := func(name, description string) metric.Int64Counter {
		c, err := of.Int64Counter("trestle.outbox."+name, metric.WithUnit("{event}"), metric.WithDescription(description))
		errs = append(errs, err)
		return c
	}
	m := &meter{
		published:  counter("relayed", "Events that were published from the outbox."),
		refusals:   counter("refusals", "Times that Kafka refused an event of the outbox, which is tried again."),
		recoveries: counter("recovered", "Events that were found in the log when a relay took over what another had begun."),
	}
	depth, err := of.Int64ObservableGauge("trestle.outbox.depth", metric.WithUnit("{event}"),
		metric.WithDescription("Events in the outbox that are committed and not published."))
	errs = append(errs, err)
	lag, err := of.Float64ObservableGauge("trestle.outbox.lag", metric.WithUnit("s"),
		metric.WithDescription("Age of the oldest event in the outbox that is committed and not published."))
	errs = append(errs, err)
	held, err := of.Int64ObservableGauge("trestle.outbox.refused_keys", metric.WithUnit("{key}"),
		metric.WithDescription("Keys that stand still since Kafka refuses an event of theirs."))
	errs = append(errs, err)
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	m.gauges, err = of.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		r.mu.Lock()
		s := r.status
		r.mu.Unlock()
		if s.Now.IsZero() {
			return nil
		}
		o.ObserveInt64(depth, s.Depth)
		o.ObserveFloat64(lag, s.Lag().Seconds())
		o.ObserveInt64(held, s.RefusedKeys)
		return nil
	}, depth, lag, held)
	return m, err
}

func (m *meter) relayed(ctx context.Context, rows []Row) {
	if !m.published.Enabled(ctx) {
		return
	}
	topics := map[string]int64{}
	for i := range rows {
		topics[rows[i].Record.Topic]++
	}
	for topic, n := range topics {
		m.published.Add(ctx, n, metric.WithAttributes(semconv.MessagingDestinationName(topic)))
	}
}

func (m *meter) refusal(ctx context.Context, topic string) {
	m.refusals.Add(ctx, 1, metric.WithAttributes(semconv.MessagingDestinationName(topic)))
}

func (m *meter) recovered(ctx context.Context, n int) { m.recoveries.Add(ctx, int64(n)) }

func (m *meter) close() { _ = m.gauges.Unregister() }
