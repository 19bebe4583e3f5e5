package trestle_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	trestle "github.com/omninode/trestle/runtime"
)

// TestRawHandlerGetsRecordsAsTheyAre has a topic's records handled that no event can be read from, beside one that is an event and one
// without a value. A call that fails is tried again, and one that fails for good goes to its dead letter with its own bytes; what
// stands behind it by key waits until then.
func TestRawHandlerGetsRecordsAsTheyAre(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	const id = "0199a0c4-5d0e-7bb8-8f6e-2f1d3a4b5c6d"
	c.write(t,
		&kgo.Record{Topic: orders.Name, Partition: 1, Key: []byte("a"), Value: []byte("\x00 no JSON"), Headers: []kgo.RecordHeader{
			{Key: "event-id", Value: []byte(id)}, {Key: "event-type", Value: []byte("Elsewhere")}, {Key: "own", Value: []byte("x")},
		}},
		&kgo.Record{Topic: orders.Name, Partition: 1, Key: []byte("a"), Value: []byte("again")},
		&kgo.Record{Topic: orders.Name, Partition: 1, Key: []byte("a"), Value: []byte("never")},
		&kgo.Record{Topic: orders.Name, Partition: 1, Key: []byte("a")},
		orderRecord("a", 1),
	)
	outcomes := newOutcomes()
	consumer, err := trestle.NewConsumer(c.brokers, testGroup, quick(trestle.WithObserver(outcomes.add))...)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var got, around []string
	middleware := func(next trestle.HandlerFunc) trestle.HandlerFunc {
		return func(ctx context.Context, e trestle.Event) error {
			d, _ := trestle.DeliveryFrom(ctx)
			mu.Lock()
			around = append(around, d.Envelope.EventType)
			mu.Unlock()
			if e != nil {
				t.Errorf("middleware gets %v", e)
			}
			return next(ctx, e)
		}
	}
	trestle.HandleRaw[orderPlaced](consumer, func(ctx context.Context, r *trestle.Record) error {
		d, ok := trestle.DeliveryFrom(ctx)
		if !ok || d.EventID == "" || d.Offset != r.Offset || string(d.Key) != string(r.Key) {
			t.Errorf("delivery %+v of record %+v", d, r)
		}
		mu.Lock()
		defer mu.Unlock()
		got = append(got, string(r.Value))
		switch {
		case string(r.Value) == "again" && d.Attempt == 1:
			return errTransient
		case string(r.Value) == "never":
			return trestle.Permanent(errTransient)
		case d.Offset == 0 && (d.EventID != id || d.Envelope.EventType != "Elsewhere" || r.Header("own") != "x"):
			t.Errorf("delivery %+v of record %+v", d, r)
		case r.Value == nil != (len(got) == 5):
			t.Errorf("record %+v", r)
		}
		return nil
	}, middleware)
	r := run(t, consumer)
	eventually(t, "all committed", func() bool { return c.committed(testGroup) == 5 })
	r.stop()
	want := []string{"\x00 no JSON", "again", "again", "never", "", string(orderRecord("a", 1).Value)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(around) != len(got) || around[0] != "Elsewhere" {
		t.Errorf("middleware saw %q", around)
	}
	outcomes.want(t, map[trestle.Result]int{trestle.Handled: 4, trestle.DeadLettered: 1})
	if letters := c.deadLetters(t); len(letters) != 1 || string(letters[0].Original.Value) != "never" {
		t.Errorf("dead letters: %+v", letters)
	}
}

func TestRawHandlerIsItsTopicsOnlyOne(t *testing.T) {
	t.Parallel()
	raw := func(context.Context, *trestle.Record) error { return nil }
	for name, c := range map[string]struct {
		register func(*trestle.Consumer)
		want     string
	}{
		"event behind it": {func(c *trestle.Consumer) { trestle.HandleRaw[orderPlaced](c, raw); trestle.Handle(c, ok) }, "handler already, a raw one"},
		"raw behind it":   {func(c *trestle.Consumer) { trestle.Handle(c, ok); trestle.HandleRaw[orderPlaced](c, raw) }, "no raw one beside it"},
		"twice": {func(c *trestle.Consumer) {
			trestle.HandleRaw[orderPlaced](c, raw)
			trestle.HandleRaw[orderPlaced](c, raw)
		}, "handler already, a raw one"},
		"deletions": {func(c *trestle.Consumer) {
			trestle.HandleRaw[stockKept](c, raw)
			trestle.HandleDeletion[stockKept](c, func(context.Context, string) error { return nil })
		}, "handler already, a raw one"},
		"nil": {func(c *trestle.Consumer) { trestle.HandleRaw[orderPlaced](c, nil) }, "is nil"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			consumer := newConsumer(t)
			c.register(consumer)
			if err := consumer.Run(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}
