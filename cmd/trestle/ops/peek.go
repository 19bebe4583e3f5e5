package ops

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// PeekOptions say which records [Peek] shows.
type PeekOptions struct {
	// Count is how many at most, over all partitions; at least 1.
	Count int
	// From is where to begin: "start", "end" (which waits for new ones), an offset of each partition, or a time (RFC 3339).
	// Empty: the last Count records.
	From string
	// Warn is told why records in protobuf are shown as bytes, where their types can't be had; it may be nil.
	Warn func(error)
}

// Peek calls show for records of a topic, in order of time. It joins no consumer group and moves no offset. An error of
// show ends Peek and is its own.
func Peek(ctx context.Context, p *Project, env Environment, topic string, o PeekOptions, show func(Peeked) error) error {
	if o.Count < 1 {
		return fmt.Errorf("-n %d: at least 1", o.Count)
	}
	if err := env.needBrokers(); err != nil {
		return err
	}
	types := sync.OnceValue(func() *trestle.Types { // only records in protobuf need them
		known, err := p.EventTypes(ctx)
		if err != nil && o.Warn != nil {
			o.Warn(err)
		}
		return known.decoding()
	})
	return peek(ctx, env, topic, o.From, o.Count, func(r *kgo.Record) error { return show(peeked(r, types)) })
}

func peek(ctx context.Context, env Environment, topic, from string, count int, show func(*kgo.Record) error) error {
	adminClient, err := env.kafka()
	if err != nil {
		return err
	}
	defer adminClient.Close()
	adm := kadm.NewClient(adminClient)
	starts, ends, err := topicRange(ctx, adm, topic)
	if err != nil {
		return err
	}
	begin, err := peekFrom(ctx, adm, topic, from, int64(count), starts, ends)
	if err != nil {
		return err
	}
	wait := from == "end"
	offsets := map[int32]kgo.Offset{}
	left := map[int32]int64{} // partition → offset before which it is read
	for partition, at := range begin {
		if end := ends[partition]; wait || at < end {
			offsets[partition] = kgo.NewOffset().At(at)
			left[partition] = end
		}
	}
	if len(offsets) == 0 {
		return nil
	}
	cl, err := env.kafka(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: offsets}), kgo.KeepControlRecords())
	if err != nil {
		return err
	}
	defer cl.Close()
	if wait {
		return peekNew(ctx, cl, count, show)
	}
	records, err := readUntil(ctx, cl, left)
	if err != nil {
		return err
	}
	slices.SortStableFunc(records, func(a, b *kgo.Record) int {
		if a.Partition == b.Partition {
			return cmp.Compare(a.Offset, b.Offset)
		}
		return a.Timestamp.Compare(b.Timestamp)
	})
	if len(records) > count {
		if from == "" {
			records = records[len(records)-count:]
		} else {
			records = records[:count]
		}
	}
	for _, r := range records {
		if err := show(r); err != nil {
			return err
		}
	}
	return nil
}

// peekFrom returns the offset to read from in each partition.
func peekFrom(ctx context.Context, adm *kadm.Client, topic, from string, count int64, starts, ends map[int32]int64) (map[int32]int64, error) {
	out := make(map[int32]int64, len(ends))
	switch from {
	case "":
		for p, end := range ends {
			out[p] = max(starts[p], end-count)
		}
		return out, nil
	case "start":
		return starts, nil
	case "end":
		return ends, nil
	}
	if offset, err := strconv.ParseInt(from, 10, 64); err == nil {
		if offset < 0 {
			return nil, fmt.Errorf("--from %s: an offset is not negative", from)
		}
		for p, start := range starts {
			out[p] = max(start, offset)
		}
		return out, nil
	}
	at, err := time.Parse(time.RFC3339, from)
	if err != nil {
		return nil, fmt.Errorf("--from %q: want start, end, an offset, or a time such as 2025-10-16T12:34:56Z", from)
	}
	listed, err := adm.ListOffsetsAfterMilli(ctx, at.UnixMilli(), topic)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("offsets of %s at %s: %w", topic, from, err)
	}
	listed.Each(func(o kadm.ListedOffset) { out[o.Partition] = o.Offset })
	return out, nil
}

// topicRange returns the start and end offsets of a topic's partitions.
func topicRange(ctx context.Context, adm *kadm.Client, topic string) (starts, ends map[int32]int64, err error) {
	if starts, err = partitionOffsets(ctx, adm.ListStartOffsets, topic); err != nil {
		return nil, nil, err
	}
	ends, err = partitionOffsets(ctx, adm.ListEndOffsets, topic)
	return starts, ends, err
}

func partitionOffsets(ctx context.Context, list func(context.Context, ...string) (kadm.ListedOffsets, error), topic string) (map[int32]int64, error) {
	listed, err := list(ctx, topic)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("offsets of %s: %w", topic, err)
	}
	out := make(map[int32]int64, len(listed[topic]))
	listed.Each(func(o kadm.ListedOffset) { out[o.Partition] = o.Offset })
	return out, nil
}

// readUntil reads each partition up to the offset given for it.
func readUntil(ctx context.Context, cl *kgo.Client, until map[int32]int64) ([]*kgo.Record, error) {
	var out []*kgo.Record
	for len(until) > 0 {
		fetches := cl.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := fetches.Err(); err != nil {
			return nil, err
		}
		fetches.EachRecord(func(r *kgo.Record) {
			end, reading := until[r.Partition]
			if !reading {
				return
			}
			if r.Offset < end && !r.Attrs.IsControl() {
				out = append(out, r)
			}
			if r.Offset >= end-1 {
				delete(until, r.Partition)
			}
		})
	}
	return out, nil
}

// peekNew shows the next count records as they come, until ctx ends.
func peekNew(ctx context.Context, cl *kgo.Client, count int, show func(*kgo.Record) error) error {
	for {
		fetches := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err := fetches.Err(); err != nil {
			return err
		}
		for _, r := range fetches.Records() {
			if r.Attrs.IsControl() {
				continue
			}
			if err := show(r); err != nil {
				return err
			}
			if count--; count == 0 {
				return nil
			}
		}
	}
}
