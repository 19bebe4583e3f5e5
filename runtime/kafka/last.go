package kafka

import (
	"context"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
)

// Last returns the last n records of each partition of a topic, or all that it has, those of a partition in the order of their offsets. Unlike a
// [Scan] with [FromLast] it counts records: where transactions' markers, aborted ones or compaction have left offsets without any, it looks further
// back. It reads what is committed now; its errors are those of Scan.
func Last(ctx context.Context, conn Connection, topic string, n int) ([]*Record, error) {
	starts, ends, err := bounds(ctx, conn, topic)
	if err != nil {
		return nil, err
	}
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

// bounds are where the partitions of a topic begin, and end for who reads what is committed.
func bounds(ctx context.Context, conn Connection, topic string) (starts, ends map[int32]int64, err error) {
	client, err := conn.Client()
	if err != nil {
		return nil, nil, err
	}
	defer client.Close()
	admin := kadm.NewClient(client)
	list := func(from func(context.Context, ...string) (kadm.ListedOffsets, error)) (map[int32]int64, error) {
		listed, err := from(ctx, topic)
		if err == nil {
			err = listed.Error()
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w%s", topic, err, AdviceOn("Describe", err))
		}
		found := map[int32]int64{}
		listed.Each(func(o kadm.ListedOffset) { found[o.Partition] = o.Offset })
		return found, nil
	}
	if starts, err = list(admin.ListStartOffsets); err != nil {
		return nil, nil, err
	}
	ends, err = list(admin.ListCommittedOffsets)
	return starts, ends, err
}
