package trestle

import (
	"bytes"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// chunk is what one fetch brought of a partition. Its records lie in common memory, the batches that they came in: while
// one of them is in hand, all of it is kept. So a chunk counts with all its bytes, until those that are left are given
// memory of their own.
type chunk struct {
	part  *partition
	tasks []task
	left  int   // tasks that are in hand
	bytes int64 // kept in memory
	swept bool  // it has seen one sweep
	came  time.Time
}

func newChunk(p *partition, records []*kgo.Record) *chunk {
	c := &chunk{part: p, tasks: make([]task, len(records)), left: len(records), came: time.Now()}
	for i, r := range records {
		t := &c.tasks[i]
		t.record, t.at, t.part, t.chunk = r, r.Timestamp, p, c
		if again := t.retried(); again != nil {
			t.at = again.due // it is not late before
		}
		c.bytes += recordBytes(r)
	}
	return c
}

// recordOverhead is what a record takes beside key, value and headers: itself and its task.
const recordOverhead = 400

// recordBytes is what a record takes in memory.
func recordBytes(r *kgo.Record) int64 {
	n := recordOverhead + len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		n += len(h.Key) + len(h.Value) + 40
	}
	return int64(n)
}

// drop takes a task out, and returns what is in hand no longer.
func (c *chunk) drop(t *task) amount {
	t.record = nil
	if c.left--; c.left > 0 {
		return amount{records: 1}
	}
	freed := amount{1, c.bytes}
	c.tasks, c.bytes = nil, 0
	return freed
}

// maxMoved bounds what a sweep copies while everybody waits for it, in bytes.
const maxMoved = 4 << 20

// sweep gives records that have waited since the last sweep memory of their own, and gives back that of the batches they
// came in. It is called from time to time: what is done at once, as nearly all is, is never copied. It returns the
// partitions that should be fetched again.
func (q *keyQueue) sweep() (again []*partition) {
	q.mu.Lock()
	defer q.mu.Unlock()
	moved := int64(0)
	q.chunks = slices.DeleteFunc(q.chunks, func(c *chunk) bool {
		if c.left == 0 || c.part.state == released {
			return true
		}
		if moved < maxMoved && c.swept {
			if freed := c.move(); freed > 0 {
				moved += c.bytes
				q.forget(c.part, amount{bytes: freed})
			}
		}
		c.swept = true
		return false
	})
	return q.reopen()
}

// move gives the records that are left memory of their own, where this frees half of what they keep, and returns how much
// was freed. It leaves a chunk alone of which one is running: its memory is in use.
func (c *chunk) move() int64 {
	var need int64
	for i := range c.tasks {
		if t := &c.tasks[i]; t.record != nil {
			if t.out {
				return 0
			}
			need += recordBytes(t.record)
		}
	}
	if need > c.bytes/2 {
		return 0
	}
	for i := range c.tasks {
		t := &c.tasks[i]
		if t.record == nil {
			continue
		}
		t.record = ownRecord(t.record)
		if t.delivery != nil {
			d := *t.delivery
			from, _ := t.original()
			d.Key, d.Headers = from.Key, from.Headers
			t.delivery = &d
		}
	}
	freed := c.bytes - need
	c.bytes = need
	return freed
}

// ownRecord is a record with memory of its own.
func ownRecord(r *kgo.Record) *kgo.Record {
	own := *r
	own.Key, own.Value = bytes.Clone(r.Key), bytes.Clone(r.Value)
	own.Headers = slices.Clone(r.Headers)
	for i, h := range own.Headers {
		own.Headers[i].Value = bytes.Clone(h.Value)
	}
	return &own
}
