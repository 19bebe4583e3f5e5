package trestle

import (
	"cmp"
	"maps"
	"slices"
	"sync"

	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/replay"
	"github.com/omninode/trestle/runtime/wire"
)

// pendingLetters are the dead letters of a group that hold their keys: those that are not resolved, and those whose events were
// sent again and have not been handled since, as far as the group's commits tell. What they say is not kept: only where their
// events stand, in the order of their key.
//
// Whether a record is handled follows from them and from where it stands alone, and so is the same for whichever member has it:
// it is unless the letter of an event that stood before it is pending, at the place of the record: a letter holds what comes
// before the record by which it is replayed.
type pendingLetters struct {
	group  string
	topics map[string]bool // whose keys are held

	mu    sync.Mutex
	keys  map[pendingKey][]*pendingLetter // in the order of their events
	at    map[replay.Position]*pendingLetter
	held  map[topicPartition]int            // how many keys, by partition
	ids   map[string]string                 // of the dead-letter topics
	read  kafka.Offsets                     // how far these have been read
	early map[logPosition]replay.Resolution // of letters that have not been read yet
}

// logPosition is where a letter stands in a log.
type logPosition struct {
	replay.Position
	topicID string
}

// pendingKey is a key of a source topic's partition.
type pendingKey struct {
	topic     string
	partition int32
	key       string
}

// pendingLetter is one letter.
type pendingLetter struct {
	at       replay.Position // where it stands
	key      pendingKey
	origin   wire.Place // where its event stood first
	original wire.Place // the record that it was written for
	follower bool
	replayed bool
	to       replay.Position // of replayed: where its event stands now
}

func newPendingLetters(group string) *pendingLetters {
	return &pendingLetters{
		group: group, topics: map[string]bool{}, keys: map[pendingKey][]*pendingLetter{}, at: map[replay.Position]*pendingLetter{},
		held: map[topicPartition]int{}, ids: map[string]string{}, read: kafka.Offsets{}, early: map[logPosition]replay.Resolution{},
	}
}

// pendingIn reads what a record of a dead-letter topic says: nil where that holds no key of the group.
func (p *pendingLetters) pendingIn(r *kafka.Record) *pendingLetter {
	if r.Oversized != nil {
		return nil
	}
	d, err := deadletter.Parse(r)
	if err != nil || d.ConsumerGroup != p.group || !p.topics[d.SourceTopic] || d.Original.Key == nil {
		return nil
	}
	origin, ok := d.Original.Origin()
	original, known := d.Original.Place()
	if !ok || !known {
		return nil
	}
	return &pendingLetter{
		at: replay.Position{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset}, key: pendingKey{d.SourceTopic, origin.Partition, string(d.Original.Key)},
		origin: origin, original: original, follower: d.HeldBehind != "",
	}
}

// add takes in a letter that was written or read.
func (p *pendingLetters) add(l *pendingLetter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.at[l.at] != nil {
		return
	}
	if r, ok := p.early[p.inLog(l.at)]; ok {
		delete(p.early, p.inLog(l.at))
		if !l.isReplayed(r) {
			return
		}
	}
	all := p.keys[l.key]
	if len(all) == 0 {
		p.held[topicPartition{l.key.topic, l.key.partition}]++
	} else {
		l.key = all[0].key // one memory for all
	}
	i, _ := slices.BinarySearchFunc(all, l, func(a, b *pendingLetter) int { return cmp.Compare(a.origin.Offset, b.origin.Offset) })
	p.keys[l.key] = slices.Insert(all, i, l)
	p.at[l.at] = l
}

// isReplayed takes in that a letter is resolved. It says false where that ends its waiting: it was purged, or where its event
// stands is not known.
func (l *pendingLetter) isReplayed(r replay.Resolution) bool {
	if r.To.Topic != l.key.topic {
		return false
	}
	l.replayed, l.to = true, r.To
	return true
}

// inLog needs mu.
func (p *pendingLetters) inLog(at replay.Position) logPosition {
	return logPosition{at, p.ids[at.Topic]}
}

// wasRead says whether the reader is past a letter. It needs mu.
func (p *pendingLetters) wasRead(at replay.Position) bool {
	next, _ := p.read.Next(at.Topic, at.Partition)
	return at.Offset < next
}

// resolve takes in what became of a letter, of the dead-letter topic with that id; nil: it is not resolved any more.
func (p *pendingLetters) resolve(at replay.Position, topicID string, r *replay.Resolution) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if id, known := p.ids[at.Topic]; known && id != topicID {
		return
	}
	l := p.at[at]
	switch {
	case r == nil:
		delete(p.early, logPosition{at, topicID})
		if l != nil {
			l.replayed = false
		}
		return
	case l != nil && l.isReplayed(*r):
		return
	case l != nil:
		p.remove(l)
	}
	if !p.wasRead(at) { // it is still to come from the log
		p.early[logPosition{at, topicID}] = *r
	}
}

// met takes in the record of a replay that stands at a place: its letter is resolved there, or it could not be read.
func (p *pendingLetters) met(letter, at replay.Position, origin wire.Place) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l := p.at[letter]; l != nil && l.origin == origin {
		l.replayed, l.to = true, at
	}
}

// remove needs mu.
func (p *pendingLetters) remove(l *pendingLetter) {
	delete(p.at, l.at)
	all := slices.DeleteFunc(p.keys[l.key], func(other *pendingLetter) bool { return other == l })
	if len(all) > 0 {
		p.keys[l.key] = all
		return
	}
	delete(p.keys, l.key)
	part := topicPartition{l.key.topic, l.key.partition}
	if p.held[part]--; p.held[part] == 0 {
		delete(p.held, part)
	}
}

// isHeld says whether anything pends of a key.
func (p *pendingLetters) isHeld(topic string, partition int32, key []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.keys[pendingKey{topic, partition, string(key)}]) > 0
}

// holdable is a record whose key may be held.
type holdable struct {
	topic    string // its source
	key      []byte
	original wire.Place // where it stands, or the one that waits in a retry topic does
	origin   wire.Place // where its event stood first
	retried  bool       // it waits in a retry topic: no place tells what it comes before
}

// of returns the letter that stands for a record already, and the one that it has to wait behind: the last before it; nil where
// there is none.
func (p *pendingLetters) of(r *holdable) (own, before *pendingLetter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.keys[pendingKey{r.topic, r.origin.Partition, string(r.key)}] {
		switch {
		case !l.origin.SameLog(r.origin):
		case l.original == r.original:
			own = l
		case l.origin.Offset < r.origin.Offset && l.holds(r):
			before = l
		}
	}
	return own, before
}

// holds says whether a letter is pending at the place of a record.
func (l *pendingLetter) holds(r *holdable) bool {
	if !l.replayed {
		return true
	}
	return !r.retried && l.to.Partition == r.original.Partition && l.to.Offset > r.original.Offset
}

// heldKeys counts the keys of a partition of which letters pend.
func (p *pendingLetters) heldKeys(tp topicPartition) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.held[tp]
}

// isIn notes which log a dead-letter topic is now. It says true where that is another one than before: nothing is known of it.
func (p *pendingLetters) isIn(topic, id string) (another bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before, known := p.ids[topic]
	p.ids[topic] = id
	if !known || before == id {
		return false
	}
	p.removeWhere(func(l *pendingLetter) bool { return l.at.Topic == topic })
	delete(p.read, topic)
	for at := range p.early {
		if at.Topic == topic && at.topicID != id {
			delete(p.early, at)
		}
	}
	return true
}

// forget forgets letters that the group has passed, by its commits, and those that their log no longer has, by where its
// partitions start. It returns how many of the latter held their keys.
func (p *pendingLetters) forget(commits, starts kafka.Offsets) (deleted int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.removeWhere(func(l *pendingLetter) bool {
		committed, _ := commits.Next(l.key.topic, l.to.Partition)
		return l.replayed && l.to.Offset < committed && p.wasRead(l.at) // else it would come again
	})
	deleted = p.removeWhere(func(l *pendingLetter) bool {
		start, known := starts.Next(l.at.Topic, l.at.Partition)
		return known && l.at.Offset < start
	})
	for at := range p.early {
		if p.wasRead(at.Position) { // it holds nothing
			delete(p.early, at)
		}
	}
	return deleted
}

// removeWhere needs mu.
func (p *pendingLetters) removeWhere(gone func(*pendingLetter) bool) (n int) {
	for _, l := range p.at {
		if gone(l) {
			p.remove(l)
			n++
		}
	}
	return n
}

// passed notes how far a dead-letter topic has been read.
func (p *pendingLetters) passed(topic string, partition int32, next int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.read.Set(topic, partition, next)
}

// topicsOf are the source topics and dead-letter topics of what pends.
func (p *pendingLetters) topicsOf() (sources, letters []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	from, to := map[string]bool{}, map[string]bool{}
	for _, l := range p.at {
		to[l.at.Topic] = true
		if l.replayed {
			from[l.key.topic] = true
		}
	}
	return slices.Collect(maps.Keys(from)), slices.Collect(maps.Keys(to))
}
