package kafka

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"time"
)

// From says where reading begins.
type From struct {
	place   place
	offset  int64 // for an offset or a count
	offsets Offsets
	ids     map[string]string // of the topics that the offsets are of
	at      time.Time
	other   *From // for partitions that the offsets do not name; nil: their start
}

type place uint8

const (
	atStart place = iota
	atEnd
	atOffset
	atOffsets
	atTime
	beforeEnd
)

// FromStart begins with the oldest record there is.
func FromStart() From { return From{place: atStart} }

// FromEnd begins with what is written from now on.
func FromEnd() From { return From{place: atEnd} }

// FromOffset begins at that offset of each partition, or the oldest record after it.
func FromOffset(offset int64) From { return From{place: atOffset, offset: offset} }

// FromOffsets begins each partition at the offset given for it, and others at their start. A partition whose log no
// longer goes on there, because it starts later or ends before, begins at its start.
func FromOffsets(offsets Offsets) From { return From{place: atOffsets, offsets: offsets} }

// OfTopics says which logs the offsets of [FromOffsets] are of, by the topics' ids. Those of a topic that has another id now,
// because it was deleted and made anew, do not count; a topic that is not named is taken for the same.
func (f From) OfTopics(ids map[string]string) From {
	f.ids = ids
	return f
}

// Else says where a partition begins for which [FromOffsets] gives no offset, of those that are there when reading begins. Those that are found later
// begin at their start.
func (f From) Else(other From) From {
	f.other = &other
	return f
}

// clone returns one that does not share its maps with f.
func (f From) clone() From {
	f.offsets, f.ids = maps.Clone(f.offsets), maps.Clone(f.ids)
	for topic, partitions := range f.offsets {
		f.offsets[topic] = maps.Clone(partitions)
	}
	return f
}

// elsewhere is where a partition begins that no offset is given for.
func (f From) elsewhere() From {
	switch {
	case f.place != atOffsets:
		return f
	case f.other != nil:
		return *f.other
	}
	return FromStart()
}

// FromTime begins with the first record of each partition whose time is not before t.
func FromTime(t time.Time) From { return From{place: atTime, at: t} }

// FromLast begins n offsets before the end of each partition. Offsets that hold no record count: see [Scan].
func FromLast(n int64) From { return From{place: beforeEnd, offset: n} }

// To says where reading stops.
type To struct {
	endless bool
	offsets Offsets // nil: the ends
}

// ToEnd stops at the end that each partition has when the scan begins: the first offset that is not written or, while
// transactions are open, not settled.
func ToEnd() To { return To{} }

// ToOffsets stops before the offset given for a partition, or at the end it has when the scan begins if that comes
// first. Partitions that are not named are not read.
func ToOffsets(offsets Offsets) To { return To{offsets: offsets} }

// Endless never stops. It finds partitions that are added and topics that are deleted and made anew, and reads these
// from their start.
func Endless() To { return To{endless: true} }

// ScanOption configures a scan.
type ScanOption interface{ applyScan(*scan) }

type scanOption func(*scan)

func (o scanOption) applyScan(s *scan) { o(s) }

// WithPerPartition has at most n records of each partition given; below 1 it has no effect. For a limit over all
// partitions leave the loop.
func WithPerPartition(n int) ScanOption {
	return scanOption(func(s *scan) { s.perPartition = n })
}

// WithPatience sets for how long a scan that makes no progress tries again before it gives up with the last error,
// overriding the default of 15 s. When no broker answers at its beginning it gives up at once. An endless scan waits for
// ever once the cluster has answered.
func WithPatience(d time.Duration) ScanOption {
	return scanOption(func(s *scan) { s.patience = d })
}

// scan is one run of Scan, and what its reader reports to.
type scan struct {
	log          *slog.Logger
	endless      bool
	perPartition int
	patience     time.Duration
	progress     time.Time // when something was last read
	opened       bool      // the cluster has answered
	deleted      error     // a topic was, before its end was reached
	given        map[topicPartition]int
}

// Scan reads topics outside of any consumer group: the records of each partition in the order of their offsets, those
// of different partitions as they come. It reads what is committed. Markers of transactions and offsets that compaction
// or deletion left empty are passed over; a scan to the end arrives there whatever stands before it. What is in memory
// is bounded by one fetch a broker.
//
// The loop ends at the end of the scan, or with an error, as the last pair: ctx's, or one that waiting doesn't mend
// (see [Classify]), which names topic, partition and offset. Others are tried again. A topic that does not exist is an
// error. The records are the caller's to keep.
func Scan(ctx context.Context, conn Connection, topics []string, from From, to To, opts ...ScanOption) iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		s := &scan{
			log: conn.Logger, endless: to.endless, patience: 15 * time.Second, progress: time.Now(),
			given: map[topicPartition]int{},
		}
		for _, opt := range opts {
			opt.applyScan(s)
		}
		if s.log == nil {
			s.log = slog.New(slog.DiscardHandler)
		}
		err := s.run(ctx, conn, topics, from, to, func(r *Record) bool { return yield(r, nil) })
		if err != nil && !errors.Is(err, errLeft) {
			yield(nil, err)
		}
	}
}

// errLeft says that the caller left the loop.
var errLeft = errors.New("the caller left the loop")

// maxPoll bounds how many records are taken from the client at once.
const maxPoll = 1000

func (s *scan) run(ctx context.Context, conn Connection, topics []string, from From, to To, give func(*Record) bool) error {
	r, err := NewTopicReader(conn, TopicReaderConfig{
		Topics: topics, From: from, To: to, Observer: s,
		Backoff: Backoff{100 * time.Millisecond, 2 * time.Second}, Discovery: time.Second,
	})
	if err != nil {
		return fmt.Errorf("read topics: %w", err)
	}
	defer r.Close()
	if err := r.Open(ctx); err != nil {
		return err
	}
	for _, topic := range topics {
		if err := r.Absent(topic); err != nil {
			return fmt.Errorf("read %s: %w%s", topic, err, AdviceOn("Describe", err))
		}
	}
	s.opened, s.progress = true, time.Now()
	for !r.AtEnd() {
		err := r.Poll(ctx, time.Minute, maxPoll, func(record *Record) error {
			if !give(record) {
				return errLeft
			}
			s.progress = time.Now() // however long the loop's body took
			s.count(r, record)
			return nil
		})
		if err != nil {
			return err
		}
		if short := r.short(); len(short) > 0 && time.Since(s.progress) > s.patience {
			return fmt.Errorf("%s: nothing came for %v", r.reading(short[0].topic, short[0].partition), s.patience)
		}
	}
	return s.deleted
}

func (s *scan) count(r *TopicReader, record *Record) {
	if s.perPartition < 1 {
		return
	}
	p := topicPartition{record.Topic, record.Partition}
	if s.given[p]++; s.given[p] >= s.perPartition {
		r.Stop(record.Topic, record.Partition)
	}
}

// Found implements [TopicObserver].
func (s *scan) Found(string, string) {}

// Passed implements [TopicObserver].
func (s *scan) Passed(string, int32, int64) { s.progress = time.Now() }

// Dropped implements [TopicObserver].
func (s *scan) Dropped(topic string, partition int32, next, start int64) {
	s.log.Warn("the log dropped records before they were read", "topic", topic, "partition", partition, "next", next, "start", start)
}

// Reset implements [TopicObserver].
func (s *scan) Reset(topic string, partition int32, next, start int64) {
	s.log.Warn("the log ends before what was read, reading it again: was the topic deleted and made anew?",
		"topic", topic, "partition", partition, "next", next, "from", start)
	if s.opened {
		s.Deleted(topic)
	}
}

// Deleted implements [TopicObserver].
func (s *scan) Deleted(topic string) {
	if !s.endless {
		s.deleted = fmt.Errorf("read %s: the topic was deleted meanwhile", topic)
	}
}

// Lost implements [TopicObserver].
func (s *scan) Lost(err error) { s.log.Warn("the brokers lost records", "error", err) }

// Retrying implements [TopicObserver].
func (s *scan) Retrying(what string, err error, pause time.Duration) error {
	// Brokers that never answered are more often wrongly addressed than away; the client has tried again itself.
	never := !s.opened && Classify(err) == Unknown
	tooLong := !(s.endless && s.opened) && time.Since(s.progress)+pause > s.patience
	if never || tooLong {
		return fmt.Errorf("%s: %w", what, err)
	}
	s.log.Warn("could not "+what+", trying again", "error", err, "in", pause)
	return nil
}
