package kafka

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// passHoles asks, for partitions that are short of their end and bring no records, whether there are any before it.
// There are none where the log was compacted, where only markers of transactions stand, where records were deleted.
func (r *TopicReader) passHoles(ctx context.Context) error {
	for _, p := range r.short() {
		if err := r.passHole(ctx, p); err != nil {
			if err := r.pause(ctx, "Read", r.reading(p.topic, p.partition), err); err != nil {
				return err
			}
		}
	}
	for topic, partitions := range r.goals {
		for partition, goal := range partitions {
			if r.Reached(topic, partition, goal) {
				delete(partitions, partition)
				continue
			}
			if err := r.passToGoal(ctx, topicPartition{topic, partition}, goal); err != nil {
				if err := r.pause(ctx, "Read", r.reading(topic, partition), err); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// passToGoal passes over what holds nothing before the goal of a partition that is read without an end. The client gets past it by itself,
// but tells only of records.
func (r *TopicReader) passToGoal(ctx context.Context, p topicPartition, goal int64) error {
	next, reading := r.next.Next(p.topic, p.partition)
	if !reading {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	first, after, err := NextRecord(ctx, r.client, r.limits, p.topic, p.partition, next)
	switch {
	case Classify(err) == Missing: // the next look at the topics finds what has come in its place
		return nil
	case errors.Is(err, kerr.OffsetOutOfRange):
		starts, err := r.admin.ListStartOffsets(ctx, p.topic)
		if err != nil {
			return err
		}
		if start, ok := starts.Lookup(p.topic, p.partition); ok && start.Err == nil && start.Offset > next {
			r.cfg.Observer.Dropped(p.topic, p.partition, next, start.Offset)
			r.pass(p.topic, p.partition, start.Offset)
		}
		return nil
	case err != nil:
		return err
	case first != nil && first.Offset >= goal:
		r.pass(p.topic, p.partition, goal)
	case first == nil && after > next: // else the client brings it
		r.pass(p.topic, p.partition, min(after, goal))
	}
	return nil
}

func (r *TopicReader) passHole(ctx context.Context, p topicPartition) error {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	next, end := r.next[p.topic][p.partition], r.ends[p.topic][p.partition]
	first, after, err := NextRecord(ctx, r.client, r.limits, p.topic, p.partition, next)
	switch {
	case Classify(err) == Missing:
		r.cfg.Observer.Deleted(p.topic)
		r.ends.Set(p.topic, p.partition, next)
		return nil
	case errors.Is(err, kerr.OffsetOutOfRange):
		return r.passDeleted(ctx, p, next)
	case err != nil:
		return err
	case first != nil && first.Offset >= end:
		r.pass(p.topic, p.partition, end)
	case first == nil && after > next: // else the client brings it
		r.pass(p.topic, p.partition, min(after, end))
	}
	return nil
}

// passDeleted deals with a partition whose log no longer has the next offset.
func (r *TopicReader) passDeleted(ctx context.Context, p topicPartition, next int64) error {
	starts, err := r.admin.ListStartOffsets(ctx, p.topic)
	if err != nil {
		return err
	}
	ends, err := r.admin.ListCommittedOffsets(ctx, p.topic)
	if err != nil {
		return err
	}
	start, _ := starts.Lookup(p.topic, p.partition)
	end, ok := ends.Lookup(p.topic, p.partition)
	if err := firstError(start.Err, end.Err); err != nil || !ok {
		return firstError(err, errNoOffsets)
	}
	target := r.ends[p.topic][p.partition]
	switch {
	case start.Offset >= target: // all that was to be read is gone
		r.cfg.Observer.Dropped(p.topic, p.partition, next, target)
		r.pass(p.topic, p.partition, target)
	case end.Offset < target: // cut off; the client goes on from the start
		r.ends.Set(p.topic, p.partition, end.Offset)
		if next > end.Offset {
			r.cfg.Observer.Reset(p.topic, p.partition, next, start.Offset)
			r.next.Set(p.topic, p.partition, start.Offset)
		}
	}
	return nil
}

// NextRecord asks the leader of a partition, past what the client has under way, for the first committed record from an offset
// on. Where the answer holds none, it says up to which offset there is none: the offset itself where nothing is known, the end
// of what is committed where there is no more. Of the record its offset and time are told, no more; a batch is not opened where
// that can be avoided.
func NextRecord(
	ctx context.Context, client *kgo.Client, limits *Limits, topic string, partition int32, from int64,
) (first *kgo.Record, after int64, err error) {
	found, throttled, err := fetchAt(ctx, client, topicPartition{topic, partition}, from, mostAtOnce)
	if err != nil || throttled {
		return nil, from, err
	}
	if first := firstUnopened(found.RecordBatches, from); first != nil {
		return first, first.Offset, nil
	}
	fetched, after := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{
		Topic: topic, Partition: partition, Offset: from, IsolationLevel: kgo.ReadCommitted(),
	}, found, limits, nil)
	switch {
	case TooLarge(fetched.Err) != nil: // the client brings it
		return nil, from, nil
	case fetched.Err != nil:
		return nil, from, fetched.Err
	case len(fetched.Records) > 0:
		return fetched.Records[0], fetched.Records[0].Offset, nil
	case len(found.RecordBatches) == 0:
		if after = found.LastStableOffset; after < 0 { // of a broker that knows no transactions
			after = found.HighWatermark
		}
	}
	return nil, max(after, from), nil
}

// firstUnopened returns the place and the time of the first record, without opening its batch, where the batch begins at an
// offset or later and certainly has a record to be read. Nothing else is told of the record.
func firstUnopened(batches []byte, from int64) *kgo.Record {
	var first kmsg.RecordBatch
	if first.ReadFrom(batches) != nil || first.FirstOffset < from || first.NumRecords == 0 || first.Attributes&isTransactional != 0 {
		return nil
	}
	at := first.FirstTimestamp
	if first.Attributes&hasAppendTime != 0 {
		at = first.MaxTimestamp
	}
	return &kgo.Record{Offset: first.FirstOffset, Timestamp: time.UnixMilli(at)}
}

// hasAppendTime is the attribute of a batch whose records have the time at which the broker wrote them.
const hasAppendTime = 1 << 3
