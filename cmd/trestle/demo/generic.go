package demo

import (
	"context"
	"errors"
	"fmt"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/wire"
	"github.com/omninode/trestle/tools/schema"
	"github.com/twmb/franz-go/pkg/kgo"
)

// conversations is how many conversations the generic demo holds.
const conversations = 3

// RunSchemas runs the demo of any schemas, whose event types are those of infos: in each conversation an example of
// every event type is published, requests are answered by an example of their reply with the same correlation id, and
// once an invalid event of every type is sent. It runs until every event is accounted for and leaves nothing running.
// The session ids of the summary are the conversations' correlation ids.
//
// Event types that have no topic or whose topic has no dead-letter topic are left out, and so are those that no example
// is found for; Options.Step says which.
func RunSchemas(ctx context.Context, o Options, set *schema.Set, infos []*trestle.EventInfo) (*Summary, error) {
	return run(ctx, o, func(ctx context.Context, d *demo) ([]string, error) {
		return (&generic{demo: d}).run(ctx, set, infos)
	})
}

// generic is the demo of schemas that nothing is known of.
type generic struct {
	*demo
	samples []*sample          // of the types that take part
	byName  map[string]*sample // the same, by full name
	replies map[string]bool    // full names of what answers a request
}

func (d *generic) run(ctx context.Context, set *schema.Set, infos []*trestle.EventInfo) (ids []string, err error) {
	if err := d.prepare(set, infos); err != nil {
		return nil, err
	}
	consumer, err := d.consumer()
	if err != nil {
		return nil, err
	}
	deadLetters := func(ctx context.Context) error {
		return readDeadLetters(ctx, d.Brokers, d.DeadLetters, func(*kafka.Record) error {
			d.ledger.consumed(deadLetterType)
			return nil
		})
	}
	return beside(ctx, []func(context.Context) error{consumer.Run, deadLetters}, d.talk)
}

// prepare finds the event types that take part, with an example of each.
func (d *generic) prepare(set *schema.Set, infos []*trestle.EventInfo) error {
	samples, leftOut, err := newSamples(set, infos)
	if err != nil {
		return err
	}
	for _, why := range leftOut {
		d.step(why)
	}
	if len(samples) == 0 {
		return errors.New("the schemas have no event that the demo could publish")
	}
	d.samples, d.byName, d.replies = samples, map[string]*sample{}, map[string]bool{}
	for _, s := range samples {
		d.byName[s.info.FullName] = s
		d.replies[s.reply] = true
	}
	return nil
}

func (d *generic) consumer() (*trestle.Consumer, error) {
	c, err := trestle.NewConsumer(d.Brokers, "trestle_demo",
		trestle.WithLogger(d.Log),
		trestle.WithObserver(d.ledger.observe),
	)
	if err != nil {
		return nil, err
	}
	for _, s := range d.samples {
		trestle.HandleInfo(c, s.info, d.answer)
	}
	return c, nil
}

// answer publishes the reply to a request, which takes its correlation id from the request.
func (d *generic) answer(ctx context.Context, e trestle.Event) error {
	reply := d.byName[d.byName[e.EventInfo().FullName].reply]
	if reply == nil {
		return nil
	}
	delivery, _ := trestle.DeliveryFrom(ctx)
	return d.publish(ctx, reply, conversation{delivery.Envelope.CorrelationID, delivery.Envelope.SessionID})
}

// talk publishes everything and waits until every event is consumed or dead-lettered.
func (d *generic) talk(ctx context.Context) (correlationIDs []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	d.step(fmt.Sprintf("%d conversations: an event of every type, requests answered", conversations))
	for range conversations {
		c := newConversation()
		correlationIDs = append(correlationIDs, c.correlationID)
		for _, s := range d.samples {
			if d.replies[s.info.FullName] {
				continue
			}
			if err := d.publish(ctx, s, c); err != nil {
				return nil, err
			}
		}
	}
	d.step("a foreign producer sends an invalid event of every type")
	for _, s := range d.samples {
		if err := d.publishInvalid(ctx, s); err != nil {
			return nil, err
		}
	}
	return correlationIDs, d.ledger.settled(ctx)
}

func (d *generic) publish(ctx context.Context, s *sample, c conversation) error {
	var opts []trestle.PublishOption
	if s.info.Envelope != wire.None {
		opts = append(opts, trestle.WithCorrelationID(c.correlationID))
	}
	return d.pub.publish(ctx, s.info, s.document(c), opts...)
}

// publishInvalid sends, as JSON, what breaks a rule of the event type.
func (d *generic) publishInvalid(ctx context.Context, s *sample) error {
	return d.pub.publishForeign(ctx, s.info.Type, &kgo.Record{
		Topic:   s.info.Topic.Name,
		Value:   s.invalid,
		Headers: []kgo.RecordHeader{{Key: wire.HeaderEventType, Value: []byte(s.info.Type)}},
	})
}
