package demo

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/tools/event"
	"github.com/omninode/trestle/tools/load"
	"github.com/twmb/franz-go/pkg/kgo"
)

// image is what `trestle build` makes of this repository's schemas.
//
//go:embed omninode.binpb
var image []byte

// Schemas are OmniNode's schemas, for a demo outside of any project.
func Schemas() load.Source { return load.ImageBytes(image) }

// Types are event types by their name on the wire.
type Types map[string]*trestle.EventInfo

// OmniNode finds OmniNode's event types among a project's; ok says whether all of them are there.
func OmniNode(ctx context.Context, project []*trestle.EventInfo) (types Types, ok bool, err error) {
	set, err := load.Schemas(ctx, Schemas())
	if err != nil {
		return nil, false, fmt.Errorf("OmniNode's schemas: %w", err)
	}
	named := make(map[string]*trestle.EventInfo, len(project))
	for _, info := range project {
		named[info.FullName] = info
	}
	types = Types{}
	for _, want := range event.Events(set) {
		info := named[want.FullName]
		if info == nil || info.Type != want.Type {
			return nil, false, nil
		}
		types[info.Type] = info
	}
	return types, true, nil
}

// The requirements of three sessions; the last one is of no use to the analysis.
var sessions = []string{
	"# PRD: Orders\n\nAs a user, I want the feature to place orders",
	"# PRD: Billing\n\nAs a user, I want the feature to be billed",
	"# PRD: ???",
}

// Run runs the demo of OmniNode, whose event types [OmniNode] has found: omniclaude and omniarchon talk, operations
// watches. It runs until every event is accounted for and leaves nothing running.
func Run(ctx context.Context, o Options, types Types) (*Summary, error) {
	return run(ctx, o, func(ctx context.Context, d *demo) ([]string, error) {
		s := service{types, d.pub}
		n := &omninode{
			demo:       d,
			omniclaude: &omniclaude{service: s, log: o.Log, asked: map[string]string{}},
			omniarchon: &omniarchon{service: s},
			operations: &operations{service: s, ledger: d.ledger, perDL: map[string]int{}},
		}
		return n.run(ctx)
	})
}

type omninode struct {
	*demo
	omniclaude *omniclaude
	omniarchon *omniarchon
	operations *operations
}

func (d *omninode) run(ctx context.Context) (sessionIDs []string, err error) {
	services := []func(context.Context) error{
		func(ctx context.Context) error { return d.operations.watchDeadLetters(ctx, d.Brokers, d.DeadLetters) },
	}
	opts := []trestle.ConsumerOption{
		trestle.WithLogger(d.Log),
		trestle.WithObserver(d.ledger.observe),
		trestle.WithBackoff(10*time.Millisecond, 100*time.Millisecond),
		trestle.WithStart(trestle.Earliest), // the log is new: nothing hangs on who is up first
	}
	for _, consumer := range []func([]string, ...trestle.ConsumerOption) (*trestle.Consumer, error){
		d.omniclaude.consumer, d.omniarchon.consumer, d.operations.consumer,
	} {
		c, err := consumer(d.Brokers, opts...)
		if err != nil {
			return nil, err
		}
		services = append(services, c.Run)
	}
	return beside(ctx, services, d.converse)
}

// converse publishes everything and waits until every event is consumed or dead-lettered.
func (d *omninode) converse(ctx context.Context) (sessionIDs []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	d.step("services report what they do: one hook event of every type")
	if err := d.operations.publishHooks(ctx); err != nil {
		return nil, err
	}
	d.step(fmt.Sprintf("omniclaude opens %d sessions and asks, omniarchon reports and answers", len(sessions)))
	for _, prd := range sessions {
		id := uuid.NewString()
		sessionIDs = append(sessionIDs, id)
		if err := d.omniclaude.session(ctx, id, prd); err != nil {
			return nil, err
		}
	}
	d.step("a foreign producer sends what no schema allows")
	if err := publishBroken(ctx, d.pub, d.omniarchon.types["CodegenPatternRequest"].Topic.Name); err != nil {
		return nil, err
	}
	return sessionIDs, d.ledger.settled(ctx)
}

// publishBroken sends more pattern requests past the limit than a dead-letter topic may hold without an alert, and one
// record each of an unknown type and without JSON.
func publishBroken(ctx context.Context, pub *publisher, topic string) error {
	correlationID, sessionID := uuid.NewString(), uuid.NewString()
	now := time.Now().UTC().Format("2006-01-02 15:04:05.000000") // as Python's str() writes a naive time
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
		if err := pub.publishForeign(ctx, eventType, &kgo.Record{Topic: topic, Key: []byte(correlationID), Value: []byte(v)}); err != nil {
			return err
		}
	}
	return nil
}

// service is what each of OmniNode's services has.
type service struct {
	types Types
	pub   *publisher
}

// object is a JSON object, such as the payload of an event.
type object map[string]any

// publish publishes an event. In a handler it takes the ids that its payload lacks from the event that is handled.
func (s service) publish(ctx context.Context, eventType string, payload object) error {
	text, err := json.Marshal(payload)
	if err != nil {
		return err
	}
	return s.pub.publish(ctx, s.types[eventType], text)
}
