package trestle

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"
)

// WithReplyPartition has the caller read one partition of each response topic, its own, overriding that it reads all of them: with
// many instances of a service each reads a part. Which one it is follows from the caller's name ([WithCallerName]) or from what it goes
// by otherwise. A call that nobody gave a correlation id gets one whose response comes to that partition. One whose id is from
// elsewhere, such as of the event being handled, has its id's partition read, too, from before its request is sent until a minute
// after the last such call.
//
// It is for response types whose key is the correlation id, as their schema says. The topics of others, and those of status
// events and of dead letters, are read whole.
//
// Who answers must write the correlation id, as it stands in the request, as the record's key, to the partition that Kafka's
// default partitioner chooses for it (murmur2), as Trestle's publishers do, Java's and aiokafka's. A response that is elsewhere,
// such as of librdkafka's default or without a key, is found by chance alone: its call waits until its context ends. When a topic gets
// more partitions, calls under way find their responses in old and new ones; and for five minutes more, by which producers
// have learned of it, the partitions of later calls' ids are read by either number.
func WithReplyPartition() CallerOption {
	return callerOption(func(c *callerConfig) { c.replyPartition = true })
}

const (
	// formerFor is how long producers may not know that a topic has more partitions: the default of `metadata.max.age.ms`.
	formerFor = 5 * time.Minute
	// idleFor is for how long a partition is still read that no call needs.
	idleFor = time.Minute
)

// readsPart says whether of the topic of a response type only some partitions are read.
func (c *callerConfig) readsPart(reply *EventInfo) bool {
	return c.replyPartition && reply.KeyedByCorrelation
}

// defaultPartitioner is Kafka's. It keeps nothing of records with a key.
var defaultPartitioner = kgo.StickyKeyPartitioner(nil).ForTopic("")

// keyPartition is where Kafka's default partitioner has a key among so many partitions.
func keyPartition(key string, partitions int) int32 {
	return int32(defaultPartitioner.Partition(&kgo.Record{Key: []byte(key)}, partitions))
}

// parts says which partitions of a topic are read, where not all are. Its fields belong to replies.mu.
type parts struct {
	name   string // of the caller
	count  int    // how many partitions there are; 0: not known, the topic was made anew
	former int    // how many there were before some were added; 0: none were
	added  time.Time
	calls  map[int32]int       // how many calls need a partition
	idle   map[int32]time.Time // since when no call needs it
}

func newParts(name string, count int) *parts {
	return &parts{name: name, count: count, calls: map[int32]int{}, idle: map[int32]time.Time{}}
}

// own is the caller's own partition.
func (p *parts) own() int32 { return keyPartition(p.name, p.count) }

// of returns where responses with a correlation id may come, which is in lower case or as given.
func (p *parts) of(ids ...string) []int32 {
	var all []int32
	for _, count := range []int{p.count, p.formerCount()} {
		for _, id := range ids {
			if count > 0 {
				all = append(all, keyPartition(id, count))
			}
		}
	}
	return all
}

func (p *parts) formerCount() int {
	if time.Since(p.added) >= formerFor {
		return 0
	}
	return p.former
}

// grow notes how many partitions there are, and says whether that is news.
func (p *parts) grow(count int) bool {
	if count <= p.count {
		return false
	}
	p.former, p.added, p.count = p.count, time.Now(), count
	return true
}

// claim has a call need partitions, and returns those that it did not need before.
func (p *parts) claim(w *waitingCall) []int32 {
	var more []int32
	for _, id := range p.of(w.correlationID, w.givenID) {
		if w.needs == nil {
			w.needs = map[int32]bool{}
		}
		if !w.needs[id] {
			w.needs[id] = true
			p.calls[id]++
			more = append(more, id)
		}
	}
	return more
}

func (p *parts) release(w *waitingCall) {
	for id := range w.needs {
		if p.calls[id]--; p.calls[id] == 0 {
			delete(p.calls, id)
			p.idle[id] = time.Now()
		}
	}
	w.needs = nil
}

// unneeded says whether a partition is not to be read any more.
func (p *parts) unneeded(id int32) bool {
	return p.calls[id] == 0 && id != p.own() && time.Since(p.idle[id]) >= idleFor
}

// draw returns a correlation id whose response comes to the caller's own partition, where it has one.
func (r *replies) draw(topic string) string {
	id := uuid.NewString()
	r.mu.Lock()
	p := r.topics[topic].parts
	count := 0
	if p != nil {
		count = p.count
	}
	r.mu.Unlock()
	if count == 0 {
		return id
	}
	for own := keyPartition(r.id, count); keyPartition(id, count) != own; {
		id = uuid.NewString()
	}
	return id
}

// reach has the partitions read where the response to a call may come. What stands there before is none: the request has not been
// sent yet, or what was sent is looked for otherwise. It ends with the call.
func (r *replies) reach(ctx context.Context, w *waitingCall) error {
	topic := w.reply.Topic.Name
	r.mu.Lock()
	missing := r.topics[topic].missing(w)
	r.mu.Unlock()
	if !missing {
		return nil
	}
	ends, err := r.ends(ctx, topic)
	if err != nil {
		return fmt.Errorf("read %s: %w", topic, err)
	}
	r.fetching.Lock()
	defer r.fetching.Unlock()
	r.mu.Lock()
	added := map[int32]kgo.Offset{}
	t := r.topics[topic]
	for id := range w.needs {
		if _, read := t.partitions[id]; !read {
			if end, there := ends[id]; there {
				t.partitions[id], added[id] = time.Now(), end
			}
		}
	}
	r.mu.Unlock()
	r.client.AddConsumePartitions(map[string]map[int32]kgo.Offset{topic: added})
	return nil
}

// missing says whether a call needs partitions that are not read, and notes what it needs.
func (t *replyTopic) missing(w *waitingCall) bool {
	if t.parts == nil {
		return false
	}
	t.parts.claim(w)
	for id := range w.needs {
		if _, read := t.partitions[id]; !read {
			return true
		}
	}
	return false
}

// grow notes how many partitions the topic has. If they are more than was known, it returns what is to be read now, as calls under way
// may be answered there, and from where; again are those of it that are read already, but not for as long as the calls wait.
func (t *replyTopic) grow(count int) (more map[int32]kgo.Offset, again []int32) {
	former := t.parts.count
	if !t.parts.grow(count) {
		return nil, nil
	}
	begun := time.Now()
	for _, e := range t.expected {
		for _, w := range e.waiting {
			if w.begun.Before(begun) {
				begun = w.begun
			}
		}
	}
	more = map[int32]kgo.Offset{}
	for _, e := range t.expected {
		for _, w := range e.waiting {
			fresh := t.parts.claim(w)
			for id := range w.needs {
				since, read := t.partitions[id]
				behind := read && slices.Contains(fresh, id) && since.After(w.begun)
				switch {
				case int(id) >= count, read && !behind:
					continue
				case int(id) >= former:
					more[id] = kgo.NewOffset().AtStart()
				default:
					more[id] = kgo.NewOffset().AfterMilli(begun.Add(-ClockTolerance).UnixMilli())
				}
				if behind && !slices.Contains(again, id) {
					again = append(again, id)
				}
			}
		}
	}
	for id := range more {
		t.partitions[id] = begun
	}
	return more, again
}

// dropUnneeded takes partitions out that no call needs.
func (t *replyTopic) dropUnneeded() []int32 {
	var dropped []int32
	for id := range t.partitions {
		if t.parts.count > 0 && t.parts.unneeded(id) {
			delete(t.partitions, id)
			dropped = append(dropped, id)
		}
	}
	return dropped
}
