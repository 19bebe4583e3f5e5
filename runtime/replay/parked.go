package replay

import (
	"context"
	"fmt"

	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/parking"
)

// parked counts the letters that are parked and that the selection would have if they stood on their topic, by topic. They stand nowhere, so
// that a filter of positions means none.
func (s *Selection) parked(ctx context.Context) (map[string]int, error) {
	counts := map[string]int{}
	if s.r.opts.Parked == nil || len(s.filter.Positions) > 0 {
		return counts, nil
	}
	for _, topic := range s.topics {
		for parked, err := range s.r.opts.Parked.List(ctx, parking.Filter{DeadLetter: topic}) {
			if err != nil {
				return nil, fmt.Errorf("count the parked letters of %s: %w", topic, err)
			}
			l := s.r.letter(&kafka.Record{
				Topic: topic, Partition: -1, Offset: -1, Key: parked.Key, Value: parked.Value, Headers: parked.Headers, Timestamp: parked.ParkedAt,
			}, s.ids[topic])
			if s.filter.matches(l) {
				counts[topic]++
			}
		}
	}
	return counts, nil
}
