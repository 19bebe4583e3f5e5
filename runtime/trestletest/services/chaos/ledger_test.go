package chaos

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// What a line of the ledger says of an event.
const (
	acked = "acked" // the cluster has acknowledged it, where the line says
	begun = "begun" // a handler was called for it
	done  = "done"  // it was handled, or its dead letter was written; its position may be committed from now on
)

// stepID is a step, whichever record it stands in.
type stepID struct {
	era int
	key string
	n   int
}

func (s stepID) String() string { return fmt.Sprintf("%s#%d", s.key, s.n) }

// place is where a record stands.
type place struct {
	era       int
	partition int32
	offset    int64
}

func (p place) String() string { return fmt.Sprintf("era %d, %d@%d", p.era, p.partition, p.offset) }

// line is what a process did at a time.
type line struct {
	what string
	at   int64 // Unix nanoseconds; all processes are on one machine
	step stepID
	place
}

// writer writes lines to a process's part of the ledger. A line is one write, so that whatever ends the process leaves whole lines
// but for the last one.
type writer struct {
	mu   sync.Mutex
	file *os.File
}

func newWriter(path string) (*writer, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	return &writer{file: file}, err
}

func (w *writer) write(what string, s stepID, partition int32, offset int64) {
	text := fmt.Appendf(nil, "%s %d %d %s %d %d %d\n", what, time.Now().UnixNano(), s.era, s.key, s.n, partition, offset)
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := w.file.Write(text); err != nil {
		panic(err) // nothing may go on that is not accounted for
	}
}

// readLedger calls each for all lines in the parts of a folder. The last line of a part counts only if it is whole.
func readLedger(folder string, each func(line)) error {
	parts, err := filepath.Glob(filepath.Join(folder, "*.ledger"))
	if err != nil {
		return err
	}
	for _, part := range parts {
		if err := readPart(part, each); err != nil {
			return fmt.Errorf("%s: %w", part, err)
		}
	}
	return nil
}

func readPart(path string, each func(line)) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	for lines := bufio.NewReader(file); ; {
		text, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		l, err := parseLine(strings.Fields(text))
		if err != nil {
			return fmt.Errorf("line %q: %w", text, err)
		}
		each(l)
	}
}

func parseLine(fields []string) (l line, err error) {
	if len(fields) != 7 {
		return l, fmt.Errorf("%d fields", len(fields))
	}
	number := func(i int) int64 {
		n, failed := strconv.ParseInt(fields[i], 10, 64)
		err = errors.Join(err, failed)
		return n
	}
	l.what, l.at = fields[0], number(1)
	l.step = stepID{int(number(2)), strings.Clone(fields[3]), int(number(4))}
	l.place = place{l.step.era, int32(number(5)), number(6)}
	for _, what := range []string{acked, begun, done} {
		if l.what == what {
			l.what = what // and not a part of its line
			return l, err
		}
	}
	return l, errors.Join(err, fmt.Errorf("%q is nothing that is written", l.what))
}

// logged is a record of the topic's log.
type logged struct {
	place
	step stepID
}

// letter is a dead letter: the step that it can be replayed as, or why it can't be.
type letter struct {
	step   *stepID
	reason string
}

// snapshot is how far a partition was committed at a time.
type snapshot struct {
	era       int
	partition int32
	committed int64
	at        int64
	done      func(offset int64) bool // beyond that, as the commit says; nil: it says nothing
}

// evidence is all that there is to judge.
type evidence struct {
	lines     []line
	log       []logged // of each partition in order
	letters   []letter
	repeated  int        // steps that were done again
	snapshots []snapshot // in order of time
	rewinds   bool       // the cluster may have clients go back in its log, so that positions do, too
	poison    func(n int) bool
	perKey    int // events published of each key
	keys      int
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
	byStep := map[stepID]*history{}
	doneAt := map[place]int64{}
	for _, l := range e.lines {
		id := stepID{key: l.step.key, n: l.step.n} // a step is the same in whichever era it came to the log
		h := byStep[id]
		if h == nil {
			h = &history{}
			byStep[id] = h
		}
		switch l.what {
		case acked:
			h.acked = append(h.acked, l.place)
		case begun:
			h.begun = earliest(h.begun, l.at)
		case done:
			h.done = earliest(h.done, l.at)
			if doneAt[l.place] != 0 {
				e.repeated++
			}
			doneAt[l.place] = earliest(doneAt[l.place], l.at)
		}
	}
	e.judgeLog(f, byStep)
	e.judgeHandling(f, byStep)
	e.judgeLetters(f)
	e.judgeCommits(f, doneAt)
	for kind, n := range f.count {
		if n > most {
			f.told = append(f.told, fmt.Sprintf("%s: %d in all", kind, n))
		}
	}
	return f.told
}

// history is what became of a step.
type history struct {
	acked       []place
	begun, done int64 // the first time; 0: never
}

func earliest(a, b int64) int64 {
	if a == 0 {
		return b
	}
	return min(a, b)
}

// judgeLog: what was acknowledged stands where the acknowledgement says, and the first records of a key's steps in their order.
func (e *evidence) judgeLog(f *faults, byStep map[stepID]*history) {
	slices.SortStableFunc(e.log, func(a, b logged) int { return cmp.Compare(a.era, b.era) })
	at := make(map[place]stepID, len(e.log))
	next := map[string]int{}
	for _, r := range e.log {
		at[r.place] = stepID{key: r.step.key, n: r.step.n}
		if r.step.n > next[r.step.key] {
			f.add("order in the log", "%v at %v when only %d are there", r.step, r.place, next[r.step.key])
		}
		next[r.step.key] = max(next[r.step.key], r.step.n+1)
	}
	for id, h := range byStep {
		for _, p := range h.acked {
			if at[p] != id {
				f.add("lost by the cluster", "%v was acknowledged at %v, where the log has %q", id, p, at[p])
			}
		}
	}
}

// judgeHandling: all is done that was published, and a step begins only when the one before it is done.
func (e *evidence) judgeHandling(f *faults, byStep map[stepID]*history) {
	ids := slices.SortedFunc(maps.Keys(byStep), func(a, b stepID) int { return cmp.Or(strings.Compare(a.key, b.key), cmp.Compare(a.n, b.n)) })
	keys, published := map[string]bool{}, 0
	for _, id := range ids {
		h := byStep[id]
		keys[id.key] = true
		if len(h.acked) > 0 {
			published++
		}
		if len(h.acked) > 0 && h.done == 0 {
			f.add("lost", "%v was acknowledged at %v, and neither handled nor dead-lettered", id, h.acked[0])
		}
		if h.begun == 0 || id.n == 0 {
			continue
		}
		if before := byStep[stepID{key: id.key, n: id.n - 1}]; before == nil || before.done == 0 || before.done > h.begun {
			f.add("order", "%v began before %s#%d was done", id, id.key, id.n-1)
		}
	}
	if len(keys) != e.keys || published != e.keys*e.perKey {
		f.add("unpublished", "%d events of %d keys were acknowledged, want %d of %d", published, len(keys), e.keys*e.perKey, e.keys)
	}
}

// judgeLetters: each step that was refused has a letter to be replayed from, and the others have none.
func (e *evidence) judgeLetters(f *faults) {
	have := map[stepID]bool{}
	for _, l := range e.letters {
		switch {
		case l.step == nil && l.reason == "":
			f.add("dead letter", "it can't be replayed, and does not say why")
		case l.step == nil:
		case !e.poison(l.step.n):
			f.add("dead letter", "of %v, which is fine: %s", *l.step, l.reason)
		default:
			have[stepID{key: l.step.key, n: l.step.n}] = true
		}
	}
	for _, r := range e.log {
		if id := (stepID{key: r.step.key, n: r.step.n}); e.poison(r.step.n) && !have[id] {
			f.add("dead letter", "there is none of %v", id)
			have[id] = true
		}
	}
}

// judgeCommits: what lay before a committed position was done by then, and so was what the commit names beyond it, and no position went back where the log did not.
func (e *evidence) judgeCommits(f *faults, doneAt map[place]int64) {
	type partition struct {
		era int
		id  int32
	}
	log := map[partition][]logged{}
	for _, r := range e.log {
		p := partition{r.era, r.partition}
		log[p] = append(log[p], r)
	}
	last := map[partition]int64{}
	for _, s := range e.snapshots {
		p := partition{s.era, s.partition}
		if s.committed < last[p] {
			if !e.rewinds {
				f.add("commit", "partition %d went back from %d to %d in era %d", s.partition, last[p], s.committed, s.era)
			}
			continue
		}
		rest := log[p]
		for len(rest) > 0 && rest[0].offset < s.committed {
			if at := doneAt[rest[0].place]; at == 0 || at > s.at {
				f.add("commit", "%d was committed, and %v at %v was not done", s.committed, rest[0].step, rest[0].place)
			}
			rest = rest[1:]
		}
		log[p], last[p] = rest, s.committed
		if s.done == nil {
			continue
		}
		for _, r := range rest {
			if !s.done(r.offset) {
				continue
			}
			if at := doneAt[r.place]; at == 0 || at > s.at {
				f.add("commit", "%v at %v was committed as done, and was not", r.step, r.place)
			}
		}
	}
}

// clean is what two keys of three steps each leave behind when all goes well, the second step of each being refused.
func clean() *evidence {
	e := &evidence{perKey: 3, keys: 2, poison: func(n int) bool { return n == 1 }}
	at := int64(1)
	add := func(what string, s stepID, p place) {
		e.lines = append(e.lines, line{what, at, s, p})
		at++
	}
	for n := range 3 {
		for partition, key := range []string{"a", "b"} {
			s, p := stepID{0, key, n}, place{0, int32(partition), int64(n)}
			e.log = append(e.log, logged{p, s})
			add(acked, s, p)
			add(begun, s, p)
			add(done, s, p)
			e.snapshots = append(e.snapshots, snapshot{0, p.partition, p.offset + 1, at, nil})
			if n == 1 {
				e.letters = append(e.letters, letter{step: &s})
			}
		}
	}
	return e
}

// TestJudge plants a fault of each kind into a ledger that has none.
func TestJudge(t *testing.T) {
	t.Parallel()
	if told := clean().judge(); len(told) > 0 {
		t.Fatalf("a ledger without faults: %q", told)
	}
	find := func(e *evidence, what, key string, n int) int {
		return slices.IndexFunc(e.lines, func(l line) bool { return l.what == what && l.step.key == key && l.step.n == n })
	}
	for name, tt := range map[string]struct {
		plant func(*evidence)
		want  string
	}{
		"an event that nobody handled": {func(e *evidence) {
			e.lines = slices.DeleteFunc(e.lines, func(l line) bool { return l.what != acked && l.step.key == "b" && l.step.n == 2 })
			e.snapshots = e.snapshots[:len(e.snapshots)-1]
		}, "lost: b#2"},
		"an event that the log does not have": {func(e *evidence) { e.log = e.log[:len(e.log)-1] }, "lost by the cluster: b#2"},
		"two events of a key, the other way round": {func(e *evidence) {
			first, second := find(e, begun, "a", 1), find(e, begun, "a", 2)
			e.lines[first].at, e.lines[second].at = e.lines[second].at, e.lines[first].at
		}, "order: a#2 began before a#1 was done"},
		"two at a time": {func(e *evidence) { e.lines[find(e, begun, "a", 2)].at = e.lines[find(e, done, "a", 1)].at - 1 }, "order: a#2"},
		"a swap in the log": {func(e *evidence) {
			e.log[2].step, e.log[4].step = e.log[4].step, e.log[2].step
		}, "order in the log: a#2"},
		"a commit over what is not done": {func(e *evidence) { e.snapshots[0].at = e.lines[find(e, done, "a", 0)].at - 1 }, "commit: 1 was committed, and a#0"},
		"a commit of what is not done, beyond its position": {func(e *evidence) {
			e.snapshots[0].done = func(offset int64) bool { return offset == 2 }
		}, "commit: a#2 at era 0, 0@2 was committed as done"},
		"a commit that goes back":       {func(e *evidence) { e.snapshots = append(e.snapshots, snapshot{0, 1, 1, 1000, nil}) }, "commit: partition 1 went back"},
		"a dead letter that is missing": {func(e *evidence) { e.letters = e.letters[:1] }, "dead letter: there is none of b#1"},
		"a dead letter too many":        {func(e *evidence) { e.letters[0].step.n = 2 }, "dead letter: of a#2, which is fine"},
		"a letter that says nothing":    {func(e *evidence) { e.letters = append(e.letters, letter{}) }, "dead letter: it can't be replayed"},
		"an event that never came":      {func(e *evidence) { e.perKey = 4 }, "unpublished: 6 events of 2 keys"},
	} {
		e := clean()
		tt.plant(e)
		if told := e.judge(); !slices.ContainsFunc(told, func(s string) bool { return strings.HasPrefix(s, tt.want) }) {
			t.Errorf("%s: told %q, want %q", name, told, tt.want)
		}
	}
}

// TestLedgerKeepsWholeLines reads a part of which the last line was cut off by the end of its process.
func TestLedgerKeepsWholeLines(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	w, err := newWriter(filepath.Join(folder, "one.ledger"))
	if err != nil {
		t.Fatal(err)
	}
	w.write(acked, stepID{2, "a", 7}, 1, 42)
	if _, err := w.file.WriteString("done 12 2 a"); err != nil {
		t.Fatal(err)
	}
	if err := w.file.Close(); err != nil {
		t.Fatal(err)
	}
	var lines []line
	err = readLedger(folder, func(l line) { lines = append(lines, l) })
	if err != nil || len(lines) != 1 || lines[0].step != (stepID{2, "a", 7}) || lines[0].place != (place{2, 1, 42}) {
		t.Errorf("read %+v, %v", lines, err)
	}
}
