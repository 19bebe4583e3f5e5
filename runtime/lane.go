package trestle

import (
	"hash/maphash"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// laneKey is a hash of a record's key within its partition; an absent key differs from an empty one. Two keys of the same hash
// would be in order among each other, which does no harm.
type laneKey uint64

var laneSeed = maphash.MakeSeed()

func laneKeyOf(key []byte) laneKey {
	if key == nil {
		return 0
	}
	return laneKey(maphash.Bytes(laneSeed, key) | 1)
}

// lane is the queue of one key.
type lane struct {
	part       *partition
	key        laneKey
	head, tail *task
	state      laneState
	timer      *time.Timer // while parked
	out        int         // records that were given out, and have not come back
	queued     amount      // records that are not out, where their topic is handled in batches
}

type laneState uint8

const (
	waiting laneState = iota // in partition.ready
	busy                     // its head is running, or more from there on
	parked                   // its head waits for its next attempt
)

// task is one record on its way to done.
type task struct {
	record *kgo.Record
	at     time.Time // the record's; zero: not known
	part   *partition
	lane   *lane
	next   *task
	seq    uint64
	chunk  *chunk

	out      bool          // it was given out, and has not come back
	run      int           // how often it was given out
	refused  bool          // its dead letter could not be written
	snoozed  bool          // it waits since its handler has put it off
	replaced bool          // another worker has taken the place of the one whose handler runs on
	alone    bool          // it comes in no batch with others
	freed    bool          // it is out, and its worker has been given back
	left     bool          // an earlier assignment has left it behind: others that came after it are done
	wait     time.Duration // that it was parked for

	batch *handout // that it was given out in; nil: alone

	// handler is what it was given to; nil while that is not known.
	handler atomic.Pointer[eventHandler]

	begun    time.Time  // of its first attempt
	attempt  int        // handler calls so far, but those that put it off
	snoozes  int        // those
	delivery *Delivery  // of the last one
	failure  *failure   // why it goes to its dead letter; nil while it is to be handled
	outputs  []*sending // what its handler has published that goes with its commit
	// oversized is what was not read of it; nil: nothing. A batch that was not opened is one record, the last of the batch.
	oversized *OversizedError
}

// handout is a batch that a worker was given.
type handout struct {
	out      int  // records of it that have not come back
	replaced bool // another worker has taken the place of the one whose handler runs on
}

// isNew says whether it was not tried before, as far as is known.
func (t *task) isNew() bool { return t.attempt == 0 && !t.left }

// counted is which attempt a breaker is to take the last one for. What was left behind has probably failed before.
func (t *task) counted() int {
	if t.left {
		return t.attempt + 1
	}
	return t.attempt
}

// isReplaced is where it stands whether another worker has taken the place of the one that has the record.
func (t *task) isReplaced() *bool {
	if t.batch != nil {
		return &t.batch.replaced
	}
	return &t.replaced
}

// cutAfter takes the records past an offset out of a lane, but not what runs nor what lies before that, and returns the first of them.
func (l *lane) cutAfter(offset int64) (rest *task) {
	var last *task
	for t := l.head; t != nil; t = t.next {
		if t.out || t.record.Offset <= offset {
			last = t
		}
	}
	if l.tail = last; last == nil {
		rest, l.head = l.head, nil
	} else {
		rest, last.next = last.next, nil
	}
	return rest
}

func (l *lane) append(t *task) {
	if l.tail == nil {
		l.head = t
	} else {
		l.tail.next = t
	}
	l.tail = t
}

// remove takes a record out of a lane. Mostly it is the first one.
func (l *lane) remove(t *task) {
	var before *task
	for at := l.head; at != t; at = at.next {
		before = at
	}
	if before == nil {
		l.head = t.next
	} else {
		before.next = t.next
	}
	if l.tail == t {
		l.tail = before
	}
	t.next = nil
}
