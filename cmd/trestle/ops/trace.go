package ops

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"time"

	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/wire"
	"github.com/omninode/trestle/tools/event"
	"github.com/omninode/trestle/tools/schema"
)

// Tracer follows topics into the trace store. How far it got is in the store, so that a restart goes on where it was.
type Tracer struct {
	// Topics are those that it follows, by the names that they have in the environment.
	Topics []string

	sink  *eventtrace.Sink
	store eventtrace.Store
}

// TracerOptions say what a [Tracer] follows.
type TracerOptions struct {
	// Topics to follow; empty: all that the project declares.
	Topics []string
	// Log gets warnings and errors; nil: slog's default.
	Log *slog.Logger
}

// NewTracer opens the environment's trace store and returns what follows the topics into it, once it runs.
func NewTracer(ctx context.Context, p *Project, env Environment, o TracerOptions) (*Tracer, error) {
	set, err := p.loadIn(ctx, env)
	if err != nil {
		return nil, err
	}
	conn, err := env.connect(ctx)
	if err != nil {
		return nil, err
	}
	store, err := env.OpenTraces(ctx)
	if err != nil {
		return nil, err
	}
	t := &Tracer{store: store}
	for _, topic := range o.Topics {
		t.Topics = append(t.Topics, topicOf(set, env.Names(), topic))
	}
	if len(t.Topics) == 0 {
		t.Topics = TopicNames(set)
	}
	conn.ClientID = "trestle-trace"
	opts := []eventtrace.SinkOption{eventtrace.WithConnection(conn)}
	if o.Log != nil {
		opts = append(opts, eventtrace.WithLogger(o.Log))
	}
	if t.sink, err = eventtrace.NewSink(env.Brokers, t.Topics, store, TraceReader(set), opts...); err != nil {
		store.Close()
		return nil, err
	}
	return t, nil
}

// Run follows the topics until ctx ends.
func (t *Tracer) Run(ctx context.Context) error { return t.sink.Run(ctx) }

// RunUntilEnd stops at the end that the topics have now.
func (t *Tracer) RunUntilEnd(ctx context.Context) error { return t.sink.RunUntilEnd(ctx) }

// Counts says what was stored so far. It may be called while the tracer runs.
func (t *Tracer) Counts() TraceCounts {
	s := t.sink.Stats()
	return TraceCounts{Stored: s.Stored, Repeated: s.Repeated, Invalid: s.Invalid}
}

// Close closes the store.
func (t *Tracer) Close() error { return t.store.Close() }

// TraceCounts count the records of a [Tracer].
type TraceCounts struct {
	// Invalid could not be read; they are stored as they are.
	Invalid int64 `json:"invalid"`
	// Repeated were in the store before.
	Repeated int64 `json:"repeated"`
	Stored   int64 `json:"stored"`
}

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
}

// TraceOptions say how the trace store is asked.
type TraceOptions struct {
	// Reveal shows what the schemas mark sensitive; otherwise "***" stands in its place.
	Reveal bool
	// Warn is told that nothing is masked, where there is no project to say what is sensitive. It may be nil.
	Warn func(error)
}

// Environments that give topics names of their own may share a trace store: of it each is shown what is on its own topics.

// TraceCorrelation returns all events with a correlation id: a request, its progress, its response.
func TraceCorrelation(ctx context.Context, p *Project, env Environment, id string, o TraceOptions) ([]Traced, error) {
	return query(ctx, p, env, o, func(s eventtrace.Store) ([]eventtrace.Event, error) { return s.ByCorrelation(ctx, id) })
}

// TraceSession returns all events of a session.
func TraceSession(ctx context.Context, p *Project, env Environment, id string, o TraceOptions) ([]Traced, error) {
	return query(ctx, p, env, o, func(s eventtrace.Store) ([]eventtrace.Event, error) { return s.BySession(ctx, id) })
}

// TraceType returns the newest events of a type, at most limit.
func TraceType(ctx context.Context, p *Project, env Environment, eventType string, limit int, o TraceOptions) ([]Traced, error) {
	return query(ctx, p, env, o, func(s eventtrace.Store) ([]eventtrace.Event, error) {
		return newestOf(ctx, s, eventType, limit, env.traced, time.Time{})
	})
}

// newestOf returns the newest events of a type that are wanted, at most limit, oldest first. It does not look for any before a time.
func newestOf(
	ctx context.Context, s eventtrace.Store, eventType string, limit int, wanted func(eventtrace.Event) bool, since time.Time,
) ([]eventtrace.Event, error) {
	var found []eventtrace.Event
	var before eventtrace.Cursor
	for {
		page, err := s.ByType(ctx, eventType, before, limit)
		if err != nil {
			return nil, err
		}
		more := slices.DeleteFunc(page.Events, func(e eventtrace.Event) bool { return !wanted(e) })
		found = append(more, found...)
		if before = page.Before; before.IsZero() || len(found) >= limit || before.LogTime.Before(since) {
			return found[max(0, len(found)-limit):], nil
		}
	}
}

// traced says that a topic of the environment can have an event of a trace store.
func (e Environment) traced(event eventtrace.Event) bool {
	_, ok := e.Names().TopicOf(event.Topic)
	return ok
}

func query(ctx context.Context, p *Project, env Environment, o TraceOptions, ask func(eventtrace.Store) ([]eventtrace.Event, error)) ([]Traced, error) {
	store, err := env.OpenTraces(ctx)
	if err != nil {
		return nil, err
	}
	defer store.Close()
	shows, err := newShower(ctx, p, env, o.Reveal, o.Warn)
	if err != nil {
		return nil, err
	}
	events, err := ask(store)
	if err != nil {
		return nil, err
	}
	return shows.timeline(slices.DeleteFunc(events, func(e eventtrace.Event) bool { return !env.traced(e) })), nil
}

// Timeline shows events of a trace store, in their order, with "***" for what the schemas of a set mark sensitive.
func Timeline(set *schema.Set, events []eventtrace.Event) []Traced {
	s := shower{masker: event.NewMasker(set)}
	return s.timeline(events)
}

func (s *shower) timeline(events []eventtrace.Event) []Traced {
	out := make([]Traced, len(events))
	for i, e := range events {
		out[i] = Traced{
			EventType: e.EventType, Topic: e.Topic, Partition: e.Partition, Offset: e.Offset, Timestamp: e.Timestamp.UTC(),
			CorrelationID: s.id(e, "correlation_id", e.CorrelationID), SessionID: s.id(e, "session_id", e.SessionID),
			Payload: json.RawMessage("null"), EventID: e.EventID, Invalid: e.Invalid,
		}
		if e.Payload == "" {
			if e.Invalid != "" && s.conceals(e.Topic, e.EventType) { // it may say what stands where the text stops being JSON
				out[i].Invalid = withheldReason
			}
			continue
		}
		payload, err := s.payload(e.Topic, e.EventType, []byte(e.Payload))
		if err != nil { // no JSON, which no store has
			payload = json.RawMessage(`"` + jsonio.Hidden + `"`)
		}
		out[i].Payload = payload
	}
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

// TraceReader reads records of the topics that a set declares.
func TraceReader(set *schema.Set) eventtrace.Reader {
	types := EventTypesOf(set).decoding()
	return eventtrace.Envelopes(envelopeOf(set), eventtrace.WithTypes(types), eventtrace.WithProtobuf(func(r *kafka.Record, _ string) (jsonio.Raw, error) {
		decoded, err := protobufPayload(r, types)
		return decoded.text, err
	}))
}

// envelopeOf says which envelope the events of a topic have.
func envelopeOf(set *schema.Set) func(topic string) wire.Kind {
	kinds := make(map[string]wire.Kind, len(set.Topics))
	for _, t := range set.Topics {
		kind := schema.EnvelopeNone
		switch {
		case len(t.DeadLetterOf) > 0:
		case len(t.Events) > 0:
			kind = t.Events[0].Envelope
		case t.Package.Family != nil:
			kind = t.Package.Family.Envelope
		}
		kinds[t.Name] = map[schema.Envelope]wire.Kind{
			schema.EnvelopeOnexV1:    wire.OnexV1,
			schema.EnvelopeBaseEvent: wire.BaseEvent,
		}[kind]
	}
	return func(topic string) wire.Kind { return kinds[topic] }
}

// TopicNames are the names of the topics that a set declares.
func TopicNames(set *schema.Set) []string {
	out := make([]string, len(set.Topics))
	for i, t := range set.Topics {
		out[i] = t.Name
	}
	return out
}
