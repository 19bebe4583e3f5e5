package demo

import (
	"context"
	"fmt"

	"github.com/omninode/trestle/runtime/eventtrace"
)

// trace stores the whole log and counts what the store has, by event type.
func (d *demo) trace(ctx context.Context) (map[string]int, error) {
	sink, err := eventtrace.NewSink(d.Brokers, d.Topics, d.Store, d.Reader, eventtrace.WithLogger(d.Log))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := sink.RunUntilEnd(ctx); err != nil {
		return nil, fmt.Errorf("trace: %w", err)
	}
	byType := map[string]int{}
	for eventType := range d.ledger.snapshot() {
		stored := eventType
		if eventType == unreadable {
			stored = ""
		}
		n, err := d.Store.Count(ctx, eventtrace.Query{EventTypes: []string{stored}}, eventtrace.Cursor{})
		if err != nil {
			return nil, fmt.Errorf("read the store back: %w", err)
		}
		byType[eventType] = int(n)
	}
	return byType, nil
}
