package trestle

import (
	"context"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// keyQueue holds the records that were fetched and are not done yet, and decides which may start next: one at a time
// and in offset order within a key, in turn between partitions, and between the keys of one. A record whose key is parked,
// waiting for its next attempt, holds up that key alone. Records without a key are in order within their partition. Of a topic
// whose handler takes batches, many may start at once (gather.go).
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
	inHand  amount // by all topics
	recent  average
	running int // records that next gave out and that have not come back
	freed   int // records forgotten since full partitions were looked through
	chunks  []*chunk
	paused  map[topicPartition]bool // by hand
	sources map[string]string       // the topics of retry topics, by these; set before anything is assigned
	barring map[string]bool         // topics whose partitions start nothing before they are admitted; set then, too
	scratch []byte                  // of canSay
	closed  bool
	settled chan struct{} // closed when all full partitions are known to the client; nil when nobody waits
	quiet   chan struct{} // closed when running falls to 0; nil when nobody waits
	// parking says for how long a record is parked that is to wait so long; nil: for so long. suspended is the topic.
	parking func(wait time.Duration, suspended bool) time.Duration
}

// queueLimits bound what a queue holds.
type queueLimits struct {
	records int   // in hand at once
	bytes   int64 // that they keep in memory
	window  int   // records of one partition from its oldest unfinished one to its newest
	workers int   // records of one topic that run at once
	recent  int   // events of one partition that are remembered once they are handled
}

// amount is how much is in hand: pushed, and neither finished nor dropped.
type amount struct {
	records int
	bytes   int64 // in memory for their sake
}

// topicQueue is a topic's part of the queue. Its fields belong to keyQueue.mu.
type topicQueue struct {
	work      sync.Cond // turn has an entry and may be taken, or the queue is closed
	idle      int       // workers that wait for that
	waking    bool      // one of them was woken, and has not looked yet
	turn      ring[*partition]
	parts     int // assigned
	inHand    amount
	paused    bool // by hand: nothing starts
	suspended bool // by its breaker: only what is admitted starts
	admitted  int
	overdue   int          // records whose handlers go on past their time, so that another worker took their worker's place
	surplus   int          // workers that are to end
	batches   *batchLimits // nil: records are given out one by one
	retryOf   string       // the topic that it is a retry topic of; empty: none. It does not change
}

// mayStart says whether a record of the topic may start.
func (t *topicQueue) mayStart() bool { return !t.paused && (!t.suspended || t.admitted > 0) }

type topicPartition struct {
	topic string
	id    int32
}

// wake has one worker look for a record, unless one is about to: that one wakes the next if there is more. So when records come one by
// one, the others stay asleep.
func (t *topicQueue) wake() {
	if t.idle > 0 && !t.waking && t.turn.len() > 0 {
		t.waking = true
		t.work.Signal()
	}
}

// await waits until there may be something for a worker.
func (t *topicQueue) await() {
	t.idle++
	t.work.Wait()
	t.idle--
	t.waking = false
}

func newKeyQueue(limits queueLimits) *keyQueue {
	return &keyQueue{
		limits: limits, topics: map[string]*topicQueue{}, parts: map[topicPartition]*partition{}, full: map[*partition]bool{},
		paused: map[topicPartition]bool{},
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
		t = &topicQueue{retryOf: q.sources[name]}
		t.work.L = &q.mu
		q.topics[name] = t
	}
	return t
}

// push takes records of one partition in, in offset order. Those of a partition that is on its way out are dropped. Markers
// of transactions are done as they come, and so is what was done when the partition was assigned.
func (q *keyQueue) push(p *partition, records []*kgo.Record) {
	q.pushChunk(p, newChunk(p, records))
}

// pushBatch takes in a batch that was not opened.
func (q *keyQueue) pushBatch(p *partition, last *kgo.Record, oversized *OversizedError) {
	c := newChunk(p, []*kgo.Record{last})
	c.tasks[0].oversized, c.tasks[0].alone = oversized, true
	q.pushChunk(p, c)
}

func (q *keyQueue) pushChunk(p *partition, c *chunk) {
	records := len(c.tasks)
	q.mu.Lock()
	defer q.mu.Unlock()
	if p.state != assigned {
		return
	}
	q.chunks = append(q.chunks, c)
	q.recent.add(records, c.bytes)
	q.count(p, amount{records, c.bytes})
	tasks := c.tasks
	for i := range tasks {
		t := &tasks[i]
		t.seq = p.tracker.add(t.record.Offset, t.record.LeaderEpoch)
		switch wasDone := p.wasDone(t.record); {
		case t.record.Attrs.IsControl():
			p.tracker.passMarker(t.seq)
		case wasDone:
			p.tracker.done(t.seq)
		default:
			t.left = len(p.before) > 0
			q.enqueue(t)
			continue
		}
		q.forget(p, c.drop(t))
	}
	if _, known := q.full[p]; !known && q.isOver(p) {
		q.full[p] = false
		q.takeTurn(p) // what it gathers does not wait for more
	}
}

func (q *keyQueue) enqueue(t *task) {
	key := laneKeyOf(t.record.Key)
	l := t.part.lanes[key]
	if l == nil {
		l = q.newLane(t.part, key)
		t.part.lanes[key] = l
		q.makeReady(l)
	}
	t.lane = l
	l.append(t)
	q.gather(t)
}

// next waits for a record of a topic that may start and gives it out; nil when the queue is closed, or there are more
// workers than there should be. What it gives out comes back by done or park.
func (q *keyQueue) next(topic *topicQueue) *task {
	q.mu.Lock()
	defer q.mu.Unlock()
	p, l := q.awaitLane(topic)
	if l == nil {
		return nil
	}
	t := l.head
	q.giveOut(t)
	q.started(p)
	return t
}

// awaitLane waits for a key of a topic of which a record may start, and returns it; nil when there is none for the worker.
func (q *keyQueue) awaitLane(topic *topicQueue) (*partition, *lane) {
	for {
		for (topic.turn.len() == 0 || !topic.mayStart()) && !q.closed {
			topic.await()
		}
		if q.closed {
			return nil, nil
		}
		if topic.surplus > 0 {
			topic.surplus--
			topic.wake()
			return nil, nil
		}
		if topic.suspended {
			topic.preferNew()
		}
		p := topic.turn.pop()
		p.inTurn = false
		if q.paused[p.tp] || p.barred {
			continue
		}
		l := q.nextLane(p)
		if l == nil {
			continue
		}
		if topic.suspended {
			topic.admitted--
		}
		return p, l
	}
}

// preferNew has a record come next that was not tried before, if there is one: whether handlers succeed again is better told by it than by one
// that may fail for a reason of its own.
func (t *topicQueue) preferNew() {
	isNew := func(l *lane) bool { return l.head != nil && l.head.isNew() }
	t.turn.advance(func(p *partition) bool { return p.ready.advance(isNew) })
}

// giveOut gives out a record of a key that next or nextBatch has taken.
func (q *keyQueue) giveOut(t *task) {
	t.lane.state = busy
	t.lane.out++
	t.out, t.snoozed, t.wait = true, false, 0
	t.run++
	t.part.started = max(t.part.started, t.record.Offset)
	q.ungather(t)
}

// started accounts for what was given out of a partition to one worker.
func (q *keyQueue) started(p *partition) {
	p.running++
	q.running++
	q.takeTurn(p)
	p.topic.wake()
}

// nextLane returns the key whose turn it is in a partition, nil when none is ready.
func (q *keyQueue) nextLane(p *partition) *lane {
	if q.peekLane(p) == nil {
		return nil
	}
	l := p.ready.pop()
	p.gathered = p.gathered.and(amount{-l.queued.records, -l.queued.bytes})
	return l
}

// peekLane returns what nextLane would.
func (q *keyQueue) peekLane(p *partition) *lane {
	for p.ready.len() > 0 {
		if l := p.ready.peek(); l.head != nil {
			return l
		}
		q.recycle(p.ready.pop()) // emptied by drain or release while it waited
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
	if !p.inTurn && p.ready.len() > 0 && p.running < atOnce && !q.paused[p.tp] && !p.barred && q.isRipe(p) {
		p.inTurn = true
		p.topic.turn.push(p)
		p.topic.wake()
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
	l.remove(t)
	q.back(t)
	q.settle(l)
	q.forget(p, t.chunk.drop(t))
	return q.reopened(p)
}

// doneAt is done, and says whether the record was the oldest of its partition that was not done.
func (q *keyQueue) doneAt(t *task) (oldest bool, again []*partition) {
	oldest = q.holdFirst([]*task{t})
	return oldest, q.done(t)
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
	q.gather(t)
	if q.parking != nil {
		d = q.parking(d, t.part.topic.suspended)
	}
	t.wait = d
	q.settle(t.lane)
	return true
}

// standsStill says that nothing of a partition starts but what is admitted.
func (q *keyQueue) standsStill(p *partition) bool {
	return p.topic.suspended || p.topic.paused || q.paused[p.tp] || p.barred
}

// settle has a key go on once all that was given out of it has come back.
func (q *keyQueue) settle(l *lane) {
	switch {
	case l.out > 0:
	case l.head == nil:
		delete(l.part.lanes, l.key)
		q.recycle(l)
	case l.part.state == draining && (l.head.snoozed || q.standsStill(l.part)): // it would not start again
		l.state = parked
		q.drop(l.part, l, l.cutAfter(-1))
	case l.head.wait > 0:
		t := l.head
		l.state = parked
		l.timer = time.AfterFunc(t.wait, func() { q.unpark(l, t) })
	default:
		l.part.due = l.part.due || l.head.run > 0
		q.makeReady(l)
	}
}

func (q *keyQueue) unpark(l *lane, t *task) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if t.part.state == released || l.state != parked || l.head != t {
		return
	}
	l.timer = nil
	l.part.due = true // it has waited
	q.makeReady(l)
}

// overdue says that the handler of a record goes on past its time, and whether another worker is to take its place: there
// are as many more as there are workers. One is to end once the handler returns. Of a batch it may be any record.
func (q *keyQueue) overdue(t *task, run int) (replace bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	topic := t.part.topic
	if !t.out || t.run != run || *t.isReplaced() || topic.overdue >= q.limits.workers || q.closed {
		return false
	}
	topic.overdue++
	*t.isReplaced() = true
	t.part.running--
	q.takeTurn(t.part)
	return true
}

// back accounts for a record that was given out.
func (q *keyQueue) back(t *task) {
	t.out = false
	t.lane.out--
	if t.freed {
		t.freed = false
		return
	}
	q.free(t)
}

// freeWorker has the worker of a record that was given out count as free, while the record waits for something else than its handler.
func (q *keyQueue) freeWorker(t *task) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if t.out && !t.freed {
		t.freed = true
		q.free(t)
	}
}

// free accounts for the worker of a record; for a batch once all of it has come back.
func (q *keyQueue) free(t *task) {
	if t.batch != nil {
		if t.batch.out--; t.batch.out > 0 {
			t.batch = nil
			return
		}
	}
	replaced := *t.isReplaced()
	t.batch = nil
	if replaced {
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

// count accounts for records that have come in.
func (q *keyQueue) count(p *partition, a amount) {
	for _, sum := range []*amount{&q.inHand, &p.topic.inHand, &p.inHand} {
		sum.records += a.records
		sum.bytes += a.bytes
	}
}

// forget accounts for records of a partition that are done or dropped, and for memory that was given back.
func (q *keyQueue) forget(p *partition, a amount) {
	q.count(p, amount{-a.records, -a.bytes})
	q.freed += a.records
	if p.inHand.records == 0 && p.idle != nil {
		close(p.idle)
		p.idle = nil
	}
}

// suspend has nothing of a topic start but what is admitted, or lets it go on. What runs goes on.
func (q *keyQueue) suspend(topic string, on bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	t := q.topicOf(topic)
	t.suspended, t.admitted = on, 0
	q.dropStopped(t)
	for _, p := range q.parts {
		if p.topic == t && t.batches != nil {
			q.takeTurn(p) // a single one is tried, which need not wait for more
		}
	}
	t.work.Broadcast()
}

// admit lets one more record of a suspended topic start.
func (q *keyQueue) admit(topic string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	t := q.topicOf(topic)
	t.admitted = 1 // another may not have come to it
	t.work.Broadcast()
}

// pause has nothing of a partition start, or of the whole topic, or lets it go on. What runs goes on.
func (q *keyQueue) pause(tp topicPartition, on bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	t := q.topicOf(tp.topic)
	if tp.id == wholeTopic {
		t.paused = on
	}
	if q.paused[tp] = on; q.parts[tp] != nil {
		q.takeTurn(q.parts[tp])
	}
	q.dropStopped(t)
	t.work.Broadcast()
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

// close wakes everybody who waits in next.
func (q *keyQueue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	for _, t := range q.topics {
		t.work.Broadcast()
	}
}

// shouldFetch says whether the client should fetch a partition.
func (q *keyQueue) shouldFetch(p *partition) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return !q.full[p]
}

func (q *keyQueue) makeReady(l *lane) {
	l.state = waiting
	l.part.ready.push(l)
	l.part.gathered = l.part.gathered.and(l.queued)
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
