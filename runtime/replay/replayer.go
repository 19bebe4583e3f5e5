package replay

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/parking"
)

// MaxAttempts is how often an event is replayed at most: a letter of one that has been so often is left alone.
const MaxAttempts = 5

// Options configure a replayer. Zero fields take the defaults.
type Options struct {
	// Resolutions is the name on the cluster of the topic of resolutions; default [ResolutionsTopic].
	Resolutions string
	// By is who does it, for the record.
	By string
	// Sources are the topics that originals stand in, by dead-letter topic, for letters that name none, as the flat shape doesn't.
	Sources map[string]string
	// Parked is the store in which consumers park the letters that their topics refuse (trestle.WithParking). Those are in no selection before
	// parking.Publish has brought them to their topic; with it, stats and plans count them. nil: they are not counted.
	Parked parking.Store
	// Timeout is how long one transaction may take, and waiting for those of others; default 30 s.
	Timeout time.Duration
	// MaxBatchBytes is what a batch may open to that was too large for its consumers, in bytes; default 64 MiB. It is in memory at once.
	MaxBatchBytes int
}

// Replayer resolves dead letters of a cluster. It holds nothing open, and may be used from many goroutines; of those that replay or
// purge letters of one topic the last to begin writing ends the others.
type Replayer struct {
	conn           kafka.Connection
	opts           Options
	perTransaction int           // letters
	keep           time.Duration // see keepNotes
}

// New returns a replayer. It contacts nothing, and fails as [kafka.Connection.Validate] does.
func New(conn kafka.Connection, o Options) (*Replayer, error) {
	if o.Timeout < 0 || o.MaxBatchBytes < 0 {
		return nil, fmt.Errorf("replay options: Timeout and MaxBatchBytes must not be negative, got %v and %d", o.Timeout, o.MaxBatchBytes)
	}
	if err := conn.Validate(); err != nil {
		return nil, err
	}
	o.Resolutions = cmp.Or(o.Resolutions, ResolutionsTopic)
	o.Timeout = cmp.Or(o.Timeout, 30*time.Second)
	o.MaxBatchBytes = cmp.Or(o.MaxBatchBytes, 64<<20)
	return &Replayer{conn, o, maxLetters, keepNotes}, nil
}

// Selection is a set of letters. It is pinned: what is written after it was made is not in it, whatever it is used for and how often.
// What others resolve meanwhile is left out.
type Selection struct {
	r            *Replayer
	filter       Filter
	topics       []string // sorted
	ids          map[string]string
	starts, ends kafka.Offsets
	unresolvable *MissingTopicError // nil: they can be resolved
}

// Select pins the letters that a filter means: it reads where the topics start and end now. The error is a [MissingTopicError] where
// one of them does not exist. Where that of resolutions does not, none are resolved: they can be looked at and counted, and what would
// resolve them, or plans to, fails with that error.
func (r *Replayer) Select(ctx context.Context, f Filter) (*Selection, error) {
	topics, err := f.topics()
	if err != nil {
		return nil, err
	}
	client, err := r.conn.Client()
	if err != nil {
		return nil, err
	}
	defer client.Close()
	s := &Selection{r: r, filter: f, topics: topics, starts: kafka.Offsets{}, ends: kafka.Offsets{}}
	admin := kadm.NewClient(client)
	if s.ids, s.unresolvable, err = r.topicIDs(ctx, admin, topics); err != nil {
		return nil, err
	}
	if err := list(ctx, admin.ListStartOffsets, topics, s.starts); err != nil {
		return nil, err
	}
	return s, list(ctx, admin.ListCommittedOffsets, topics, s.ends)
}

func list(ctx context.Context, from func(context.Context, ...string) (kadm.ListedOffsets, error), topics []string, into kafka.Offsets) error {
	listed, err := from(ctx, topics...)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return fmt.Errorf("find where dead-letter topics start and end: %w%s", err, kafka.AdviceOn("Describe", err))
	}
	listed.Each(func(o kadm.ListedOffset) { into.Set(o.Topic, o.Partition, o.Offset) })
	return nil
}

// topicIDs returns the ids of dead-letter topics, all of which have to exist, and why their letters can't be resolved; nil: they can.
func (r *Replayer) topicIDs(ctx context.Context, admin *kadm.Client, topics []string) (ids map[string]string, unresolvable *MissingTopicError, err error) {
	found, err := admin.ListTopics(ctx, append([]string{r.opts.Resolutions}, topics...)...)
	if err != nil {
		return nil, nil, fmt.Errorf("find dead-letter topics: %w%s", err, kafka.AdviceOn("Describe", err))
	}
	ids = map[string]string{}
	for _, t := range found.Sorted() {
		missing := kafka.Classify(t.Err) == kafka.Missing
		switch {
		case missing && t.Topic == r.opts.Resolutions:
			unresolvable = &MissingTopicError{t.Topic, true, t.Err}
		case missing:
			return nil, nil, &MissingTopicError{t.Topic, false, t.Err}
		case t.Err != nil:
			return nil, nil, fmt.Errorf("find topic %s: %w%s", t.Topic, t.Err, kafka.AdviceOn("Describe", t.Err))
		case t.Topic != r.opts.Resolutions:
			ids[t.Topic] = kafka.TopicIDText(t.ID)
		}
	}
	return ids, unresolvable, nil
}

// Letters are the letters of the selection that are not resolved, those of a partition in their order. The loop ends with an error, as
// the last pair, if it can't go on.
func (s *Selection) Letters(ctx context.Context) iter.Seq2[*Letter, error] {
	return s.where(ctx, func(l *Letter) bool { return l.Resolution == nil })
}

// All is Letters with those that are resolved among them.
func (s *Selection) All(ctx context.Context) iter.Seq2[*Letter, error] {
	return s.where(ctx, func(*Letter) bool { return true })
}

func (s *Selection) where(ctx context.Context, wanted func(*Letter) bool) iter.Seq2[*Letter, error] {
	return func(yield func(*Letter, error) bool) {
		for l, err := range s.unfiltered(ctx) {
			switch {
			case err != nil:
				yield(nil, err)
				return
			case wanted(l) && s.filter.matches(l) && !yield(l, nil):
				return
			}
		}
	}
}

// unfiltered are the letters among which those of the filter are, whatever else it says than positions.
func (s *Selection) unfiltered(ctx context.Context) iter.Seq2[*Letter, error] {
	return func(yield func(*Letter, error) bool) {
		var resolved resolutions
		var err error
		if s.unresolvable == nil {
			resolved, err = s.r.resolved(ctx, s.ids)
		}
		if err != nil {
			yield(nil, err)
			return
		}
		for l, err := range s.scan(ctx, s.topics, s.around(), resolved) {
			if !yield(l, err) {
				return
			}
		}
	}
}

// part is a part of a selection's topics: where it begins and ends.
type part struct{ from, to kafka.Offsets }

// whole is all that was there when the selection was made.
func (s *Selection) whole() part { return part{s.starts, s.ends} }

// scan reads all letters of topics of the selection, whatever the filter says.
func (s *Selection) scan(ctx context.Context, topics []string, of part, resolved resolutions) iter.Seq2[*Letter, error] {
	return func(yield func(*Letter, error) bool) {
		for record, err := range s.records(ctx, topics, of) {
			if err != nil {
				yield(nil, err)
				return
			}
			l := s.r.letter(record, s.ids[record.Topic])
			l.Resolution = s.resolutionOf(record, resolved)
			if !yield(l, nil) {
				return
			}
		}
	}
}

// records reads the records of topics of the selection.
func (s *Selection) records(ctx context.Context, topics []string, of part) iter.Seq2[*kafka.Record, error] {
	return func(yield func(*kafka.Record, error) bool) {
		if err := s.checkIDs(ctx, topics); err != nil {
			yield(nil, err)
			return
		}
		for record, err := range kafka.Scan(ctx, s.r.conn, topics, kafka.FromOffsets(of.from).OfTopics(s.ids), kafka.ToOffsets(of.to)) {
			if !yield(record, err) {
				return
			}
		}
	}
}

// resolutionOf returns what became of the letter in a record, nil where it is not resolved.
func (s *Selection) resolutionOf(r *kafka.Record, resolved resolutions) *Resolution {
	if resolution, ok := resolved[log{r.Topic, s.ids[r.Topic], r.Partition}][r.Offset]; ok {
		return &resolution
	}
	return nil
}

// around is the part that the filter can mean: where its positions begin and end, all of the selection where it names none.
func (s *Selection) around() part {
	if len(s.filter.Positions) == 0 {
		return s.whole()
	}
	from, to := kafka.Offsets{}, kafka.Offsets{}
	for _, p := range s.filter.Positions {
		start, _ := s.starts.Next(p.Topic, p.Partition)
		end, known := s.ends.Next(p.Topic, p.Partition)
		if !known || p.Offset < start || p.Offset >= end {
			continue
		}
		if first, known := from.Next(p.Topic, p.Partition); !known || p.Offset < first {
			from.Set(p.Topic, p.Partition, p.Offset)
		}
		if last, _ := to.Next(p.Topic, p.Partition); p.Offset >= last {
			to.Set(p.Topic, p.Partition, p.Offset+1)
		}
	}
	return part{from, to}
}

func (s *Selection) checkIDs(ctx context.Context, topics []string) error {
	client, err := s.r.conn.Client()
	if err != nil {
		return err
	}
	defer client.Close()
	ids, _, err := s.r.topicIDs(ctx, kadm.NewClient(client), topics)
	if err != nil {
		return err
	}
	for _, topic := range topics {
		if ids[topic] != s.ids[topic] {
			return &RecreatedTopicError{topic}
		}
	}
	return nil
}

// resolutions are what was resolved, by log and offset.
type resolutions map[log]map[int64]Resolution

// resolved reads the resolutions of letters of topics, by their ids, up to the end that they have now.
func (r *Replayer) resolved(ctx context.Context, ids map[string]string) (resolutions, error) {
	found := resolutions{}
	for n, err := range r.notes(ctx, kafka.FromStart(), kafka.ToEnd()) {
		if err != nil {
			return nil, err
		}
		if id, wanted := ids[n.log.topic]; wanted && id == n.log.id {
			found.take(&n)
		}
	}
	return found, nil
}

// of is the resolution of a letter, nil where it is not resolved.
func (found resolutions) of(l *Letter) *Resolution {
	if resolution, ok := found[l.log()][l.Offset]; ok {
		return &resolution
	}
	return nil
}

func (found resolutions) take(n *note) {
	if n.back {
		delete(found[n.log], n.offset)
		return
	}
	if found[n.log] == nil {
		found[n.log] = map[int64]Resolution{}
	}
	found[n.log][n.offset] = parseResolution(n.value)
}

// note is a record of the topic of resolutions.
type note struct {
	log    log
	offset int64 // of the letter
	value  []byte
	back   bool // it takes back what was noted before
	at     time.Time
}

// readNote says false of what is no note of this version.
func readNote(record *kafka.Record) (n note, ok bool) {
	n = note{value: record.Value, back: record.Value == nil && record.Oversized == nil, at: record.Timestamp}
	n.log, n.offset, ok = parseResolutionKey(record.Key)
	return n, ok
}

// notes reads the topic of resolutions. What is no note of this version is passed over.
func (r *Replayer) notes(ctx context.Context, from kafka.From, to kafka.To) iter.Seq2[note, error] {
	return func(yield func(note, error) bool) {
		for record, err := range kafka.Scan(ctx, r.conn, []string{r.opts.Resolutions}, from, to) {
			if err != nil {
				yield(note{}, fmt.Errorf("read what is resolved: %w", err))
				return
			}
			if n, ok := readNote(record); ok && !yield(n, nil) {
				return
			}
		}
	}
}

// cleanupInterval is how late brokers end transactions that took too long.
const cleanupInterval = 15 * time.Second

// settled waits until nothing that was written to the topic of resolutions before is open: a transaction of somebody else hides what
// others have committed behind it.
func (r *Replayer) settled(ctx context.Context, client *kgo.Client) error {
	ctx, cancel := context.WithTimeout(ctx, 2*r.opts.Timeout+cleanupInterval)
	defer cancel()
	_, err := kafka.AwaitSettled(ctx, client, r.opts.Resolutions)
	return err
}
