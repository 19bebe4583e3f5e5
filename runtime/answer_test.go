package trestle_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	trestle "github.com/omninode/trestle/runtime"
)

func TestAnswerCarriesTheRequestsIDs(t *testing.T) {
	t.Parallel()
	c := startPriceCluster(t)
	pub := newPublisher(t, c.brokers)
	var attempts atomic.Int32
	r := answer(t, c, pub, func(ctx context.Context, a *askPrice) (*price, error) {
		if attempts.Add(1) < 3 {
			return nil, errTransient
		}
		return echo(ctx, a)
	})
	err := pub.Publish(deadline(t), ask("a"), trestle.WithCorrelationID(conversationID), trestle.WithSessionID(ourSessionID),
		trestle.WithEventID(ourEventID))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "answered", func() bool { return c.end(prices.Name) == 1 })
	r.stop()
	reply := c.read(t, prices.Name)[0]
	d, err := trestle.Decode(&trestle.Record{Topic: reply.Topic, Value: reply.Value}, trestle.NewTypes(&priceInfo), trestle.DecodeOptions{})
	if err != nil || d.Envelope.CorrelationID != conversationID || d.Envelope.SessionID != ourSessionID {
		t.Errorf("got %+v, %v", d.Envelope, err)
	}
	if got := headersOf(reply)[trestle.HeaderCausationID]; got != ourEventID {
		t.Errorf("caused by %q", got)
	}
	if n := attempts.Load(); n != 3 {
		t.Errorf("%d attempts, want 3", n)
	}
}

func TestRequestsWithoutAnswerGoToTheirDeadLetter(t *testing.T) {
	t.Parallel()
	cases := map[string]func(context.Context, *askPrice) (*price, error){
		"none":      func(context.Context, *askPrice) (*price, error) { return nil, nil },
		"invalid":   func(context.Context, *askPrice) (*price, error) { return &price{orderPlaced{N: -1}}, nil },
		"permanent": func(context.Context, *askPrice) (*price, error) { return nil, trestle.Permanent(errTransient) },
	}
	for name, f := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := startPriceCluster(t)
			pub := newPublisher(t, c.brokers)
			r := answer(t, c, pub, f)
			if err := pub.Publish(deadline(t), ask("a")); err != nil {
				t.Fatal(err)
			}
			eventually(t, "a dead letter", func() bool { return c.end(orders.DeadLetter) == 1 })
			r.stop()
			if n := c.end(prices.Name); n != 0 {
				t.Errorf("%d responses", n)
			}
		})
	}
}

func TestAnswersThatDoNotFit(t *testing.T) {
	t.Parallel()
	c := startPriceCluster(t)
	pub := newPublisher(t, c.brokers)
	consumer, err := trestle.NewConsumer(c.brokers, testGroup, quick()...)
	if err != nil {
		t.Fatal(err)
	}
	trestle.Answer(consumer, pub, func(context.Context, *askPrice) (*orderPlaced, error) { return nil, nil })
	trestle.Answer(consumer, nil, echo)
	trestle.Answer[askPrice, price, *askPrice, *price](consumer, pub, nil)
	err = consumer.Run(deadline(t))
	for _, want := range []string{`returns OrderPlaced, but its schema names the reply "Price"`, "has no publisher", "is nil"} {
		if err == nil || !strings.Contains(err.Error(), "handler of test.AskPrice: "+want) {
			t.Errorf("got %v, want it to contain %q", err, want)
		}
	}
}
