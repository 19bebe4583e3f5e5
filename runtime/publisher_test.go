package trestle_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.opentelemetry.io/otel/trace"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/trestletest"
	"github.com/omninode/trestle/runtime/wire"
)

func newPublisher(t testing.TB, brokers []string, opts ...trestle.PublisherOption) *trestle.Publisher {
	t.Helper()
	p, err := trestle.NewPublisher(brokers, append([]trestle.PublisherOption{trestle.WithLogger(quiet)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = p.Close(ctx) // what tests leave behind on purpose is not acknowledged
	})
	return p
}

const (
	conversationID = "550e8400-e29b-41d4-a716-446655440000"
	ourSessionID   = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
	ourEventID     = "0199a5c4-0000-7000-8000-000000000001"
)

func headersOf(r *kgo.Record) map[string]string {
	headers := map[string]string{}
	for _, h := range r.Headers {
		headers[h.Key] = string(h.Value)
	}
	return headers
}

func TestPublishedEventStandsOnItsTopic(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	p := newPublisher(t, c.brokers)
	err := p.Publish(deadline(t), &orderPlaced{OrderID: "a", N: 1},
		trestle.WithEventID(ourEventID), trestle.WithCorrelationID(conversationID), trestle.WithSessionID(ourSessionID),
		trestle.WithHeader("tenant", []byte("x")), trestle.WithHeader("event-type", []byte("forged")))
	if err != nil {
		t.Fatal(err)
	}
	records := c.read(t, orders.Name)
	if len(records) != 1 {
		t.Fatalf("got %d records, want 1", len(records))
	}
	r := records[0]
	want := map[string]string{"event-id": ourEventID, "event-type": "OrderPlaced", "content-type": "application/json", "schema-digest": orderPlacedInfo.SchemaDigest, "tenant": "x"}
	if diff := cmp.Diff(want, headersOf(r)); diff != "" {
		t.Errorf("headers: %s", diff)
	}
	value := string(r.Value)
	prefix := `{"envelope_version":"1.0","correlation_id":"` + conversationID + `","session_id":"` + ourSessionID + `","event_type":"OrderPlaced","timestamp":"`
	if string(r.Key) != "a" || !strings.HasPrefix(value, prefix) || !strings.HasSuffix(value, `"payload":{"order_id":"a","n":1,"note":""}}`) {
		t.Errorf("got %s = %s", r.Key, value)
	}
	if got := r.Attrs.CompressionType(); got != 1 {
		t.Errorf("got compression %d, want gzip", got)
	}
}

func TestReceiptSaysWhere(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	p := newPublisher(t, c.brokers)
	receipts := make(chan trestle.Receipt, 1)
	err := p.PublishAsync(t.Context(), &orderPlaced{OrderID: "a"}, func(r trestle.Receipt, err error) {
		if err != nil {
			t.Error(err)
		}
		receipts <- r
	}, trestle.WithEventID(ourEventID))
	if err != nil {
		t.Fatal(err)
	}
	r := <-receipts
	written := c.read(t, orders.Name)[0]
	want := trestle.Receipt{Topic: orders.Name, Partition: written.Partition, Offset: 0, EventID: ourEventID, Timestamp: written.Timestamp}
	if diff := cmp.Diff(want, r, cmp.Comparer(time.Time.Equal)); diff != "" {
		t.Error(diff)
	}
}

func TestEventThatCannotBePublishedIsRefusedBeforeAnythingIsSent(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	sent := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: orders.Name, Observe: true, Count: -1})
	p := newPublisher(t, c.brokers, trestle.WithBatchBytes(1<<20))
	small := newPublisher(t, c.brokers, trestle.WithBatchBytes(2<<10))
	noIDs := newPublisher(t, c.brokers, trestle.WithSchemaIDs(failingIDs{}))
	never := func(trestle.Receipt, error) { t.Error("a callback for an event that was not accepted") }
	cases := map[string]struct {
		publisher *trestle.Publisher
		event     *orderPlaced
		opts      []trestle.PublishOption
		check     func(error) bool
	}{
		"invalid": {p, &orderPlaced{N: -1}, nil, func(err error) bool {
			invalid, ok := errors.AsType[*trestle.ValidationError](err)
			return ok && invalid.Violations[0].Path == "n" && strings.HasPrefix(err.Error(), "publish: test.OrderPlaced: n: ")
		}},
		"an id that is none": {p, &orderPlaced{}, []trestle.PublishOption{trestle.WithCorrelationID("x")}, func(err error) bool {
			invalid, ok := errors.AsType[*trestle.ValidationError](err)
			return ok && invalid.Violations[0].Path == "envelope.correlation_id"
		}},
		"too large for the topic": {p, &orderPlaced{Note: strings.Repeat("a", 1<<20)}, nil, func(err error) bool {
			large, ok := errors.AsType[*trestle.TooLargeError](err)
			return ok && large.Limit == 1<<20 && large.Size > 1<<20
		}},
		"too large for the publisher": {small, &orderPlaced{Note: strings.Repeat("a", 2<<10)}, nil, func(err error) bool {
			large, ok := errors.AsType[*trestle.TooLargeError](err)
			return ok && large.Limit == 2<<10
		}},
		"no text": {p, &orderPlaced{Note: "\xff"}, nil, func(err error) bool { return strings.Contains(err.Error(), "note") }},
		"nil":     {p, nil, nil, func(err error) bool { return strings.Contains(err.Error(), "nil") }},
		"without its schema's id": {noIDs, &orderPlaced{}, nil, func(err error) bool {
			return errors.Is(err, errTransient) && strings.HasPrefix(err.Error(), "publish to orders: test.OrderPlaced: ")
		}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if err := tc.publisher.Publish(deadline(t), tc.event, tc.opts...); err == nil || !tc.check(err) {
				t.Errorf("Publish says %v", err)
			}
			if err := tc.publisher.PublishAsync(deadline(t), tc.event, never, tc.opts...); err == nil || !tc.check(err) {
				t.Errorf("PublishAsync says %v", err)
			}
		})
	}
	if n := sent.Hits(); n > 0 {
		t.Errorf("%d requests were sent", n)
	}
}

type failingIDs struct{}

func (failingIDs) SchemaID(context.Context, *trestle.EventInfo) (int, error) { return 0, errTransient }

// awayIDs are those of a registry that has not answered yet.
type awayIDs struct{}

func (awayIDs) SchemaID(context.Context, *trestle.EventInfo) (int, error) {
	return 0, &trestle.RegistryAwayError{Registry: "http://registry", Subject: "orders-value", Err: errTransient}
}

// placedInProtobuf is an order whose type says that it is written in protobuf.
type placedInProtobuf struct{ orderPlaced }

func (*placedInProtobuf) EventInfo() *trestle.EventInfo {
	info := orderPlacedInfo
	info.Encoding = event.Protobuf
	return &info
}

func TestPublishingWhileTheRegistryIsAway(t *testing.T) {
	t.Parallel()
	c, m := startCluster(t), newMeters(t)
	p := newPublisher(t, c.brokers, trestle.WithSchemaIDs(awayIDs{}), m.Option)
	if err := p.Publish(deadline(t), &orderPlaced{OrderID: "a"}); err != nil {
		t.Fatalf("JSON: %v", err)
	}
	r := c.read(t, orders.Name)[0]
	for _, h := range r.Headers {
		if h.Key == "schema-id" || h.Key == "__value_schema_id" {
			t.Errorf("header %s is %x, and nobody knows the id", h.Key, h.Value)
		}
	}
	if got := headersOf(r)["schema-digest"]; got != orderPlacedInfo.SchemaDigest {
		t.Errorf("the digest %q needs no registry", got)
	}
	err := p.Publish(deadline(t), &placedInProtobuf{orderPlaced{OrderID: "a"}})
	if away, ok := errors.AsType[*trestle.RegistryAwayError](err); !ok || away.Subject != "orders-value" {
		t.Errorf("protobuf: %v, want a RegistryAwayError", err)
	}
	points := m.points("trestle.publisher.without_schema_id", "messaging.destination.name", orders.Name)
	if len(points) != 1 || points[0].value != 1 {
		t.Errorf("counted %v, want one event", points)
	}
}

func TestLargestEventFits(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	p := newPublisher(t, c.brokers)
	note := 1 << 20
	for {
		err := p.Publish(deadline(t), &orderPlaced{Note: strings.Repeat("a", note)})
		large, ok := errors.AsType[*trestle.TooLargeError](err)
		if !ok {
			if err != nil {
				t.Fatal(err)
			}
			break
		}
		note -= large.Size - large.Limit
	}
	if err := p.Publish(deadline(t), &orderPlaced{Note: strings.Repeat("a", note+10)}); err == nil { // its timestamp may be shorter
		t.Error("ten bytes more fit as well")
	}
}

func TestRefusalOfTheClusterSaysWhy(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		fault     *kerr.Error
		retriable bool
		want      string
	}{
		"no such topic":    {nil, false, "run trestle topics apply?"},
		"not authorised":   {kerr.TopicAuthorizationFailed, false, "does an ACL of the cluster allow this user Write on the topic?"},
		"too large":        {kerr.MessageTooLarge, false, "MESSAGE_TOO_LARGE"},
		"invalid":          {kerr.InvalidRecord, false, "INVALID_RECORD"},
		"against a policy": {kerr.PolicyViolation, false, "POLICY_VIOLATION"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := startCluster(t)
			if tc.fault == nil {
				if err := c.DeleteTopic(orders.Name); err != nil {
					t.Fatal(err)
				}
			} else {
				c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: orders.Name, Err: tc.fault, Count: -1})
			}
			p := newPublisher(t, c.brokers, trestle.WithDeliveryTimeout(20*time.Second))
			err := p.Publish(deadline(t), &orderPlaced{OrderID: "a"})
			refusal, ok := errors.AsType[*trestle.PublishError](err)
			if !ok || refusal.Retriable != tc.retriable || refusal.Topic != orders.Name || refusal.Key != "a" || refusal.EventID == "" {
				t.Fatalf("got %#v", err)
			}
			if !strings.HasPrefix(err.Error(), "publish to orders: test.OrderPlaced: ") || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %q, want it to contain %q", err, tc.want)
			}
		})
	}
}

func TestEventPublishedInAHandlerBelongsToTheSameConversation(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	p := newPublisher(t, c.brokers)
	span := trace.ContextWithSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled,
	}))
	err := p.Publish(span, &orderPlaced{OrderID: "a"}, trestle.WithEventID(ourEventID),
		trestle.WithCorrelationID(conversationID), trestle.WithSessionID(ourSessionID))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan trestle.Delivery, 1)
	r := consume(t, c, func(ctx context.Context, e *orderPlaced) error {
		d, _ := trestle.DeliveryFrom(ctx)
		if e.N == 2 {
			done <- d
		}
		if e.N > 0 {
			return nil
		}
		if err := p.Publish(ctx, &orderPlaced{OrderID: "a", N: 1}, trestle.WithCorrelationID(ourEventID)); err != nil {
			return err
		}
		return p.Publish(ctx, &orderPlaced{OrderID: "a", N: 2})
	})
	d := <-done
	r.stop()
	if d.Envelope.CorrelationID != conversationID || d.Envelope.SessionID != ourSessionID {
		t.Errorf("got %+v", d.Envelope)
	}
	records := c.read(t, orders.Name)
	headers := headersOf(records[2])
	if headers[trestle.HeaderCausationID] != ourEventID || headers["event-id"] == ourEventID {
		t.Errorf("got headers %v", headers)
	}
	if parent := headers["traceparent"]; parent != "00-01000000000000000000000000000000-0200000000000000-01" {
		t.Errorf("got traceparent %q", parent)
	}
	if !strings.Contains(string(records[1].Value), `"correlation_id":"`+ourEventID) {
		t.Errorf("an explicit correlation id gave way: %s", records[1].Value)
	}
	if _, ok := trestle.DeliveryFrom(t.Context()); ok {
		t.Error("a delivery outside of a handler")
	}
}

func TestLeaderAcksPublishToo(t *testing.T) {
	t.Parallel()
	brokers := trestletest.NewCluster(t, []*trestle.TopicInfo{orders}).Brokers()
	for _, codec := range []trestle.Compression{trestle.Gzip, trestle.Snappy, trestle.LZ4, trestle.Zstd, trestle.Uncompressed} {
		p := newPublisher(t, brokers, trestle.WithAcks(trestle.AcksLeader), trestle.WithInFlight(2), trestle.WithCompression(codec))
		if err := p.Publish(deadline(t), &orderPlaced{OrderID: "a"}); err != nil {
			t.Errorf("codec %d: %v", codec, err)
		}
	}
}

func TestPublisherOptionsAreChecked(t *testing.T) {
	t.Parallel()
	cases := map[string]trestle.PublisherOption{
		"WithLogger":          trestle.WithLogger(nil),
		"WithAcks":            trestle.WithAcks(9),
		"WithCompression":     trestle.WithCompression(9),
		"WithLinger":          trestle.WithLinger(-1),
		"WithBatchBytes":      trestle.WithBatchBytes(1),
		"WithBufferedBytes":   trestle.WithBufferedBytes(1),
		"WithInFlight":        trestle.WithInFlight(0),
		"WithDeliveryTimeout": trestle.WithDeliveryTimeout(time.Millisecond),
	}
	for name, opt := range cases {
		if _, err := trestle.NewPublisher([]string{"localhost:9092"}, opt); err == nil || !strings.HasPrefix(err.Error(), "new publisher: "+name+": ") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := trestle.NewPublisher(nil); err == nil || !strings.Contains(err.Error(), "no brokers") {
		t.Errorf("no brokers: got %v", err)
	}
	if _, err := trestle.NewPublisher([]string{""}); err == nil || !strings.Contains(err.Error(), "the address of broker 1 of 1 is empty") {
		t.Errorf("an empty address: got %v", err)
	}
}

// The digest of its schema is with an event in a handler, in a retry topic and in its dead letter; records of before it are handled without.
func TestSchemaDigestTravels(t *testing.T) {
	t.Parallel()
	c := startWithRetries(t)
	c.write(t, orderRecord("old", 0))
	if err := newPublisher(t, c.brokers).Publish(deadline(t), &orderPlaced{OrderID: "new"}); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	seen := map[string]int{}
	r := consume(t, c, func(ctx context.Context, e *orderPlaced) error {
		d, _ := trestle.DeliveryFrom(ctx)
		mu.Lock()
		defer mu.Unlock()
		seen[e.OrderID+" "+wire.HeaderValue(d.Headers, wire.HeaderSchemaDigest)]++
		return errTransient
	}, trestle.WithRetries(0), trestle.WithoutBreaker(), retryOpts(time.Millisecond, time.Millisecond))
	eventually(t, "both are dead letters", func() bool { return c.end(orders.DeadLetter) == 2 })
	r.stop()
	const times = 4 // at once, twice from the first retry topic, and from the last
	if diff := cmp.Diff(map[string]int{"old ": times, "new " + orderPlacedInfo.SchemaDigest: times}, seen); diff != "" {
		t.Error(diff)
	}
	for _, letter := range c.lettersOf(t, orders.DeadLetter) {
		want := map[string]string{"old": "", "new": orderPlacedInfo.SchemaDigest}[string(letter.Original.Key)]
		if got := letter.Original.Header(wire.HeaderSchemaDigest); got != want {
			t.Errorf("the letter of %s has the digest %q, want %q", letter.Original.Key, got, want)
		}
	}
}
