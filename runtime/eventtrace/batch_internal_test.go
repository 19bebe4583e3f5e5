package eventtrace

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSplit has each partition's events and progress be in one half, in their order.
func TestSplit(t *testing.T) {
	t.Parallel()
	var b batch
	b.next = Progress{}
	for i := range 2 * splitFrom {
		e := Event{Topic: []string{"a", "b"}[i%2], TopicID: "id", Partition: int32(i % 3), Offset: int64(i), Key: []byte("some")}
		b.events = append(b.events, e)
		b.next.Set(e.Topic, e.Partition, e.Offset+1)
	}
	b.next.Set("passed over", 7, 9)
	halves := b.split()
	if len(halves) != 2 || len(halves[0].events) < splitFrom/2 || len(halves[1].events) < splitFrom/2 {
		t.Fatalf("split in %d", len(halves))
	}
	var events []Event
	next := Progress{}
	for i, half := range halves {
		for topic, partitions := range half.next {
			for number, offset := range partitions {
				if _, twice := next.Next(topic, number); twice {
					t.Errorf("%s[%d] is in both", topic, number)
				}
				next.Set(topic, number, offset)
			}
		}
		last := map[partition]int64{}
		for j := range half.events {
			e := &half.events[j]
			if _, ok := half.next.Next(e.Topic, e.Partition); !ok || e.Offset < last[e.partition()] {
				t.Errorf("half %d has %s[%d]@%d out of its order, or without its progress", i, e.Topic, e.Partition, e.Offset)
			}
			last[e.partition()] = e.Offset
		}
		events = append(events, half.events...)
	}
	slices.SortFunc(events, func(a, b Event) int { return int(a.Offset - b.Offset) })
	if diff := cmp.Diff(b.events, events) + cmp.Diff(b.next, next); diff != "" {
		t.Errorf("the halves differ from the whole (-want +got):\n%s", diff)
	}
	for name, whole := range map[string]batch{
		"few events":              {b.events[:splitFrom-1], b.next},
		"one partition":           {slices.Repeat(b.events[:1], splitFrom), b.next},
		"a topic made anew in it": {append(slices.Clone(b.events), Event{Topic: "a", TopicID: "another"}), b.next},
	} {
		if halves := whole.split(); len(halves) != 1 {
			t.Errorf("%s: split in %d", name, len(halves))
		}
	}
}
