package replay

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/omninode/trestle/runtime/kafka"
)

// Tally counts the letters that are not resolved, and goes on with what is new at each look: letters, resolutions, and what retention has deleted. It holds a
// few words for each letter that is not resolved. It is used from one goroutine.
type Tally struct {
	r      *Replayer
	filter Filter
	topics []string // sorted

	notes   kafka.Offsets // how far the topic of resolutions was read
	notesID string        // of that topic
	logs    map[log]*tallied
	causes  map[string]*CauseStats
	pending map[log]map[int64]bool // resolved, of letters that may not have been read yet
}

// tallied are a partition's letters that are not resolved.
type tallied struct {
	start, next int64 // where the log begins, and where it is read on
	causes      map[int64]*CauseStats
}

// Unresolved counts letters that are not resolved.
type Unresolved struct {
	// Topics has a count for each topic; 0 for one that does not exist, or not yet.
	Topics map[string]int
	// Missing are the topics that do not exist, sorted.
	Missing []string
	// Causes are those of the letters, the most frequent first. First and Last are of those, too, that were resolved while they were watched.
	Causes []CauseStats
}

// Tally returns what counts the letters that a filter means. It contacts nothing.
func (r *Replayer) Tally(f Filter) (*Tally, error) {
	topics, err := f.topics()
	if err != nil {
		return nil, err
	}
	t := &Tally{r: r, filter: f, topics: topics}
	t.reset()
	return t, nil
}

// reset has the next look count from the start.
func (t *Tally) reset() {
	t.notes, t.notesID = kafka.Offsets{}, ""
	t.logs, t.causes, t.pending = map[log]*tallied{}, map[string]*CauseStats{}, map[log]map[int64]bool{}
}

// Look counts the letters of now: it reads what has come since the last look. After an error, the next one goes on where it was.
func (t *Tally) Look(ctx context.Context) (*Unresolved, error) {
	client, err := t.r.conn.Client()
	if err != nil {
		return nil, err
	}
	defer client.Close()
	// Where the resolutions end is asked first: each of them is of a letter that stands before the letters' ends then.
	resolutions, err := kafka.FindSpans(ctx, client, time.Time{}, t.r.opts.Resolutions)
	if err != nil {
		return nil, err
	}
	letters, err := kafka.FindSpans(ctx, client, time.Time{}, t.topics...)
	if err != nil {
		return nil, err
	}
	if id := resolutions.IDs[t.r.opts.Resolutions]; id != t.notesID || t.isCut(letters) {
		t.reset()
		t.notesID = id
	}
	t.follow(letters)
	again, err := t.readNotes(ctx, resolutions)
	if err != nil {
		return nil, err
	}
	if again {
		t.reset()
		return t.Look(ctx)
	}
	if err := t.readLetters(ctx, letters); err != nil {
		return nil, err
	}
	return t.count(letters.Missing), nil
}

// isCut says whether a log ends before what was read of it, as one does that brokers have lost the end of.
func (t *Tally) isCut(letters kafka.Spans) bool {
	for l, of := range t.logs {
		if end, known := letters.Ends.Next(l.topic, l.partition); known && letters.IDs[l.topic] == l.id && end < of.next {
			return true
		}
	}
	return false
}

// follow forgets the logs that are gone, and letters that are, and begins with the logs that are new.
func (t *Tally) follow(letters kafka.Spans) {
	for l := range t.logs {
		if id, there := letters.IDs[l.topic]; !there || id != l.id {
			t.drop(l, t.logs[l], func(int64) bool { return true })
			delete(t.logs, l)
			delete(t.pending, l)
		}
	}
	for topic, partitions := range letters.Starts {
		for partition, start := range partitions {
			l := log{topic, letters.IDs[topic], partition}
			of := t.logs[l]
			if of == nil {
				of = &tallied{causes: map[int64]*CauseStats{}}
				t.logs[l] = of
			}
			if start > of.start {
				t.drop(l, of, func(offset int64) bool { return offset < start })
				of.start, of.next = start, max(of.next, start)
			}
		}
	}
}

// drop has letters count no more.
func (t *Tally) drop(l log, of *tallied, gone func(offset int64) bool) {
	for offset := range of.causes {
		if gone(offset) {
			t.resolve(of, offset)
		}
	}
	maps.DeleteFunc(t.pending[l], func(offset int64, _ bool) bool { return gone(offset) })
}

func (t *Tally) resolve(of *tallied, offset int64) {
	cause := of.causes[offset]
	if cause == nil {
		return
	}
	delete(of.causes, offset)
	if cause.Count--; cause.Count == 0 {
		delete(t.causes, cause.ID)
	}
}

// readNotes takes in what was resolved, and says whether all has to be counted again, since a resolution was taken back of a letter that counts no more.
func (t *Tally) readNotes(ctx context.Context, spans kafka.Spans) (again bool, err error) {
	topic := t.r.opts.Resolutions
	if !isBehind(t.notes, spans, topic) {
		return false, nil
	}
	from := kafka.FromOffsets(t.notes).OfTopics(spans.IDs)
	for record, err := range kafka.Scan(ctx, t.r.conn, []string{topic}, from, kafka.ToOffsets(spans.Ends)) {
		if err != nil {
			return false, fmt.Errorf("read what is resolved: %w", err)
		}
		t.notes.Set(record.Topic, record.Partition, record.Offset+1)
		n, ok := readNote(record)
		of := t.logs[n.log]
		if !ok || of == nil || n.offset < of.start {
			continue
		}
		switch resolved := t.pending[n.log]; {
		case n.back && n.offset < of.next && !resolved[n.offset] && of.causes[n.offset] == nil:
			return true, nil
		case n.back:
			delete(resolved, n.offset)
		case resolved == nil:
			t.pending[n.log] = map[int64]bool{n.offset: true}
		default:
			resolved[n.offset] = true
		}
	}
	t.arrive(t.notes, spans, topic)
	return false, nil
}

// isBehind says whether a topic ends behind what was read of it.
func isBehind(read kafka.Offsets, spans kafka.Spans, topic string) bool {
	for partition, end := range spans.Ends[topic] {
		if next, _ := read.Next(topic, partition); max(next, spans.Starts[topic][partition]) < end {
			return true
		}
	}
	return false
}

// arrive notes that a topic was read to its end, before which offsets without records may stand.
func (t *Tally) arrive(read kafka.Offsets, spans kafka.Spans, topic string) {
	for partition, end := range spans.Ends[topic] {
		read.Set(topic, partition, end)
	}
}

// readLetters takes in letters that are new, and then what was resolved of those that were there before.
func (t *Tally) readLetters(ctx context.Context, spans kafka.Spans) error {
	read := kafka.Offsets{}
	for l, of := range t.logs {
		read.Set(l.topic, l.partition, of.next)
	}
	var behind []string
	for _, topic := range t.topics {
		if isBehind(read, spans, topic) {
			behind = append(behind, topic)
		}
	}
	if len(behind) > 0 {
		for record, err := range kafka.Scan(ctx, t.r.conn, behind, kafka.FromOffsets(read).OfTopics(spans.IDs), kafka.ToOffsets(spans.Ends)) {
			if err != nil {
				return fmt.Errorf("read dead letters: %w", err)
			}
			if l := t.r.letter(record, spans.IDs[record.Topic]); t.logs[l.log()] != nil {
				t.take(l)
			}
		}
	}
	for l, of := range t.logs {
		if end, known := spans.Ends.Next(l.topic, l.partition); known {
			of.next = max(of.next, end)
		}
		for offset := range t.pending[l] {
			t.resolve(of, offset)
		}
	}
	clear(t.pending)
	return nil
}

func (t *Tally) take(l *Letter) {
	of := t.logs[l.log()]
	if l.Offset < of.next {
		return
	}
	of.next = l.Offset + 1
	if t.pending[l.log()][l.Offset] || !t.filter.matches(l) {
		return
	}
	countCause(t.causes, l)
	of.causes[l.Offset] = t.causes[l.Cause.ID]
}

func (t *Tally) count(missing []string) *Unresolved {
	out := &Unresolved{Topics: map[string]int{}, Missing: missing, Causes: byCount(t.causes)}
	for _, topic := range t.topics {
		out.Topics[topic] = 0
	}
	for l, of := range t.logs {
		out.Topics[l.topic] += len(of.causes)
	}
	return out
}

// log is the log that a letter stands in.
func (l *Letter) log() log { return log{l.Topic, l.TopicID, l.Partition} }
