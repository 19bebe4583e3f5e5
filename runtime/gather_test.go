package trestle

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// openBatches is openQueue for a topic that is handled in batches.
func openBatches(t *testing.T, limits batchLimits) (*keyQueue, *partition) {
	t.Helper()
	q, p := openQueue(t, 100, 100)
	q.batch(orders0.topic, limits)
	return q, p
}

// takeBatch returns the batch that may start now; none if there is none.
func takeBatch(q *keyQueue) []*task {
	topic := q.topic(orders0.topic)
	if !ready(q, topic) {
		return nil
	}
	return q.nextBatch(topic, nil)
}

func TestBatchHoldsEachKeyInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, p := openBatches(t, batchLimits{records: 100, bytes: 1000})
		q.push(p, keyed(0, "a", "a", "b", "a", "c"))
		first := takeBatch(q)
		wantOffsets(t, "key by key", first, 0, 1, 3, 2, 4)
		q.push(p, keyed(5, "a", "d"))
		wantOffsets(t, "beside it", takeBatch(q), 6)
		for _, task := range []*task{first[0], first[2], first[3]} { // a0, a3, b
			q.done(task)
		}
		wantPosition(t, q, p, 1)
		wantOffsets(t, "while one of it is out", takeBatch(q))
		q.park(first[1], time.Second) // a1
		wantOffsets(t, "before its time", takeBatch(q))
		time.Sleep(time.Second)
		synctest.Wait()
		wantOffsets(t, "what failed, and what comes behind it", takeBatch(q), 1, 5)
		if p.running != 3 {
			t.Errorf("%d batches run, want 3", p.running)
		}
		q.done(first[4])
		if p.running != 2 || q.running != 2 {
			t.Errorf("%d and %d batches run, want 2", p.running, q.running)
		}
	})
}

func TestBatchIsBounded(t *testing.T) {
	t.Parallel()
	q, p := openBatches(t, batchLimits{records: 3, bytes: 10})
	records := keyed(0, "a", "b", "b", "b", "c", "d", "e", "e")
	records[4].Value = make([]byte, 9)
	records[5].Value = make([]byte, 50)
	q.push(p, records)
	first := takeBatch(q)
	wantOffsets(t, "three records, the last one's key has more", first, 0, 1, 2)
	wantOffsets(t, "ten bytes", takeBatch(q), 4)
	wantOffsets(t, "more than ten, alone", takeBatch(q), 5)
	wantOffsets(t, "what is left", takeBatch(q), 6, 7)
	q.done(first[1])
	q.done(first[2])
	wantOffsets(t, "and of the key", takeBatch(q), 3)
}

func TestBatchWaitsForMore(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		limits batchLimits
		then   func(*keyQueue, *partition) // after 30 ms
		wait   time.Duration               // until it is given out
		want   []int64
	}{
		"its time":           {batchLimits{3, 100, time.Second}, nil, time.Second, []int64{0, 1}},
		"for size":           {batchLimits{3, 100, time.Second}, func(q *keyQueue, p *partition) { q.push(p, keyed(2, "a")) }, 30 * time.Millisecond, []int64{0, 2, 1}},
		"for bytes":          {batchLimits{9, 3, time.Second}, func(q *keyQueue, p *partition) { q.push(p, keyed(2, "c")) }, 30 * time.Millisecond, []int64{0, 1, 2}},
		"not while it waits": {batchLimits{9, 100, time.Second}, func(q *keyQueue, p *partition) { q.push(p, keyed(2, "c")) }, time.Second, []int64{0, 1, 2}},
		"while it is paused": {batchLimits{3, 100, time.Second}, func(q *keyQueue, _ *partition) {
			q.pause(orders0, true)
			time.Sleep(5 * time.Second)
			q.pause(orders0, false)
		}, 5030 * time.Millisecond, []int64{0, 1}},
		"an outage tries one": {batchLimits{3, 100, time.Second}, func(q *keyQueue, _ *partition) {
			q.suspend(orders0.topic, true)
			q.admit(orders0.topic)
		}, 30 * time.Millisecond, []int64{0}},
		"not for itself": {batchLimits{9, 100, 0}, nil, 0, []int64{0, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				q, p := openBatches(t, tc.limits)
				begun := time.Now()
				got := make(chan []*task, 1)
				q.push(p, keyed(0, "a", "b"))
				go func() { got <- q.nextBatch(q.topic(orders0.topic), nil) }()
				time.Sleep(30 * time.Millisecond)
				if tc.then != nil {
					tc.then(q, p)
				}
				if tc.wait == 0 {
					begun = begun.Add(30 * time.Millisecond) // it was there before
				}
				wantOffsets(t, "batch", <-got, tc.want...)
				if waited := time.Since(begun); waited != tc.wait {
					t.Errorf("given out after %v, want %v", waited, tc.wait)
				}
				q.release(errLost, []*partition{p})
			})
		})
	}
}

// TestBatchDoesNotWaitForWhatIsNotFetched has a partition hold its share: nothing more comes until some of it is done.
func TestBatchDoesNotWaitForWhatIsNotFetched(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, p := openQueue(t, 100, 4)
		q.batch(orders0.topic, batchLimits{records: 50, bytes: 1000, wait: time.Hour})
		q.push(p, keyed(0, "a", "b", "c"))
		wantOffsets(t, "while more may come", takeBatch(q))
		q.push(p, keyed(3, "d"))
		wantOffsets(t, "once it is full", takeBatch(q), 0, 1, 2, 3)
		q.release(errLost, []*partition{p})
	})
}

func TestRecordThatIsToBeAloneIsInNoBatch(t *testing.T) {
	t.Parallel()
	q, p := openBatches(t, batchLimits{records: 100, bytes: 1000})
	q.push(p, keyed(0, "a", "a", "b", "b", "c"))
	p.lanes[laneKeyOf([]byte("b"))].head.alone = true
	p.lanes[laneKeyOf([]byte("a"))].head.next.alone = true
	first := takeBatch(q)
	wantOffsets(t, "up to what is alone", first, 0)
	wantOffsets(t, "alone", takeBatch(q), 2)
	wantOffsets(t, "the others", takeBatch(q), 4)
	q.done(first[0])
	wantOffsets(t, "alone behind another", takeBatch(q), 1)
}

// TestOverdueBatchIsReplacedOnce has two calls with events of one batch go on past their time.
func TestOverdueBatchIsReplacedOnce(t *testing.T) {
	t.Parallel()
	q, p := openBatches(t, batchLimits{records: 3, bytes: 1000})
	q.push(p, keyed(0, "a", "b", "c", "d"))
	tasks := takeBatch(q)
	q.done(tasks[0])
	if q.overdue(tasks[0], 1) || !q.overdue(tasks[1], 1) || q.overdue(tasks[2], 1) {
		t.Error("a batch is replaced once, and for what is out of it")
	}
	if p.running != 0 || p.topic.overdue != 1 {
		t.Errorf("%d running, %d overdue", p.running, p.topic.overdue)
	}
	q.done(tasks[1])
	q.done(tasks[2])
	if p.topic.overdue != 0 || p.topic.surplus != 1 || q.running != 0 {
		t.Errorf("%d overdue, %d surplus, %d running", p.topic.overdue, p.topic.surplus, q.running)
	}
	if got := q.nextBatch(p.topic, nil); got != nil {
		t.Errorf("the surplus worker gets %v", offsets(got))
	}
}

// TestDrainDropsFromTheMiddleOfAKey has a topic wait for the end of an outage while one record of a batch is still out.
func TestDrainDropsFromTheMiddleOfAKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q, p := openBatches(t, batchLimits{records: 3, bytes: 1000})
		q.push(p, keyed(0, "a", "a", "a", "a"))
		tasks := takeBatch(q)
		q.park(tasks[1], time.Second)
		q.suspend(orders0.topic, true)
		q.drain([]*partition{p})
		if p.inHand.records != 3 {
			t.Errorf("%d in hand, want the 3 that were out together", p.inHand.records)
		}
		q.done(tasks[0])
		if p.inHand.records != 2 {
			t.Errorf("%d in hand, want one that is out and that before it", p.inHand.records)
		}
		q.park(tasks[2], time.Second)
		if err := q.awaitIdle(t.Context(), []*partition{p}); err != nil || q.inHand.records != 0 || len(p.lanes) != 0 {
			t.Errorf("%v, %d in hand, %d keys", err, q.inHand.records, len(p.lanes))
		}
		wantPosition(t, q, p, 1)
	})
}

// TestBatchOfOneAllocatesNoMore beside records that are given out one by one.
func TestBatchOfOneAllocatesNoMore(t *testing.T) {
	const n = 1000
	cost := func(next func(*keyQueue, *topicQueue) *task, opened func(*testing.T) (*keyQueue, *partition)) float64 {
		q, p := opened(t)
		records := keyed(0, "a")
		return testing.AllocsPerRun(n, func() {
			r := *records[0]
			records[0].Offset++
			q.push(p, []*kgo.Record{&r})
			q.done(next(q, p.topic))
			q.sweep()
		})
	}
	single := cost((*keyQueue).next, func(t *testing.T) (*keyQueue, *partition) { return openQueue(t, 100, 100) })
	var buffer []*task
	batch := cost(func(q *keyQueue, topic *topicQueue) *task {
		buffer = q.nextBatch(topic, buffer)
		return buffer[0]
	}, func(t *testing.T) (*keyQueue, *partition) {
		return openBatches(t, batchLimits{records: 500, bytes: 1 << 20})
	})
	if batch > single {
		t.Errorf("a batch of one allocates %v times, a record %v times", batch, single)
	}
}
