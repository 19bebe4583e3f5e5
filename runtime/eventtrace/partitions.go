package eventtrace

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// patience bounds one look at the cluster, so that a broker that is away does not hold up those that are there.
const patience = 10 * time.Second

// findPartitions starts following partitions that it has not seen. With an error some may be missing still.
func (f *follower) findPartitions(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	details, err := f.admin.ListTopics(ctx, f.cfg.topics...)
	if err != nil {
		return err
	}
	var fresh []string // topics with partitions that are not followed yet
	var errs []error
	for _, topic := range details.Sorted() {
		if topic.Err != nil {
			if !missing(topic.Err) {
				errs = append(errs, fmt.Errorf("%s: %w", topic.Topic, topic.Err))
			}
			continue
		}
		if id, known := f.ids[topic.Topic]; known && id != topic.ID {
			f.madeAnew(topic.Topic)
		}
		f.ids[topic.Topic] = topic.ID
		for partition := range topic.Partitions {
			if _, followed := f.next.Next(topic.Topic, partition); !followed {
				fresh = append(fresh, topic.Topic)
				break
			}
		}
	}
	if len(fresh) > 0 {
		errs = append(errs, f.followFresh(ctx, fresh))
	}
	return errors.Join(errs...)
}

func (f *follower) followFresh(ctx context.Context, topics []string) error {
	starts, startErr := f.admin.ListStartOffsets(ctx, topics...)
	ends, endErr := f.admin.ListCommittedOffsets(ctx, topics...)
	errs := []error{startErr, endErr}
	begin := make(map[string]map[int32]kgo.Offset)
	starts.Each(func(start kadm.ListedOffset) {
		end, ok := ends.Lookup(start.Topic, start.Partition)
		if err := cmpErr(start.Err, end.Err); err != nil || !ok {
			if !missing(err) {
				errs = append(errs, fmt.Errorf("%s[%d]: %w", start.Topic, start.Partition, cmpErr(err, errNoOffsets)))
			}
			return
		}
		if _, followed := f.next.Next(start.Topic, start.Partition); followed {
			return
		}
		at := f.startAt(start, end.Offset)
		f.next.Set(start.Topic, start.Partition, at)
		if f.ends != nil {
			f.ends.Set(start.Topic, start.Partition, end.Offset)
			if at >= end.Offset {
				return // nothing to read
			}
		}
		if begin[start.Topic] == nil {
			begin[start.Topic] = make(map[int32]kgo.Offset)
		}
		begin[start.Topic][start.Partition] = kgo.NewOffset().At(at)
	})
	f.client.AddConsumePartitions(begin)
	return errors.Join(errs...)
}

var errNoOffsets = errors.New("the brokers did not say where it starts and ends")

// startAt returns where to begin with a partition: where the store is, if the log still goes on there.
func (f *follower) startAt(start kadm.ListedOffset, end int64) int64 {
	at, known := f.stored.Next(start.Topic, start.Partition)
	switch {
	case !known:
		return start.Offset
	case at < start.Offset:
		f.wasDropped(start.Topic, start.Partition, at, start.Offset)
		return start.Offset
	case at > end:
		f.wasReset(start.Topic, start.Partition, at, start.Offset)
		return start.Offset
	default:
		return at
	}
}

func (f *follower) atEnd() bool { return len(f.short()) == 0 }

type place struct {
	topic     string
	partition int32
}

// short returns the partitions that are not at their end yet.
func (f *follower) short() []place {
	var short []place
	for topic, partitions := range f.ends {
		for partition, end := range partitions {
			if f.next[topic][partition] < end {
				short = append(short, place{topic, partition})
			}
		}
	}
	return short
}

// passHoles asks, for partitions that are short of their end and bring no records, whether there are any before it.
// There are none where the log was compacted, where only markers of transactions stand, where records were deleted.
func (f *follower) passHoles(ctx context.Context) error {
	for _, p := range f.short() {
		err := f.passHole(ctx, p)
		switch {
		case err == nil:
		case ctx.Err() != nil:
			return ctx.Err()
		case permanent(err):
			return fmt.Errorf("read %s[%d]: %w", p.topic, p.partition, err)
		default:
			pause := f.pauses.next()
			f.waited(fmt.Sprintf("read %s[%d]", p.topic, p.partition), err, pause)
			if err := sleep(ctx, pause); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *follower) passHole(ctx context.Context, p place) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	next, end := f.next[p.topic][p.partition], f.ends[p.topic][p.partition]
	found, throttled, err := f.fetchAt(ctx, p, next)
	switch {
	case missing(err):
		f.cfg.log.Error("trace: the topic was deleted while it was read", "topic", p.topic)
		f.ends.Set(p.topic, p.partition, next)
		return nil
	case errors.Is(err, kerr.OffsetOutOfRange):
		return f.passDeleted(ctx, p, next)
	case err != nil || throttled:
		return err
	}
	fetched, after := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{
		Topic: p.topic, Partition: p.partition, Offset: next, IsolationLevel: kgo.ReadCommitted(),
	}, found, kgo.DefaultDecompressor(), nil)
	switch {
	case fetched.Err != nil:
		return fetched.Err
	case len(fetched.Records) > 0:
		if first := fetched.Records[0].Offset; first >= end {
			f.reach(p.topic, p.partition, end)
		}
		// Else the client brings it.
	case after > next:
		f.reach(p.topic, p.partition, min(after, end))
	case len(found.RecordBatches) == 0 && max(found.LastStableOffset, found.HighWatermark) >= end:
		f.reach(p.topic, p.partition, end)
	}
	return nil
}

// passDeleted deals with a partition whose log no longer has the next offset.
func (f *follower) passDeleted(ctx context.Context, p place, next int64) error {
	starts, err := f.admin.ListStartOffsets(ctx, p.topic)
	if err != nil {
		return err
	}
	ends, err := f.admin.ListCommittedOffsets(ctx, p.topic)
	if err != nil {
		return err
	}
	start, _ := starts.Lookup(p.topic, p.partition)
	end, ok := ends.Lookup(p.topic, p.partition)
	if err := cmpErr(start.Err, end.Err); err != nil || !ok {
		return cmpErr(err, errNoOffsets)
	}
	target := f.ends[p.topic][p.partition]
	switch {
	case start.Offset >= target: // all that was to be read is gone
		f.wasDropped(p.topic, p.partition, next, target)
		f.reach(p.topic, p.partition, target)
	case end.Offset < target: // cut off; the client goes on from the start
		f.ends.Set(p.topic, p.partition, end.Offset)
		if next > end.Offset {
			f.wasReset(p.topic, p.partition, next, start.Offset)
			f.next.Set(p.topic, p.partition, start.Offset)
		}
	}
	return nil
}

// fetchAt asks the partition's leader for what stands at an offset, past the client.
func (f *follower) fetchAt(ctx context.Context, p place, offset int64) (*kmsg.FetchResponseTopicPartition, bool, error) {
	details, err := f.admin.ListTopics(ctx, p.topic)
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
	partition.Partition, partition.FetchOffset, partition.PartitionMaxBytes = p.partition, offset, 1<<20
	reqTopic := kmsg.NewFetchRequestTopic()
	reqTopic.Topic, reqTopic.TopicID = p.topic, topic.ID
	reqTopic.Partitions = append(reqTopic.Partitions, partition)
	req := kmsg.NewPtrFetchRequest()
	req.MaxWaitMillis, req.MinBytes, req.MaxBytes, req.IsolationLevel = 100, 1, 1<<20, 1
	req.Topics = append(req.Topics, reqTopic)
	answer, err := req.RequestWith(ctx, f.client.Broker(int(detail.Leader)))
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

// missing says whether there is no such topic.
func missing(err error) bool {
	return errors.Is(err, kerr.UnknownTopicOrPartition) || errors.Is(err, kerr.UnknownTopicID)
}

// permanent says whether waiting cannot mend err.
func permanent(err error) bool {
	return slices.ContainsFunc([]error{
		kerr.TopicAuthorizationFailed, kerr.ClusterAuthorizationFailed, kerr.SaslAuthenticationFailed,
		kerr.UnsupportedSaslMechanism, kerr.IllegalSaslState, kerr.UnsupportedVersion, kerr.InvalidTopicException,
	}, func(target error) bool { return errors.Is(err, target) })
}

// cmpErr returns the first error there is.
func cmpErr(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
