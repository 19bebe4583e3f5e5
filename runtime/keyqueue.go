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
// and in offset order within a key, in turn between partitions, and between the keys of one. A record whose key is parked,
// waiting for its next attempt, holds up that key alone. Records without a key are in order within their partition.
//
// Each topic has workers of its own, and of what the queue may hold each topic and each partition has a share (shares.go).
// So what is slow or hangs fills its own share, and the others go on.
//
// A partition enters with open and leaves with release. What release leaves behind, a handler that is still running,
// belongs to the past: it changes nothing about a later assignment of the same partition.
type keyQueue struct {
	limits queueLimits

	mu      sync.Mutex
	topics  map[string]*topicQueue
	active  int // topics of which partitions are assigned
	parts   map[topicPartition]*partition
	full    map[*partition]bool // that hold their share; whether the client has been told not to fetch them
	spare   []*lane
	inHand  held // by all topics
	recent  average
	running int // records that next gave out and that have not come back
	freed   int // records forgotten since full partitions were looked through
	chunks  []*chunk
	stopped map[topicPartition]bool // by hand
	closed  bool
	settled chan struct{} // closed when all full partitions are known to the client; nil when nobody waits
	quiet   chan struct{} // closed when running falls to 0; nil when nobody waits
}

// queueLimits bound what a queue holds.
type queueLimits struct {
	records int   // in hand at once
	bytes   int64 // that they keep in memory
	window  int   // records of one partition from its oldest unfinished one to its newest
	workers int   // records of one topic that run at once
}

// held is what is in hand: pushed, and neither finished nor dropped.
type held struct {
	records int
	bytes   int64 // in memory for their sake
}

// topicQueue is a topic's part of the queue. Its fields belong to keyQueue.mu.
type topicQueue struct {
	work     sync.Cond // turn has an entry and may be taken, or the queue is closed
	turn     ring[*partition]
	parts    int // assigned
	inHand   held
	stopped  bool // by hand: nothing starts
	paused   bool // by its breaker: only what is admitted starts
	admitted int
	overdue  int // records whose handlers go on past their time, so that another worker took their worker's place
	surplus  int // workers that are to end
}

// mayStart says whether a record of the topic may start.
func (t *topicQueue) mayStart() bool { return !t.stopped && (!t.paused || t.admitted > 0) }

type topicPartition struct {
	topic string
	id    int32
}

// partition is one assignment of a partition to this consumer. Its fields belong to keyQueue.mu, but ctx, tp and topic.
type partition struct {
	tp        topicPartition
	topic     *topicQueue
	ctx       context.Context // of its handlers: ends when the partition is released
	cancel    context.CancelCauseFunc
	lanes     map[laneKey]*lane
	ready     ring[*lane]
	inTurn    bool // it is in the turn of its topic
	running   int
	tracker   tracker
	committed int64 // the offset committed last, -1 before that
	started   int64 // the highest offset that was started, -1 before that
	next      int64 // the offset to fetch next, -1 while it is not known
	inHand    held
	state     partitionState
	idle      chan struct{} // closed when nothing is in hand; nil when nobody waits
}

type partitionState uint8

const (
	assigned partitionState = iota
	draining                // finishing what has started, starting nothing above it
	released
)

func newKeyQueue(limits queueLimits) *keyQueue {
	return &keyQueue{
		limits: limits, topics: map[string]*topicQueue{}, parts: map[topicPartition]*partition{}, full: map[*partition]bool{},
		stopped: map[topicPartition]bool{},
	}
}

// topic returns a topic's part of the queue.
func (q *keyQueue) topic(name string) *topicQueue {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.topicOf(name)
}

func (q *keyQueue) topicOf(name string) *topicQueue {
	t := q.topics[name]
	if t == nil {
		t = &topicQueue{}
		t.work.L = &q.mu
		q.topics[name] = t
	}
	return t
}

// open begins an assignment. The handlers of its records run under ctx.
func (q *keyQueue) open(ctx context.Context, tp topicPartition) *partition {
	p := &partition{tp: tp, lanes: map[laneKey]*lane{}, committed: -1, started: -1, next: -1}
	p.ctx, p.cancel = context.WithCancelCause(ctx)
	q.mu.Lock()
	defer q.mu.Unlock()
	p.topic = q.topicOf(tp.topic)
	if p.topic.parts++; p.topic.parts == 1 {
		q.active++
	}
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

// push takes records of one partition in, in offset order. Those of a partition that is on its way out are dropped. Markers
// of transactions are done as they come.
func (q *keyQueue) push(p *partition, records []*kgo.Record) {
	c := newChunk(p, records)
	q.mu.Lock()
	defer q.mu.Unlock()
	if p.state != assigned {
		return
	}
	q.chunks = append(q.chunks, c)
	q.recent.add(len(records), c.bytes)
	q.hold(p, held{len(records), c.bytes})
	tasks := c.tasks
	for i := range tasks {
		t := &tasks[i]
		t.seq = p.tracker.add(t.record.Offset, t.record.LeaderEpoch)
		if t.record.Attrs.IsControl() {
			p.tracker.done(t.seq)
			q.forget(p, c.drop(t))
			continue
		}
		q.enqueue(t)
	}
	if _, known := q.full[p]; !known && q.isOver(p) {
		q.full[p] = false
	}
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

// next waits for a record of a topic that may start and gives it out; nil when the queue is closed, or there are more
// workers than there should be. What it gives out comes back by done or park.
func (q *keyQueue) next(topic *topicQueue) *task {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		for (topic.turn.len() == 0 || !topic.mayStart()) && !q.closed {
			topic.work.Wait()
		}
		if q.closed {
			return nil
		}
		if topic.surplus > 0 {
			topic.surplus--
			return nil
		}
		p := topic.turn.pop()
		p.inTurn = false
		if q.stopped[p.tp] {
			continue
		}
		l := q.nextLane(p)
		if l == nil {
			continue
		}
		if topic.paused {
			topic.admitted--
		}
		l.state = busy
		p.running++
		q.running++
		q.takeTurn(p)
		t := l.head
		p.started = max(p.started, t.record.Offset)
		return t
	}
}

// nextLane returns the key whose turn it is in a partition, nil when none is ready.
func (q *keyQueue) nextLane(p *partition) *lane {
	for p.ready.len() > 0 {
		l := p.ready.pop()
		if l.head != nil {
			return l
		}
		q.recycle(l) // emptied by drain or release while it waited
	}
	return nil
}

// takeTurn puts a partition into its topic's turn, if something of it may start. While a topic has several, none takes all
// of its workers: those of one may hang.
func (q *keyQueue) takeTurn(p *partition) {
	atOnce := q.limits.workers
	if p.topic.parts > 1 {
		atOnce = max(1, atOnce-atOnce/4)
	}
	if !p.inTurn && p.ready.len() > 0 && p.running < atOnce && !q.stopped[p.tp] {
		p.inTurn = true
		p.topic.turn.push(p)
		p.topic.work.Signal()
	}
}

// done counts a record as done and lets the next one of its key start. It returns the partitions that the client should
// fetch again.
func (q *keyQueue) done(t *task) (again []*partition) {
	q.mu.Lock()
	defer q.mu.Unlock()
	p := t.part
	if p.state == released {
		q.back(t)
		return nil
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
	q.back(t)
	q.forget(p, t.chunk.drop(t))
	return q.reopened(p)
}

// park puts a record back at the front of its key, to be given out again after a while. It says false, and nothing
// will happen, when the partition was released.
func (q *keyQueue) park(t *task, d time.Duration) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.back(t)
	if t.part.state == released {
		return false
	}
	l := t.lane
	if t.part.state == draining && t.part.topic.paused { // it would not start again
		l.state = parked
		q.drop(t.part, l, l.head)
		return true
	}
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

// overdue says that the handler of a record goes on past its time, and whether another worker is to take its place: there
// are as many more as there are workers. One is to end once the handler returns.
func (q *keyQueue) overdue(t *task, attempt int) (replace bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	topic := t.part.topic
	if t.attempt != attempt || t.lane.state != busy || t.lane.head != t || topic.overdue >= q.limits.workers || q.closed {
		return false
	}
	topic.overdue++
	t.replaced = true
	t.part.running--
	q.takeTurn(t.part)
	return true
}

// back accounts for a record that next gave out.
func (q *keyQueue) back(t *task) {
	if t.replaced {
		t.replaced = false
		t.part.topic.overdue--
		t.part.topic.surplus++
	} else {
		t.part.running--
	}
	q.takeTurn(t.part)
	q.running--
	if q.running == 0 && q.quiet != nil {
		close(q.quiet)
		q.quiet = nil
	}
}

// hold accounts for records that have come in.
func (q *keyQueue) hold(p *partition, h held) {
	for _, sum := range []*held{&q.inHand, &p.topic.inHand, &p.inHand} {
		sum.records += h.records
		sum.bytes += h.bytes
	}
}

// forget accounts for records of a partition that are done or dropped, and for memory that was given back.
func (q *keyQueue) forget(p *partition, h held) {
	q.hold(p, held{-h.records, -h.bytes})
	q.freed += h.records
	if p.inHand.records == 0 && p.idle != nil {
		close(p.idle)
		p.idle = nil
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
		last := p.started
		if p.topic.paused || p.topic.stopped || q.stopped[p.tp] {
			last = -1 // what would have to start again does not
		}
		for _, l := range p.lanes {
			q.drop(p, l, l.cutAfter(last))
		}
	}
}

// drop drops the end of a lane, from a record on, which was cut off.
func (q *keyQueue) drop(p *partition, l *lane, from *task) {
	if from == l.head {
		l.head, l.tail = nil, nil
	}
	var dropped held
	for t := from; t != nil; t = t.next {
		dropped = dropped.and(t.chunk.drop(t))
	}
	if l.head == nil {
		delete(p.lanes, l.key) // next recycles it
	}
	q.forget(p, dropped)
}

// awaitIdle waits until drained partitions have nothing in hand. Its error is ctx's.
func (q *keyQueue) awaitIdle(ctx context.Context, parts []*partition) error {
	for _, p := range parts {
		q.mu.Lock()
		if p.inHand.records == 0 || p.state == released {
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
		p.state = released
		if p.topic.parts--; p.topic.parts == 0 {
			q.active--
		}
		delete(q.full, p)
		q.signalOpen()
		for _, l := range p.lanes {
			if l.timer != nil {
				l.timer.Stop()
			}
			l.head, l.tail = nil, nil
		}
		p.lanes = nil
		q.forget(p, p.inHand) // and with it the chunks, which sweep drops
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
		n += p.inHand.records
		for _, l := range p.lanes {
			if l.head != nil && l.head.record.Offset <= p.started && len(heads) < most {
				heads = append(heads, fmt.Sprintf("%s/%d@%d", p.tp.topic, p.tp.id, l.head.record.Offset))
			}
		}
	}
	slices.Sort(heads)
	return fmt.Sprintf("%d records, among them %s", n, strings.Join(heads, " "))
}

// pause has nothing of a topic start but what is admitted, or lets it go on. What runs goes on.
func (q *keyQueue) pause(topic string, on bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	t := q.topicOf(topic)
	t.paused, t.admitted = on, 0
	t.work.Broadcast()
}

// admit lets one more record of a paused topic start.
func (q *keyQueue) admit(topic string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	t := q.topicOf(topic)
	t.admitted = 1 // another may not have come to it
	t.work.Broadcast()
}

// stop has nothing of a partition start, or of the whole topic, or lets it go on. What runs goes on.
func (q *keyQueue) stop(tp topicPartition, on bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	t := q.topicOf(tp.topic)
	if tp.id == wholeTopic {
		t.stopped = on
	}
	if q.stopped[tp] = on; q.parts[tp] != nil {
		q.takeTurn(q.parts[tp])
	}
	t.work.Broadcast()
}

// close wakes everybody who waits in next.
func (q *keyQueue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	for _, t := range q.topics {
		t.work.Broadcast()
	}
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

// isHeld says whether a partition should not be fetched for now.
func (q *keyQueue) isHeld(p *partition) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.full[p]
}

func (q *keyQueue) makeReady(l *lane) {
	l.state = waiting
	l.part.ready.push(l)
	q.takeTurn(l.part)
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
