package ops

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/wire"
	"github.com/omninode/trestle/tools/event"
	"github.com/omninode/trestle/tools/schema"
)

// Traced is one event of the trace store.
type Traced struct {
	// EventType is empty where the record could not be read.
	EventType string    `json:"event_type"`
	Topic     string    `json:"topic"`
	Partition int32     `json:"partition"`
	Offset    int64     `json:"offset"`
	Timestamp time.Time `json:"timestamp"` // UTC
	// CorrelationID and SessionID are nil where the event has none.
	CorrelationID *string         `json:"correlation_id"`
	SessionID     *string         `json:"session_id"`
	Payload       json.RawMessage `json:"payload"`
	EventID       string          `json:"event_id"`
	// Invalid says why the record could not be read, where it could not.
	Invalid string `json:"invalid,omitempty"`
	// ValueBytes is how many bytes the record's value has, where that were too many to be kept: [Peek] shows it.
	ValueBytes int64 `json:"value_bytes,omitempty"`

	key *string // the record's, as it is shown; nil for none
}

// TraceOptions say how the trace store is asked.
type TraceOptions struct {
	// Count is how many events at most: the newest of those that are asked for. 0: all.
	Count int
	// Follow goes on with what is stored from then on, each event once, until ctx ends, which is no error.
	Follow bool
	// Earlier is told how many events were left out, which are earlier than those that are shown. It may be nil.
	Earlier func(n int64)
	// Reveal shows what the schemas mark sensitive; otherwise "***" stands in its place.
	Reveal bool
	// Warn is told that nothing is masked, where there is no project to say what is sensitive. It may be nil.
	Warn func(error)
}

// TraceCorrelation calls show for the events with a correlation id: a request, its progress, its response. They come in
// the order of [eventtrace.Timeline], one by one: however many there are, few are in memory. An error of show ends it and is its own.
func TraceCorrelation(ctx context.Context, p *Project, env Environment, id string, o TraceOptions, show func(Traced) error) error {
	return timeline(ctx, p, env, eventtrace.Query{CorrelationID: id}, o, show)
}

// TraceSession calls show for the events of a session, as [TraceCorrelation] does.
func TraceSession(ctx context.Context, p *Project, env Environment, id string, o TraceOptions, show func(Traced) error) error {
	return timeline(ctx, p, env, eventtrace.Query{SessionID: id}, o, show)
}

// TraceType calls show for the events of a type, as [TraceCorrelation] does.
func TraceType(ctx context.Context, p *Project, env Environment, eventType string, o TraceOptions, show func(Traced) error) error {
	return timeline(ctx, p, env, eventtrace.Query{EventTypes: []string{eventType}}, o, show)
}

func timeline(ctx context.Context, p *Project, env Environment, q eventtrace.Query, o TraceOptions, show func(Traced) error) error {
	if o.Count < 0 {
		return fmt.Errorf("-n %d: at least 1, or 0 for all", o.Count)
	}
	if err := q.Validate(); err != nil {
		return err
	}
	t, err := openTraces(ctx, p, env, o.Reveal, o.Warn)
	if err != nil {
		return err
	}
	defer t.Close()
	var mark eventtrace.Mark
	if o.Follow {
		if mark, err = eventtrace.NewMark(ctx, t.store); err != nil {
			return err
		}
	}
	from := eventtrace.Cursor{}
	if o.Count > 0 {
		if from, err = t.newer(ctx, q, o.Count); err != nil {
			return err
		}
	}
	for e, err := range t.timeline(ctx, q, from) {
		if err != nil {
			return err
		}
		if o.Follow && mark.Behind(&e) {
			continue // it comes below
		}
		if err := show(t.shows.traced(e)); err != nil {
			return err
		}
	}
	if !from.IsZero() && o.Earlier != nil {
		earlier, err := t.count(ctx, q, from)
		if err != nil {
			return err
		}
		o.Earlier(earlier + 1) // that which the cursor stands at
	}
	if !o.Follow {
		return nil
	}
	return t.watch(ctx, q, mark, func(_ *eventtrace.Event, shown Traced) error { return show(shown) })
}

// followPause is how long the store is left alone between two looks for what is new.
var followPause = kafka.Backoff{Lowest: 200 * time.Millisecond, Highest: 2 * time.Second}

// watch calls show for what is stored behind a mark, until ctx ends.
func (t *traces) watch(ctx context.Context, q eventtrace.Query, mark eventtrace.Mark, show func(*eventtrace.Event, Traced) error) error {
	for e, err := range eventtrace.Watch(ctx, t.store, q, mark, t.wanted, followPause) {
		if err != nil {
			return err
		}
		if err := show(&e, t.shows.traced(e)); err != nil {
			return err
		}
	}
	return nil
}

// traces is an environment's trace store, as its commands read it.
//
// Environments that give topics names of their own may share a trace store: of it each is shown what is on its own topics.
type traces struct {
	store  eventtrace.Store
	shows  *shower
	wanted func(topic string) bool // whether a topic is one of the environment
	topics []string                // those of the store that are; nil: all are
	none   bool                    // the store has none of the environment
}

// openTraces opens the environment's trace store to read it.
func openTraces(ctx context.Context, p *Project, env Environment, reveal bool, warn func(error)) (*traces, error) {
	shows, err := newShower(ctx, p, env, reveal, warn)
	if err != nil {
		return nil, err
	}
	if reveal {
		if err := shows.reveal(ctx, env, "trace store"); err != nil {
			return nil, err
		}
	}
	return env.traces(ctx, shows)
}

// traces opens the environment's trace store to read it.
func (e Environment) traces(ctx context.Context, shows *shower) (*traces, error) {
	db, err := e.openStoreToRead(ctx)
	if err != nil {
		return nil, err
	}
	t := &traces{store: db.Traces(), shows: shows, wanted: func(topic string) bool {
		_, ok := e.Names().TopicOf(topic)
		return ok
	}}
	if !e.Names().IsZero() {
		if err := t.narrow(ctx); err != nil {
			t.Close()
			return nil, err
		}
	}
	return t, nil
}

// narrow finds which of the store's topics are the environment's.
func (t *traces) narrow(ctx context.Context) error {
	progress, err := t.store.Progress(ctx)
	if err != nil {
		return err
	}
	adopted, err := t.store.Topics(ctx)
	if err != nil {
		return err
	}
	for topic := range progress {
		adopted[topic] = ""
	}
	for _, topic := range slices.Sorted(maps.Keys(adopted)) {
		if t.wanted(topic) {
			t.topics = append(t.topics, topic)
		}
	}
	t.none = len(t.topics) == 0
	return nil
}

func (t *traces) Close() error { return t.store.Close() }

// of has a query ask for what is on the environment's topics; it says false where there is none.
func (t *traces) of(q eventtrace.Query) (eventtrace.Query, bool) {
	if t.topics == nil {
		return q, !t.none
	}
	if len(q.Topics) == 0 {
		q.Topics = t.topics
		return q, true
	}
	q.Topics = slices.DeleteFunc(slices.Clone(q.Topics), func(topic string) bool { return !slices.Contains(t.topics, topic) })
	return q, len(q.Topics) > 0
}

func (t *traces) events(ctx context.Context, q eventtrace.Query, from eventtrace.Cursor, way eventtrace.Way) iter.Seq2[eventtrace.Event, error] {
	q, ok := t.of(q)
	if !ok {
		return func(func(eventtrace.Event, error) bool) {}
	}
	return eventtrace.Events(ctx, t.store, q, from, way)
}

func (t *traces) timeline(ctx context.Context, q eventtrace.Query, from eventtrace.Cursor) iter.Seq2[eventtrace.Event, error] {
	q, ok := t.of(q)
	if !ok {
		return func(func(eventtrace.Event, error) bool) {}
	}
	return eventtrace.Timeline(ctx, t.store, q, from)
}

func (t *traces) newer(ctx context.Context, q eventtrace.Query, n int) (eventtrace.Cursor, error) {
	q, ok := t.of(q)
	if !ok {
		return eventtrace.Cursor{}, nil
	}
	return eventtrace.Newer(ctx, t.store, q, n)
}

func (t *traces) count(ctx context.Context, q eventtrace.Query, before eventtrace.Cursor) (int64, error) {
	q, ok := t.of(q)
	if !ok {
		return 0, nil
	}
	return t.store.Count(ctx, q, before)
}

// Timeline shows events of a trace store, in their order, with "***" for what the schemas of a set mark sensitive.
func Timeline(set *schema.Set, events []eventtrace.Event) []Traced {
	s := shower{masker: event.NewMasker(set)}
	out := make([]Traced, len(events))
	for i, e := range events {
		out[i] = s.traced(e)
	}
	return out
}

func (s *shower) traced(e eventtrace.Event) Traced {
	out := Traced{
		EventType: e.EventType, Topic: e.Topic, Partition: e.Partition, Offset: e.Offset, Timestamp: e.Timestamp.UTC(),
		CorrelationID: s.id(e, "correlation_id", e.CorrelationID), SessionID: s.id(e, "session_id", e.SessionID),
		Payload: json.RawMessage("null"), EventID: e.EventID, Invalid: e.Invalid, ValueBytes: e.ValueBytes,
	}
	if e.Key != nil {
		key := s.key(e.Topic, e.EventType, string(e.Key))
		out.key = &key
	}
	if e.Payload == "" {
		if e.Invalid != "" && s.conceals(e.Topic, e.EventType) { // it may say what stands where the text stops being JSON
			out.Invalid = withheldReason
		}
		return out
	}
	text := []byte(e.Payload)
	if s.open != nil {
		text = s.open(&kafka.Record{Topic: e.Topic, Partition: e.Partition, Offset: e.Offset, Value: text, Headers: []kafka.Header{
			{Key: wire.HeaderEventID, Value: []byte(e.EventID)}, {Key: wire.HeaderEventType, Value: []byte(e.EventType)},
		}}).Value
	}
	payload, err := s.payload(e.Topic, e.EventType, text)
	if err != nil { // no JSON, which no store has
		payload = json.RawMessage(`"` + jsonio.Hidden + `"`)
	}
	out.Payload = payload
	return out
}

// id is an event's id as it is shown; nil for none.
func (s *shower) id(e eventtrace.Event, name, id string) *string {
	if id == "" {
		return nil
	}
	if s.masker != nil && s.masker.ConcealsMember(e.Topic, e.EventType, name) {
		id = jsonio.Hidden
	}
	return &id
}
