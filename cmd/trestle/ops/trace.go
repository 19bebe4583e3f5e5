package ops

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/wire"
	"github.com/omninode/trestle/tools/schema"
)

// Tracer follows topics into the trace store. How far it got is in the store, so that a restart goes on where it was.
type Tracer struct {
	// Topics are those that it follows, by the names that they have in the environment.
	Topics []string

	sink   *eventtrace.Sink
	store  eventtrace.Store
	env    Environment
	keep   time.Duration // 0: for ever
	log    *slog.Logger
	pruned atomic.Int64
	from   kafka.From
}

// TracerOptions say what a [Tracer] follows.
type TracerOptions struct {
	// Topics to follow; empty: all that the project declares.
	Topics []string
	// From is where a partition begins that the store has not read, and where Backfill does: start, end, an offset of each, or an RFC 3339 time; empty:
	// the start.
	From string
	// Keep is for how long events are kept, by their records' times; 0: as the environment says, which may be for ever. What is older is removed
	// when the tracer starts and every hour while it runs.
	Keep time.Duration
	// Largest is how many bytes a record's value may have to be kept; 0: as the environment says, else 1 MiB.
	Largest int
	// Log gets warnings and errors; nil: slog's default.
	Log *slog.Logger
}

// NewTracer opens the environment's trace store and returns what follows the topics into it, once it runs.
func NewTracer(ctx context.Context, p *Project, env Environment, o TracerOptions) (*Tracer, error) {
	from, err := placeOf(o.From)
	if err != nil {
		return nil, err
	}
	keep := cmp.Or(o.Keep, env.Trace.Keep)
	if err := checkKeep(keep); err != nil {
		return nil, err
	}
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
	t := &Tracer{store: store, env: env, keep: keep, log: cmp.Or(o.Log, slog.Default()), from: from}
	for _, topic := range o.Topics {
		t.Topics = append(t.Topics, topicOf(set, env.Names(), topic))
	}
	if len(t.Topics) == 0 {
		t.Topics = TopicNames(set)
	}
	conn.ClientID = "trestle-trace"
	opts := []eventtrace.SinkOption{eventtrace.WithConnection(conn), eventtrace.WithFrom(from), eventtrace.WithLogger(t.log)}
	if largest := cmp.Or(o.Largest, env.Trace.Largest); largest != 0 {
		opts = append(opts, eventtrace.WithLargest(largest))
	}
	if t.sink, err = eventtrace.NewSink(env.Brokers, t.Topics, store, TraceReader(set), opts...); err != nil {
		store.Close()
		return nil, err
	}
	return t, nil
}

// Run follows the topics until ctx ends. It shares their partitions with all that run so with the same store.
func (t *Tracer) Run(ctx context.Context) error {
	if t.keep == 0 {
		return t.sink.Run(ctx)
	}
	ctx, stop := context.WithCancel(ctx)
	var group sync.WaitGroup
	group.Go(func() { t.keepPruning(ctx) })
	defer group.Wait()
	defer stop()
	return t.sink.Run(ctx)
}

// RunUntilEnd stops at the end that the topics have now, and removes what is older than is kept.
func (t *Tracer) RunUntilEnd(ctx context.Context) error {
	if err := t.sink.RunUntilEnd(ctx); err != nil || t.keep == 0 {
		return err
	}
	return t.prune(ctx)
}

// Backfill stores what is not stored of what stands from a place on in the topics, to the end that they have now. It does not change how far others have
// read.
func (t *Tracer) Backfill(ctx context.Context) error { return t.sink.Backfill(ctx, t.from) }

// Counts says what was stored so far. It may be called while the tracer runs.
func (t *Tracer) Counts() TraceCounts {
	s := t.sink.Stats()
	return TraceCounts{Stored: s.Stored, Repeated: s.Repeated, Invalid: s.Invalid, Large: s.Large, Pruned: t.pruned.Load()}
}

// Close closes the store.
func (t *Tracer) Close() error { return t.store.Close() }

// TraceCounts count the records of a [Tracer].
type TraceCounts struct {
	// Invalid could not be read; they are stored as they are.
	Invalid int64 `json:"invalid"`
	// Large had too large a value for it to be kept.
	Large int64 `json:"large"`
	// Repeated were in the store before.
	Repeated int64 `json:"repeated"`
	Stored   int64 `json:"stored"`
	// Pruned were older than is kept, and removed; those of partitions are estimated.
	Pruned int64 `json:"pruned,omitempty"`
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
