package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

var errNoOffsets = errors.New("the brokers did not say where it starts and ends")

// findPartitions begins with partitions that it has not seen. With an error some may be missing still.
func (r *TopicReader) findPartitions(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	details, err := r.admin.ListTopics(ctx, r.cfg.Topics...)
	if err != nil {
		return err
	}
	clear(r.absent)
	var found []string // topics that are read from now on
	var fresh []string // topics with partitions that are not read yet
	var errs []error
	for _, topic := range details.Sorted() {
		if topic.Err != nil {
			if Classify(topic.Err) == Missing {
				r.absent[topic.Topic] = topic.Err
			} else {
				errs = append(errs, fmt.Errorf("%s: %w", topic.Topic, topic.Err))
			}
			continue
		}
		if id, known := r.ids[topic.Topic]; known && id != topic.ID {
			r.recreated(topic.Topic)
		}
		if _, known := r.ids[topic.Topic]; !known {
			found = append(found, topic.Topic)
			r.compareID(topic.Topic, TopicIDText(topic.ID))
		}
		r.ids[topic.Topic] = topic.ID
		for partition := range topic.Partitions {
			if _, reading := r.next.Next(topic.Topic, partition); !reading && r.isPicked(topic.Topic, partition) {
				fresh = append(fresh, topic.Topic)
				break
			}
		}
	}
	var begun error
	if len(fresh) > 0 {
		_ = r.limits.Ask(ctx, r.client, fresh...) // where brokers don't tell, Kafka's default counts
		begun = r.begin(ctx, fresh)
		errs = append(errs, begun)
	}
	for _, topic := range found {
		if begun == nil {
			r.cfg.Observer.Found(topic, TopicIDText(r.ids[topic]))
		} else {
			delete(r.ids, topic) // until it is known where it begins
		}
	}
	err = errors.Join(errs...)
	r.opened = r.opened || err == nil
	return err
}

func (r *TopicReader) isPicked(topic string, partition int32) bool {
	return r.picks == nil || r.picks(topic, partition)
}

// compareID forgets the offsets that were given for another topic of that name.
func (r *TopicReader) compareID(topic, id string) {
	given := r.cfg.From.ids[topic]
	if given == "" || id == "" || given == id {
		return
	}
	for partition, next := range r.cfg.From.offsets[topic] {
		r.cfg.Observer.Reset(topic, partition, next, 0)
	}
	delete(r.cfg.From.offsets, topic)
}

// TopicIDText is a topic's id as a UUID, empty where brokers give topics none.
func TopicIDText(id kadm.TopicID) string {
	if id == (kadm.TopicID{}) {
		return ""
	}
	return uuid.UUID(id).String()
}

// begin reads the partitions of topics that are not read yet.
func (r *TopicReader) begin(ctx context.Context, topics []string) error {
	starts, startErr := r.admin.ListStartOffsets(ctx, topics...)
	ends, endErr := r.admin.ListCommittedOffsets(ctx, topics...)
	var byTime kadm.ListedOffsets
	var timeErr error
	if from := r.cfg.From.elsewhere(); from.place == atTime && !r.opened {
		byTime, timeErr = r.admin.ListOffsetsAfterMilli(ctx, from.at.UnixMilli(), topics...)
	}
	errs := []error{startErr, endErr, timeErr}
	begin := make(map[string]map[int32]kgo.Offset)
	starts.Each(func(start kadm.ListedOffset) {
		if !r.isPicked(start.Topic, start.Partition) {
			return
		}
		end, ok := ends.Lookup(start.Topic, start.Partition)
		if err := firstError(start.Err, end.Err); err != nil || !ok {
			if Classify(err) != Missing {
				errs = append(errs, fmt.Errorf("%s[%d]: %w", start.Topic, start.Partition, firstError(err, errNoOffsets)))
			}
			return
		}
		if _, reading := r.next.Next(start.Topic, start.Partition); reading {
			return
		}
		at, err := r.beginAt(start, end.Offset, byTime)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s[%d]: %w", start.Topic, start.Partition, err))
			return
		}
		r.next.Set(start.Topic, start.Partition, at)
		if r.bounded {
			stop := r.stopAt(end)
			r.ends.Set(start.Topic, start.Partition, stop)
			if at >= stop {
				return // nothing to read
			}
		}
		if begin[start.Topic] == nil {
			begin[start.Topic] = make(map[int32]kgo.Offset)
		}
		begin[start.Topic][start.Partition] = kgo.NewOffset().At(at)
	})
	r.client.AddConsumePartitions(begin)
	return errors.Join(errs...)
}

// beginAt returns where to begin with a partition.
func (r *TopicReader) beginAt(start kadm.ListedOffset, end int64, byTime kadm.ListedOffsets) (int64, error) {
	if at, known := r.cfg.From.offsets.Next(start.Topic, start.Partition); known {
		return r.resumeAt(start, end, at), nil
	}
	if r.opened {
		return start.Offset, nil
	}
	from := r.cfg.From.elsewhere()
	switch from.place {
	case atEnd:
		return end, nil
	case atOffset:
		return max(start.Offset, from.offset), nil
	case beforeEnd:
		return max(start.Offset, end-from.offset), nil
	case atTime:
		found, ok := byTime.Lookup(start.Topic, start.Partition)
		if !ok {
			return 0, errNoOffsets
		}
		return max(start.Offset, found.Offset), found.Err
	default:
		return start.Offset, nil
	}
}

// resumeAt returns the offset that was given for a partition, if the log still goes on there.
func (r *TopicReader) resumeAt(start kadm.ListedOffset, end, at int64) int64 {
	switch {
	case at < start.Offset:
		r.cfg.Observer.Dropped(start.Topic, start.Partition, at, start.Offset)
		return start.Offset
	case at > end:
		r.cfg.Observer.Reset(start.Topic, start.Partition, at, start.Offset)
		return start.Offset
	default:
		return at
	}
}

func (r *TopicReader) stopAt(end kadm.ListedOffset) int64 {
	if r.cfg.To.offsets == nil {
		return end.Offset
	}
	stop, _ := r.cfg.To.offsets.Next(end.Topic, end.Partition)
	return min(stop, end.Offset)
}

type topicPartition struct {
	topic     string
	partition int32
}

// short returns the partitions that are not at their end yet.
func (r *TopicReader) short() []topicPartition {
	var short []topicPartition
	for topic, partitions := range r.ends {
		for partition, end := range partitions {
			if r.next[topic][partition] < end {
				short = append(short, topicPartition{topic, partition})
			}
		}
	}
	return short
}

// firstError returns the first error there is.
func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
