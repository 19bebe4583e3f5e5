package trestle

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

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
	committed int64        // the offset committed last, -1 before that
	marks     uint64       // what the tracker had marked as done then
	log       kadm.TopicID // which the records are of; zero: not known
	before    []doneRun    // what was done before the assignment, and has not been fetched
	room      int          // bytes that a commit has left at least for more runs of what is done, as canSay has last found
	started   int64        // the highest offset that was started, -1 before that
	next      int64        // the offset to fetch next, -1 while it is not known
	ahead     ahead
	handled   *recentIDs
	inHand    amount
	state     partitionState
	barred    bool          // nothing starts before it is admitted
	idle      chan struct{} // closed when nothing is in hand; nil when nobody waits

	// Of a topic that is handled in batches:
	gathered amount      // what may start, of the keys in ready
	due      bool        // a batch starts, however small
	waiting  *time.Timer // until it is due; nil: nothing waits
}

type partitionState uint8

const (
	assigned partitionState = iota
	draining                // finishing what has started, starting nothing above it
	released
)

// open begins an assignment. The handlers of its records run under ctx.
func (q *keyQueue) open(ctx context.Context, tp topicPartition) *partition {
	p := &partition{tp: tp, handled: newRecentIDs(q.limits.recent), lanes: map[laneKey]*lane{}, committed: -1, started: -1, next: -1, ahead: ahead{end: -1, at: -1}}
	p.ctx, p.cancel = context.WithCancelCause(ctx)
	q.mu.Lock()
	defer q.mu.Unlock()
	p.topic, p.barred = q.topicOf(tp.topic), q.barring[tp.topic]
	if p.topic.parts++; p.topic.parts == 1 {
		q.active++
	}
	q.parts[tp] = p
	return p
}

// bar has nothing more start of partitions that wait to be admitted when they are assigned.
func (q *keyQueue) bar() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, p := range q.parts {
		if q.barring[p.tp.topic] {
			p.barred = true
			q.dropStopped(p.topic)
		}
	}
}

// barred returns the partitions that wait to be admitted.
func (q *keyQueue) barred() (parts []*partition) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, p := range q.parts {
		if p.barred {
			parts = append(parts, p)
		}
	}
	return parts
}

// admitPartition has the records of a partition start.
func (q *keyQueue) admitPartition(p *partition) {
	q.mu.Lock()
	defer q.mu.Unlock()
	p.barred = false
	if p.state != released {
		q.takeTurn(p)
	}
}

// lookup returns the current assignment of a partition, nil when there is none.
func (q *keyQueue) lookup(tp topicPartition) *partition {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.parts[tp]
}

// isReleased says whether an assignment has ended.
func (q *keyQueue) isReleased(p *partition) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return p.state == released
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
		if q.standsStill(p) {
			last = -1 // what would have to start again does not
		}
		q.cut(p, last)
		q.takeTurn(p) // nothing more comes that a batch could wait for
	}
}

// dropStopped drops of the partitions of a topic that are on their way out what does not start any more, as the topic was stopped since.
func (q *keyQueue) dropStopped(t *topicQueue) {
	for _, p := range q.parts {
		if p.topic == t && p.state == draining && q.standsStill(p) {
			q.cut(p, -1)
		}
	}
}

// cut drops what of a partition lies past an offset, but not what runs, nor what lies before that.
func (q *keyQueue) cut(p *partition, last int64) {
	for _, l := range p.lanes {
		if !q.dropSnoozed(p, l) {
			q.drop(p, l, l.cutAfter(last))
		}
	}
}

// drop drops records that were cut off a lane, from one on.
func (q *keyQueue) drop(p *partition, l *lane, from *task) {
	var dropped amount
	for t := from; t != nil; t = t.next {
		q.ungather(t)
		if l.state == waiting {
			p.gathered = p.gathered.and(amount{-1, -t.bytes()})
		}
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
		if p.waiting != nil {
			p.waiting.Stop()
		}
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

// uncommitted returns, for partitions still held, the progress that can be committed and has not been.
func (q *keyQueue) uncommitted(parts []*partition) map[topicPartition]progress {
	q.mu.Lock()
	defer q.mu.Unlock()
	var all map[topicPartition]progress
	for _, p := range parts {
		if p.state == released || p.tracker.front.Offset == p.committed && p.tracker.marks == p.marks {
			continue
		}
		now, ok := p.progress()
		if !ok {
			continue
		}
		if all == nil {
			all = map[topicPartition]progress{}
		}
		all[p.tp] = now
	}
	return all
}

// setCommitted notes what has been committed.
func (q *keyQueue) setCommitted(p *partition, now progress) {
	q.mu.Lock()
	defer q.mu.Unlock()
	p.committed, p.marks = now.at.Offset, now.marks
}

// startAt notes where a partition that had no commit begins, so that this is committed before anything is done.
func (q *keyQueue) startAt(tp topicPartition, offset int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if p := q.parts[tp]; p != nil {
		p.tracker.startAt(kgo.EpochOffset{Epoch: -1, Offset: offset})
		p.next = offset
	}
}

// resumeAt notes that a partition goes on where the group has committed.
func (q *keyQueue) resumeAt(tp topicPartition, at kgo.EpochOffset) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if p := q.parts[tp]; p != nil {
		p.tracker.startAt(at)
		p.committed, p.next = at.Offset, at.Offset
	}
}

// nextOf returns what is to be fetched of a partition next, -1 while that is not known.
func (q *keyQueue) nextOf(p *partition) int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return p.next
}

// fetched notes what is to be fetched of a partition next, and returns what was until now: -1 when that is not known.
func (q *keyQueue) fetched(p *partition, next int64) (before int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	before, p.next = p.next, next
	return before
}
