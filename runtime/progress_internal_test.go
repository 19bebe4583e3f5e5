package trestle

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

var doneRunFields = cmp.AllowUnexported(doneRun{})

// recordedNote is a commit's metadata as version 1 wrote it, at offset 1000.
func recordedNote(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("testdata/commit-metadata-v1.txt")
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

var (
	recordedTopic = kadm.TopicID{0: 1, 15: 255}
	recordedRuns  = []doneRun{{1001, 1064, 7}, {1065, 1066, 7}, {71066, 71266, 9}}
)

func TestProgressOfVersion1IsReadAndWritten(t *testing.T) {
	t.Parallel()
	recorded := recordedNote(t)
	note, ours := parseCommitNote(recorded)
	if want := (commitNote{recordedTopic, 3}); !ours || note != want {
		t.Errorf("read %v, %t, want %v", note, ours, want)
	}
	if diff := cmp.Diff(recordedRuns, doneIn(recorded, 1000), doneRunFields); diff != "" {
		t.Errorf("done, want-got:\n%s", diff)
	}
	now := progress{at: kgo.EpochOffset{Offset: 1000}, done: recordedRuns}
	if got := now.appendDone(note.String(), maxCommitMetadata); got != recorded {
		t.Errorf("written %q, want %q", got, recorded)
	}
}

func TestProgressOfOthersIsLeftAlone(t *testing.T) {
	t.Parallel()
	recorded := recordedNote(t)
	words := func(runs ...uint64) string {
		b := binary.AppendVarint(binary.AppendUvarint(nil, 1000), 7)
		for _, n := range runs {
			b = binary.AppendUvarint(b, n)
		}
		return commitNote{recordedTopic, 3}.String() + " done=" + base64.RawURLEncoding.EncodeToString(b)
	}
	if runs := doneIn(words(1, 2<<1), 1000); len(runs) != 1 {
		t.Fatalf("read %v", runs)
	}
	for name, c := range map[string]struct {
		metadata string
		at       int64
	}{
		"none":                        {"", 1000},
		"somebody else's":             {"done=" + recorded, 1000},
		"a later version's":           {strings.Replace(recorded, commitNoteVersion, "trestle/2", 1), 1000},
		"of another offset":           {recorded, 999},
		"without an offset":           {recorded, -1},
		"an earlier consumer's":       {commitNote{recordedTopic, 3}.String(), 1000},
		"cut off":                     {recorded[:len(recorded)-1], 1000},
		"no base64":                   {words() + "!", 1000},
		"no runs":                     {words(), 1000},
		"an empty run":                {words(1, 2<<1, 1, 0), 1000},
		"a run past the last offset":  {words(1, 2<<1, math.MaxInt64-1002, 2<<1), 1000},
		"a gap past the last offset":  {words(1, 2<<1, math.MaxUint64, 2<<1), 1000},
		"an epoch that there is not":  {words(1, 2<<1|1, math.MaxUint32<<1), 1000},
		"a number that does not stop": {words(1, 2<<1) + "____", 1000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if runs := doneIn(c.metadata, c.at); runs != nil {
				t.Errorf("read %v", runs)
			}
		})
	}
	if runs := doneIn(recorded+" more=1", 1000); len(runs) != len(recordedRuns) {
		t.Errorf("with a word of a later consumer: %v", runs)
	}
}

// TestProgressHasALimit has more be done than a commit can say: the nearest is said.
func TestProgressHasALimit(t *testing.T) {
	t.Parallel()
	now := progress{at: kgo.EpochOffset{Offset: 5}}
	for n := range int64(3 * maxRuns) {
		now.done = append(now.done, doneRun{10 + 2*n, 11 + 2*n, 1})
	}
	note := commitNote{recordedTopic, 3}.String()
	for limit := maxCommitMetadata; limit > 0; limit /= 2 {
		got := now.appendDone(note, limit)
		runs := doneIn(got, 5)
		if diff := cmp.Diff(now.done[:len(runs)], runs, doneRunFields); len(runs) > 0 && diff != "" {
			t.Errorf("limit %d, want-got:\n%s", limit, diff)
		}
		switch room := (limit - len(note) - len(" done=")) * 3 / 4; {
		case len(got) > max(limit, len(note)):
			t.Errorf("limit %d: %d bytes", limit, len(got))
		case room > 10 && len(runs) < room/2-5:
			t.Errorf("limit %d: %d runs", limit, len(runs))
		case room < 0 && got != note:
			t.Errorf("limit %d: %q", limit, got)
		}
	}
}

// TestProgressPassesWhatTheLogHasDropped has a log start beyond some of what was done before the assignment.
func TestProgressPassesWhatTheLogHasDropped(t *testing.T) {
	t.Parallel()
	q := newKeyQueue(queueLimits{records: 10, bytes: 1 << 20, window: 10, workers: 1})
	tp := topicPartition{"t", 0}
	p := q.open(t.Context(), tp)
	q.foundDone(tp, recordedTopic, []doneRun{{105, 110, 1}, {115, 125, 1}, {150, 200, 1}})
	q.startAt(tp, 120)
	now, _ := p.progress()
	committed := now.appendDone(commitNote{recordedTopic, 1}.String(), maxCommitMetadata)
	if diff := cmp.Diff([]doneRun{{120, 125, 1}, {150, 200, 1}}, doneIn(committed, 120), doneRunFields); diff != "" {
		t.Errorf("done, want-got:\n%s", diff)
	}
}

// TestProgressAtRandom has assignments of a partition follow one another, each of which handles some of what is left: what one has
// done and committed, the next does not get.
func TestProgressAtRandom(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 7))
			var log []*kgo.Record
			offset := int64(random.IntN(1000))
			for epoch := int32(0); len(log) < 2000; {
				if offset += 1 + int64(random.IntN(20)/19*random.IntN(50)); random.IntN(500) == 0 {
					epoch++
				}
				log = append(log, &kgo.Record{Topic: "t", Offset: offset, LeaderEpoch: epoch})
			}
			done := map[int64]bool{}
			begin, metadata := log[0].Offset, ""
			tp := topicPartition{"t", 0}
			notes := commitNotes{byTopic: map[string]commitNote{"t": {recordedTopic, 1}}, limit: maxCommitMetadata}
			for life := 0; len(done) < len(log); life++ {
				if life == 100 {
					t.Fatalf("%d of %d are done", len(done), len(log))
				}
				q := newKeyQueue(queueLimits{records: 1 << 20, bytes: 1 << 40, window: 1 << 20, workers: 1})
				p := q.open(t.Context(), tp)
				q.foundDone(tp, recordedTopic, doneIn(metadata, begin))
				q.resumeAt(tp, kgo.EpochOffset{Offset: begin})
				from := slices.IndexFunc(log, func(r *kgo.Record) bool { return r.Offset >= begin })
				fetched := log[from:]
				if random.IntN(3) > 0 {
					fetched = fetched[:random.IntN(len(fetched)+1)]
				}
				for len(fetched) > 0 {
					n := 1 + random.IntN(len(fetched))
					q.push(p, cloneRecords(fetched[:n]))
					fetched = fetched[n:]
				}
				for seq := p.tracker.first; seq < p.tracker.next; seq++ {
					e := p.tracker.entries[p.tracker.slot(seq)]
					if !e.done && done[e.offset] {
						t.Fatalf("life %d: %d was done", life, e.offset)
					}
					if e.done && !done[e.offset] {
						t.Fatalf("life %d: %d was not done", life, e.offset)
					}
					if !e.done && random.IntN(4) > 0 {
						p.tracker.done(seq)
						done[e.offset] = true
					}
				}
				now, ok := q.uncommitted([]*partition{p})[tp]
				if !ok {
					continue
				}
				req := kmsg.NewPtrOffsetCommitRequest()
				req.Topics = []kmsg.OffsetCommitRequestTopic{{Topic: "t", Partitions: []kmsg.OffsetCommitRequestTopicPartition{{}}}}
				if err := notes.addTo(req, map[topicPartition]progress{tp: now}); err != nil {
					t.Fatal(err)
				}
				begin, metadata = now.at.Offset, *req.Topics[0].Partitions[0].Metadata
				if len(metadata) > maxCommitMetadata {
					t.Fatalf("%d bytes", len(metadata))
				}
				q.setCommitted(p, now)
				if again := q.uncommitted([]*partition{p}); again != nil {
					t.Fatalf("to be committed once more: %v", again)
				}
			}
		})
	}
}

func cloneRecords(records []*kgo.Record) []*kgo.Record {
	var own []*kgo.Record
	for _, r := range records {
		c := *r
		own = append(own, &c)
	}
	return own
}

// TestProgressIsOfOneLog has a log be cut and written anew, and a topic be made anew: nothing of what comes then is done.
func TestProgressIsOfOneLog(t *testing.T) {
	t.Parallel()
	q := newKeyQueue(queueLimits{records: 1 << 20, bytes: 1 << 40, window: 1 << 20, workers: 1})
	tp := topicPartition{"t", 0}
	p := q.open(t.Context(), tp)
	q.foundDone(tp, recordedTopic, []doneRun{{5, 8, 1}})
	var records []*kgo.Record
	for at, epoch := range []int32{1, 1, 1, 1, 1, 1, 2, 2, 2} {
		records = append(records, &kgo.Record{Topic: "t", Offset: int64(at), LeaderEpoch: epoch})
	}
	q.push(p, records)
	var left []int64
	for seq := p.tracker.first; seq < p.tracker.next; seq++ {
		if e := p.tracker.entries[p.tracker.slot(seq)]; !e.done {
			left = append(left, e.offset)
		}
	}
	if want := []int64{0, 1, 2, 3, 4, 6, 7, 8}; !slices.Equal(left, want) {
		t.Errorf("left are %v, want %v", left, want)
	}

	now := progress{at: kgo.EpochOffset{Offset: 5}, log: recordedTopic, done: []doneRun{{6, 7, 1}}}
	for name, topic := range map[string]kadm.TopicID{"another": {9}, "one without an id": {}} {
		now := now
		if topic == (kadm.TopicID{}) {
			now.log = topic
		}
		notes := commitNotes{byTopic: map[string]commitNote{"t": {topic, 1}}, limit: maxCommitMetadata}
		req := kmsg.NewPtrOffsetCommitRequest()
		req.Topics = []kmsg.OffsetCommitRequestTopic{{Topic: "t", Partitions: []kmsg.OffsetCommitRequestTopicPartition{{}}}}
		if err := notes.addTo(req, map[topicPartition]progress{tp: now}); err != nil {
			t.Fatal(err)
		}
		if got, want := *req.Topics[0].Partitions[0].Metadata, notes.byTopic["t"].String(); got != want {
			t.Errorf("of %s: %q, want %q", name, got, want)
		}
	}
}

func FuzzDoneIn(f *testing.F) {
	b, err := os.ReadFile("testdata/commit-metadata-v1.txt")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(strings.TrimSpace(string(b)), int64(1000))
	f.Fuzz(func(t *testing.T, metadata string, at int64) {
		runs := doneIn(metadata, at)
		last := at
		for _, r := range runs {
			if r.first < last || r.end <= r.first {
				t.Fatalf("%v at %d", runs, at)
			}
			last = r.end
		}
		if runs == nil {
			return
		}
		now := progress{at: kgo.EpochOffset{Offset: at}, done: runs}
		if again := doneIn(now.appendDone(commitNoteVersion, math.MaxInt32), at); !slices.Equal(again, runs) {
			t.Fatalf("read %v, then %v", runs, again)
		}
	})
}

// TestMarkersNeedNotBeSaid has markers of transactions stand between records: they make no runs, and part none.
func TestMarkersNeedNotBeSaid(t *testing.T) {
	t.Parallel()
	var tr tracker
	for offset := range int64(8) {
		seq := tr.add(offset, 1)
		switch offset {
		case 1, 3, 5:
			tr.passMarker(seq)
		case 2, 4, 7:
			tr.done(seq)
		}
	}
	if diff := cmp.Diff([]doneRun{{2, 5, 1}, {7, 8, 1}}, slices.Collect(tr.runs()), doneRunFields); diff != "" {
		t.Errorf("runs, want-got:\n%s", diff)
	}
}

// TestCommitsSayAllThatMayBeDone has records be done in any order, as far as commits of several sizes can say it.
func TestCommitsSayAllThatMayBeDone(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{maxCommitMetadata, 1000, 200, 50} {
		seed := rand.Uint64()
		random := rand.New(rand.NewPCG(seed, 0))
		q := newKeyQueue(queueLimits{records: 1000, bytes: 1 << 20, window: 1 << 20, workers: 1})
		p := q.open(t.Context(), topicPartition{"orders", 0})
		p.log = recordedTopic
		if limit != 1000 { // there it is not known where it begins
			q.startAt(p.tp, 0)
		}
		note := commitNote{recordedTopic, 3}.String()
		var waiting []*task
		offset, epoch := int64(random.IntN(1<<40)), int32(0)
		for range 500 {
			waiting = append(waiting, &task{part: p, seq: p.tracker.add(offset, epoch)})
			offset++
			if random.IntN(20) == 0 {
				offset += int64(random.IntN(1 << random.IntN(30)))
			}
			if random.IntN(300) == 0 {
				epoch += int32(random.IntN(5))
			}
		}
		random.Shuffle(len(waiting), func(i, j int) { waiting[i], waiting[j] = waiting[j], waiting[i] })
		most := 0
		for len(waiting) > 0 {
			before := len(waiting)
			waiting = slices.DeleteFunc(waiting, func(one *task) bool {
				if !q.canSay([]*task{one}, limit) {
					return false
				}
				p.tracker.done(one.seq)
				now, ok := p.progress()
				if !ok {
					t.Fatalf("limit %d, seed %d: there is nothing to commit", limit, seed)
				}
				if said := doneIn(now.appendDone(note, limit), now.at.Offset); len(said) != len(now.done) {
					t.Fatalf("limit %d, seed %d: %d of %d runs are said", limit, seed, len(said), len(now.done))
				}
				most = max(most, len(now.done))
				return true
			})
			if len(waiting) == before {
				t.Fatalf("limit %d, seed %d: %d records wait for ever", limit, seed, before)
			}
		}
		if limit == maxCommitMetadata && most < 90 {
			t.Errorf("limit %d, seed %d: only %d runs were said at once", limit, seed, most)
		}
	}
}
