package eventtrace

import (
	"cmp"
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
func Sort(events []Event) {
	slices.SortFunc(events, ComparePlace)
	type placed struct {
		event        *Event
		log, stamped time.Time
	}
	order := make([]placed, len(events))
	for i := range events {
		p := placed{event: &events[i], log: events[i].LogTime, stamped: events[i].Timestamp}
		if i > 0 && samePartition(&events[i-1], &events[i]) {
			before := order[i-1]
			if c := p.log.Compare(before.log); c < 0 || c == 0 && p.stamped.Before(before.stamped) {
				p.log, p.stamped = before.log, before.stamped
			}
		}
		order[i] = p
	}
	slices.SortStableFunc(order, func(a, b placed) int {
		return cmp.Or(a.log.Compare(b.log), a.stamped.Compare(b.stamped))
	})
	sorted := make([]Event, len(events))
	for i, p := range order {
		sorted[i] = *p.event
	}
	copy(events, sorted)
}

func samePartition(a, b *Event) bool {
	return a.Topic == b.Topic && a.TopicID == b.TopicID && a.Partition == b.Partition
}

// Cursor is a place among the events of a type, for reading them page by page. The zero value stands behind the
// newest; one with only a LogTime stands before the events of that time.
type Cursor struct {
	LogTime   time.Time
	Topic     string
	TopicID   string
	Partition int32
	Offset    int64
}

// IsZero says whether the cursor stands behind the newest event.
func (c Cursor) IsZero() bool { return c == Cursor{} }

// Page makes a [Page] of the events that a store found before a cursor: the newest limit of them and, if the store
// found more, one older.
func NewPage(found []Event, limit int) Page {
	slices.SortFunc(found, func(a, b Event) int { return compareCursor(b.cursor(), a.cursor()) })
	var page Page
	if len(found) > limit {
		found = found[:limit]
		page.Before = found[limit-1].cursor()
	}
	page.Events = found
	Sort(page.Events)
	return page
}

// Page is a part of the events of a type.
type Page struct {
	// Events in the order of the log, oldest first.
	Events []Event
	// Before is where the page of older events starts; zero when there are none.
	Before Cursor
}

func (e *Event) cursor() Cursor {
	return Cursor{LogTime: e.LogTime, Topic: e.Topic, TopicID: e.TopicID, Partition: e.Partition, Offset: e.Offset}
}

func compareCursor(a, b Cursor) int {
	return cmp.Or(
		a.LogTime.Compare(b.LogTime),
		strings.Compare(a.Topic, b.Topic),
		strings.Compare(a.TopicID, b.TopicID),
		cmp.Compare(a.Partition, b.Partition),
		cmp.Compare(a.Offset, b.Offset),
	)
}
