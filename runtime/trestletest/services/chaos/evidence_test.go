package chaos

import (
	"cmp"
	"fmt"
	"slices"

	trestle "github.com/omninode/trestle/runtime"
)

// stream is what is published to a topic, and what the ledger holds it to.
type stream struct {
	topic    *trestle.TopicInfo
	keys     []string
	perKey   int              // events published of each key
	never    func(n int) bool // events that must not come to the topic; nil: none
	once     bool             // no event stands in the log twice, but for replays
	replayed bool             // its dead letters are
	readers  []reader
}

// reader is a consumer group of a stream.
type reader struct {
	group    string
	also     []string          // topics that it reads for this one: its retry topics
	refuses  func(stepID) bool // events that it gives up in the end, which have dead letters
	exhausts func(stepID) bool // those of them for which its handler is called as often as can be; nil: none
	attempts int               // how often that is
	effects  bool              // its handler has an effect in the database, once for each event
}

// before is the event of a key in front of another; false: there is none.
func (s *stream) before(n int) (int, bool) {
	for n--; n >= 0; n-- {
		if s.never == nil || !s.never(n) {
			return n, true
		}
	}
	return 0, false
}

// eachEvent calls f for all events that are to be published, those of a key in order.
func (s *stream) eachEvent(f func(stepID)) {
	for _, key := range s.keys {
		for n := range s.perKey {
			if s.never == nil || !s.never(n) {
				f(stepID{key: key, n: n})
			}
		}
	}
}

// logged is a record of the topic's log.
type logged struct {
	place
	step   stepID
	replay *replayed // nil: it is none
}

// replayed is what a replay says of itself.
type replayed struct {
	letter string // where its dead letter stands
	group  string // that it is for; empty: all
}

// letter is a dead letter: the step that it can be replayed as, or why it can't be.
type letter struct {
	at     string // topic/partition/offset
	group  string
	step   *stepID
	reason string
}

// snapshot is how far a group had committed a partition at a time.
type snapshot struct {
	group     string
	era       int
	partition int32
	committed int64
	at        int64
	done      func(offset int64) bool // beyond that, as the commit says; nil: it says nothing
}

// evidence is all that there is to judge a stream by. Steps have no era in what is read from it.
type evidence struct {
	stream
	lines     []line
	log       []logged // of each partition in order
	letters   []letter
	snapshots []snapshot      // in order of time
	stored    map[stepID]bool // in the database with the transaction that wrote the event into the outbox
	effects   map[stepID]int
	// rewinds says that positions may go back: when a leader has moved, the embedded cluster may say that the log was cut off at its
	// start, which it was not.
	rewinds bool

	at        map[place]*logged
	histories map[stepID]*history
	doneAt    map[string]map[place]int64 // by group, the first time
	endedAt   map[string]map[place]bool  // by group: done, and not to be tried again

	repeated int // records that were done again
	twice    int // records of events that the log had already
}

// history is what became of a step.
type history struct {
	acked   []place
	spooled bool
	said    bool // that its transaction was committed
	inLog   int  // records, without replays
	byGroup map[string]*handling
}

// handling is what a group's handlers did with a step, replays left aside.
type handling struct {
	begins   []beginning
	failedIn map[int64]bool // calls of a batch
	done     int64          // the first time; 0: never
	ended    map[string]int // in which ways, and how often
	attempts int            // the highest
}

type beginning struct{ at, call int64 }

func (h *history) of(group string) *handling {
	if h.byGroup[group] == nil {
		h.byGroup[group] = &handling{failedIn: map[int64]bool{}, ended: map[string]int{}}
	}
	return h.byGroup[group]
}

func (e *evidence) history(s stepID) *history {
	id := stepID{key: s.key, n: s.n} // it is the same in whichever era it came to the log
	h := e.histories[id]
	if h == nil {
		h = &history{byGroup: map[string]*handling{}}
		e.histories[id] = h
	}
	return h
}

func earliest(a, b int64) int64 {
	if a == 0 {
		return b
	}
	return min(a, b)
}

// sort puts in order what there is.
func (e *evidence) sort() {
	slices.SortStableFunc(e.log, func(a, b logged) int { return cmp.Compare(a.era, b.era) })
	e.at, e.histories = make(map[place]*logged, len(e.log)), map[stepID]*history{}
	e.doneAt, e.endedAt = map[string]map[place]int64{}, map[string]map[place]bool{}
	for i := range e.log {
		r := &e.log[i]
		e.at[r.place] = r
		if r.replay == nil {
			e.history(r.step).inLog++
		}
	}
	for _, r := range e.readers {
		e.doneAt[r.group], e.endedAt[r.group] = map[place]int64{}, map[place]bool{}
	}
	for _, l := range e.lines {
		e.take(l)
	}
	for _, h := range e.histories {
		for _, of := range h.byGroup {
			slices.SortFunc(of.begins, func(a, b beginning) int { return cmp.Compare(a.at, b.at) })
		}
	}
}

func (e *evidence) take(l line) {
	h := e.history(l.step)
	switch l.what {
	case acked:
		h.acked = append(h.acked, l.place)
		return
	case spooled:
		h.spooled = true
		return
	case committed:
		h.said = true
		return
	}
	if l.isDone() {
		e.doneAt[l.group][l.place] = earliest(e.doneAt[l.group][l.place], l.at)
	}
	if l.isDone() && l.what != retried {
		if e.endedAt[l.group][l.place] {
			e.repeated++
		}
		e.endedAt[l.group][l.place] = true
	}
	if r := e.at[l.place]; r != nil && r.replay != nil {
		return // see judgeReplays
	}
	of := h.of(l.group)
	switch {
	case l.what == begun:
		of.begins = append(of.begins, beginning{l.at, l.call})
		of.attempts = max(of.attempts, l.attempt)
	case l.what == failed:
		of.failedIn[l.call] = true
	default:
		of.done = earliest(of.done, l.at)
		of.ended[l.what]++
	}
}

// most is how many faults of one kind are told.
const most = 10

// faults are what must not be.
type faults struct {
	told  []string
	count map[string]int
}

func (f *faults) add(kind, format string, args ...any) {
	if f.count[kind]++; f.count[kind] <= most {
		f.told = append(f.told, kind+": "+fmt.Sprintf(format, args...))
	}
}

// judge returns what went wrong; nothing in the best case.
func (e *evidence) judge() []string {
	f := &faults{count: map[string]int{}}
	e.sort()
	e.judgeAcceptance(f)
	e.judgeLog(f)
	for i := range e.readers {
		r := &e.readers[i]
		e.judgeHandling(f, r)
		e.judgeLetters(f, r)
		e.judgeCommits(f, r)
		if r.effects {
			e.judgeEffects(f, r)
		}
	}
	e.judgeForeignLetters(f)
	if e.replayed {
		e.judgeReplays(f)
	}
	for kind, n := range f.count {
		if n > most {
			f.told = append(f.told, fmt.Sprintf("%s: %d in all", kind, n))
		}
	}
	return f.told
}
