package kafka

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Batch is a batch of records as it stands in the log, which was not opened.
type Batch struct {
	Topic     string
	Partition int32
	First     int64 // the offsets of its records
	Last      int64
	Bytes     int    // of its records, compressed
	SHA256    string // of these, in hex
	Time      time.Time
	Aborted   bool // its transaction was: nobody is to see it
}

// Record is the record that stands for a batch, or for its records from an offset on, where it would open to more than limit
// bytes.
func (b Batch) Record(from int64, limit int) Record {
	return Record{Topic: b.Topic, Partition: b.Partition, Offset: b.Last, Timestamp: b.Time, Oversized: &OversizedError{
		Bytes: b.Bytes, Limit: limit, Batch: true, FirstOffset: max(b.First, from), LastOffset: b.Last, SHA256: b.SHA256,
	}}
}

// TooLarge returns the batch that a client did not open because it would have more bytes than it may, nil for other errors.
// Until its offset is set past the batch, the client does not read its partition any further.
func TooLarge(err error) *kgo.ErrDecompressTooLarge {
	found, _ := errors.AsType[*kgo.ErrDecompressTooLarge](err)
	return found
}

// seek has a client that reads a partition go on at an offset.
func seek(client *kgo.Client, topic string, partition int32, to kgo.EpochOffset) {
	client.SetOffsets(map[string]map[int32]kgo.EpochOffset{topic: {partition: to}})
}

// FindBatch finds the batch that holds an offset. The error is [kerr.OffsetOutOfRange] where the log no longer has it.
func FindBatch(ctx context.Context, client *kgo.Client, topic string, partition int32, offset int64) (Batch, error) {
	found, throttled, err := fetchAt(ctx, client, topicPartition{topic, partition}, offset, mostAtOnce)
	if err == nil && throttled {
		err = kerr.ThrottlingQuotaExceeded
	}
	if err != nil {
		return Batch{}, fmt.Errorf("find the batch at %s[%d]@%d: %w", topic, partition, offset, err)
	}
	gone := fmt.Errorf("find the batch at %s[%d]@%d: %w", topic, partition, offset, kerr.OffsetOutOfRange)
	if len(found.RecordBatches) == 0 {
		return Batch{}, gone
	}
	var raw kmsg.RecordBatch
	if err := raw.ReadFrom(found.RecordBatches); err != nil {
		return Batch{}, fmt.Errorf("find the batch at %s[%d]@%d: %w", topic, partition, offset, err)
	}
	last := raw.FirstOffset + int64(raw.LastOffsetDelta)
	if raw.FirstOffset > offset || last < offset { // compacted away
		return Batch{}, gone
	}
	digest := sha256.Sum256(raw.Records)
	return Batch{
		Topic: topic, Partition: partition, First: raw.FirstOffset, Last: last,
		Bytes: len(raw.Records), SHA256: hex.EncodeToString(digest[:]), Time: time.UnixMilli(raw.MaxTimestamp),
		Aborted: raw.Attributes&isTransactional != 0 && slices.ContainsFunc(found.AbortedTransactions,
			func(t kmsg.FetchResponseTopicPartitionAbortedTransaction) bool {
				return t.ProducerID == raw.ProducerID && t.FirstOffset <= raw.FirstOffset
			}),
	}, nil
}

// isTransactional is a batch's attribute.
const isTransactional = 1 << 4

// mostAtOnce is how many bytes are asked for, past a client.
const mostAtOnce = 1 << 20

// fetchAt asks a partition's leader for what stands at an offset, past the client; it answers with one batch at least, however large that is.
func fetchAt(ctx context.Context, client *kgo.Client, p topicPartition, offset int64, most int32) (*kmsg.FetchResponseTopicPartition, bool, error) {
	details, err := kadm.NewClient(client).ListTopics(ctx, p.topic)
	if err != nil {
		return nil, false, err
	}
	topic := details[p.topic]
	detail, ok := topic.Partitions[p.partition]
	switch {
	case topic.Err != nil:
		return nil, false, topic.Err
	case !ok:
		return nil, false, kerr.UnknownTopicOrPartition
	case detail.Err != nil:
		return nil, false, detail.Err
	}
	partition := kmsg.NewFetchRequestTopicPartition()
	partition.Partition, partition.FetchOffset, partition.PartitionMaxBytes = p.partition, offset, most
	reqTopic := kmsg.NewFetchRequestTopic()
	reqTopic.Topic, reqTopic.TopicID = p.topic, topic.ID
	reqTopic.Partitions = append(reqTopic.Partitions, partition)
	req := kmsg.NewPtrFetchRequest()
	req.MaxWaitMillis, req.MinBytes, req.MaxBytes, req.IsolationLevel = 100, 1, most, 1
	req.Topics = append(req.Topics, reqTopic)
	answer, err := req.RequestWith(ctx, client.Broker(int(detail.Leader)))
	switch {
	case err != nil:
		return nil, false, err
	case answer.ErrorCode != 0:
		return nil, false, kerr.ErrorForCode(answer.ErrorCode)
	case len(answer.Topics) != 1 || len(answer.Topics[0].Partitions) != 1:
		return nil, false, errNoOffsets
	}
	found := &answer.Topics[0].Partitions[0]
	return found, answer.ThrottleMillis > 0, kerr.ErrorForCode(found.ErrorCode)
}
