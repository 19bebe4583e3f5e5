package trestle

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/replay"
	"github.com/omninode/trestle/runtime/wire"
)

// pendingRecords are what holds keys of a group: dead letters that are not resolved, or whose events were sent again and have not
// been handled since, as far as the group's commits tell; and records of retry topics that the group has not done. What they say
// is not kept: only where their events stand, in the order of their key.
//
// Whether a record is handled follows from them and from where it stands alone, and so is the same for whichever member has it:
// it is unless one is pending of an event that stood before it. A letter that was replayed holds what comes before the record of
// its replay.
type pendingRecords struct {
	group string
	held  map[string]bool   // topics whose keys dead letters hold
	waits map[string]string // retry topics whose records hold keys; the topics of these

	mu      sync.Mutex
	keys    map[pendingKey][]*pendingRecord // in the order of their events
	at      map[replay.Position]*pendingRecord
	parts   map[topicPartition]int            // how many keys are held, by partition
	ids     map[string]string                 // of the dead-letter topics
	retries int                               // records of retry topics
	read    kafka.Offsets                     // how far these have been read
	early   map[logPosition]replay.Resolution // of letters that have not been read yet
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

// pendingRecord is one letter.
type pendingRecord struct {
	at       replay.Position // where it stands
	key      pendingKey
	origin   wire.Place // where its event stood first
	original wire.Place // the record that it was written for
	follower bool
	replayed bool
	to       replay.Position // of replayed: where its event stands now

	// Of a record of a retry topic:
	due    time.Time // when it is to be handled; zero: it is a dead letter
	rounds int       // how often its event has come to a retry topic, having failed
}

// waits says whether it is the record of a retry topic, and no dead letter.
func (l *pendingRecord) waits() bool { return !l.due.IsZero() }

func (l *pendingRecord) String() string {
	if l.waits() {
		return "retry " + l.at.String()
	}
	return "dead letter " + l.at.String()
}

func newPendingRecords(group string) *pendingRecords {
	return &pendingRecords{
		group: group, held: map[string]bool{}, waits: map[string]string{}, keys: map[pendingKey][]*pendingRecord{}, at: map[replay.Position]*pendingRecord{},
		parts: map[topicPartition]int{}, ids: map[string]string{}, read: kafka.Offsets{}, early: map[logPosition]replay.Resolution{},
	}
}

// pendingIn reads what a record of a dead-letter topic or retry topic says: nil where that holds no key of the group.
func (p *pendingRecords) pendingIn(r *kafka.Record) *pendingRecord {
	if r.Oversized != nil {
		return nil
	}
	at := replay.Position{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset}
	if source, waits := p.waits[r.Topic]; waits {
		t, ok := readRetried(*r, source)
		if !ok || t.group != p.group || r.Key == nil {
			return nil
		}
		return t.pending(at)
	}
	d, err := deadletter.Parse(r)
	if err != nil || d.ConsumerGroup != p.group || !p.held[d.SourceTopic] || d.Original.Key == nil {
		return nil
	}
	origin, ok := d.Original.Origin()
	original, known := d.Original.Place()
	if !ok || !known {
		return nil
	}
	return &pendingRecord{
		at: at, key: pendingKey{d.SourceTopic, origin.Partition, string(d.Original.Key)},
		origin: origin, original: original, follower: d.HeldBehind != "",
	}
}

// pending is what a record of a retry topic holds its key by.
func (r *retried) pending(at replay.Position) *pendingRecord {
	place := wire.Place{TopicID: r.topicID, Partition: r.original.Partition, Offset: r.original.Offset}
	origin, ok := wire.OriginIn(r.original.Headers)
	if !ok {
		origin = place
	}
	return &pendingRecord{
		at: at, key: pendingKey{r.original.Topic, origin.Partition, string(r.original.Key)},
		origin: origin, original: place, follower: r.behind != "", due: r.due, rounds: r.rounds,
	}
}

// add takes in a letter that was written or read.
func (p *pendingRecords) add(l *pendingRecord) {
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
		p.parts[topicPartition{l.key.topic, l.key.partition}]++
	} else {
		l.key = all[0].key // one memory for all
	}
	p.keys[l.key] = slices.Insert(all, firstFrom(all, l.origin.Offset), l)
	p.at[l.at] = l
	if l.waits() {
		p.retries++
	}
}

// isReplayed takes in that a letter is resolved. It says false where that ends its waiting: it was purged, or where its event
// stands is not known.
func (l *pendingRecord) isReplayed(r replay.Resolution) bool {
	if r.To.Topic != l.key.topic {
		return false
	}
	l.replayed, l.to = true, r.To
	return true
}

// inLog needs mu.
func (p *pendingRecords) inLog(at replay.Position) logPosition {
	return logPosition{at, p.ids[at.Topic]}
}

// wasRead says whether the reader is past a letter. It needs mu.
func (p *pendingRecords) wasRead(at replay.Position) bool {
	next, _ := p.read.Next(at.Topic, at.Partition)
	return at.Offset < next
}

// resolve takes in what became of a letter, of the dead-letter topic with that id; nil: it is not resolved any more.
func (p *pendingRecords) resolve(at replay.Position, topicID string, r *replay.Resolution) {
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

// done takes in that this member has done a record of a retry topic.
func (p *pendingRecords) done(at replay.Position) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l := p.at[at]; l != nil {
		p.remove(l)
	}
	if !p.wasRead(at) {
		p.early[p.inLog(at)] = replay.Resolution{}
	}
}

// met takes in the record of a replay that stands at a place: its letter is resolved there, or it could not be read.
func (p *pendingRecords) met(letter, at replay.Position, origin wire.Place) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l := p.at[letter]; l != nil && l.origin == origin {
		l.replayed, l.to = true, at
	}
}

// remove needs mu.
func (p *pendingRecords) remove(l *pendingRecord) {
	delete(p.at, l.at)
	if l.waits() {
		p.retries--
	}
	all := p.keys[l.key]
	i := firstFrom(all, l.origin.Offset)
	for all[i] != l {
		i++
	}
	if i == 0 { // as mostly, and many may come behind it
		all[0] = nil
		all = all[1:]
	} else {
		all = slices.Delete(all, i, i+1)
	}
	if len(all) > 0 {
		p.keys[l.key] = all
		return
	}
	delete(p.keys, l.key)
	part := topicPartition{l.key.topic, l.key.partition}
	if p.parts[part]--; p.parts[part] == 0 {
		delete(p.parts, part)
	}
}

// isHeld says whether anything pends of a key.
func (p *pendingRecords) isHeld(topic string, partition int32, key []byte) bool {
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
	// Of a record of a retry topic, by which no place tells what it comes before:
	retried bool
	at      replay.Position // where it stands itself
	rounds  int
}

// of returns the letter that stands for a record already, and the one that it has to wait behind: the last before it; nil where
// there is none.
func (p *pendingRecords) of(r *holdable) (own, before *pendingRecord) {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := p.keys[pendingKey{r.topic, r.origin.Partition, string(r.key)}]
	first := firstFrom(all, r.origin.Offset)
	for _, l := range all[first:] { // what was written for a record has its event's origin
		if l.origin.Offset > r.origin.Offset {
			break
		}
		if l.at != r.at && l.origin.SameLog(r.origin) && l.original == r.original && r.isIn(l) {
			own = l
		}
	}
	for _, l := range slices.Backward(all[:first]) {
		if l.origin.SameLog(r.origin) && l.holds(r) {
			return own, l
		}
	}
	return own, nil
}

// firstFrom is the first of a key's whose event stood at an offset or behind it.
func firstFrom(all []*pendingRecord, origin int64) int {
	i, _ := slices.BinarySearchFunc(all, origin, func(l *pendingRecord, origin int64) int { return cmp.Compare(l.origin.Offset, origin) })
	return i
}

// isIn says whether what has become of a record is that another one was written for it.
func (r *holdable) isIn(l *pendingRecord) bool {
	return !l.waits() || !r.retried || l.rounds > r.rounds
}

// holds says whether a letter is pending at the place of a record.
func (l *pendingRecord) holds(r *holdable) bool {
	if !l.replayed {
		return true
	}
	return !r.retried && l.to.Partition == r.original.Partition && l.to.Offset > r.original.Offset
}

// heldKeys counts the keys of a partition of which letters pend.
func (p *pendingRecords) heldKeys(tp topicPartition) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.parts[tp]
}

// isIn notes which log a dead-letter topic is now. It says true where that is another one than before: nothing is known of it.
func (p *pendingRecords) isIn(topic, id string) (another bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before, known := p.ids[topic]
	p.ids[topic] = id
	if !known || before == id {
		return false
	}
	p.removeWhere(func(l *pendingRecord) bool { return l.at.Topic == topic })
	delete(p.read, topic)
	for at := range p.early {
		if at.Topic == topic && at.topicID != id {
			delete(p.early, at)
		}
	}
	return true
}

// doneBy forgets records of retry topics that the group has done, by its commits.
func (p *pendingRecords) doneBy(commits map[topicPartition]committed) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.removeWhere(func(l *pendingRecord) bool {
		if !l.waits() || !p.wasRead(l.at) { // else it would come again
			return false
		}
		c, ok := commits[topicPartition{l.at.Topic, l.at.Partition}]
		return ok && (l.at.Offset < c.at || slices.ContainsFunc(c.done, func(run doneRun) bool { return run.first <= l.at.Offset && l.at.Offset < run.end }))
	})
}

// committed is what a group has done of a partition.
type committed struct {
	at   int64     // all before that
	done []doneRun // and of what comes behind it
}

// forget forgets letters that the group has passed, by its commits, and those that their log no longer has, by where its
// partitions start. It returns how many of the latter held their keys.
func (p *pendingRecords) forget(commits, starts kafka.Offsets) (deleted int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.removeWhere(func(l *pendingRecord) bool {
		committed, _ := commits.Next(l.key.topic, l.to.Partition)
		return l.replayed && l.to.Offset < committed && p.wasRead(l.at) // else it would come again
	})
	deleted = p.removeWhere(func(l *pendingRecord) bool {
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
func (p *pendingRecords) removeWhere(gone func(*pendingRecord) bool) (n int) {
	for _, l := range p.at {
		if gone(l) {
			p.remove(l)
			n++
		}
	}
	return n
}

// passed notes how far a dead-letter topic has been read.
func (p *pendingRecords) passed(topic string, partition int32, next int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.read.Set(topic, partition, next)
}

// topicsOf are the topics of which to ask what holds nothing any more: those that letters were replayed to, and those in which
// records stand.
func (p *pendingRecords) topicsOf() (sources, standing []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	from, in := map[string]bool{}, map[string]bool{}
	for _, l := range p.at {
		in[l.at.Topic] = true
		if l.replayed {
			from[l.key.topic] = true
		}
	}
	return slices.Collect(maps.Keys(from)), slices.Collect(maps.Keys(in))
}

// retriesPend says whether records of retry topics hold keys.
func (p *pendingRecords) retriesPend() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.retries > 0
}

// begin has a topic be read anew.
func (p *pendingRecords) begin(topic string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.read, topic)
}
