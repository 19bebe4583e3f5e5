package ops

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/event"
)

// Published says what became of one event.
type Published struct {
	// Document is the file, or file:line in a file of one event a line.
	Document  string `json:"document"`
	EventType string `json:"event_type"`
	Topic     string `json:"topic,omitempty"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
	EventID   string `json:"event_id,omitempty"`
	// Error says why the event was not published.
	Error string `json:"error,omitempty"`
}

// PublishCounts count the events that [Publish] read.
type PublishCounts struct {
	Total int
	// Failed were not published.
	Failed int
	// NotTaken are those of the failed that the cluster did not take, or that have no schema id since the registry is away; the others are invalid.
	NotTaken int
}

// PublishOptions say what [Publish] reads, and whom it tells.
type PublishOptions struct {
	// Files are names as [ReadTexts] takes them, and Input its standard input.
	Files []string
	Input io.Reader
	// Timeout is how long an event may wait for the cluster to take it; above 0.
	Timeout time.Duration
	// Log gets warnings and errors of the connection; nil: slog's default.
	Log *slog.Logger
	// Each is told what became of every event, in the order of the input, as soon as that is known.
	Each func(Published)
	// Progress is told the counts whenever they change; it may be nil.
	Progress func(PublishCounts)
}

// Publish reads events of a type and publishes each to its topic. An event that is invalid is told and not sent, as is one
// with fields that its schema does not name and that it would be sent without; the others are. With a registry the schema's
// id travels in a header. The error is of reading and connecting; how the events fared, the counts say.
func Publish(ctx context.Context, env Environment, info *trestle.EventInfo, o PublishOptions) (PublishCounts, error) {
	if err := env.audit.begin(ctx); err != nil {
		return PublishCounts{}, err
	}
	conn, err := env.connect(ctx)
	if err != nil {
		return PublishCounts{}, err
	}
	opts := []trestle.PublisherOption{trestle.WithConnection(conn), trestle.WithSource(source), trestle.WithNames(env.Names()), trestle.WithDeliveryTimeout(o.Timeout)}
	if o.Log != nil {
		opts = append(opts, trestle.WithLogger(o.Log))
	}
	if env.Registry != "" {
		client, err := env.registryClient(ctx)
		if err != nil {
			return PublishCounts{}, err
		}
		opts = append(opts, trestle.WithSchemaIDs(env.schemaIDs(client)))
	}
	keys, err := env.keysIfAny(ctx, conn, info.SealedKeys)
	if err != nil {
		return PublishCounts{}, err
	}
	if keys != nil {
		opts = append(opts, trestle.WithKeys(keys))
	}
	pub, err := trestle.NewPublisher(env.Brokers, opts...)
	if err != nil {
		return PublishCounts{}, err
	}
	r := &results{options: o}
	readErr := ReadTexts(o.Files, o.Input, func(text EventText) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		publishText(ctx, pub, info, text, r)
		return nil
	})
	closeErr := pub.Close(context.WithoutCancel(ctx))
	counts := r.wait()
	if published := counts.Total - counts.Failed; published > 0 {
		auditErr := env.audit.add(ctx, change{what: "publish", target: "topic " + r.topic, after: map[string]any{"event_type": info.Type, "events": published}})
		closeErr = errors.Join(closeErr, auditErr)
	}
	if readErr != nil {
		return counts, readErr
	}
	return counts, closeErr
}

func publishText(ctx context.Context, pub *trestle.Publisher, info *trestle.EventInfo, text EventText, r *results) {
	slot := r.open(Published{Document: text.Name, EventType: info.Type})
	e, envelope, err := event.ReadText(info, text.Text, event.TextOptions{KnownOnly: true})
	if err == nil {
		err = pub.PublishAsync(ctx, e, func(receipt trestle.Receipt, err error) { r.fill(slot, receipt, err) }, trestle.WithEnvelope(envelope))
	}
	if err != nil {
		r.fill(slot, trestle.Receipt{}, err)
	}
}

// results tells what became of each event, in the order of the input.
type results struct {
	options PublishOptions

	mu      sync.Mutex
	waiting []*result // in input order; the first is not known yet
	counts  PublishCounts
	topic   string // that took events
	pending sync.WaitGroup
}

type result struct {
	Published
	known bool
}

func (r *results) open(p Published) *result {
	r.mu.Lock()
	defer r.mu.Unlock()
	slot := &result{Published: p}
	r.waiting = append(r.waiting, slot)
	r.pending.Add(1)
	return slot
}

func (r *results) fill(slot *result, receipt trestle.Receipt, err error) {
	defer r.pending.Done()
	r.mu.Lock()
	defer r.mu.Unlock()
	slot.known = true
	slot.Topic, slot.Partition, slot.Offset, slot.EventID = receipt.Topic, receipt.Partition, receipt.Offset, receipt.EventID
	r.counts.Total++
	if err == nil {
		r.topic = receipt.Topic
	}
	if err != nil {
		slot.Error = err.Error()
		r.counts.Failed++
		_, refused := errors.AsType[*trestle.PublishError](err)
		_, away := errors.AsType[*trestle.RegistryAwayError](err)
		if refused || away {
			r.counts.NotTaken++
		}
	}
	if r.options.Progress != nil {
		r.options.Progress(r.counts)
	}
	for len(r.waiting) > 0 && r.waiting[0].known {
		r.options.Each(r.waiting[0].Published)
		r.waiting = r.waiting[1:]
	}
}

func (r *results) wait() PublishCounts {
	r.pending.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.counts
}
