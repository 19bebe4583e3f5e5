package kafka

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// slowToKnow is a client that knows partitions only once it has been asked for them a few times.
type slowToKnow struct {
	asks  map[topicPartition]int
	after int
	ended []kgo.TransactionEndTry
}

func (c *slowToKnow) ProducerID(context.Context) (id int64, epoch int16, err error) { return 0, 0, nil }

func (s *slowToKnow) PartitionLeader(topic string, partition int32) (leader, epoch int32, err error) {
	p := topicPartition{topic, partition}
	if s.asks[p]++; s.asks[p] <= s.after {
		return -1, -1, kerr.UnknownTopicOrPartition // of before the topic was there
	}
	return 1, -1, nil
}

func (s *slowToKnow) EndTransaction(_ context.Context, how kgo.TransactionEndTry) error {
	for p, asks := range s.asks {
		if asks <= s.after {
			return errors.New("the client does not know " + p.topic)
		}
	}
	s.ended = append(s.ended, how)
	return nil
}

func TestEndTransactionAwaitsPartitions(t *testing.T) {
	client := &slowToKnow{asks: map[topicPartition]int{}, after: 3}
	taken := []*kgo.Record{{Topic: "a"}, {Topic: "a"}, {Topic: "a", Partition: 1}, {Topic: "b"}}
	if err := endTransaction(t.Context(), client, kgo.TryCommit, taken); err != nil {
		t.Fatal(err)
	}
	if len(client.asks) != 3 || len(client.ended) != 1 || client.ended[0] != kgo.TryCommit {
		t.Errorf("asked for %v, ended %v", client.asks, client.ended)
	}
	if err := endTransaction(t.Context(), client, kgo.TryAbort, nil); err != nil || len(client.ended) != 2 || client.ended[1] != kgo.TryAbort {
		t.Errorf("without records: %v, ended %v", err, client.ended)
	}

	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	client = &slowToKnow{asks: map[topicPartition]int{}, after: 1 << 30}
	if err := endTransaction(ctx, client, kgo.TryCommit, taken); !errors.Is(err, context.DeadlineExceeded) || len(client.ended) > 0 {
		t.Errorf("where the client never knows them: %v, ended %v", err, client.ended)
	}
}
