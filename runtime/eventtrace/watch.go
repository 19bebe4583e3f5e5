package eventtrace

import (
	"context"
	"iter"
	"maps"
	"slices"

	"github.com/omninode/trestle/runtime/kafka"
)

// Mark is a state of a store: how far each partition was stored. Events behind it are found by [Watch].
type Mark struct {
	ids  map[string]string // of topics
	next Progress
}

// NewMark returns the store's state now.
func NewMark(ctx context.Context, s Store) (Mark, error) {
	ids, err := s.Topics(ctx)
	if err != nil {
		return Mark{}, err
	}
	next, err := s.Progress(ctx)
	return Mark{ids, next}, err
}

// Behind says whether an event was stored after the mark was made, so that [Watch] returns it.
func (m Mark) Behind(e *Event) bool {
	return e.TopicID == m.ids[e.Topic] && e.Offset >= m.next[e.Topic][e.Partition]
}

// first is the offset of a partition that the mark stands before. A topic that was made anew begins at 0; one whose id was not known is the same.
func (m Mark) first(topic, id string, partition int32) int64 {
	if known, ok := m.ids[topic]; ok && known != id {
		return 0
	}
	return m.next[topic][partition]
}

// Watch returns the events that q asks for, on the topics that are wanted, as they are stored: those behind a mark, each once, by how far the
// partitions are stored, which no clock and no late event deceives. It looks again after a pause that grows while nothing is stored. Those that one look finds come in the order of
// [Timeline]. It ends with ctx, without an error, or with an error of the store. What was stored without progress is not seen.
func Watch(ctx context.Context, s Store, q Query, from Mark, wanted func(topic string) bool, pause kafka.Backoff) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for idle := 0; ; {
			now, err := NewMark(ctx, s)
			if err != nil {
				if ctx.Err() == nil {
					yield(Event{}, err)
				}
				return
			}
			found := false
			for e, err := range sorted(between(ctx, s, q, from, now, wanted)) {
				if ctx.Err() != nil {
					return
				}
				if !yield(e, err) || err != nil {
					return
				}
				found = true
			}
			if from = now; found {
				idle = 0
			}
			idle++
			if kafka.Sleep(ctx, pause.After(idle)) != nil {
				return
			}
		}
	}
}

// between returns what was stored between two marks, partition by partition.
func between(ctx context.Context, s Store, q Query, from, to Mark, wanted func(topic string) bool) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for _, topic := range slices.Sorted(maps.Keys(to.next)) {
			if !wanted(topic) || len(q.Topics) > 0 && !slices.Contains(q.Topics, topic) {
				continue
			}
			for _, partition := range slices.Sorted(maps.Keys(to.next[topic])) {
				places := Places{Topic: topic, TopicID: to.ids[topic], Partition: partition, First: from.first(topic, to.ids[topic], partition), End: to.next[topic][partition]}
				if places.First >= places.End {
					continue
				}
				q.Places = &places
				for e, err := range Events(ctx, s, q, Cursor{}, Oldest) {
					if !yield(e, err) || err != nil {
						return
					}
				}
			}
		}
	}
}
