package kafka

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Last returns the last n records of each partition of a topic, or all that it has, those of a partition in the order of their offsets. Unlike a
// [Scan] with [FromLast] it counts records: where transactions' markers, aborted ones or compaction have left offsets without any, it looks further
// back. It reads what is committed now; its errors are those of Scan.
func Last(ctx context.Context, conn Connection, topic string, n int) ([]*Record, error) {
	client, err := conn.Client()
	if err != nil {
		return nil, err
	}
	defer client.Close()
	spans, err := FindSpans(ctx, client, time.Time{}, topic)
	if err == nil && len(spans.Missing) > 0 {
		err = kerr.UnknownTopicOrPartition
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w%s", topic, err, Advice(err))
	}
	starts, ends := spans.Starts[topic], spans.Ends[topic]
	found := map[int32][]*Record{}
	for behind := int64(n); len(ends) > 0; behind *= 8 {
		from, to := Offsets{}, Offsets{}
		for partition, end := range ends {
			from.Set(topic, partition, max(starts[partition], end-behind))
			to.Set(topic, partition, end)
		}
		older := map[int32][]*Record{}
		for r, err := range Scan(ctx, conn, []string{topic}, FromOffsets(from), ToOffsets(to)) {
			if err != nil {
				return nil, err
			}
			last := append(older[r.Partition], r)
			if missing := n - len(found[r.Partition]); len(last) > 2*missing { // now and then, so that it costs little
				last = append(last[:0], last[len(last)-missing:]...)
			}
			older[r.Partition] = last
		}
		for partition := range ends {
			last := older[partition]
			last = last[max(0, len(last)-n+len(found[partition])):]
			found[partition] = slices.Concat(last, found[partition])
			if ends[partition] = from[topic][partition]; len(found[partition]) == n || ends[partition] <= starts[partition] {
				delete(ends, partition)
			}
		}
	}
	var all []*Record
	for _, records := range found {
		all = append(all, records...)
	}
	slices.SortFunc(all, func(a, b *Record) int {
		if a.Partition != b.Partition {
			return int(a.Partition - b.Partition)
		}
		return int(a.Offset - b.Offset)
	})
	return all, nil
}
