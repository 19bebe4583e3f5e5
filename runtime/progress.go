package trestle

import (
	"encoding/base64"
	"encoding/binary"
	"iter"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/runtime/internal/testseam"
)

// A commit says beside its offset what is done beyond that, so that who gets the partition next, after a rebalance, a restart or
// a kill, does not handle it again. It says so of the records of one log, by offset and leader epoch: of a topic that was made
// anew, or of records that came in the place of others which a leader lacked, it says nothing.

func init() {
	testseam.DoneIn = func(metadata string, committed int64) func(int64) bool {
		runs := doneIn(metadata, committed)
		return func(offset int64) bool {
			return slices.ContainsFunc(runs, func(r doneRun) bool { return r.first <= offset && offset < r.end })
		}
	}
}

// doneRun is a stretch of a partition's log of which each record is done.
type doneRun struct {
	first, end int64 // offsets; end is the one after the last
	epoch      int32 // in which the records were written
}

// progress is how far a partition has got.
type progress struct {
	at    kgo.EpochOffset // what may be committed
	log   kadm.TopicID    // zero: not known
	done  []doneRun       // beyond that, in order
	marks uint64          // of the tracker, by which it tells whether anything has changed since
}

const (
	// maxCommitMetadata bounds the metadata of a commit, in bytes. Brokers take 4096, unless offset.metadata.max.bytes says
	// otherwise.
	maxCommitMetadata = 4000
	// maxRuns is more than fit into that: a run takes two bytes at least, and base64 makes four of three.
	maxRuns = maxCommitMetadata * 3 / 4 / 2
)

// doneWord is the name of a commit note's word about what is done beyond the offset.
const doneWord = "done"

// appendDone appends that word to a commit note, of at most limit bytes in all. What is farthest from the offset is left out
// where it doesn't fit: it is handled again by who begins there.
//
// The value is base64url of varints: the offset that is committed beside it and the leader epoch of the first run; then, for each
// run, how many offsets lie between it and the one before, and twice its length, one more where another epoch follows, which is
// said as the difference from the one before.
func (p *progress) appendDone(note string, limit int) string {
	words := note + " " + doneWord + "="
	room := base64.RawURLEncoding.DecodedLen(limit - len(words))
	if room <= 0 || len(p.done) == 0 {
		return note
	}
	runs := appendRuns(nil, p.at.Offset, p.done, room)
	if len(runs) == 0 {
		return note
	}
	return words + base64.RawURLEncoding.EncodeToString(runs)
}

// appendRuns appends the value of the word: as many runs behind an offset as fit into so many bytes.
func appendRuns(b []byte, at int64, runs []doneRun, room int) []byte {
	if len(runs) == 0 {
		return b
	}
	start, epoch := len(b), runs[0].epoch
	fits := start
	b = binary.AppendUvarint(b, uint64(at))
	b = binary.AppendVarint(b, int64(epoch))
	for _, run := range runs {
		b = binary.AppendUvarint(b, uint64(run.first-at))
		size := uint64(run.end-run.first) << 1
		if run.epoch != epoch {
			b = binary.AppendUvarint(b, size|1)
			b = binary.AppendVarint(b, int64(run.epoch)-int64(epoch))
		} else {
			b = binary.AppendUvarint(b, size)
		}
		if len(b)-start > room {
			break
		}
		at, epoch, fits = run.end, run.epoch, len(b)
	}
	return b[:fits]
}

// doneIn reads what a commit's metadata says to be done beyond its offset: nothing where that is another one than it was written
// for, as somebody has moved it, or where it can't be read.
func doneIn(metadata string, at int64) []doneRun {
	var value string
	for name, v := range commitWords(metadata) {
		if name == doneWord {
			value = v
		}
	}
	b, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil {
		return nil
	}
	r := varints{left: b}
	if at < 0 || r.unsigned() != uint64(at) {
		return nil
	}
	epoch := r.signed()
	var runs []doneRun
	for len(r.left) > 0 && !r.bad {
		gap, size := r.unsigned(), r.unsigned()
		if size&1 == 1 {
			epoch += r.signed()
		}
		size >>= 1
		run := doneRun{first: at + int64(gap), epoch: int32(epoch)}
		run.end = run.first + int64(size)
		if size == 0 || run.first < at || run.end <= run.first || int64(run.epoch) != epoch {
			return nil
		}
		at = run.end
		runs = append(runs, run)
	}
	if r.bad {
		return nil
	}
	return runs
}

// varints reads one after the other. Once one can't be read, all that follow are 0.
type varints struct {
	left []byte
	bad  bool
}

func (r *varints) unsigned() uint64 {
	v, n := binary.Uvarint(r.left)
	return v * r.read(n)
}

func (r *varints) signed() int64 {
	v, n := binary.Varint(r.left)
	return v * int64(r.read(n))
}

// read goes on behind n bytes, and returns 1; 0 where they are none.
func (r *varints) read(n int) uint64 {
	if n <= 0 {
		r.bad, r.left = true, nil
		return 0
	}
	r.left = r.left[n:]
	return 1
}

// runs goes through what is done behind records that are not.
func (t *tracker) runs() iter.Seq[doneRun] {
	return func(yield func(doneRun) bool) {
		var run doneRun
		for seq := t.first; seq < t.next; seq++ {
			switch e := t.entries[t.slot(seq)]; {
			case e.marker:
			case e.done && run.end > run.first && run.epoch == e.epoch:
				run.end = e.offset + 1 // what lies between two records that come one after the other holds nothing
			case run.end > run.first && !yield(run):
				return
			case e.done:
				run = doneRun{e.offset, e.offset + 1, e.epoch}
			default:
				run = doneRun{}
			}
		}
		if run.end > run.first {
			yield(run)
		}
	}
}

// progress says how far a partition has got; false while there is nothing to commit. It needs keyQueue.mu.
func (p *partition) progress() (progress, bool) {
	at, ok := p.tracker.position()
	if !ok {
		return progress{}, false
	}
	now := progress{at: at, log: p.log, marks: p.tracker.marks}
	for run := range p.tracker.runs() {
		if len(now.done) == maxRuns {
			return now, true
		}
		now.done = append(now.done, run)
	}
	for _, run := range p.before[:min(len(p.before), maxRuns-len(now.done))] {
		if run.first = max(run.first, at.Offset); run.end <= run.first {
			continue
		}
		// It has not been fetched yet, and the log may still have it.
		if n := len(now.done); n > 0 && now.done[n-1].end == run.first && now.done[n-1].epoch == run.epoch {
			now.done[n-1].end = run.end
			continue
		}
		now.done = append(now.done, run)
	}
	return now, true
}

// wasDone says whether a record, the next that is fetched, was done when the assignment began. It needs keyQueue.mu.
func (p *partition) wasDone(r *kgo.Record) bool {
	for len(p.before) > 0 && p.before[0].end <= r.Offset {
		p.before = p.before[1:]
	}
	if len(p.before) == 0 || r.Offset < p.before[0].first {
		return false
	}
	run := &p.before[0]
	run.first = r.Offset + 1
	return run.epoch == r.LeaderEpoch
}

// foundDone notes which log a partition is, and what of it was done beyond the group's commit.
func (q *keyQueue) foundDone(tp topicPartition, log kadm.TopicID, done []doneRun) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if p := q.parts[tp]; p != nil {
		p.log, p.before = log, done
	}
}

const (
	// runSize is what one more record that is done can add to the runs of a commit, in bytes.
	runSize = 20
	// noteSize is more than a commit note takes beside them.
	noteSize = 100
)

// canSay says whether a commit can say that records of a partition are done, besides all that it has to say already: where it can't, they are
// not to be done yet. It always can of the oldest that is not done, alone. limit is that of the commit's metadata, in bytes.
func (q *keyQueue) canSay(tasks []*task, limit int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	p := tasks[0].part
	switch need := runSize * len(tasks); {
	case p.state == released, len(tasks) == 1 && tasks[0].seq == p.tracker.first:
		return true
	case p.log == (kadm.TopicID{}) || !p.tracker.moved: // of such a log it says nothing, and without an offset neither
		return false
	case p.room >= need:
		p.room -= need
		return true
	}
	for _, t := range tasks {
		p.tracker.entries[p.tracker.slot(t.seq)].done = true
	}
	now, _ := p.progress()
	for _, t := range tasks {
		p.tracker.entries[p.tracker.slot(t.seq)].done = false
	}
	const more = 1 << 20 // than there ever is
	q.scratch = appendRuns(q.scratch[:0], now.at.Offset, now.done, more)
	p.room = base64.RawURLEncoding.DecodedLen(max(0, limit-noteSize)) - len(q.scratch)
	return p.room >= runSize
}

// holdFirst says whether the oldest record of its partition that is not done is among some.
func (q *keyQueue) holdFirst(tasks []*task) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	p := tasks[0].part
	return slices.ContainsFunc(tasks, func(t *task) bool { return t.seq == p.tracker.first })
}
