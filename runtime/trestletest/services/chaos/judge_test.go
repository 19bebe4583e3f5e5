package chaos

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// The groups of the planted ledgers.
const (
	plain    = "plain"    // handles an event at a time
	batching = "batching" // handles batches, and has retry topics
	lasting  = "lasting"  // has effects in the database
)

// clean is what two keys of seven events each leave behind when all goes well: they are written into an outbox, the fourth is rolled back,
// and of the others each group gives another one up; its letter is replayed.
func clean() *evidence {
	only := func(n int) func(stepID) bool { return func(s stepID) bool { return s.n == n } }
	p := &planter{evidence: &evidence{
		stream: stream{
			topic: orders, keys: []string{"a", "b"}, perKey: 7, never: func(n int) bool { return n == 3 }, once: true, replayed: true,
			readers: []reader{
				{group: plain, refuses: only(1), attempts: 2},
				{group: batching, refuses: only(4), exhausts: only(4), attempts: 4},
				{group: lasting, refuses: only(5), attempts: 1, effects: true},
			},
		},
		stored: map[stepID]bool{}, effects: map[stepID]int{},
	}, clock: 1, ends: map[int32]int64{}}
	p.eachEvent(func(id stepID) {
		partition := int32(strings.Index("ab", id.key))
		at := p.publish(id, partition)
		for _, r := range p.readers {
			p.handle(r.group, id, at, r.refuses(id))
		}
		p.stored[id] = true
		p.effects[id] = 1
	})
	for _, l := range slices.Clone(p.letters) {
		at := p.replay(l)
		for _, r := range p.readers {
			if r.group == l.group {
				p.add(begun, r.group, *l.step, at)
				p.add(handled, r.group, *l.step, at)
			} else {
				p.add(skipped, r.group, *l.step, at)
			}
			p.commit(r.group, at)
		}
	}
	return p.evidence
}

// planter writes evidence.
type planter struct {
	*evidence
	clock, calls int64
	ends         map[int32]int64
}

func (p *planter) add(what, group string, id stepID, at place) *line {
	p.clock++
	p.lines = append(p.lines, line{what: what, at: p.clock, topic: p.topic.Name, group: group, step: id, place: at})
	return &p.lines[len(p.lines)-1]
}

func (p *planter) log1(id stepID, partition int32, replay *replayed) place {
	at := place{0, partition, p.ends[partition]}
	p.ends[partition]++
	p.log = append(p.log, logged{at, id, replay})
	return at
}

func (p *planter) publish(id stepID, partition int32) place {
	p.add(committed, "", id, place{})
	return p.log1(id, partition, nil)
}

func (p *planter) replay(l letter) place {
	return p.log1(*l.step, int32(strings.Index("ab", l.step.key)), &replayed{l.at, l.group})
}

func (p *planter) commit(group string, at place) {
	p.clock++
	p.snapshots = append(p.snapshots, snapshot{group, 0, at.partition, at.offset + 1, p.clock, nil})
}

func (p *planter) handle(group string, id stepID, at place, refuse bool) {
	begin := func(attempt int) {
		l := p.add(begun, group, id, at)
		l.attempt = attempt
		if group == batching {
			p.calls++
			l.call = p.calls
		}
	}
	begin(1)
	switch {
	case refuse && group == batching:
		for attempt := 2; attempt <= 4; attempt++ {
			p.add(failed, group, id, at).call = p.calls
			if attempt == 3 {
				p.add(retried, group, id, at)
			}
			begin(attempt)
		}
		fallthrough
	case refuse:
		p.add(deadLettered, group, id, at)
		p.letters = append(p.letters, letter{at: fmt.Sprintf("dlq/0/%d", len(p.letters)), group: group, step: &id})
	default:
		p.add(handled, group, id, at)
	}
	p.commit(group, at)
}

func (e *evidence) find(what, group, key string, n int) int {
	return slices.IndexFunc(e.lines, func(l line) bool {
		return l.what == what && l.group == group && l.step.key == key && l.step.n == n
	})
}

func (e *evidence) line(what, group, key string, n int) *line {
	return &e.lines[e.find(what, group, key, n)]
}

// without drops lines and snapshots of a group about an event.
func (e *evidence) without(group, key string, n int, whats ...string) {
	e.lines = slices.DeleteFunc(e.lines, func(l line) bool {
		return l.group == group && l.step.key == key && l.step.n == n && (len(whats) == 0 || slices.Contains(whats, l.what))
	})
	e.snapshots = slices.DeleteFunc(e.snapshots, func(s snapshot) bool { return s.group == group })
}

func (e *evidence) record(key string, n int, replay bool) int {
	return slices.IndexFunc(e.log, func(r logged) bool { return r.step.key == key && r.step.n == n && (r.replay != nil) == replay })
}

// sameBatch has two events that follow each other be handled in one call.
func (e *evidence) sameBatch(key string, n int, failing bool) {
	first, second := e.line(begun, batching, key, n), e.line(begun, batching, key, n+1)
	second.call, second.at = first.call, first.at
	if failing {
		e.lines = append(e.lines, line{what: failed, at: first.at, topic: e.topic.Name, group: batching, step: first.step, place: first.place, call: first.call})
	}
}

// TestJudge plants a fault of each kind into a ledger that has none.
func TestJudge(t *testing.T) {
	t.Parallel()
	a := func(n int) stepID { return stepID{key: "a", n: n} }
	for name, plant := range map[string]func(*evidence){
		"nothing":                  func(*evidence) {},
		"two events in a batch":    func(e *evidence) { e.sameBatch("a", 0, false) },
		"an event handled twice":   func(e *evidence) { e.lines = append(e.lines, e.lines[e.find(handled, plain, "a", 0)]) },
		"a letter that says why":   func(e *evidence) { e.replayed, e.log, e.letters = false, nil, nil; e.fromScratch() },
		"an event twice in a log":  func(e *evidence) { e.once = false; e.log = append(e.log, logged{place{0, 7, 0}, a(0), nil}) },
		"what came to the spool":   func(e *evidence) { e.stored = nil; e.change(committed, spooled) },
		"one that is done already": func(e *evidence) { e.line(handled, lasting, "a", 0).what = duplicate },
	} {
		e := clean()
		plant(e)
		if told := e.judge(); len(told) > 0 {
			t.Errorf("%s is no fault: %q", name, told)
		}
	}
	for name, tt := range map[string]struct {
		plant func(*evidence)
		want  string
	}{
		"an event that nobody handled": {func(e *evidence) { e.without(plain, "b", 6) }, "lost: b#6 is in the log, and plain"},
		"an acknowledged event that the log does not have": {func(e *evidence) {
			e.lines = append(e.lines, line{what: acked, step: a(6), place: place{0, 0, 99}})
		}, "lost by the cluster: a#6"},
		"an event that never came": {func(e *evidence) { e.perKey = 8 }, "unpublished: 12 events were accepted, want 14"},
		"a swap in the log": {func(e *evidence) {
			first, second := e.record("a", 1, false), e.record("a", 2, false)
			e.log[first].step, e.log[second].step = e.log[second].step, e.log[first].step
		}, "order in the log: a#2"},

		"an event of the outbox that the log does not have": {func(e *evidence) { e.log = slices.Delete(e.log, e.record("b", 6, false), e.record("b", 6, false)+1) },
			"lost by the outbox: b#6"},
		"an event of the outbox that was written twice": {func(e *evidence) { e.log = append(e.log, logged{place{0, 7, 0}, a(0), nil}) }, "twice in the log: a#0"},
		"an event that was rolled back":                 {func(e *evidence) { e.log = append(e.log, logged{place{0, 7, 0}, a(3), nil}) }, "not rolled back: a#3 stands at"},
		"a row that was rolled back":                    {func(e *evidence) { e.stored[a(3)] = true }, "not rolled back: a#3 is in the database"},
		"a row that the database lost":                  {func(e *evidence) { delete(e.stored, a(2)) }, "lost by the database: a#2"},
		"an event that the spool lost": {func(e *evidence) {
			e.log = slices.Delete(e.log, e.record("b", 6, false), e.record("b", 6, false)+1)
			e.stored = nil
			e.change(committed, spooled)
		}, "lost by the spool: b#6"},

		"two events of a key, the other way round": {func(e *evidence) {
			first, second := e.line(begun, plain, "a", 1), e.line(begun, plain, "a", 2)
			first.at, second.at = second.at, first.at
		}, "order: a#2 began in plain before it was done with a#1"},
		"two at a time": {func(e *evidence) { e.line(begun, plain, "a", 2).at = e.line(deadLettered, plain, "a", 1).at - 1 }, "order: a#2 began in plain"},
		"behind one that failed in a batch": {func(e *evidence) {
			first := e.line(handled, batching, "a", 0)
			first.at = e.line(handled, batching, "a", 1).at - 1
			e.sameBatch("a", 0, true)
		}, "order: a#1 counts in batching by a call in which a#0 failed"},
		"an attempt too many":  {func(e *evidence) { e.line(begun, batching, "a", 2).attempt = 5 }, "attempts: batching was called for a#2 a 5. time, want at most 4"},
		"one that is given up": {func(e *evidence) { e.without(batching, "a", 4, begun) }, "attempts: batching gave a#4 up after 0, want 4"},

		"a commit over what is not done": {func(e *evidence) { e.snapshots[0].at = e.line(handled, plain, "a", 0).at - 1 }, "commit: plain committed 1, and a#0"},
		"a commit of what is not done, beyond its position": {func(e *evidence) {
			e.snapshots[0].done = func(offset int64) bool { return offset == 2 }
		}, "commit: plain committed a#2 at era 0, 0@2 as done"},
		"a commit that goes back": {func(e *evidence) { e.snapshots = append(e.snapshots, snapshot{plain, 0, 1, 1, 1000, nil}) }, "commit: partition 1 went back"},

		"a dead letter that is missing": {func(e *evidence) { e.letters = e.letters[1:] }, "dead letter: there is none of a#1 by plain"},
		"a dead letter too many":        {func(e *evidence) { e.letters[0].step = &stepID{key: "a", n: 2} }, "dead letter: of a#2 by plain, which is fine"},
		"a letter of nobody":            {func(e *evidence) { e.letters[0].group = "" }, `dead letter: that at dlq/0/0 is of group ""`},
		"a letter that says nothing":    {func(e *evidence) { e.letters[0].step = nil }, "dead letter: that at dlq/0/0 can't be replayed"},
		"two ends": {func(e *evidence) {
			l := *e.line(deadLettered, batching, "a", 4)
			l.what = handled
			e.lines = append(e.lines, l)
		}, "two ends: a#4 has a dead letter by batching"},
		"no end": {func(e *evidence) { e.line(handled, batching, "a", 2).what = retried }, "no end: a#2 was not handled by batching"},

		"a letter that was not replayed": {func(e *evidence) { e.log = slices.Delete(e.log, e.record("a", 1, true), e.record("a", 1, true)+1) },
			"replay: the letter at dlq/0/0 was replayed 0 times"},
		"a letter that was replayed twice": {func(e *evidence) { e.log = append(e.log, logged{place{0, 7, 0}, a(1), &replayed{"dlq/0/0", plain}}) },
			"replay: the letter at dlq/0/0 was replayed 2 times"},
		"a replay of nothing":          {func(e *evidence) { e.log = append(e.log, logged{place{0, 7, 0}, a(1), &replayed{"dlq/0/99", plain}}) }, "replay: of a#1, of a letter at dlq/0/99"},
		"a replay of another event":    {func(e *evidence) { e.log[e.record("a", 1, true)].step = a(2) }, "replay: the letter at dlq/0/0 is of a#1, its replay of a#2"},
		"a replay for another":         {func(e *evidence) { e.log[e.record("a", 1, true)].replay.group = lasting }, `replay: of a#1 is for group "lasting", its letter by "plain"`},
		"a replay that another got":    {func(e *evidence) { e.line(skipped, lasting, "a", 1).what = begun }, "replay: of a#1 for plain came to lasting: begun"},
		"a replay that nobody handled": {func(e *evidence) { e.line(handled, plain, "a", 1).what = begun }, "replay: of a#1 at"},

		"an effect twice":         {func(e *evidence) { e.effects[a(2)] = 2 }, "effects: a#2 had 2, want 1"},
		"an effect that is not":   {func(e *evidence) { delete(e.effects, a(2)) }, "effects: a#2 had 0, want 1"},
		"an effect of what isn't": {func(e *evidence) { e.effects[a(3)] = 1 }, "effects: a#3 had 1, and was never published"},
		"an effect of what was refused": {func(e *evidence) {
			e.replayed = false
			e.log = slices.DeleteFunc(e.log, func(r logged) bool { return r.replay != nil })
		}, "effects: a#5 had 1, want 0"},
	} {
		e := clean()
		tt.plant(e)
		if told := e.judge(); !slices.ContainsFunc(told, func(s string) bool { return strings.HasPrefix(s, tt.want) }) {
			t.Errorf("%s: told %q, want %q", name, told, tt.want)
		}
	}
}

// change has lines say something else.
func (e *evidence) change(from, to string) {
	for i := range e.lines {
		if e.lines[i].what == from {
			e.lines[i].what = to
		}
	}
}

// fromScratch leaves a stream in which nothing happened but a letter that can't be replayed and says why.
func (e *evidence) fromScratch() {
	*e = evidence{stream: stream{topic: steps, readers: e.readers[:1]}, letters: []letter{{at: "dlq/0/0", group: plain, reason: "too large"}}}
}
