package eventtrace

import (
	"cmp"
	"iter"
	"slices"
	"strings"
	"time"
)

// Sort puts events into the order of the log: within a partition by offset, across partitions by the records' time.
//
// Records of a partition may have times that go back, because producers set them. A record then counts as no earlier
// than those before it in its partition, so that both rules hold at once. Records of the same millisecond are ordered
// by the events' own times, then by topic and partition: the result depends on the events alone, not on the order they
// came in.
func Sort(events []Event) { sortAfter(events, nil) }

// partition tells the logs of partitions apart.
type partition struct {
	topic, topicID string
	number         int32
}

// instant is what events are ordered by: the record's time, then the event's own.
type instant struct{ log, stamped time.Time }

func (i instant) compare(other instant) int {
	return cmp.Or(i.log.Compare(other.log), i.stamped.Compare(other.stamped))
}

// sortAfter sorts events; those that came before them in their partitions were last at the instants of last. It returns at
// which instant each counts.
func sortAfter(events []Event, last map[partition]instant) []instant {
	slices.SortFunc(events, ComparePlace)
	type placed struct {
		event *Event
		at    instant
	}
	order := make([]placed, len(events))
	for i := range events {
		e := &events[i]
		at := instant{e.LogTime, e.Timestamp}
		if i > 0 && events[i-1].partition() == e.partition() {
			if before := order[i-1].at; at.compare(before) < 0 {
				at = before
			}
		} else if before, ok := last[e.partition()]; ok && at.compare(before) < 0 {
			at = before
		}
		order[i] = placed{e, at}
	}
	slices.SortStableFunc(order, func(a, b placed) int { return a.at.compare(b.at) })
	sorted, instants := make([]Event, len(events)), make([]instant, len(events))
	for i, p := range order {
		sorted[i], instants[i] = *p.event, p.at
	}
	copy(events, sorted)
	return instants
}

func (e *Event) partition() partition { return partition{e.Topic, e.TopicID, e.Partition} }

const (
	// TimelineWindow is how many events [Timeline] keeps to put them in order.
	TimelineWindow = 1000
	// windowBytes is how many bytes of them.
	windowBytes = 4 << 20
)

// sorted puts events that come in order of their records' times into that of [Sort], as far as a window of them shows it.
func sorted(events iter.Seq2[Event, error]) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		w := window{last: map[partition]instant{}}
		for e, err := range events {
			if err != nil {
				for _, e := range w.take(0) { // what was read is still the answer's beginning
					if !yield(e, nil) {
						return
					}
				}
				yield(Event{}, err)
				return
			}
			for _, e := range w.add(e) {
				if !yield(e, nil) {
					return
				}
			}
		}
		for _, e := range w.take(0) {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// window holds events until none that is still to come can stand before them.
type window struct {
	held  []Event
	bytes int
	last  map[partition]instant // of what was taken out
}

// add returns those that an event pushes out. It lets twice the window come together, so that sorting costs little an event.
func (w *window) add(e Event) []Event {
	w.held = append(w.held, e)
	w.bytes += e.Size()
	if len(w.held) < 2*TimelineWindow && w.bytes < 2*windowBytes {
		return nil
	}
	return w.take(len(w.held) / 2)
}

// take returns the first events, all but keep of them.
func (w *window) take(keep int) []Event {
	at := sortAfter(w.held, w.last)
	out := w.held[:len(w.held)-keep]
	for i := range out {
		w.last[out[i].partition()] = at[i]
	}
	w.held = append(make([]Event, 0, 2*keep), w.held[len(out):]...)
	w.bytes = 0
	for i := range w.held {
		w.bytes += w.held[i].Size()
	}
	return out
}

// Cursor is a place among events that are ordered by their records' time, for reading them page by page. The zero value
// stands before the first that is read, whichever way; one with only a LogTime stands before the events of that time.
type Cursor struct {
	LogTime   time.Time
	Topic     string
	TopicID   string
	Partition int32
	Offset    int64
}

// IsZero says whether the cursor stands where reading begins.
func (c Cursor) IsZero() bool { return c == Cursor{} }

// Compare orders cursors by the record's time, then by topic, its id, partition and offset.
func (c Cursor) Compare(other Cursor) int {
	return cmp.Or(
		c.LogTime.Compare(other.LogTime),
		strings.Compare(c.Topic, other.Topic),
		strings.Compare(c.TopicID, other.TopicID),
		cmp.Compare(c.Partition, other.Partition),
		cmp.Compare(c.Offset, other.Offset),
	)
}

// Cursor returns where the event stands.
func (e *Event) Cursor() Cursor {
	return Cursor{LogTime: e.LogTime, Topic: e.Topic, TopicID: e.TopicID, Partition: e.Partition, Offset: e.Offset}
}
