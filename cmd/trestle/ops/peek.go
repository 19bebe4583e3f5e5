package ops

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/omninode/trestle/runtime/kafka"
)

// PeekOptions say which records [Peek] shows.
type PeekOptions struct {
	// Count is how many at most, over all partitions; at least 1.
	Count int
	// From is where to begin: "start", "end" (which waits for new ones), an offset of each partition, or a time (RFC 3339).
	// Empty: the last Count records.
	From string
	// RecordView says how they are shown. Count is of those that its filter leaves.
	RecordView
	// Progress is told how many records were read, where a filter has them all read; it may be nil.
	Progress func(read int64)
}

// RecordView says which records of a topic are shown, and what of them.
type RecordView struct {
	// Filter leaves records out.
	Filter RecordFilter
	// Headers are shown, too.
	Headers bool
	// Reveal shows what the schemas mark sensitive; otherwise "***" stands in its place.
	Reveal bool
	// Warn is told why something is not shown as it should be: without a project, records in protobuf are shown as bytes,
	// and nothing is known to be sensitive. It may be nil.
	Warn func(error)
}

// viewFunc returns a record as it is shown, and whether the filter leaves it.
type viewFunc func(*kafka.Record) (Peeked, bool)

// open connects, and returns the topic's name on the cluster and how its records are seen.
func (v RecordView) open(ctx context.Context, p *Project, env Environment, topic string) (kafka.Connection, string, viewFunc, error) {
	conn, err := env.connect(ctx)
	if err != nil {
		return kafka.Connection{}, "", nil, err
	}
	shows, err := newShower(ctx, p, env, v.Reveal, v.Warn)
	if err != nil {
		return kafka.Connection{}, "", nil, err
	}
	filter, err := v.Filter.compile(shows.set)
	if err != nil {
		return kafka.Connection{}, "", nil, err
	}
	if v.Reveal {
		if err := shows.reveal(ctx, env, "topic "+shows.topic(topic)); err != nil {
			return kafka.Connection{}, "", nil, err
		}
	}
	return conn, shows.topic(topic), func(r *kafka.Record) (Peeked, bool) {
		p := shows.peeked(r)
		if v.Headers {
			p.Headers = shows.headers(r, p.EventType)
		}
		return p, filter.matches(r, &p)
	}, nil
}

// Peek calls show for records of a topic, in order of time. The topic is one of the schemas, by their name of it or by that which
// it has in the environment, or any other of the cluster. It joins no consumer group and moves no offset, and reads no
// more than Count records of each partition. An error of show ends Peek and is its own. Where there is a project whose
// schemas are wrong, so that it is not known what is sensitive, nothing is shown unless it is to be revealed.
func Peek(ctx context.Context, p *Project, env Environment, topic string, o PeekOptions, show func(Peeked) error) error {
	if o.Count < 1 {
		return fmt.Errorf("-n %d: at least 1", o.Count)
	}
	from, err := placeOf(o.From)
	if err != nil {
		return err
	}
	conn, topic, see, err := o.open(ctx, p, env, topic)
	if err != nil {
		return err
	}
	if o.From == "end" {
		return peekNew(ctx, conn, topic, from, o.Count, see, show)
	}
	if !o.Filter.isEmpty() {
		return peekFiltered(ctx, conn, topic, from, o, see, show)
	}
	records, err := peekOld(ctx, conn, topic, from, o)
	if err != nil {
		return err
	}
	if len(records) > o.Count {
		if o.From == "" {
			records = records[len(records)-o.Count:]
		} else {
			records = records[:o.Count]
		}
	}
	for _, r := range records {
		peeked, _ := see(r)
		if err := show(peeked); err != nil {
			return err
		}
	}
	return nil
}

// placeOf reads where to begin, as --from has it: start, end, an offset of each partition, or an RFC 3339 time. Without a place it is the start: the
// last that a filter leaves may stand anywhere.
func placeOf(from string) (kafka.From, error) {
	switch from {
	case "", "start":
		return kafka.FromStart(), nil
	case "end":
		return kafka.FromEnd(), nil
	}
	if offset, err := strconv.ParseInt(from, 10, 64); err == nil {
		if offset < 0 {
			return kafka.From{}, fmt.Errorf("--from %s: an offset is not negative", from)
		}
		return kafka.FromOffset(offset), nil
	}
	at, err := time.Parse(time.RFC3339, from)
	if err != nil {
		return kafka.From{}, fmt.Errorf("--from %q: want start, end, an offset, or a time such as 2025-10-16T12:34:56Z", from)
	}
	return kafka.FromTime(at), nil
}

// peekOld returns the first records of each partition from a place on, or without one the last, those of all partitions in order of time.
func peekOld(ctx context.Context, conn kafka.Connection, topic string, from kafka.From, o PeekOptions) (records []*kafka.Record, err error) {
	if o.From == "" {
		records, err = kafka.Last(ctx, conn, topic, o.Count)
	} else {
		for r, failed := range kafka.Scan(ctx, conn, []string{topic}, from, kafka.ToEnd(), kafka.WithPerPartition(o.Count)) {
			if failed != nil {
				return nil, failed
			}
			records = append(records, r)
		}
	}
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(records, func(a, b *kafka.Record) int {
		if a.Partition == b.Partition {
			return cmp.Compare(a.Offset, b.Offset)
		}
		return a.Timestamp.Compare(b.Timestamp)
	})
	return records, nil
}

// peekFiltered shows the first or, without a place to begin, the last count of the records that are left by a filter, in order of time.
func peekFiltered(ctx context.Context, conn kafka.Connection, topic string, from kafka.From, o PeekOptions, see viewFunc, show func(Peeked) error) error {
	var kept []Peeked
	var read int64
	for r, err := range kafka.Scan(ctx, conn, []string{topic}, from, kafka.ToEnd()) {
		if err != nil {
			return err
		}
		if read++; o.Progress != nil {
			o.Progress(read)
		}
		p, ok := see(r)
		if !ok {
			continue
		}
		kept = append(kept, p)
		if len(kept) >= 2*o.Count+1000 {
			kept = cut(kept, o)
		}
	}
	for _, p := range cut(kept, o) {
		if err := show(p); err != nil {
			return err
		}
	}
	return nil
}

// cut returns those to show, in order of time: the first, or the last where no place to begin was given.
func cut(kept []Peeked, o PeekOptions) []Peeked {
	slices.SortStableFunc(kept, func(a, b Peeked) int {
		if a.Partition == b.Partition {
			return cmp.Compare(a.Offset, b.Offset)
		}
		return a.at.Compare(b.at)
	})
	if n := len(kept) - o.Count; n > 0 && o.From == "" {
		kept = kept[n:]
	} else if n > 0 {
		kept = kept[:o.Count]
	}
	return kept
}

// peekNew shows the next count records that are left, as they come, until ctx ends; 0: all of them.
func peekNew(ctx context.Context, conn kafka.Connection, topic string, from kafka.From, count int, see viewFunc, show func(Peeked) error) error {
	for r, err := range kafka.Scan(ctx, conn, []string{topic}, from, kafka.Endless()) {
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		p, ok := see(r)
		if !ok {
			continue
		}
		if err := show(p); err != nil {
			return err
		}
		if count--; count == 0 {
			break
		}
	}
	return nil
}

// TailOptions say which records [Tail] shows.
type TailOptions struct {
	// From is where to begin: start, end, an offset of each partition, or a time (RFC 3339); empty: the end.
	From string
	RecordView
}

// Tail shows the records of a topic as they come, until ctx ends. What holds for [Peek] holds for it.
func Tail(ctx context.Context, p *Project, env Environment, topic string, o TailOptions, show func(Peeked) error) error {
	from, err := placeOf(cmp.Or(o.From, "end"))
	if err != nil {
		return err
	}
	conn, topic, see, err := o.open(ctx, p, env, topic)
	if err != nil {
		return err
	}
	return peekNew(ctx, conn, topic, from, 0, see, show)
}
