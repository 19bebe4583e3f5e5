package kafka

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Spans are where partitions of topics begin and end.
type Spans struct {
	Starts, Ends Offsets
	// IDs are those of the topics that exist, as UUIDs; empty where brokers give topics none.
	IDs map[string]string
	// Missing are the topics that do not exist, sorted.
	Missing []string
}

// Offsets is how many offsets a topic has in its span. Offsets without records count: see [Scan].
func (s Spans) Offsets(topic string) (n int64) {
	for partition, end := range s.Ends[topic] {
		n += max(0, end-s.Starts[topic][partition])
	}
	return n
}

// FindSpans asks where topics begin, or where the first record stands that is not older than since, unless that is zero; and where what is committed ends.
func FindSpans(ctx context.Context, client *kgo.Client, since time.Time, topics ...string) (Spans, error) {
	s := Spans{Starts: Offsets{}, Ends: Offsets{}, IDs: map[string]string{}}
	if len(topics) == 0 { // brokers would tell of all
		return s, nil
	}
	admin := kadm.NewClient(client)
	found, err := admin.ListTopics(ctx, topics...)
	if err != nil {
		return s, fmt.Errorf("find topics: %w%s", err, AdviceOn("Describe", err))
	}
	var there []string
	for _, t := range found.Sorted() {
		switch {
		case t.Err == nil:
			there = append(there, t.Topic)
			s.IDs[t.Topic] = TopicIDText(t.ID)
		case Classify(t.Err) == Missing:
			s.Missing = append(s.Missing, t.Topic)
		default:
			return s, fmt.Errorf("find topic %s: %w%s", t.Topic, t.Err, AdviceOn("Describe", t.Err))
		}
	}
	slices.Sort(s.Missing)
	if len(there) == 0 {
		return s, nil
	}
	ends, err := admin.ListCommittedOffsets(ctx, there...)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return s, fmt.Errorf("ask where topics end: %w%s", err, AdviceOn("Describe", err))
	}
	starts, err := admin.ListStartOffsets(ctx, there...)
	if err == nil {
		err = starts.Error()
	}
	if err != nil {
		return s, fmt.Errorf("ask where topics begin: %w%s", err, AdviceOn("Describe", err))
	}
	if !since.IsZero() {
		after, err := admin.ListOffsetsAfterMilli(ctx, since.UnixMilli(), there...)
		if err == nil {
			err = after.Error()
		}
		if err != nil {
			return s, fmt.Errorf("ask what topics hold since %v: %w%s", since, err, AdviceOn("Describe", err))
		}
		after.Each(func(o kadm.ListedOffset) { s.Starts.Set(o.Topic, o.Partition, o.Offset) })
	}
	starts.Each(func(o kadm.ListedOffset) {
		if at, ok := s.Starts.Next(o.Topic, o.Partition); !ok || at < o.Offset {
			s.Starts.Set(o.Topic, o.Partition, o.Offset)
		}
	})
	ends.Each(func(o kadm.ListedOffset) { s.Ends.Set(o.Topic, o.Partition, o.Offset) })
	return s, nil
}
