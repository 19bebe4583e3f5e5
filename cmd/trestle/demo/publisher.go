package demo

import (
	"context"
	"encoding/json"
	"fmt"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/twmb/franz-go/pkg/kgo"
)

// publisher publishes events, and as a foreign producer would whatever it likes, and counts both.
type publisher struct {
	checked *trestle.Publisher
	foreign *kgo.Client
	ledger  *ledger
}

func newPublisher(o Options, l *ledger) (*publisher, error) {
	checked, err := trestle.NewPublisher(o.Brokers,
		trestle.WithSource(trestle.Source{ServiceName: "trestle-demo", ServiceVersion: "1.0.0", InstanceID: "trestle-demo-1"}),
		trestle.WithSchemaIDs(o.SchemaIDs),
		trestle.WithLogger(o.Log),
	)
	if err != nil {
		return nil, err
	}
	foreign, err := kafka.Connection{Brokers: o.Brokers}.Client()
	if err != nil {
		return nil, err
	}
	return &publisher{checked: checked, foreign: foreign, ledger: l}, nil
}

// publish publishes an event that is given as JSON, with or without an envelope. It counts it before the cluster has it:
// from then on it can be consumed.
func (p *publisher) publish(ctx context.Context, info *trestle.EventInfo, text []byte, opts ...trestle.PublishOption) error {
	e, env, err := event.ReadText(info, text, event.TextOptions{})
	if err != nil {
		return err
	}
	p.ledger.published(info.Type)
	return p.checked.Publish(ctx, e, append([]trestle.PublishOption{trestle.WithEnvelope(env)}, opts...)...)
}

// publishForeign sends a record as it is and counts it as an event of that type.
func (p *publisher) publishForeign(ctx context.Context, eventType string, r *kgo.Record) error {
	p.ledger.published(eventType)
	if err := p.foreign.ProduceSync(ctx, r).FirstErr(); err != nil {
		return fmt.Errorf("publish to %s: %w", r.Topic, err)
	}
	return nil
}

// Close waits for what is under way.
func (p *publisher) Close(ctx context.Context) error {
	p.foreign.Close()
	return p.checked.Close(ctx)
}

// typeOf reads the event type of an event in JSON.
func typeOf(text []byte) (string, error) {
	var e struct {
		EventType string `json:"event_type"`
	}
	if err := json.Unmarshal(text, &e); err != nil {
		return "", err
	}
	return e.EventType, nil
}
