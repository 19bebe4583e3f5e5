package trestle

import (
	"fmt"
	goruntime "runtime"
	"testing"
	"time"

	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/replay"
	"github.com/omninode/trestle/runtime/wire"
)

func pendingAt(key string, letter, origin int64) *pendingRecord {
	place := wire.Place{TopicID: "one", Partition: 0, Offset: origin}
	return &pendingRecord{
		at: replay.Position{Topic: "orders_dlq", Offset: letter}, key: pendingKey{"orders", 0, key}, origin: place, original: place,
	}
}

func heldAt(key string, at, origin int64) *holdable {
	return &holdable{
		topic: "orders", key: []byte(key), original: wire.Place{TopicID: "one", Offset: at}, origin: wire.Place{TopicID: "one", Offset: origin},
	}
}

func resolvedAt(offset int64) *replay.Resolution {
	return &replay.Resolution{Kind: replay.Replayed, To: replay.Position{Topic: "orders", Offset: offset}}
}

var purgedLetter = &replay.Resolution{Kind: replay.Purged}

// TestWhatHoldsARecord asks, for records of one key, what holds them.
func TestWhatHoldsARecord(t *testing.T) {
	t.Parallel()
	p := newPendingRecords("billing")
	first, second := pendingAt("a", 0, 5), pendingAt("a", 1, 6)
	p.add(second)
	p.add(first)
	p.add(pendingAt("b", 2, 1))
	want := func(r *holdable, wantOwn, wantBefore *pendingRecord) {
		t.Helper()
		if own, before := p.of(r); own != wantOwn || before != wantBefore {
			t.Errorf("%+v: %v and %v, want %v and %v", r, own, before, wantOwn, wantBefore)
		}
	}
	want(heldAt("a", 4, 4), nil, nil)
	want(heldAt("a", 5, 5), first, nil)
	want(heldAt("a", 6, 6), second, first)
	want(heldAt("a", 7, 7), nil, second)
	want(heldAt("c", 7, 7), nil, nil)
	elsewhere := heldAt("a", 7, 7)
	elsewhere.origin.TopicID, elsewhere.original.TopicID = "two", "two"
	want(elsewhere, nil, nil) // the topic was made anew
	elsewhere.retried = true
	want(elsewhere, nil, nil)

	p.resolve(first.at, "dlq", resolvedAt(20))
	want(heldAt("a", 19, 5), nil, nil)
	want(heldAt("a", 19, 19), nil, second)
	p.resolve(second.at, "dlq", resolvedAt(22))
	want(heldAt("a", 20, 5), nil, nil)     // the replay of the first
	want(heldAt("a", 21, 21), nil, second) // a record between the two
	want(heldAt("a", 22, 6), nil, nil)
	want(heldAt("a", 23, 23), nil, nil)
	waits := heldAt("a", 7, 7)
	waits.retried = true
	want(waits, nil, nil)

	again := pendingAt("a", 3, 5) // the first has failed again
	again.original.Offset = 20
	p.add(again)
	want(heldAt("a", 20, 5), again, nil)
	want(heldAt("a", 22, 6), nil, again)
	want(heldAt("a", 24, 24), nil, again)
	p.resolve(again.at, "dlq", purgedLetter)
	want(heldAt("a", 24, 24), nil, nil)
	if p.heldKeys(topicPartition{"orders", 0}) != 2 {
		t.Errorf("%v", p.held)
	}
}

// TestResolutionsComeInAnyOrder has them come before their letters are read, or before the reader has come to what this consumer
// wrote.
func TestResolutionsComeInAnyOrder(t *testing.T) {
	t.Parallel()
	p := newPendingRecords("billing")
	held := func(key string) bool {
		t.Helper()
		_, before := p.of(heldAt(key, 9, 9))
		return before != nil
	}
	p.isIn("orders_dlq", "dlq")
	purged, replayed, mine, old := pendingAt("purged", 0, 1), pendingAt("replayed", 1, 2), pendingAt("mine", 2, 3), pendingAt("old", 3, 4)
	p.resolve(purged.at, "dlq", purgedLetter)
	p.resolve(replayed.at, "dlq", resolvedAt(20))
	p.resolve(old.at, "another", purgedLetter)
	p.add(mine)
	p.resolve(mine.at, "dlq", purgedLetter)
	for _, l := range []*pendingRecord{purged, replayed, mine, old} {
		p.add(l)
		p.passed(l.at.Topic, 0, l.at.Offset+1)
	}
	if held("purged") || !held("replayed") || held("mine") || !held("old") {
		t.Errorf("%v", p.keys)
	}
	p.resolve(old.at, "dlq", purgedLetter)
	p.resolve(replay.Position{Topic: "orders_dlq", Offset: 0}, "dlq", purgedLetter) // of another group, which was read
	if held("old") || len(p.early) != 0 {
		t.Errorf("%v, %v", p.keys, p.early)
	}
	commits, starts := kafka.Offsets{}, kafka.Offsets{}
	commits.Set("orders", 0, 20)
	if p.forget(commits, starts); !held("replayed") {
		t.Error("what comes before the record of a replay is not held")
	}
	commits.Set("orders", 0, 21)
	if p.forget(commits, starts); len(p.at) != 0 || len(p.keys) != 0 || len(p.held) != 0 {
		t.Errorf("%v, %v, %v", p.at, p.keys, p.held)
	}
	p.add(pendingAt("deleted", 4, 5))
	p.add(pendingAt("kept", 5, 6))
	starts.Set("orders_dlq", 0, 5)
	if n := p.forget(commits, starts); n != 1 || held("deleted") || !held("kept") {
		t.Errorf("%d are gone", n)
	}
	if p.isIn("orders_dlq", "dlq") || !p.isIn("orders_dlq", "another") || held("kept") {
		t.Error("a topic that was made anew holds what the old one did")
	}
}

// TestPendingLettersTakeLittle says what a letter takes in memory, and that to ask for a key takes none.
func TestPendingLettersTakeLittle(t *testing.T) {
	p := newPendingRecords("billing")
	const letters, perKey = 100_000, 10
	var before, after goruntime.MemStats
	goruntime.GC()
	goruntime.ReadMemStats(&before)
	for i := range int64(letters) {
		p.add(pendingAt(fmt.Sprintf("9b3a7c52-1111-4222-8333-%012d", i/perKey), i, i))
	}
	goruntime.GC()
	goruntime.ReadMemStats(&after)
	took := (after.HeapAlloc - before.HeapAlloc) / letters
	t.Logf("%d bytes for each letter, with %d of a key", took, perKey)
	if took > 500 {
		t.Errorf("a letter takes %d bytes, and the documents say 500", took)
	}
	key := []byte("9b3a7c52-1111-4222-8333-000000000001")
	if n := testing.AllocsPerRun(100, func() {
		if !p.isHeld("orders", 0, key) {
			t.Error("it is not held")
		}
	}); n != 0 {
		t.Errorf("%v allocations to ask for a key", n)
	}
}

// TestWhatWaitsInRetryTopics asks what holds records of a key of which some wait in retry topics.
func TestWhatWaitsInRetryTopics(t *testing.T) {
	t.Parallel()
	p := newPendingRecords("billing")
	retry := func(topic string, at, origin int64, rounds int) *pendingRecord {
		l := pendingAt("a", at, origin)
		l.at.Topic, l.due, l.rounds = topic, time.Now(), rounds
		return l
	}
	waits := func(l *pendingRecord) *holdable {
		r := heldAt("a", l.original.Offset, l.origin.Offset)
		r.retried, r.at, r.rounds = true, l.at, l.rounds
		return r
	}
	want := func(r *holdable, wantOwn, wantBefore *pendingRecord) {
		t.Helper()
		if own, before := p.of(r); own != wantOwn || before != wantBefore {
			t.Errorf("%+v: %v and %v, want %v and %v", r, own, before, wantOwn, wantBefore)
		}
	}
	first, second := retry("soon", 0, 5, 1), retry("soon", 1, 6, 0)
	p.add(first)
	p.add(second)
	want(waits(first), nil, nil)
	want(waits(second), nil, first)
	want(heldAt("a", 5, 5), first, nil) // it was written before it could be committed
	want(heldAt("a", 7, 7), nil, second)
	again := retry("later", 0, 5, 2)
	p.add(again)
	want(waits(first), again, nil)
	p.done(first.at)
	want(waits(second), nil, again)
	want(waits(again), nil, nil)

	// What this member has done before it is read holds nothing then; what others have, their commits say.
	p.add(first)
	if p.at[first.at] != nil {
		t.Error("what was done holds its key once it is read")
	}
	p.passed("soon", 0, 2)
	p.doneBy(map[topicPartition]committed{{"soon", 0}: {at: 0, done: []doneRun{{first: 1, end: 2}}}, {"later", 0}: {at: 1}})
	want(heldAt("a", 7, 7), nil, again) // it has not been read
	p.passed("later", 0, 1)
	p.doneBy(map[topicPartition]committed{{"later", 0}: {at: 1}})
	want(heldAt("a", 7, 7), nil, nil)
	if p.retriesPend() || len(p.at) != 0 || p.heldKeys(topicPartition{"orders", 0}) != 0 {
		t.Errorf("%v", p.at)
	}
}
