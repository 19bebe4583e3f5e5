package trestle

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/omninode/trestle/runtime/kafka"
)

// ahead is what is known of a partition's log beyond what was fetched. It belongs to keyQueue.mu.
type ahead struct {
	end int64 // the offset after the last committed record; -1 while it is not known
	// at is the offset where a look found the position short of the end, with nothing in hand; since is how old the record
	// is that stands there, or since when it has been so while that is not known.
	at    int64
	since time.Time
}

// lookAheadInterval is how often the cluster is asked where partitions end; a variable for the tests.
var lookAheadInterval = lookAheadTimeout

// lookAheadTimeout is how long that may take.
const lookAheadTimeout = 5 * time.Second

// lookAheadEvery asks from time to time where partitions end, until ctx ends: what is fetched says so only while there is
// something to fetch, and while it is fetched.
func (m *member) lookAheadEvery(ctx context.Context) {
	ticker := time.NewTicker(lookAheadInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			lookCtx, cancel := context.WithTimeout(ctx, lookAheadTimeout)
			m.lookAhead(lookCtx)
			cancel()
		}
	}
}

// lookAhead takes in where partitions end. Where nothing of one is in hand and the position stays short of the end, it looks
// what stands there: the log may have holes, of compaction or aborted transactions, over which the position moves.
func (m *member) lookAhead(ctx context.Context) {
	ends := m.ends(ctx, m.queue.all())
	for p, end := range ends {
		from, stays := m.queue.shortOf(p, end)
		if !stays {
			continue
		}
		first, after, err := kafka.NextRecord(ctx, m.client, m.limits, p.tp.topic, p.tp.id, from)
		switch {
		case errors.Is(err, kerr.OffsetOutOfRange):
			m.passDeleted(ctx, p, from)
		case err != nil: // the next look may do better
		case first != nil:
			m.queue.standsAt(p, from, first.Timestamp)
		default:
			m.queue.pass(p, from, min(after, end))
		}
	}
}

// passDeleted moves the position to where the log starts now, if that has passed it.
func (m *member) passDeleted(ctx context.Context, p *partition, from int64) {
	starts, err := kadm.NewClient(m.client).ListStartOffsets(ctx, p.tp.topic)
	if err != nil {
		return
	}
	if start, known := listedOffset(starts, p.tp); known && start > from && m.queue.pass(p, from, start) {
		m.lost(p.tp, from, start)
	}
}

// ends asks where partitions end for who reads what is committed. Those that the cluster says nothing of are left out.
func (m *member) ends(ctx context.Context, parts []*partition) map[*partition]int64 {
	ends := map[*partition]int64{}
	if len(parts) == 0 {
		return ends
	}
	byPlace, byTopic := map[topicPartition]*partition{}, map[string][]kmsg.ListOffsetsRequestTopicPartition{}
	for _, p := range parts {
		ask := kmsg.NewListOffsetsRequestTopicPartition()
		ask.Partition, ask.Timestamp = p.tp.id, -1
		byPlace[p.tp] = p
		byTopic[p.tp.topic] = append(byTopic[p.tp.topic], ask)
	}
	req := kmsg.NewPtrListOffsetsRequest()
	req.ReplicaID, req.IsolationLevel = -1, 1
	for topic, partitions := range byTopic {
		ask := kmsg.NewListOffsetsRequestTopic()
		ask.Topic, ask.Partitions = topic, partitions
		req.Topics = append(req.Topics, ask)
	}
	for _, shard := range m.client.RequestSharded(ctx, req) {
		answer, ok := shard.Resp.(*kmsg.ListOffsetsResponse)
		if shard.Err != nil || !ok {
			continue
		}
		for _, t := range answer.Topics {
			for _, one := range t.Partitions {
				if p := byPlace[topicPartition{t.Topic, one.Partition}]; p != nil && kerr.ErrorForCode(one.ErrorCode) == nil {
					ends[p] = one.Offset
				}
			}
		}
	}
	return ends
}

// endsAt notes where a partition ends, as a fetch of it says.
func (q *keyQueue) endsAt(p *partition, end int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	p.ahead.end = end
}

// shortOf notes where a partition ends, and says whether the position stays short of that with nothing in hand, since the last
// time, and where it is.
func (q *keyQueue) shortOf(p *partition, end int64) (from int64, stays bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	p.ahead.end = end
	switch {
	case p.next < 0 || p.next >= end || p.inHand.records > 0:
		p.ahead.at = -1
	case p.ahead.at != p.next:
		p.ahead.at, p.ahead.since = p.next, time.Now()
	default:
		stays = true
	}
	return p.next, stays
}

// standsAt notes the time of the record at the position.
func (q *keyQueue) standsAt(p *partition, at int64, since time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if p.ahead.at == at {
		p.ahead.since = since
	}
}

// pass moves a partition's position over offsets that hold nothing. It says false where something has come since.
func (q *keyQueue) pass(p *partition, from, to int64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if p.state != assigned || p.next != from || p.inHand.records > 0 {
		return false
	}
	p.next = to
	p.tracker.pass(to)
	return true
}

// refuse notes that the dead letter of a record could not be written.
func (q *keyQueue) refuse(t *task) {
	q.mu.Lock()
	defer q.mu.Unlock()
	t.refused = true
}

// partitionStatus is what is to be said of a partition at one moment.
type partitionStatus struct {
	tp      topicPartition
	lag     int64     // records that are not done; -1 while it is not known
	since   time.Time // how old the oldest of them is, by its own time; zero: not known, or none
	inHand  amount
	running int
	refused int // records whose dead letter could not be written
	// firstRefused is the first of them.
	firstRefused *place
	received     time.Time // when the oldest in hand was fetched; zero: none is
	paused       bool      // by hand
	oldest       *place    // in hand
	byType       map[string]time.Time
}

// place is where a record stands.
type place struct {
	offset    int64
	key       []byte
	eventType string
}

// status says what the queue holds of each partition. The records in hand are gone through: it is for those who watch.
func (q *keyQueue) status(typeOf func(*task) string) []*partitionStatus {
	q.mu.Lock()
	defer q.mu.Unlock()
	all := make([]*partitionStatus, 0, len(q.parts))
	byPart := make(map[*partition]*partitionStatus, len(q.parts))
	for tp, p := range q.parts {
		s := &partitionStatus{
			tp: tp, lag: -1, inHand: p.inHand, running: p.running,
			paused: p.topic.paused || q.paused[tp], byType: map[string]time.Time{},
		}
		if p.next >= 0 && p.ahead.end >= 0 {
			s.lag = int64(p.inHand.records) + max(0, p.ahead.end-p.next)
		}
		if s.lag > 0 && p.inHand.records == 0 && p.ahead.at == p.next {
			s.since = p.ahead.since
		}
		all = append(all, s)
		byPart[p] = s
	}
	for _, c := range q.chunks {
		if s := byPart[c.part]; s != nil && c.left > 0 {
			s.take(c, typeOf)
		}
	}
	return all
}

// take takes in what is left of a chunk.
func (s *partitionStatus) take(c *chunk, typeOf func(*task) string) {
	s.received = earlier(s.received, c.came)
	for i := range c.tasks {
		t := &c.tasks[i]
		if t.record == nil {
			continue
		}
		eventType, at := typeOf(t), t.at
		here := place{t.record.Offset, t.record.Key, eventType}
		if t.refused {
			s.refused++
			s.firstRefused = first(s.firstRefused, here)
		}
		s.byType[eventType] = earlier(s.byType[eventType], at)
		if s.oldest = first(s.oldest, here); s.oldest.offset == here.offset {
			s.since = at
		}
	}
}

// first returns the place that comes first.
func first(a *place, b place) *place {
	if a != nil && a.offset < b.offset {
		return a
	}
	return &b
}
