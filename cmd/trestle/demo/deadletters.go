package demo

import (
	"context"
	"fmt"

	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/twmb/franz-go/pkg/kgo"
)

// readDeadLetters calls each for every record of the dead-letter topics until ctx ends. One that is no dead letter is an
// error.
func readDeadLetters(ctx context.Context, brokers []string, topics []string, each func(*kgo.Record) error) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(topics...), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return err
	}
	defer cl.Close()
	for {
		fetches := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err := fetches.Err(); err != nil {
			return err
		}
		for _, r := range fetches.Records() {
			headers := make([]deadletter.Header, len(r.Headers))
			for i, h := range r.Headers {
				headers[i] = deadletter.Header(h)
			}
			_, err := deadletter.Parse(r.Value, headers...)
			if err == nil {
				err = each(r)
			}
			if err != nil {
				return fmt.Errorf("%s[%d]@%d: %w", r.Topic, r.Partition, r.Offset, err)
			}
		}
	}
}
