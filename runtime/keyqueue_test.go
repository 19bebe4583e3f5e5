package trestle

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

var orders0 = topicPartition{"orders", 0}

// keyed makes records of one partition, one for each key; "" makes one without a key.
func keyed(first int64, keys ...string) []*kgo.Record {
	records := make([]*kgo.Record, len(keys))
	for i, key := range keys {
		records[i] = &kgo.Record{Topic: orders0.topic, Partition: orders0.id, Offset: first + int64(i)}
		if key != "" {
			records[i].Key = []byte(key)
		}
	}
	return records
}

func openQueue(t *testing.T, capacity, window int) (*keyQueue, *partition) {
	t.Helper()
	q := newKeyQueue(queueLimits{records: capacity, bytes: 1 << 30, window: window, workers: 1000})
	return q, q.open(t.Context(), orders0)
}

// take returns what of orders may start now, without waiting for anything.
func take(q *keyQueue) []*task { return takeOf(q, orders0.topic) }

func takeOf(q *keyQueue, name string) []*task {
	topic := q.topic(name)
	var tasks []*task
	for ready(q, topic) {
		tasks = append(tasks, q.next(topic))
	}
	return tasks
}

// ready says whether next would return at once.
func ready(q *keyQueue, topic *topicQueue) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for topic.turn.len() > 0 {
		p := topic.turn.items[topic.turn.head]
		for p.ready.len() > 0 && p.ready.items[p.ready.head].head == nil {
			q.recycle(p.ready.pop()) // as next would, and then wait
		}
		if p.ready.len() > 0 {
			return true
		}
		topic.turn.pop()
		p.inTurn = false
	}
	return false
}

func isFull(q *keyQueue, p *partition) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	_, full := q.full[p]
	return full
}

func offsets(tasks []*task) []int64 {
	list := make([]int64, len(tasks))
	for i, t := range tasks {
		list[i] = t.record.Offset
	}
	return list
}

func wantOffsets(t *testing.T, what string, got []*task, want ...int64) {
	t.Helper()
	if !slices.Equal(offsets(got), want) {
		t.Fatalf("%s: got offsets %v, want %v", what, offsets(got), want)
	}
}

func wantPosition(t *testing.T, q *keyQueue, p *partition, want int64) {
	t.Helper()
	q.mu.Lock()
	defer q.mu.Unlock()
	got, ok := p.tracker.position()
	if !ok {
		got.Offset = -1
	}
	if got.Offset != want {
		t.Fatalf("got position %d, want %d", got.Offset, want)
	}
}

func TestQueueRunsAKeyInOrderAndKeysSideBySide(t *testing.T) {
	t.Parallel()
	q, p := openQueue(t, 100, 100)
	q.push(p, keyed(0, "a", "a", "b", "a", "", "c", ""))
	first := take(q)
	wantOffsets(t, "one of each key", first, 0, 2, 4, 5)
	q.done(first[1])
	q.done(first[3])
	wantPosition(t, q, p, -1)
	q.done(first[0])
	wantPosition(t, q, p, 1)
	second := take(q)
	wantOffsets(t, "the next of a", second, 1)
	q.done(second[0])
	q.done(first[2])
	wantPosition(t, q, p, 3)
	wantOffsets(t, "the last ones", take(q), 3, 6)
}

func TestQueueTellsNoKeyFromAnEmptyOne(t *testing.T) {
	t.Parallel()
	q, p := openQueue(t, 100, 100)
	records := keyed(0, "", "x")
	records[1].Key = []byte{}
	q.push(p, records)
	wantOffsets(t, "both", take(q), 0, 1)
}

func TestQueueParksOneKeyAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, p := openQueue(t, 100, 100)
		q.push(p, keyed(0, "a", "a", "b"))
		first := take(q)
		wantOffsets(t, "both keys", first, 0, 2)
		q.park(first[0], time.Minute)
		q.done(first[1])
		q.push(p, keyed(3, "b", "a"))
		wantOffsets(t, "b goes on", take(q), 3)
		time.Sleep(time.Minute)
		synctest.Wait()
		again := take(q)
		wantOffsets(t, "a is back, from the front", again, 0)
		q.done(again[0])
		wantOffsets(t, "a goes on", take(q), 1)
	})
}

func TestReleasedPartitionStartsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, old := openQueue(t, 100, 100)
		q.push(old, keyed(0, "a", "a", "b", "b", "c"))
		started := take(q)
		q.park(started[1], time.Second)
		gone := errors.New("gone")
		q.release(gone, []*partition{old})
		if context.Cause(old.ctx) != gone {
			t.Errorf("handlers' context: got cause %v", context.Cause(old.ctx))
		}
		fresh := q.open(t.Context(), orders0)
		q.push(old, keyed(5, "late"))
		time.Sleep(time.Hour)
		synctest.Wait()
		wantOffsets(t, "nothing of the old assignment", take(q))

		q.push(fresh, keyed(0, "a"))
		q.done(started[0])
		if q.park(started[2], 0) {
			t.Error("a released record was parked")
		}
		wantPosition(t, q, fresh, -1)
		wantOffsets(t, "the new assignment", take(q), 0)
		if q.inHand.records != 1 || q.running != 1 {
			t.Errorf("got %d in hand, %d running, want 1 and 1", q.inHand.records, q.running)
		}
	})
}

func TestDrainFinishesWhatLiesBeforeWhatHasStarted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, p := openQueue(t, 100, 100)
		q.push(p, keyed(0, "a", "a", "a", "b", "b", "c"))
		first := take(q) // a0 b3 c5
		q.done(first[2])
		q.park(first[1], time.Second)
		q.push(p, keyed(6, "c", "d"))
		q.drain([]*partition{p})
		q.push(p, keyed(8, "e"))
		q.done(first[0])
		for range 10 {
			for _, task := range take(q) {
				q.done(task)
			}
			time.Sleep(time.Second)
			synctest.Wait()
		}
		if err := q.awaitIdle(t.Context(), []*partition{p}); err != nil {
			t.Fatal(err)
		}
		wantPosition(t, q, p, 6)
		wantOffsets(t, "nothing more", take(q))
	})
}

// TestOutageIsTriedByNewEvents has a topic wait for the end of an outage, with records in hand that were tried before, some by an earlier
// assignment: what comes next is one that was not.
func TestOutageIsTriedByNewEvents(t *testing.T) {
	t.Parallel()
	q, p := openQueue(t, 100, 100)
	q.foundDone(orders0, kadm.TopicID{}, []doneRun{{2, 3, 0}})
	q.push(p, keyed(0, "left", "left too", "done", "tried", "tried too", "new", "new too"))
	topic := q.topic(orders0.topic)
	for range 4 { // what was left, and what is tried
		q.park(q.next(topic), 0)
	}
	started := []*task{q.next(topic), q.next(topic)}
	wantOffsets(t, "new ones in turn", started, 5, 6)
	q.suspend(orders0.topic, true)
	for _, one := range started {
		q.park(one, 0)
		one.attempt++
	}
	for _, lane := range p.lanes {
		if at := lane.head; at.record.Offset == 3 || at.record.Offset == 4 {
			at.attempt++
		}
	}
	q.push(p, keyed(7, "tried", "last"))
	q.admit(orders0.topic)
	wantOffsets(t, "the one that is new", []*task{q.next(topic)}, 8)
	q.admit(orders0.topic)
	if at := q.next(topic); at.isNew() {
		t.Errorf("offset %d counts as new", at.record.Offset)
	}
}

// TestDrainDoesNotWaitForWhatStandsStillSince has a topic be stopped while a partition of it comes to a standstill.
func TestDrainDoesNotWaitForWhatStandsStillSince(t *testing.T) {
	t.Parallel()
	for name, stop := range map[string]func(*keyQueue){
		"an outage":        func(q *keyQueue) { q.suspend(orders0.topic, true) },
		"a paused topic":   func(q *keyQueue) { q.pause(topicPartition{orders0.topic, wholeTopic}, true) },
		"paused by itself": func(q *keyQueue) { q.pause(orders0, true) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				q, p := openQueue(t, 100, 100)
				q.push(p, keyed(0, "a", "a", "b", "c"))
				started := take(q) // a0 b2 c3
				q.park(started[0], time.Second)
				q.drain([]*partition{p})
				stop(q)
				q.done(started[2])
				q.park(started[1], time.Second)
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				if err := q.awaitIdle(ctx, []*partition{p}); err != nil {
					t.Errorf("%v, with %d records in hand", err, p.inHand.records)
				}
			})
		})
	}
}

func TestAwaitIdleGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, p := openQueue(t, 100, 100)
		q.push(p, keyed(0, "a"))
		take(q)
		q.drain([]*partition{p})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := q.awaitIdle(ctx, []*partition{p}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if err := q.awaitQuiet(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
	})
}

func TestWindowClosesAndReopens(t *testing.T) {
	t.Parallel()
	q, p := openQueue(t, 100, 4)
	if q.push(p, keyed(0, "a", "b", "c", "d")); !isFull(q, p) {
		t.Fatal("the window should be full")
	}
	q.push(p, keyed(4, "e"))
	for _, want := range []int{1, 0} { // it is told once
		if still := q.awaitOpen(t.Context(), 0); len(still) != want {
			t.Errorf("got %d partitions that should not be fetched, want %d", len(still), want)
		}
	}
	tasks := take(q)
	for _, i := range []int{1, 2, 3, 4} {
		if len(q.done(tasks[i])) > 0 {
			t.Error("reopened although the oldest record is unfinished")
		}
	}
	if !isFull(q, p) || len(q.done(tasks[0])) != 1 || isFull(q, p) {
		t.Error("did not reopen")
	}
}

// fill pushes records of keys of their own, as many as there is room for at a time, until the partition should not be fetched.
func fill(t *testing.T, q *keyQueue, p *partition) (pushed int) {
	t.Helper()
	for full := false; !full; {
		n := q.atOnce()
		names := make([]string, n)
		for i := range names {
			names[i] = fmt.Sprint("k", pushed+i)
		}
		records := keyed(int64(pushed), names...)
		for _, r := range records {
			r.Topic, r.Partition = p.tp.topic, p.tp.id
		}
		q.push(p, records)
		full = isFull(q, p)
		if pushed += n; pushed > q.limits.records {
			t.Fatalf("%v: never full", p.tp)
		}
	}
	return pushed
}

// TestShares has the partitions of a topic take what they can, one after the other, and nothing of it done: each next one gets
// something, and another topic as much as it needs.
func TestShares(t *testing.T) {
	t.Parallel()
	const records = 10_000
	q := newKeyQueue(queueLimits{records: records, bytes: 1 << 40, window: records, workers: 16})
	only := q.open(t.Context(), orders0)
	if n := fill(t, q, only); n < records*3/4 {
		t.Errorf("the only partition takes %d of %d", n, records)
	}
	q.release(errLost, []*partition{only})

	var bad []*partition
	for id := range int32(20) {
		bad = append(bad, q.open(t.Context(), topicPartition{"bad", id}))
	}
	good := q.open(t.Context(), topicPartition{"good", 0})
	for _, p := range bad {
		if n := fill(t, q, p); n < records/2/2/len(bad) {
			t.Errorf("%v gets %d of %d", p.tp, n, records)
		}
	}
	if n := q.inHand.records; n > records*9/10 {
		t.Errorf("a topic takes %d of %d", n, records)
	}
	if n := fill(t, q, good); n < records/4 {
		t.Errorf("beside it, another gets %d of %d", n, records)
	}
	for _, task := range takeOf(q, "good") {
		for _, p := range q.done(task) {
			if p != good {
				t.Errorf("%v goes on, of which nothing is done", p.tp)
			}
		}
	}
	for tasks := takeOf(q, "good"); len(tasks) > 0; tasks = takeOf(q, "good") {
		for _, task := range tasks {
			q.done(task)
		}
	}
	if isFull(q, good) {
		t.Errorf("%d of it are in hand, and it should not be fetched", good.inHand.records)
	}
}

// TestBytesAreShared is TestShares for large records.
func TestBytesAreShared(t *testing.T) {
	t.Parallel()
	const size, limit = 10_000, 10_000_000
	q := newKeyQueue(queueLimits{records: 1 << 20, bytes: limit, window: 1 << 20, workers: 16})
	bad, good := q.open(t.Context(), topicPartition{"bad", 0}), q.open(t.Context(), topicPartition{"good", 0})
	push := func(p *partition, offset int64) bool {
		r := keyed(offset, fmt.Sprint("k", offset))
		r[0].Value = make([]byte, size)
		q.push(p, r)
		return isFull(q, p)
	}
	for _, p := range []*partition{bad, good} {
		n := int64(0)
		for !push(p, n) {
			n++
		}
		if held := n * size; held < limit/6 || held > limit*2/3 {
			t.Errorf("%v holds %d bytes of %d", p.tp, held, limit)
		}
	}
}

// TestHungHandlersLeaveWorkers has every record of one partition hang: the others of its topic go on.
func TestHungHandlersLeaveWorkers(t *testing.T) {
	t.Parallel()
	q := newKeyQueue(queueLimits{records: 1000, bytes: 1 << 30, window: 1000, workers: 8})
	hangs, goes := q.open(t.Context(), orders0), q.open(t.Context(), topicPartition{"orders", 1})
	q.push(hangs, keyed(0, "a", "b", "c", "d", "e", "f", "g", "h", "i", "j"))
	if hung := take(q); len(hung) != 6 {
		t.Fatalf("%d of 8 workers hang, want 6", len(hung))
	}
	q.push(goes, keyed(0, "a", "b"))
	if going := take(q); len(going) != 2 {
		t.Errorf("beside them %d records go on, want 2", len(going))
	}
}

// TestSweepFreesBatches has a few records wait of many batches, and looks at what they keep in memory.
func TestSweepFreesBatches(t *testing.T) {
	t.Parallel()
	q, p := openQueue(t, 10_000, 10_000)
	standing := q.open(t.Context(), topicPartition{"orders", 1})
	for b := range int64(3) { // of which nothing is done: they can't be made smaller, and don't keep others from it
		large := keyed(b, "standing")
		large[0].Value = make([]byte, maxMoved)
		q.push(standing, large)
	}
	const batches, perBatch, size = 20, 100, 3000
	names := make([]string, perBatch)
	for i := range names {
		names[i] = fmt.Sprint("k", i)
	}
	names[perBatch/2] = "slow"
	for b := range batches {
		records := keyed(int64(b*perBatch), names...)
		batch := make([]byte, perBatch*size)
		for i, r := range records {
			batch[i*size] = byte(b)
			r.Value = batch[i*size : (i+1)*size : (i+1)*size]
		}
		q.push(p, records)
		for _, task := range take(q) {
			switch {
			case task.part == standing:
				q.park(task, time.Hour)
			case string(task.record.Key) != "slow":
				q.done(task)
			default:
				task.delivery = &newHandling(new(member), task).Delivery
				q.park(task, time.Hour)
			}
		}
	}
	before := p.inHand.bytes
	q.sweep()
	q.sweep()
	if p.inHand.bytes > 2*batches*size || before < batches*perBatch*size || p.inHand.bytes+standing.inHand.bytes != q.inHand.bytes {
		t.Errorf("%d records of %d bytes keep %d bytes, %d before", batches, size, p.inHand.bytes, before)
	}
	b := 0
	for task := p.lanes[laneKeyOf([]byte("slow"))].head; task != nil; task = task.next {
		if r := task.record; cap(r.Value) > 2*size || r.Value[0] != byte(b) || r.Offset != int64(b*perBatch+perBatch/2) {
			t.Errorf("waiting record %d: %d bytes of memory at offset %d, begins with %d", b, cap(r.Value), r.Offset, r.Value[0])
		}
		b++
	}
	if b != batches {
		t.Errorf("%d records wait, want %d", b, batches)
	}
}

// TestQueueAtRandom lets workers handle records with random outcomes while partitions come and go, and checks against
// a ledger that each key's records are given out one at a time, or one batch at a time, in order and each until it is done, that
// batches keep their limits, that positions are exactly the done prefix, and that nothing of a released partition starts.
func TestQueueAtRandom(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { randomQueue(t, rand.New(rand.NewPCG(seed, 1))) })
		})
	}
}

func randomQueue(t *testing.T, random *rand.Rand) {
	type keyState struct {
		last    int64   // started
		running int     // given out, and not back
		pending []int64 // started, and not done
	}
	const partitions, perPartition = 3, 300
	var (
		mu     sync.Mutex
		keys   = map[string]*keyState{} // "assignment key"
		done   = map[*partition]map[int64]bool{}
		isDead = map[*partition]bool{}
	)
	q := newKeyQueue(queueLimits{
		records: 1 + random.IntN(50), bytes: int64(1 + random.IntN(50_000)), window: 1 + random.IntN(100), workers: 1 + random.IntN(8),
	})
	topic := q.topic(orders0.topic)
	roll := func(n int) int { mu.Lock(); defer mu.Unlock(); return random.IntN(n) }
	limits := batchLimits{records: 1 + random.IntN(20), bytes: int64(1 + random.IntN(40)), wait: time.Duration(random.IntN(3)*20) * time.Millisecond}
	inBatches := random.IntN(3) > 0
	if inBatches {
		q.batch(orders0.topic, limits)
	}
	next := func(into []*task) []*task {
		if inBatches {
			return q.nextBatch(topic, into)
		}
		if task := q.next(topic); task != nil {
			return append(into[:0], task)
		}
		return nil
	}

	stateOf := func(task *task) *keyState {
		name := fmt.Sprintf("%p %s", task.part, task.record.Key)
		if keys[name] == nil {
			keys[name] = &keyState{last: -1}
		}
		return keys[name]
	}
	check := func(tasks []*task) {
		mu.Lock()
		defer mu.Unlock()
		at, seen, bytes := map[*keyState]int{}, map[*keyState]bool{}, int64(0)
		for i, task := range tasks {
			k, offset := stateOf(task), task.record.Offset
			before := (*keyState)(nil)
			if i > 0 {
				before = stateOf(tasks[i-1])
			}
			switch {
			case isDead[task.part]:
				t.Errorf("%d of a released partition started", offset)
			case task.part != tasks[0].part:
				t.Errorf("a batch of %v and %v", task.part.tp, tasks[0].part.tp)
			case k != before && seen[k]:
				t.Errorf("a batch with key %q in two places", task.record.Key)
			case k != before && k.running > 0:
				t.Errorf("records of key %q started while others are out", task.record.Key)
			case at[k] < len(k.pending) && k.pending[at[k]] != offset:
				t.Errorf("key %q: %d started while %d is not done", task.record.Key, offset, k.pending[at[k]])
			case at[k] >= len(k.pending) && k.last >= offset:
				t.Errorf("key %q: %d started after %d", task.record.Key, offset, k.last)
			case task.alone && len(tasks) > 1:
				t.Errorf("%d, which is to be alone, in a batch of %d", offset, len(tasks))
			}
			if at[k] >= len(k.pending) {
				k.pending = append(k.pending, offset)
			}
			at[k]++
			seen[k], k.last = true, max(k.last, offset)
			k.running++
			bytes += task.bytes()
		}
		if inBatches && (len(tasks) > limits.records || bytes > limits.bytes && len(tasks) > 1) {
			t.Errorf("a batch of %d records, %d bytes; limits %+v", len(tasks), bytes, limits)
		}
	}
	giveBack := func(task *task, fails bool) {
		mu.Lock()
		k := stateOf(task)
		k.running--
		if !fails {
			k.pending = slices.DeleteFunc(k.pending, func(o int64) bool { return o == task.record.Offset })
			if !isDead[task.part] {
				done[task.part][task.record.Offset] = true
			}
		}
		mu.Unlock()
		if fails {
			q.park(task, time.Duration(roll(50))*time.Millisecond)
		} else {
			q.done(task)
		}
	}
	var workers, writers sync.WaitGroup
	work := func() {
		var tasks []*task
		for tasks = next(tasks); len(tasks) > 0; tasks = next(tasks) {
			check(tasks)
			time.Sleep(time.Duration(roll(20)) * time.Millisecond)
			for _, task := range tasks {
				fails := roll(4) == 0
				task.alone = fails && roll(2) == 0
				if roll(8) == 0 { // it is out for longer than the others, as one whose dead letter is written
					writers.Go(func() {
						time.Sleep(time.Duration(roll(40)) * time.Millisecond)
						giveBack(task, fails)
					})
				} else {
					giveBack(task, fails)
				}
			}
		}
	}
	for range q.limits.workers {
		workers.Go(work)
	}

	checking := make(chan struct{}, 1) // one at a time may wait for the others to stand still
	checkPosition := func(p *partition, first int64, top int64) {
		checking <- struct{}{}
		defer func() { <-checking }()
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		want := first
		for want < top && done[p][want] {
			want++
		}
		q.mu.Lock()
		got, ok := p.tracker.position()
		q.mu.Unlock()
		if ok && got.Offset != want || !ok && want != first {
			t.Errorf("position %d, %t, want %d", got.Offset, ok, want)
		}
	}

	swept := make(chan struct{})
	workers.Go(func() {
		for {
			select {
			case <-swept:
				return
			case <-time.After(time.Duration(1+roll(40)) * time.Millisecond):
				q.sweep()
			}
		}
	})
	var feeders sync.WaitGroup
	for id := range int32(partitions) {
		feeders.Go(func() {
			tp := topicPartition{"orders", id}
			next := int64(0)
			for next < perPartition {
				p := q.open(t.Context(), tp)
				mu.Lock()
				done[p] = map[int64]bool{}
				mu.Unlock()
				first := next
				for end := next + 1 + int64(roll(perPartition)); next < end; {
					for q.awaitOpen(t.Context(), 50*time.Millisecond); !q.shouldFetch(p); { // nobody fetches it
						time.Sleep(time.Millisecond)
					}
					n := min(q.atOnce(), 1+roll(10))
					var names []string
					for range n {
						names = append(names, []string{"", "a", "b", "c", fmt.Sprint("k", roll(100))}[roll(5)])
					}
					q.push(p, keyed(next, names...))
					next += int64(n)
					if roll(3) == 0 {
						time.Sleep(time.Duration(roll(30)) * time.Millisecond)
					}
				}
				parts := []*partition{p}
				if roll(2) == 0 {
					q.drain(parts)
					if err := q.awaitIdle(t.Context(), parts); err != nil {
						t.Error(err)
					}
					q.mu.Lock()
					at, ok := p.tracker.position()
					if ok && at.Offset != p.started+1 || !ok && p.started >= 0 {
						t.Errorf("drained to %d, %t, started up to %d", at.Offset, ok, p.started)
					}
					q.mu.Unlock()
				}
				checkPosition(p, first, next)
				q.release(errLost, parts)
				mu.Lock()
				isDead[p] = true
				mu.Unlock()
				if at, ok := p.tracker.position(); ok {
					next = at.Offset // as a new owner would go on
				} else {
					next = first
				}
			}
		})
	}
	feeders.Wait()
	close(swept)
	if err := q.awaitQuiet(t.Context()); err != nil {
		t.Error(err)
	}
	q.close()
	workers.Wait()
	writers.Wait()
	if q.inHand.records != 0 || q.inHand.bytes != 0 || q.running != 0 || len(q.parts) != 0 {
		t.Errorf("left over: %d in hand, %d running, %v", q.inHand.records, q.running, slices.Collect(maps.Keys(q.parts)))
	}
}
