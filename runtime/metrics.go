package trestle

import (
	"fmt"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

const meterName = "github.com/omninode/trestle/runtime"

// makeInstruments makes the consumer's metrics.
func (c *consumerConfig) makeInstruments() error {
	if c.meters == nil {
		c.meters = otel.GetMeterProvider()
	}
	counter, err := c.meters.Meter(meterName).Int64Counter("trestle.consumer.zoneless_times",
		metric.WithUnit("{time}"), metric.WithDescription("Times in events that name no zone and were taken as UTC."))
	if err != nil {
		return fmt.Errorf("WithMeterProvider: %w", err)
	}
	c.zonelessTimes = counter
	return nil
}

func (c *Consumer) countZoneless(t *task) {
	c.cfg.zonelessTimes.Add(t.part.ctx, int64(t.delivery.ZonelessTimes), metric.WithAttributes(
		attribute.String("messaging.destination.name", t.delivery.Topic),
		attribute.String("messaging.consumer.group.name", c.group),
	))
}
