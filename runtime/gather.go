package trestle

import "time"

// A batch is of one partition: it ends with the assignment of that, and a handler that hangs with it holds up nobody else. Many of
// one key may be in it, in order; the key is busy until all of them have come back. Nobody waits for a batch to fill up: a
// partition comes to its topic's turn only when it is ripe, and then a worker takes what is there.

// batchLimits bound the batches of a topic.
type batchLimits struct {
	records int
	bytes   int64         // of keys and values; a single record may have more
	wait    time.Duration // for more to come, since something could start
}

// batch has the records of a topic given out in batches. It is called before anything is pushed.
func (q *keyQueue) batch(topic string, limits batchLimits) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.topicOf(topic).batches = &limits
}

// bytes is what a record counts in a batch.
func (t *task) bytes() int64 { return int64(len(t.record.Key) + len(t.record.Value)) }

// gather accounts for a record that has come into a lane, or back into it.
func (q *keyQueue) gather(t *task) {
	if t.part.topic.batches == nil {
		return
	}
	one := amount{1, t.bytes()}
	t.lane.queued = t.lane.queued.and(one)
	if t.lane.state == waiting {
		t.part.gathered = t.part.gathered.and(one)
		q.takeTurn(t.part)
	}
}

// ungather accounts for a record that is given out or dropped.
func (q *keyQueue) ungather(t *task) {
	if t.part.topic.batches != nil {
		t.lane.queued = t.lane.queued.and(amount{-1, -t.bytes()})
	}
}

// isRipe says whether a partition of which something may start is to start it, and not to wait for more.
func (q *keyQueue) isRipe(p *partition) bool {
	b := p.topic.batches
	if b == nil || b.wait == 0 || p.due || p.state != assigned || p.topic.suspended ||
		p.gathered.records >= b.records || p.gathered.bytes >= b.bytes {
		return true
	}
	if _, full := q.full[p]; full {
		return true
	}
	if p.waiting == nil {
		p.waiting = time.AfterFunc(b.wait, func() { q.ripen(p) })
	}
	return false
}

func (q *keyQueue) ripen(p *partition) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if p.waiting == nil || p.state == released {
		return
	}
	p.waiting, p.due = nil, true
	q.takeTurn(p)
}

// nextBatch is next for a topic that is handled in batches: it gives out all that may start of a partition, within the limits, the
// records of each key one after the other and in order. They come back one by one. It has
// them in the memory of into.
func (q *keyQueue) nextBatch(topic *topicQueue, into []*task) []*task {
	into = into[:0]
	q.mu.Lock()
	defer q.mu.Unlock()
	p, l := q.awaitLane(topic)
	if l == nil {
		return nil
	}
	if p.due = false; p.waiting != nil {
		p.waiting.Stop()
		p.waiting = nil
	}
	left := amount{topic.batches.records, topic.batches.bytes}
	lead := l.head
	alone := lead.alone || topic.suspended
	for {
		for t := l.head; t != nil && left.records > 0; t = t.next {
			size := t.bytes()
			if t != lead && (alone || t.alone || size > left.bytes) {
				left.records = 0
				break
			}
			left = left.and(amount{-1, -size})
			q.giveOut(t)
			into = append(into, t)
		}
		if left.records <= 0 || left.bytes <= 0 {
			break
		}
		next := q.peekLane(p)
		if next == nil || alone || next.head.alone || next.head.bytes() > left.bytes {
			break
		}
		l = q.nextLane(p)
	}
	if len(into) > 1 {
		all := &handout{out: len(into)}
		for _, t := range into {
			t.batch = all
		}
	}
	q.started(p)
	return into
}
