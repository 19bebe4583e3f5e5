package trestle

import (
	"context"
	"errors"
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
	meter := c.meters.Meter(meterName)
	var errs []error
	counter := func(name, unit, description string) metric.Int64Counter {
		made, err := meter.Int64Counter("trestle.consumer."+name, metric.WithUnit(unit), metric.WithDescription(description))
		errs = append(errs, err)
		return made
	}
	c.zonelessTimes = counter("zoneless_times", "{time}", "Times in events that name no zone and were taken as UTC.")
	c.lostOffsets = counter("lost_offsets", "{offset}", "Offsets that were deleted before the group had handled them.")
	c.overdueHandlers = counter("overdue_handlers", "{call}", "Calls of handlers that went on past their deadline.")
	c.unwrittenLetters = counter("unwritten_dead_letters", "{attempt}", "Attempts to write a dead letter that failed; they are repeated until one succeeds.")
	c.outages = counter("outages", "{outage}", "Times that handlers failed as in an outage, so that their topic waited.")
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("WithMeterProvider: %w", err)
	}
	return nil
}

func (c *Consumer) countZoneless(t *task) {
	c.cfg.zonelessTimes.Add(t.part.ctx, int64(t.delivery.ZonelessTimes), where(c.group, t.delivery.Topic))
}

func (c *consumerConfig) countLost(ctx context.Context, group string, tp topicPartition, offsets int64) {
	c.lostOffsets.Add(ctx, offsets, where(group, tp.topic))
}

func where(group, topic string) metric.MeasurementOption {
	return metric.WithAttributes(
		attribute.String("messaging.destination.name", topic),
		attribute.String("messaging.consumer.group.name", group),
	)
}
