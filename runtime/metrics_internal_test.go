package trestle

import (
	"context"
	"testing"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
)

func TestMeasuringAHandlerAllocatesNothing(t *testing.T) {
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader()))
	m, err := newConsumerMeter(provider, "billing")
	if err != nil {
		t.Fatal(err)
	}
	topic := m.topic(&TopicInfo{Name: "orders", EventTypes: []string{"OrderPlaced"}})
	h := &eventHandler{meter: topic.newEventMeter("OrderPlaced")}
	measured := h.measuring(func(context.Context, Event) error { return nil })
	allocations := testing.AllocsPerRun(1000, func() {
		_ = measured(t.Context(), nil)
		h.meter.handled.Add(t.Context(), 1)
	})
	if allocations > 0 {
		t.Errorf("measuring a call allocates %v times", allocations)
	}
}
