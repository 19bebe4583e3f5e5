package trestle

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// keyQueue holds the records that were fetched and are not done yet, and decides which may start next: one at a time
// and in offset order within a key, in turn between keys. A record whose key is parked, waiting for its next attempt,
// holds up that key alone. Records without a key are in order within their partition.
//
// A partition enters with open and leaves with release. What release leaves behind, a handler that is still running,
// belongs to the past: it changes nothing about a later assignment of the same partition.
type keyQueue struct {
	capacity int // records in hand at once
	window   int // records of one partition from its oldest unfinished one to its newest

	mu      sync.Mutex
	work    sync.Cond // ready has an entry, or closed
	parts   map[topicPartition]*partition
	ready   ring[*lane]
	spare   []*lane
	inHand  int // records pushed and neither finished nor dropped
	running int // records that next gave out and that have not come back
	closed  bool
	room    chan struct{} // closed when there is room; nil when nobody waits
	quiet   chan struct{} // closed when running falls to 0; nil when nobody waits
}

type topicPartition struct {
	topic string
	id    int32
}

// partition is one assignment of a partition to this consumer. Its fields belong to keyQueue.mu, but ctx and tp.
type partition struct {
	tp        topicPartition
	ctx       context.Context // of its handlers: ends when the partition is released
	cancel    context.CancelCauseFunc
	lanes     map[laneKey]*lane
	tracker   tracker
	committed int64 // the offset committed last, -1 before that
	started   int64 // the highest offset that was started, -1 before that
	next      int64 // the offset to fetch next, -1 while it is not known
	inHand    int
	state     partitionState
	full      bool          // its window is: no more should be fetched
	idle      chan struct{} // closed when nothing is in hand; nil when nobody waits
}

type partitionState uint8

const (
	assigned partitionState = iota
	draining                // finishing what has started, starting nothing above it
	released
)

func newKeyQueue(capacity, window int) *keyQueue {
	q := &keyQueue{
		capacity: capacity,
		window:   window,
		parts:    map[topicPartition]*partition{},
	}
	q.work.L = &q.mu
	return q
}

// open begins an assignment. The handlers of its records run under ctx.
func (q *keyQueue) open(ctx context.Context, tp topicPartition) *partition {
	p := &partition{tp: tp, lanes: map[laneKey]*lane{}, committed: -1, started: -1, next: -1}
	p.ctx, p.cancel = context.WithCancelCause(ctx)
	q.mu.Lock()
	defer q.mu.Unlock()
	q.parts[tp] = p
	return p
}

// lookup returns the current assignment of a partition, nil when there is none.
func (q *keyQueue) lookup(tp topicPartition) *partition {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.parts[tp]
}

// all returns the current assignments.
func (q *keyQueue) all() []*partition {
	q.mu.Lock()
	defer q.mu.Unlock()
	parts := make([]*partition, 0, len(q.parts))
	for _, p := range q.parts {
		parts = append(parts, p)
	}
	return parts
}

// push takes records of one partition in, in offset order, and says whether its window is now full. Those of a
// partition that is on its way out are dropped.
func (q *keyQueue) push(p *partition, records []*kgo.Record) (full bool) {
	tasks := make([]task, len(records))
	q.mu.Lock()
	defer q.mu.Unlock()
	if p.state != assigned {
		return false
	}
	for i, r := range records {
		t := &tasks[i]
		t.record, t.part = r, p
		t.seq = p.tracker.add(r.Offset, r.LeaderEpoch)
		q.enqueue(t)
	}
	q.inHand += len(tasks)
	p.inHand += len(tasks)
	if !p.full && p.tracker.len() >= q.window {
		p.full = true
		return true
	}
	return false
}

func (q *keyQueue) enqueue(t *task) {
	key := laneKey{string(t.record.Key), t.record.Key != nil}
	l := t.part.lanes[key]
	if l == nil {
		l = q.newLane(t.part, key)
		t.part.lanes[key] = l
		q.makeReady(l)
	}
	t.lane = l
	if l.tail == nil {
		l.head = t
	} else {
		l.tail.next = t
	}
	l.tail = t
}

// next waits for a record that may start and gives it out; nil when the queue is closed. What it gives out comes back by
// done or park.
func (q *keyQueue) next() *task {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		for q.ready.len() == 0 && !q.closed {
			q.work.Wait()
		}
		if q.closed {
			return nil
		}
		l := q.ready.pop()
		if l.head == nil { // emptied by drain or release while it waited
			q.recycle(l)
			continue
		}
		l.state = busy
		q.running++
		t := l.head
		t.part.started = max(t.part.started, t.record.Offset)
		return t
	}
}

// done counts a record as done and lets the next one of its key start. It says whether the partition's window has
// opened again.
func (q *keyQueue) done(t *task) (reopened bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.back()
	p := t.part
	if p.state == released {
		return false
	}
	p.tracker.done(t.seq)
	l := t.lane
	l.head = t.next
	if l.head == nil {
		l.tail = nil
		delete(p.lanes, l.key)
		q.recycle(l)
	} else {
		q.makeReady(l)
	}
	q.forget(p, 1)
	if p.full && p.tracker.len() <= q.window/2 {
		p.full = false
		return true
	}
	return false
}

// park puts a record back at the front of its key, to be given out again after a while. It says false, and nothing
// will happen, when the partition was released.
func (q *keyQueue) park(t *task, d time.Duration) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.back()
	if t.part.state == released {
		return false
	}
	l := t.lane
	l.state = parked
	l.timer = time.AfterFunc(d, func() { q.unpark(l, t) })
	return true
}

func (q *keyQueue) unpark(l *lane, t *task) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if t.part.state == released || l.state != parked || l.head != t {
		return
	}
	l.timer = nil
	q.makeReady(l)
}

// back accounts for a record that next gave out.
func (q *keyQueue) back() {
	q.running--
	if q.running == 0 && q.quiet != nil {
		close(q.quiet)
		q.quiet = nil
	}
}

// forget accounts for records of a partition that are done or dropped.
func (q *keyQueue) forget(p *partition, n int) {
	q.inHand -= n
	p.inHand -= n
	if p.inHand == 0 && p.idle != nil {
		close(p.idle)
		p.idle = nil
	}
	if q.room != nil && q.hasRoom() {
		close(q.room)
		q.room = nil
	}
}

// hasRoom waits for a quarter of the capacity, so that a full queue isn't refilled record by record.
func (q *keyQueue) hasRoom() bool {
	return q.capacity-q.inHand >= max(1, q.capacity/4)
}

// awaitRoom waits until a fair number of records may be pushed and returns how many; 0 when ctx has ended.
func (q *keyQueue) awaitRoom(ctx context.Context) int {
	for {
		q.mu.Lock()
		if ctx.Err() != nil {
			q.mu.Unlock()
			return 0
		}
		if q.hasRoom() {
			n := q.capacity - q.inHand
			q.mu.Unlock()
			return n
		}
		if q.room == nil {
			q.room = make(chan struct{})
		}
		room := q.room
		q.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
		}
	}
}

// drain lets partitions come to a standstill: what has started is finished, and so is what lies before it, so that
// no finished record is left behind one that isn't; the rest is dropped.
func (q *keyQueue) drain(parts []*partition) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, p := range parts {
		if p.state != assigned {
			continue
		}
		p.state = draining
		dropped := 0
		for _, l := range p.lanes {
			dropped += l.cutAfter(p.started)
			if l.head == nil {
				delete(p.lanes, l.key) // next recycles it
			}
		}
		q.forget(p, dropped)
	}
}

// awaitIdle waits until drained partitions have nothing in hand. Its error is ctx's.
func (q *keyQueue) awaitIdle(ctx context.Context, parts []*partition) error {
	for _, p := range parts {
		q.mu.Lock()
		if p.inHand == 0 || p.state == released {
			q.mu.Unlock()
			continue
		}
		if p.idle == nil {
			p.idle = make(chan struct{})
		}
		idle := p.idle
		q.mu.Unlock()
		select {
		case <-idle:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// awaitQuiet waits until no record is running. Its error is ctx's.
func (q *keyQueue) awaitQuiet(ctx context.Context) error {
	q.mu.Lock()
	if q.running == 0 {
		q.mu.Unlock()
		return nil
	}
	if q.quiet == nil {
		q.quiet = make(chan struct{})
	}
	quiet := q.quiet
	q.mu.Unlock()
	select {
	case <-quiet:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// release ends assignments: nothing of them starts any more, and what runs on, its context ended with cause, no longer
// counts.
func (q *keyQueue) release(cause error, parts []*partition) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, p := range parts {
		if p.state == released {
			continue
		}
		p.state, p.full = released, false
		for _, l := range p.lanes {
			if l.timer != nil {
				l.timer.Stop()
			}
			l.head, l.tail = nil, nil
		}
		p.lanes = nil
		q.forget(p, p.inHand)
		if q.parts[p.tp] == p {
			delete(q.parts, p.tp)
		}
		p.cancel(cause)
	}
}

// unfinished describes what partitions still have in hand: how many records, and the first few that have started.
func (q *keyQueue) unfinished(parts []*partition) string {
	const most = 5
	q.mu.Lock()
	defer q.mu.Unlock()
	n := 0
	var heads []string
	for _, p := range parts {
		n += p.inHand
		for _, l := range p.lanes {
			if l.head != nil && l.head.record.Offset <= p.started && len(heads) < most {
				heads = append(heads, fmt.Sprintf("%s/%d@%d", p.tp.topic, p.tp.id, l.head.record.Offset))
			}
		}
	}
	slices.Sort(heads)
	return fmt.Sprintf("%d records, among them %s", n, strings.Join(heads, " "))
}

// close wakes everybody who waits in next.
func (q *keyQueue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.work.Broadcast()
}

// uncommitted returns, for partitions still held, the positions that can be committed and have not been.
func (q *keyQueue) uncommitted(parts []*partition) map[topicPartition]kgo.EpochOffset {
	q.mu.Lock()
	defer q.mu.Unlock()
	var positions map[topicPartition]kgo.EpochOffset
	for _, p := range parts {
		at, ok := p.tracker.position()
		if p.state == released || !ok || at.Offset == p.committed {
			continue
		}
		if positions == nil {
			positions = map[topicPartition]kgo.EpochOffset{}
		}
		positions[p.tp] = at
	}
	return positions
}

// setCommitted notes what has been committed.
func (q *keyQueue) setCommitted(p *partition, offset int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	p.committed = offset
}

// startAt notes where a partition that had no commit begins, so that this is committed before anything is done.
func (q *keyQueue) startAt(tp topicPartition, offset int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if p := q.parts[tp]; p != nil {
		p.tracker.startAt(offset)
		p.next = offset
	}
}

// resumeAt notes that a partition goes on where the group has committed.
func (q *keyQueue) resumeAt(tp topicPartition, offset int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if p := q.parts[tp]; p != nil {
		p.next = offset
	}
}

// fetched notes what is to be fetched of a partition next, and returns what was until now: -1 when that is not known.
func (q *keyQueue) fetched(p *partition, next int64) (before int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	before, p.next = p.next, next
	return before
}

// isFull says whether a partition should not be fetched for now.
func (q *keyQueue) isFull(p *partition) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return p.full
}

func (q *keyQueue) makeReady(l *lane) {
	l.state = waiting
	q.ready.push(l)
	q.work.Signal()
}

// maxSpareLanes bounds what is kept for reuse when many keys have come and gone.
const maxSpareLanes = 1024

func (q *keyQueue) newLane(p *partition, key laneKey) *lane {
	n := len(q.spare)
	if n == 0 {
		return &lane{part: p, key: key}
	}
	l := q.spare[n-1]
	q.spare = q.spare[:n-1]
	l.part, l.key = p, key
	return l
}

func (q *keyQueue) recycle(l *lane) {
	*l = lane{}
	if len(q.spare) < maxSpareLanes {
		q.spare = append(q.spare, l)
	}
}
