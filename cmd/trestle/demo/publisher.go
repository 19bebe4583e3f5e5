package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	trestle "github.com/omninode/trestle/runtime"
	"github.com/twmb/franz-go/pkg/kgo"
)

// publisher publishes typed events, and as a foreign producer would, and counts both.
type publisher struct {
	typed  *trestle.Publisher
	raw    *kgo.Client
	ledger *ledger
}

func newPublisher(o Options, l *ledger) (*publisher, error) {
	typed, err := trestle.NewPublisher(o.Brokers,
		trestle.WithSource(trestle.Source{ServiceName: "trestle-demo", ServiceVersion: "1.0.0", InstanceID: "trestle-demo-1"}),
		trestle.WithSchemaIDs(o.SchemaIDs),
		trestle.WithLogger(o.Log),
	)
	if err != nil {
		return nil, err
	}
	raw, err := kgo.NewClient(kgo.SeedBrokers(o.Brokers...))
	if err != nil {
		return nil, err
	}
	return &publisher{typed: typed, raw: raw, ledger: l}, nil
}

// Publish publishes an event and counts it once the cluster has it.
func (p *publisher) Publish(ctx context.Context, e trestle.Event) error {
	p.ledger.published(e.EventInfo().Type) // before it can be consumed
	return p.typed.Publish(ctx, e)
}

// Close waits for what is under way.
func (p *publisher) Close(ctx context.Context) error {
	p.raw.Close()
	return p.typed.Close(ctx)
}

// publishBroken sends more pattern requests past the limit than a dead-letter topic may hold without an alert, and one
// record each of an unknown type and without JSON.
func (p *publisher) publishBroken(ctx context.Context) error {
	correlationID, sessionID := uuid.NewString(), uuid.NewString()
	now := time.Now().UTC().Format("2006-01-02 15:04:05.000000") // as Python's str() writes a naive time
	topic := (*codegenv1.CodegenPatternRequest)(nil).EventInfo().Topic.Name
	envelope := func(eventType, payload string) string {
		return fmt.Sprintf(`{"envelope_version": "1.0", "correlation_id": %q, "session_id": %q, "event_type": %q, "timestamp": %q, "payload": %s}`,
			correlationID, sessionID, eventType, now, payload)
	}
	var values []string
	for limit := range alertThreshold + 1 {
		values = append(values, envelope("CodegenPatternRequest",
			fmt.Sprintf(`{"node_description": "too many", "node_type": "effect", "limit": %d}`, 21+limit)))
	}
	values = append(values, envelope("CodegenPoetryRequest", `{}`), "<html>502 Bad Gateway</html>")
	for _, v := range values {
		eventType, err := typeOf([]byte(v))
		if err != nil {
			eventType = unreadable
		}
		p.ledger.published(eventType)
		record := &kgo.Record{Topic: topic, Key: []byte(correlationID), Value: []byte(v)}
		if err := p.raw.ProduceSync(ctx, record).FirstErr(); err != nil {
			return fmt.Errorf("publish to %s: %w", topic, err)
		}
	}
	return nil
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
