package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// ErrSplitTransaction says that a client has begun anew within a transaction, which aborted what it had written before that: the rest is not
// committed without it. The client is of no use then; another one of the same transactional id aborts the rest.
var ErrSplitTransaction = errors.New("the producer has begun anew within the transaction, and brokers have aborted what was written before that")

// EndTransaction commits or aborts a client's transaction, once the client knows that the records of it that brokers have taken belong to
// it. All that was produced has to be answered, and of what was taken the first record of each partition has to be among the records. It does not
// commit with [ErrSplitTransaction].
//
// A broker that has forgotten a producer, as when retention has deleted all that it wrote before, has the client take a new epoch and send again what that
// broker refused, with no error to anybody (handleReqRespBatch in https://github.com/twmb/franz-go/blob/v1.22.3/pkg/kgo/sink.go).
// That ends the transaction of the old epoch. So each record has to be of the epoch that is committed.
//
// A client that is to commit a transaction of which it knows no partition aborts it (KIP-890), or leaves it open, and returns no error. It
// looks for partitions in its list of them, into which those of a topic that it has not met before come after it has begun to send the
// topic's records: the answers may overtake that (storePartitionsUpdate in
// https://github.com/twmb/franz-go/blob/v1.22.3/pkg/kgo/topics_and_partitions.go).
func EndTransaction(ctx context.Context, client *kgo.Client, how kgo.TransactionEndTry, taken []*kgo.Record) error {
	return endTransaction(ctx, client, how, taken)
}

// transactional is what of a client a transaction's end needs.
type transactional interface {
	ProducerID(ctx context.Context) (id int64, epoch int16, err error)
	PartitionLeader(topic string, partition int32) (leader, epoch int32, err error)
	EndTransaction(ctx context.Context, how kgo.TransactionEndTry) error
}

func endTransaction(ctx context.Context, client transactional, how kgo.TransactionEndTry, taken []*kgo.Record) error {
	known := topicPartition{}
	for _, r := range taken {
		p := topicPartition{r.Topic, r.Partition}
		if p == known {
			continue
		}
		for !isLoaded(client, p) {
			if err := Sleep(ctx, loadPause); err != nil {
				return fmt.Errorf("wait for the client to know %s/%d: %w", p.topic, p.partition, err)
			}
		}
		known = p
	}
	if how == kgo.TryCommit && len(taken) > 0 {
		id, epoch, err := client.ProducerID(ctx)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(taken, func(r *kgo.Record) bool { return r.ProducerID != id || r.ProducerEpoch != epoch }) {
			return ErrSplitTransaction
		}
	}
	return client.EndTransaction(ctx, how)
}

// loadPause is between two looks at what takes microseconds.
const loadPause = 100 * time.Microsecond

// isLoaded says whether a partition is in the client's list.
func isLoaded(client transactional, p topicPartition) bool {
	leader, epoch, _ := client.PartitionLeader(p.topic, p.partition) // an error may be that of an earlier look at the topic
	return leader >= 0 || epoch >= 0
}
