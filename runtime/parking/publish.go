package parking

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/kafka"
)

// deliveryTimeout is how long a letter waits for the cluster to take it.
const deliveryTimeout = 30 * time.Second

// Publish publishes the parked letters that the filter means to their dead-letter topics, one after the other in the order of
// [Store.List], and removes each from the store after its acknowledgement. It returns how many were published and removed.
//
// It stops at the first letter that can't be published or removed, and says which; one that its topic refuses for itself, such as
// for its size, stays parked, and those behind it are published all the same. Called again it goes on with what is left. A letter
// stands on its topic twice only where it was acknowledged and then not removed: the process died in between, or the store was
// away. An answer of the cluster is awaited for 30 s at most, unless it is in doubt whether it took the letter: that lasts until
// it is known or ctx ends.
func Publish(ctx context.Context, conn kafka.Connection, store Store, f Filter) (int, error) {
	client, err := conn.Client(
		kgo.MetadataMinAge(kafka.MetadataMinAge),
		kgo.ProducerBatchCompression(kgo.GzipCompression()),
		kgo.ProducerBatchMaxBytes(deadletter.MaxBytes),
		kgo.ProducerLinger(0),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)),
		kgo.RecordDeliveryTimeout(deliveryTimeout),
	)
	if err != nil {
		return 0, fmt.Errorf("publish parked dead letters: %w", err)
	}
	defer client.Close()
	published := 0
	var refused []error
	for letter, err := range store.List(ctx, f) {
		if err != nil {
			return published, errors.Join(append(refused, fmt.Errorf("publish parked dead letters: %w", err))...)
		}
		record := kafka.ToClient(&kafka.Record{Topic: letter.DeadLetter, Key: letter.Key, Value: letter.Value, Headers: letter.Headers})
		if err := client.ProduceSync(ctx, record).FirstErr(); err != nil {
			err = fmt.Errorf("publish the parked dead letter of %v to %s: %w%s", letter.Place, letter.DeadLetter, err, kafka.AdviceOn("Write", err))
			if refused = append(refused, err); kafka.Classify(err) == kafka.Refused {
				continue
			}
			break
		}
		if err := store.Remove(ctx, letter.Place); err != nil {
			return published, errors.Join(append(refused, fmt.Errorf("the dead letter of %v stands on %s and is still parked: %w",
				letter.Place, letter.DeadLetter, err))...)
		}
		published++
	}
	return published, errors.Join(refused...)
}
