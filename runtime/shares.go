package trestle

import (
	"context"
	"time"
)

// How much a partition may hold of what all may: half is set aside, in equal parts for the topics and within each for its
// partitions. The other half goes to who needs it, but each takes only as much of it as it leaves free. So nothing has to be
// set for a partition, a single busy one gets three quarters, and however many stand still, each of the others has its part.

// aside is what is set aside for a partition.
func (q *keyQueue) aside(p *partition) amount {
	n := 2 * q.active * p.topic.parts
	return amount{max(1, q.limits.records/n), max(1, q.limits.bytes/int64(n))}
}

// common is what is left of what is not set aside.
func (q *keyQueue) common() amount {
	left := amount{q.limits.records, q.limits.bytes}
	for _, p := range q.parts {
		aside := q.aside(p)
		left.records -= max(p.inHand.records, aside.records)
		left.bytes -= max(p.inHand.bytes, aside.bytes)
	}
	return left
}

// share is how much a partition may hold, with what is left in common.
func (q *keyQueue) share(p *partition, common amount) amount {
	s := q.aside(p)
	s.records += max(0, common.records+max(0, p.inHand.records-s.records)) / 2
	s.bytes += max(0, common.bytes+max(0, p.inHand.bytes-s.bytes)) / 2
	return s
}

// isOver says that a partition holds its share, or runs too far ahead of its oldest unfinished record.
func (q *keyQueue) isOver(p *partition) bool {
	share := q.share(p, q.common())
	return p.tracker.len() >= q.limits.window || p.inHand.records >= share.records || p.inHand.bytes >= share.bytes
}

// lookedThrough is how many records must be done before full partitions are looked through again.
const lookedThrough = 64

// reopened returns the partitions that the client should fetch again, now that a record of p is done: those at half of what
// they may hold. What is done of others makes a share grow, too.
func (q *keyQueue) reopened(p *partition) []*partition {
	if len(q.full) == 0 || p.inHand.records > 0 && q.freed < min(lookedThrough, q.limits.records/16) {
		return nil
	}
	return q.reopen()
}

// reopen opens the full partitions of which half is done, and returns those that the client should fetch again.
func (q *keyQueue) reopen() (again []*partition) {
	common := q.common()
	q.freed = 0
	for p, told := range q.full {
		share := q.share(p, common)
		if p.tracker.len() > q.limits.window/2 || p.inHand.records > share.records/2 || p.inHand.bytes > share.bytes/2 {
			continue
		}
		delete(q.full, p)
		if told {
			again = append(again, p)
		}
	}
	q.signalOpen()
	return again
}

// signalOpen wakes awaitOpen, if there is nothing to wait for any more.
func (q *keyQueue) signalOpen() {
	if q.settled == nil {
		return
	}
	for _, told := range q.full {
		if !told {
			return
		}
	}
	close(q.settled)
	q.settled = nil
}

// awaitOpen waits until no partition is full, but not for long: where one still is, it returns it, and the client should not
// fetch it any more. A client that is told so throws away what it has fetched already, so that this is for partitions
// that stand still, not for those that are just being handled.
func (q *keyQueue) awaitOpen(ctx context.Context, long time.Duration) (still []*partition) {
	ctx, cancel := context.WithTimeout(ctx, long)
	defer cancel()
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.settled == nil {
		q.settled = make(chan struct{})
	}
	settled := q.settled
	if q.signalOpen(); q.settled != nil {
		q.mu.Unlock()
		select {
		case <-settled:
		case <-ctx.Done():
		}
		q.mu.Lock()
	}
	for p, told := range q.full {
		if !told {
			q.full[p] = true
			still = append(still, p)
		}
	}
	return still
}

// atOnce is how many records to fetch at once: no more than is set aside for a partition, so that one fetch does not go far
// beyond a share.
func (q *keyQueue) atOnce() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := q.limits.records / 100 // before it is known how many partitions there are
	if len(q.parts) > 0 {
		n = q.limits.records
	}
	for _, p := range q.parts {
		aside := q.aside(p)
		n = min(n, aside.records, int(aside.bytes/q.recent.size()))
	}
	return max(1, n)
}

// average is the size of the records that came in last, in bytes.
type average struct{ bytes float64 }

func (a *average) add(records int, bytes int64) {
	if records == 0 {
		return
	}
	one := float64(bytes) / float64(records)
	if a.bytes == 0 {
		a.bytes = one
	}
	a.bytes += (one - a.bytes) / 8
}

func (a *average) size() int64 { return max(1, int64(a.bytes)) }

func (a amount) and(more amount) amount {
	return amount{a.records + more.records, a.bytes + more.bytes}
}
