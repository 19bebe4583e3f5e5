package trestle_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/kafka"
)

// keptOutbox keeps events where their contexts carry its transaction.
type keptOutbox struct {
	mu      sync.Mutex
	ids     []string
	records []trestle.Record
}

type inKept struct{}

var errNoTransaction = errors.New("no transaction")

func (o *keptOutbox) Add(ctx context.Context, eventID string, r trestle.Record) error {
	if ctx.Value(inKept{}) != o {
		return errNoTransaction
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.ids, o.records = append(o.ids, eventID), append(o.records, r)
	return nil
}

func (o *keptOutbox) in(ctx context.Context) context.Context {
	return context.WithValue(ctx, inKept{}, o)
}

// TestOutboxHasWhatWouldBeSent publishes an event through an outbox and another to the cluster.
func TestOutboxHasWhatWouldBeSent(t *testing.T) {
	t.Parallel()
	c, kept := startCluster(t), &keptOutbox{}
	const id, correlation = "0199f0a2-7a10-7c3e-8000-000000000001", "550e8400-e29b-41d4-a716-446655440000"
	opts := []trestle.PublishOption{
		trestle.WithEnvelope(trestle.Envelope{Timestamp: time.Date(2026, 11, 29, 1, 2, 3, 0, time.UTC)}),
		trestle.WithEventID(id), trestle.WithCorrelationID(correlation), trestle.WithHeader("tenant", []byte("a")),
	}
	if err := newPublisher(t, c.brokers).Publish(deadline(t), &orderPlaced{OrderID: "a", N: 1}, opts...); err != nil {
		t.Fatal(err)
	}
	sent := kafka.FromClient(c.read(t, orders.Name)[0])
	sent.Partition, sent.Offset, sent.Timestamp = 0, 0, time.Time{}

	// No broker is there, nor asked.
	var around []string
	p := newPublisher(t, []string{"127.0.0.1:1"}, trestle.WithOutbox(kept), trestle.WithPublishMiddleware(func(next trestle.PublishFunc) trestle.PublishFunc {
		return func(ctx context.Context, e trestle.Event, done func(trestle.Receipt, error), opts ...trestle.PublishOption) error {
			around = append(around, e.EventInfo().Type)
			return next(ctx, e, done, opts...)
		}
	}))
	ctx := kept.in(deadline(t))
	if err := p.Publish(ctx, &orderPlaced{OrderID: "a", N: 1}, opts...); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]trestle.Record{sent}, kept.records); diff != "" {
		t.Errorf("records differ (-sent +kept):\n%s", diff)
	}
	if diff := cmp.Diff([]string{id}, kept.ids); diff != "" {
		t.Errorf("ids differ (-want +got):\n%s", diff)
	}
	var receipt trestle.Receipt
	called := 0
	err := p.PublishAsync(ctx, &orderPlaced{OrderID: "b"}, func(r trestle.Receipt, err error) {
		called++
		receipt = r
		if err != nil {
			t.Error(err)
		}
	})
	if err != nil || called != 1 {
		t.Fatalf("done was called %d times, error %v", called, err)
	}
	if receipt.Topic != orders.Name || receipt.Partition != -1 || receipt.Offset != -1 || receipt.EventID != kept.ids[1] || receipt.Timestamp.IsZero() {
		t.Errorf("receipt %+v, want that of event %s", receipt, kept.ids[1])
	}
	if len(around) != 2 {
		t.Errorf("the middleware was called for %v", around)
	}
	if err := p.Flush(ctx); err != nil {
		t.Error(err)
	}
}

// TestOutboxRefuses publishes what can't be kept.
func TestOutboxRefuses(t *testing.T) {
	t.Parallel()
	kept := &keptOutbox{}
	p := newPublisher(t, []string{"127.0.0.1:1"}, trestle.WithOutbox(kept))
	ctx := deadline(t)

	err := p.Publish(ctx, &orderPlaced{OrderID: "a"})
	refused, ok := errors.AsType[*trestle.PublishError](err)
	if !ok || refused.Fate != trestle.NotSent || !errors.Is(err, errNoTransaction) || refused.EventID == "" {
		t.Errorf("without a transaction: %v", err)
	}
	if err := p.Publish(kept.in(ctx), &orderPlaced{OrderID: "a", N: -1}); !errors.As(err, new(*trestle.ValidationError)) {
		t.Errorf("invalid: %v", err)
	}
	if err := p.Publish(kept.in(ctx), &orderPlaced{OrderID: "a", Note: strings.Repeat("x", 2<<20)}); !errors.As(err, new(*trestle.TooLargeError)) {
		t.Errorf("too large: %v", err)
	}
	if err := p.PublishAsync(ctx, &orderPlaced{OrderID: "a"}, func(trestle.Receipt, error) { t.Error("done was called") }); !errors.Is(err, errNoTransaction) {
		t.Errorf("without a transaction, not waiting: %v", err)
	}
	if err := p.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if err := p.Publish(kept.in(ctx), &orderPlaced{OrderID: "a"}); !errors.Is(err, trestle.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	if len(kept.records) != 0 {
		t.Errorf("%d records were kept", len(kept.records))
	}
	if _, err := trestle.NewPublisher([]string{"127.0.0.1:1"}, trestle.WithOutbox(nil)); err == nil || !strings.Contains(err.Error(), "WithOutbox: must not be nil") {
		t.Errorf("no outbox: %v", err)
	}
}

// TestOutboxInAHandler publishes from a handler: the event belongs to what is handled.
func TestOutboxInAHandler(t *testing.T) {
	t.Parallel()
	c, kept := startCluster(t), &keptOutbox{}
	p := newPublisher(t, c.brokers, trestle.WithOutbox(kept))
	c.writeOrders(t, []string{"a"}, 1)
	var handled trestle.Delivery
	r := consume(t, c, func(ctx context.Context, e *orderPlaced) error {
		handled, _ = trestle.DeliveryFrom(ctx)
		return p.Publish(kept.in(ctx), &orderPlaced{OrderID: "b"})
	})
	eventually(t, "handled", func() bool { return c.committed(testGroup) == 1 })
	r.stop()
	if len(kept.records) != 1 {
		t.Fatalf("%d records were kept", len(kept.records))
	}
	record := kept.records[0]
	if got := record.Header(trestle.HeaderCausationID); got != handled.EventID {
		t.Errorf("causation %q, want %q", got, handled.EventID)
	}
	if !strings.Contains(string(record.Value), handled.Envelope.CorrelationID) {
		t.Errorf("%s is not of the conversation %s", record.Value, handled.Envelope.CorrelationID)
	}
}
