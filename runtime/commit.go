package trestle

import "github.com/twmb/franz-go/pkg/kgo"

// tracker follows one partition's records from fetched to done and knows how far the partition may be committed: past
// the longest run of done records at its front, and what is done behind that.
//
// It isn't safe for concurrent use.
type tracker struct {
	entries []tracked // a ring; its length is a power of two
	first   uint64    // sequence number of the oldest entry
	next    uint64    // sequence number the next entry gets
	front   kgo.EpochOffset
	moved   bool   // front holds a position
	marks   uint64 // grows with each record that is done
}

type tracked struct {
	offset int64
	epoch  int32
	done   bool
	marker bool // of a transaction: it holds nothing
}

// startAt sets the position to commit while nothing is done yet.
func (t *tracker) startAt(at kgo.EpochOffset) {
	if !t.moved {
		t.front, t.moved = at, true
	}
}

// pass moves the position over offsets that hold nothing. It does so only where nothing is unfinished.
func (t *tracker) pass(to int64) {
	if t.len() == 0 && (!t.moved || to > t.front.Offset) {
		t.front, t.moved = kgo.EpochOffset{Epoch: -1, Offset: to}, true
	}
}

// add takes up a record and returns its sequence number. Offsets grow; they need not be contiguous.
func (t *tracker) add(offset int64, epoch int32) uint64 {
	if t.len() == len(t.entries) {
		t.grow()
	}
	seq := t.next
	t.entries[t.slot(seq)] = tracked{offset: offset, epoch: epoch}
	t.next++
	return seq
}

// done marks a record that add took up as done.
func (t *tracker) done(seq uint64) {
	if seq < t.first || seq >= t.next {
		return
	}
	t.entries[t.slot(seq)].done = true
	t.marks++
	for t.first < t.next {
		e := t.entries[t.slot(t.first)]
		if !e.done {
			return
		}
		t.front, t.moved = kgo.EpochOffset{Epoch: e.epoch, Offset: e.offset + 1}, true
		t.first++
	}
}

// passMarker marks the marker of a transaction, which add took up as a record, as done. Nobody need know that it was.
func (t *tracker) passMarker(seq uint64) {
	t.entries[t.slot(seq)].marker = true
	t.done(seq)
}

// position is what may be committed: the offset after the last record of the done run at the front. It says false
// while there is none.
func (t *tracker) position() (kgo.EpochOffset, bool) { return t.front, t.moved }

// len is the number of records from the oldest that is not done to the newest.
func (t *tracker) len() int { return int(t.next - t.first) }

func (t *tracker) slot(seq uint64) int { return int(seq & uint64(len(t.entries)-1)) }

func (t *tracker) grow() {
	bigger := make([]tracked, max(64, 2*len(t.entries)))
	for seq := t.first; seq < t.next; seq++ {
		bigger[seq&uint64(len(bigger)-1)] = t.entries[t.slot(seq)]
	}
	t.entries = bigger
}
