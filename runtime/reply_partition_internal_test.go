package trestle

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"
)

// idIn draws an id that falls into one partition by one number of them, and into another by a second.
func idIn(partition int32, partitions int, later int32, laterPartitions int) string {
	for {
		if id := uuid.NewString(); keyPartition(id, partitions) == partition && keyPartition(id, laterPartitions) == later {
			return id
		}
	}
}

// TestWhereCallsUnderWayAreFollowed has a topic get more partitions, of which some were read for others by then.
func TestWhereCallsUnderWayAreFollowed(t *testing.T) {
	t.Parallel()
	const before, after = 3, 7
	begun := time.Now()
	topic := &replyTopic{partitions: map[int32]time.Time{}, parts: newParts("web-1", before), expected: map[*EventInfo]*expected{}}
	waiting := map[string]*waitingCall{}
	topic.expected[&EventInfo{}] = &expected{waiting: waiting}
	for _, later := range []int32{0, 1, 2, 5} {
		id := idIn(0, before, later, after)
		w := &waitingCall{begun: begun, correlationID: id, givenID: id}
		waiting[id] = w
		topic.parts.claim(w)
	}
	topic.partitions[0] = begun.Add(time.Millisecond) // for these calls, before their requests were sent
	topic.partitions[1] = begun.Add(time.Minute)      // for another, later than they began

	more, again := topic.grow(after)
	since := kgo.NewOffset().AfterMilli(begun.Add(-ClockTolerance).UnixMilli())
	if want := map[int32]kgo.Offset{1: since, 2: since, 5: kgo.NewOffset().AtStart()}; !maps.Equal(more, want) {
		t.Errorf("to be read: %v, want %v", more, want)
	}
	if !slices.Equal(again, []int32{1}) {
		t.Errorf("to be read again: %v, want 1", again)
	}
	if more, again := topic.grow(after); len(more)+len(again) > 0 {
		t.Errorf("no more partitions: %v, %v", more, again)
	}

	if dropped := topic.dropUnneeded(); len(dropped) > 0 {
		t.Errorf("%v are dropped while calls need them", dropped)
	}
	for _, w := range waiting {
		topic.parts.release(w)
	}
	own := topic.parts.own()
	if dropped := topic.dropUnneeded(); len(dropped) > 0 {
		t.Errorf("%v are dropped at once", dropped)
	}
	for id := range topic.parts.idle {
		topic.parts.idle[id] = time.Now().Add(-idleFor)
	}
	read := len(topic.partitions)
	if _, reads := topic.partitions[own]; reads {
		read--
	}
	if dropped := topic.dropUnneeded(); len(dropped) != read || slices.Contains(dropped, own) {
		t.Errorf("%v are dropped of %d, and the own one is %d", dropped, read, own)
	}
	if now := topic.parts.of("x"); len(now) != 2 {
		t.Errorf("an id's partitions: %v, want one by each number", now)
	}
	topic.parts.added = time.Now().Add(-formerFor)
	if now := topic.parts.of("x"); !slices.Equal(now, []int32{keyPartition("x", after)}) {
		t.Errorf("an id's partitions once producers have learned: %v", now)
	}
}
