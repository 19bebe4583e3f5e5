package eventtrace

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/google/uuid"
)

// Query says which events are asked for: those of which everything that is set is true. The zero value asks for all.
//
// Stores find by an index what they are asked for by [Query.Index]. What else is set is looked for among that, one by one.
type Query struct {
	// CorrelationID and SessionID are UUIDs in any spelling.
	CorrelationID, SessionID string
	// EventTypes are those that an event may have; the empty one is that of records whose type could not be read. Empty: any.
	EventTypes []string
	// Topics are those that an event may be on. Empty: any.
	Topics []string
	// Key is what an event's key is, byte for byte; nil: any.
	Key []byte
	// From and Until bound the records' time: From is in, Until is not. Zero: no bound.
	From, Until time.Time
	// Text stands in the event's payload, as its JSON spells it, or in the value of one that has no payload. Empty: any.
	Text string
	// Places is a part of one partition's log. Nil: any.
	Places *Places
}

// Places is a part of the log of one partition: offsets from First on, before End.
type Places struct {
	Topic, TopicID string
	Partition      int32
	First, End     int64
}

// Index says which index serves a query.
type Index int

// The indexes, in the order in which they are taken where a query could use several.
const (
	IndexPlaces Index = iota + 1
	IndexCorrelation
	IndexSession
	IndexType  // of a single event type
	IndexTopic // of a single topic
	IndexTime  // of all events
)

// Index returns by which index a store finds what q asks for. All but IndexPlaces have the events in order of time, so that
// a page costs what is on it and what is passed over for not being as else asked for. A store leaves its database no choice: one
// that walks through the times of all events for a session of last month would find it as well, hours later.
func (q *Query) Index() Index {
	switch {
	case q.Places != nil:
		return IndexPlaces
	case q.CorrelationID != "":
		return IndexCorrelation
	case q.SessionID != "":
		return IndexSession
	case len(q.EventTypes) == 1:
		return IndexType
	case len(q.Topics) == 1:
		return IndexTopic
	}
	return IndexTime
}

// Validate reports what no store can be asked for.
func (q *Query) Validate() error {
	for _, id := range [...]struct{ name, value string }{{"correlation id", q.CorrelationID}, {"session id", q.SessionID}} {
		if id.value == "" {
			continue
		}
		if _, err := uuid.Parse(id.value); err != nil {
			return fmt.Errorf("%s %q: not a UUID", id.name, id.value)
		}
	}
	if !plain(q.Text) {
		return fmt.Errorf("text %q: not printable text", q.Text)
	}
	if q.Places != nil && q.Places.TopicID != "" {
		return CheckTopicID(q.Places.Topic, q.Places.TopicID)
	}
	return nil
}

// Way is the direction that events are read in.
type Way bool

const (
	// Oldest has the oldest come first.
	Oldest Way = false
	// Newest has the newest come first.
	Newest Way = true
)

// PageBytes is how many bytes of keys, payloads and values make a page full, whatever its limit.
const PageBytes = 2 << 20

// Size is what an event counts towards [PageBytes].
func (e *Event) Size() int { return len(e.Key) + len(e.Payload) + len(e.Value) }

// pageEvents is the limit of the pages that [Events] reads.
const pageEvents = 500

// Events returns the events that q asks for, in the order of [Cursor.Compare] or the other way round, from a cursor on:
// behind it, or with [Newest] before it. It keeps one page in memory, and holds nothing of the database while the caller
// is busy: events that are stored meanwhile are found if they stand further on. An error is the last that it returns.
func Events(ctx context.Context, s Store, q Query, from Cursor, way Way) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for limit := pageEvents / 5; ; limit = pageEvents { // the first ones soon
			events, err := s.Read(ctx, q, from, way, limit)
			if err != nil {
				yield(Event{}, err)
				return
			}
			if len(events) == 0 {
				return
			}
			from = events[len(events)-1].Cursor()
			size := 0
			for i := range events {
				size += events[i].Size()
				if !yield(events[i], nil) {
					return
				}
				events[i] = Event{} // the caller's alone
			}
			if len(events) < limit && size < PageBytes { // then there were no more
				return
			}
		}
	}
}

// Timeline returns the events that q asks for, oldest first, from a cursor on, in the order of [Sort]: within a partition by
// offset, across partitions by the records' time.
//
// It keeps [TimelineWindow] events in memory, or those of some MiB. That is the promise: the times of a partition's records
// may go back across so many events of the answer, and the order is still that of Sort. A record whose time is further
// behind those before it in its partition comes where its own time has it.
func Timeline(ctx context.Context, s Store, q Query, from Cursor) iter.Seq2[Event, error] {
	return sorted(Events(ctx, s, q, from, Oldest))
}

// All returns all events that q asks for, in the order of [Sort]. They are all in memory at once: [Timeline] is for those
// of whom nobody knows how many there are.
func All(ctx context.Context, s Store, q Query) ([]Event, error) {
	var all []Event
	for e, err := range Events(ctx, s, q, Cursor{}, Oldest) {
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	Sort(all)
	return all, nil
}

// Newer returns where the newest n of the events that q asks for begin: the cursor that they stand behind. It is zero, the
// place before the oldest, where there are no more than n.
func Newer(ctx context.Context, s Store, q Query, n int) (Cursor, error) {
	if n < 1 {
		return Cursor{}, errors.New("the newest of a trace: at least 1")
	}
	left := n
	for e, err := range Events(ctx, s, q, Cursor{}, Newest) {
		if err != nil {
			return Cursor{}, err
		}
		if left == 0 {
			return e.Cursor(), nil
		}
		left--
	}
	return Cursor{}, nil
}
