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
	q := newKeyQueue(capacity, window)
	return q, q.open(t.Context(), orders0)
}

// take returns what may start now, without waiting for anything.
func take(q *keyQueue) []*task {
	var tasks []*task
	for {
		q.mu.Lock()
		for q.ready.len() > 0 && q.ready.items[q.ready.head].head == nil {
			q.recycle(q.ready.pop()) // next would, and then wait
		}
		n := q.ready.len()
		q.mu.Unlock()
		if n == 0 {
			return tasks
		}
		tasks = append(tasks, q.next())
	}
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
		if q.inHand != 1 || q.running != 1 {
			t.Errorf("got %d in hand, %d running, want 1 and 1", q.inHand, q.running)
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

func TestAwaitRoomRefillsInPortions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, p := openQueue(t, 8, 100)
		if n := q.awaitRoom(t.Context()); n != 8 {
			t.Fatalf("got room for %d, want 8", n)
		}
		q.push(p, keyed(0, "a", "b", "c", "d", "e", "f", "g", "h"))
		room := make(chan int, 1)
		go func() { room <- q.awaitRoom(t.Context()) }()
		tasks := take(q)
		q.done(tasks[0])
		synctest.Wait()
		select {
		case n := <-room:
			t.Fatalf("got room for %d after one record", n)
		default:
		}
		q.done(tasks[1])
		if n := <-room; n != 2 {
			t.Errorf("got room for %d, want 2", n)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if n := q.awaitRoom(ctx); n != 0 {
			t.Errorf("got room for %d in an ended context", n)
		}
	})
}

func TestWindowClosesAndReopens(t *testing.T) {
	t.Parallel()
	q, p := openQueue(t, 100, 4)
	if !q.push(p, keyed(0, "a", "b", "c", "d")) {
		t.Fatal("the window should be full")
	}
	if q.push(p, keyed(4, "e")) {
		t.Error("full is reported once")
	}
	tasks := take(q)
	for _, i := range []int{1, 2, 3, 4} {
		if q.done(tasks[i]) {
			t.Error("reopened although the oldest record is unfinished")
		}
	}
	if !q.isFull(p) || !q.done(tasks[0]) || q.isFull(p) {
		t.Error("did not reopen")
	}
}

// TestQueueAtRandom lets workers handle records with random outcomes while partitions come and go, and checks against
// a ledger that each key's records are given out one at a time, in order and each until it is done, that positions are
// exactly the done prefix, and that nothing of a released partition starts.
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
		last    int64 // started
		running bool
		pending bool // the last one is not done
	}
	const partitions, perPartition = 3, 300
	var (
		mu     sync.Mutex
		keys   = map[string]*keyState{} // "assignment key"
		done   = map[*partition]map[int64]bool{}
		isDead = map[*partition]bool{}
	)
	q := newKeyQueue(1+random.IntN(50), 1+random.IntN(100))
	roll := func(n int) int { mu.Lock(); defer mu.Unlock(); return random.IntN(n) }

	work := func() {
		for task := q.next(); task != nil; task = q.next() {
			name := fmt.Sprintf("%p %s", task.part, task.record.Key)
			mu.Lock()
			if isDead[task.part] {
				t.Errorf("%d of a released partition started", task.record.Offset)
			}
			k := keys[name]
			if k == nil {
				k = &keyState{last: -1}
				keys[name] = k
			}
			switch {
			case k.running:
				t.Errorf("two records of key %s at once", name)
			case k.pending && k.last != task.record.Offset:
				t.Errorf("key %s: %d started while %d is not done", name, task.record.Offset, k.last)
			case !k.pending && k.last >= task.record.Offset:
				t.Errorf("key %s: %d started after %d", name, task.record.Offset, k.last)
			}
			k.last, k.running, k.pending = task.record.Offset, true, true
			mu.Unlock()

			time.Sleep(time.Duration(roll(20)) * time.Millisecond)
			fails := roll(4) == 0

			mu.Lock()
			k.running = false
			if !fails {
				k.pending = false
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
	}
	var workers sync.WaitGroup
	for range 1 + random.IntN(8) {
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
					n := min(q.awaitRoom(t.Context()), 1+roll(10))
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
	if err := q.awaitQuiet(t.Context()); err != nil {
		t.Error(err)
	}
	q.close()
	workers.Wait()
	if q.inHand != 0 || q.running != 0 || len(q.parts) != 0 {
		t.Errorf("left over: %d in hand, %d running, %v", q.inHand, q.running, slices.Collect(maps.Keys(q.parts)))
	}
}
