package demo

import (
	"context"
	"fmt"

	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/kafka"
)

// readDeadLetters calls each for every record of the dead-letter topics until ctx ends. One that is no dead letter is an
// error.
func readDeadLetters(ctx context.Context, brokers []string, topics []string, each func(*kafka.Record) error) error {
	conn := kafka.Connection{Brokers: brokers}
	for r, err := range kafka.Scan(ctx, conn, topics, kafka.FromStart(), kafka.Endless()) {
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		_, err := deadletter.Parse(r)
		if err == nil {
			err = each(r)
		}
		if err != nil {
			return fmt.Errorf("%s[%d]@%d: %w", r.Topic, r.Partition, r.Offset, err)
		}
	}
	return nil
}
