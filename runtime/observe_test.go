package trestle_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	trestle "github.com/omninode/trestle/runtime"
)

// meters collects metrics.
type meters struct {
	t      testing.TB
	reader *sdkmetric.ManualReader
	trestle.Option
}

func newMeters(t testing.TB) *meters {
	reader := sdkmetric.NewManualReader()
	return &meters{t, reader, trestle.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)))}
}

// point is a value with its attributes; of a histogram, how many were recorded.
type point struct {
	attrs attribute.Set
	value float64
}

// points returns what a metric has at present, with those attributes: pairs of a name and a value.
func (m *meters) points(name string, attrs ...string) []point {
	m.t.Helper()
	var all metricdata.ResourceMetrics
	if err := m.reader.Collect(m.t.Context(), &all); err != nil {
		m.t.Fatal(err)
	}
	var points []point
	for _, scope := range all.ScopeMetrics {
		for _, one := range scope.Metrics {
			if one.Name == name {
				points = append(points, pointsOf(one.Data)...)
			}
		}
	}
	return slices.DeleteFunc(points, func(p point) bool {
		for i := 0; i < len(attrs); i += 2 {
			if v, ok := p.attrs.Value(attribute.Key(attrs[i])); !ok || v.AsString() != attrs[i+1] {
				return true
			}
		}
		return false
	})
}

func pointsOf(data metricdata.Aggregation) (points []point) {
	switch data := data.(type) {
	case metricdata.Sum[int64]:
		for _, p := range data.DataPoints {
			points = append(points, point{p.Attributes, float64(p.Value)})
		}
	case metricdata.Gauge[int64]:
		for _, p := range data.DataPoints {
			points = append(points, point{p.Attributes, float64(p.Value)})
		}
	case metricdata.Gauge[float64]:
		for _, p := range data.DataPoints {
			points = append(points, point{p.Attributes, p.Value})
		}
	case metricdata.Histogram[int64]:
		for _, p := range data.DataPoints {
			points = append(points, point{p.Attributes, float64(p.Count)})
		}
	case metricdata.Histogram[float64]:
		for _, p := range data.DataPoints {
			points = append(points, point{p.Attributes, float64(p.Count)})
		}
	}
	return points
}

// sum adds up what a metric has with those attributes.
func (m *meters) sum(name string, attrs ...string) float64 {
	m.t.Helper()
	sum := 0.0
	for _, p := range m.points(name, attrs...) {
		sum += p.value
	}
	return sum
}

// wantSums checks metrics by name and attributes.
func (m *meters) wantSums(want ...metricSum) {
	m.t.Helper()
	for _, w := range want {
		if got := m.sum(w.name, w.attrs...); got != w.sum {
			m.t.Errorf("%s%v: got %v, want %v", w.name, w.attrs, got, w.sum)
		}
	}
}

type metricSum struct {
	name  string
	attrs []string
	sum   float64
}

func sumOf(sum float64, name string, attrs ...string) metricSum { return metricSum{name, attrs, sum} }

const (
	topicKey = "messaging.destination.name"
	typeKey  = "trestle.event.type"
	groupKey = "messaging.consumer.group.name"
)

func TestConsumerMetrics(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	m := newMeters(t)
	c.writeOrders(t, orderIDs(10), 2)
	c.write(t, &kgo.Record{Topic: orders.Name, Key: []byte("x"), Value: []byte("no JSON")},
		recordOfType("y", "OrderCancelled"), recordOfType("z", "Unheard"))
	r := consume(t, c, func(_ context.Context, e *orderPlaced) error {
		switch {
		case e.OrderID == "order-3":
			return trestle.Permanent(kerr.PolicyViolation)
		case e.OrderID == "order-4" && e.N == 0:
			return errTransient
		}
		return nil
	}, m, trestle.WithRetries(2), trestle.WithoutBreaker())
	eventually(t, "all committed", func() bool { return c.committed(testGroup) == 23 })
	r.stop()

	m.wantSums(
		sumOf(23, "messaging.client.consumed.messages", topicKey, orders.Name, groupKey, testGroup, "messaging.system", "kafka"),
		sumOf(22, "messaging.process.duration", topicKey, orders.Name, typeKey, "OrderPlaced", "messaging.operation.name", "process", groupKey, testGroup),
		sumOf(3, "messaging.process.duration", typeKey, "OrderPlaced", "error.type", "HandlerError"),
		sumOf(2, "messaging.process.duration", typeKey, "OrderPlaced", "error.type", "kerr.Error"),
		sumOf(17, "trestle.consumer.events", topicKey, orders.Name, typeKey, "OrderPlaced", "trestle.result", "handled"),
		sumOf(3, "trestle.consumer.events", typeKey, "OrderPlaced", "trestle.result", "dead-lettered"),
		sumOf(1, "trestle.consumer.events", typeKey, "OrderCancelled", "trestle.result", "skipped"),
		sumOf(2, "trestle.consumer.events", typeKey, "_OTHER", "trestle.result", "dead-lettered"),
		sumOf(2, "trestle.consumer.retries", topicKey, orders.Name, typeKey, "OrderPlaced"),
		sumOf(2, "trestle.consumer.dead_letters", typeKey, "OrderPlaced", "error.type", "kerr.Error"),
		sumOf(1, "trestle.consumer.dead_letters", typeKey, "OrderPlaced", "error.type", "HandlerError"),
		sumOf(1, "trestle.consumer.dead_letters", typeKey, "_OTHER", "error.type", "DecodeError"),
		sumOf(1, "trestle.consumer.dead_letters", typeKey, "_OTHER", "error.type", "UnknownEventTypeError"),
	)
	if n := m.sum("messaging.client.operation.duration", "messaging.operation.name", "commit", groupKey, testGroup); n == 0 {
		t.Error("no commit was measured")
	}
	for _, partition := range []string{"0", "1", "2"} {
		if n := len(m.points("messaging.client.consumed.messages", "messaging.destination.partition.id", partition)); n != 1 {
			t.Errorf("consumed of partition %s: got %d counts, want 1", partition, n)
		}
	}
}

// recordOfType is orderRecord of another event type.
func recordOfType(order, eventType string) *kgo.Record {
	r := orderRecord(order, 0)
	r.Value = []byte(strings.Replace(string(r.Value), "OrderPlaced", eventType, 1))
	return r
}

func TestPublisherMetrics(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	m := newMeters(t)
	p := newPublisher(t, c.brokers, m)
	for range 3 {
		if err := p.Publish(deadline(t), &orderPlaced{OrderID: "a"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Publish(deadline(t), &orderPlaced{N: -1}); err == nil {
		t.Error("an invalid event was published")
	}
	hold := holdProduce(t, c)
	if err := p.PublishAsync(deadline(t), &orderPlaced{OrderID: "b"}, func(trestle.Receipt, error) {}); err != nil {
		t.Fatal(err)
	}
	inFlight := func(n float64) { // an event counts until its callback has returned, which Publish does not wait for
		t.Helper()
		eventually(t, fmt.Sprint(n, " events in flight"), func() bool { return m.sum("trestle.publisher.in_flight") == n })
	}
	inFlight(1)
	if n := m.sum("trestle.publisher.retained"); n < 100 {
		t.Errorf("an event that waits retains %v bytes", n)
	}
	hold()
	if err := p.Flush(deadline(t)); err != nil {
		t.Fatal(err)
	}
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.TopicAuthorizationFailed, Count: -1})
	if err := p.Publish(deadline(t), &orderPlaced{OrderID: "a"}); err == nil {
		t.Error("a refused event was published")
	}
	inFlight(0)
	m.wantSums(
		sumOf(5, "messaging.client.sent.messages", topicKey, orders.Name, typeKey, "OrderPlaced", "messaging.system", "kafka", "messaging.operation.name", "send"),
		sumOf(1, "messaging.client.sent.messages", "error.type", "TOPIC_AUTHORIZATION_FAILED"),
		sumOf(6, "messaging.client.operation.duration", topicKey, orders.Name, "messaging.operation.name", "send"),
		sumOf(1, "messaging.client.operation.duration", "error.type", "ValidationError"),
		sumOf(1, "messaging.client.operation.duration", "error.type", "TOPIC_AUTHORIZATION_FAILED"),
	)
	if err := p.Close(deadline(t)); err != nil {
		t.Fatal(err)
	}
	if n := len(m.points("trestle.publisher.in_flight")); n != 0 {
		t.Error("a closed publisher is observed")
	}
}

// holdProduce keeps the answers to what is published until the function that it returns is called.
func holdProduce(t *testing.T, c *cluster) func() {
	t.Helper()
	held := make(chan struct{})
	c.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		c.SleepControl(func() { <-held })
		return nil, nil, false
	})
	release := sync.OnceFunc(func() { close(held) })
	t.Cleanup(release)
	return release
}

func TestSpansOfPublishingAndHandlingAreLinked(t *testing.T) {
	t.Parallel()
	c := startPriceCluster(t)
	spans := tracetest.NewSpanRecorder()
	tracing := trestle.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)))
	p := newPublisher(t, c.brokers, tracing)
	if err := p.Publish(deadline(t), &orderPlaced{OrderID: "a"}, trestle.WithCorrelationID(conversationID)); err != nil {
		t.Fatal(err)
	}
	inHandler := make(chan trace.SpanContext, 2)
	r := consume(t, c, func(ctx context.Context, e *orderPlaced) error {
		inHandler <- trace.SpanContextFromContext(ctx)
		if d, _ := trestle.DeliveryFrom(ctx); d.Attempt == 1 {
			return errTransient
		}
		return p.Publish(ctx, ask("a"))
	}, tracing, trestle.WithRetries(1))
	eventually(t, "all committed", func() bool { return c.committed(testGroup) == 1 })
	r.stop()

	var sends, processes []sdktrace.ReadOnlySpan
	for _, s := range spans.Ended() {
		switch s.SpanKind() {
		case trace.SpanKindProducer:
			sends = append(sends, s)
		case trace.SpanKindConsumer:
			processes = append(processes, s)
		}
	}
	if len(sends) != 2 || len(processes) != 2 {
		t.Fatalf("got %d spans of publishing and %d of handling, want 2 and 2", len(sends), len(processes))
	}
	sent := sends[0].SpanContext()
	for i, s := range processes {
		if s.Name() != "process orders" || s.Parent().SpanID() != sent.SpanID() || s.SpanContext().TraceID() != sent.TraceID() {
			t.Errorf("call %d: span %q has parent %v in trace %v, want %v in %v",
				i+1, s.Name(), s.Parent().SpanID(), s.SpanContext().TraceID(), sent.SpanID(), sent.TraceID())
		}
		if len(s.Links()) != 1 || s.Links()[0].SpanContext.SpanID() != sent.SpanID() {
			t.Errorf("call %d: links %v", i+1, s.Links())
		}
		if (<-inHandler).SpanID() != s.SpanContext().SpanID() {
			t.Errorf("call %d: the handler's context has another span", i+1)
		}
	}
	if got := [2]codes.Code{processes[0].Status().Code, processes[1].Status().Code}; got != [2]codes.Code{codes.Error, codes.Unset} {
		t.Errorf("got status %v of a call that failed and one that succeeded", got)
	}
	if sends[1].Parent().SpanID() != processes[1].SpanContext().SpanID() {
		t.Error("what a handler publishes is not below its span")
	}
	attrs := attribute.NewSet(sends[0].Attributes()...)
	for key, want := range map[string]string{
		"messaging.system": "kafka", topicKey: orders.Name, "messaging.operation.type": "send",
		"messaging.message.conversation_id": conversationID, "messaging.message.id": headersOf(c.read(t, orders.Name)[0])["event-id"],
	} {
		if got, _ := attrs.Value(attribute.Key(key)); got.AsString() != want {
			t.Errorf("%s: got %q, want %q", key, got.AsString(), want)
		}
	}
	if at, ok := attrs.Value("messaging.kafka.offset"); !ok || at.AsInt64() != 0 {
		t.Errorf("got offset %v", at)
	}
}

func TestHandlersSpanIsNotBelowTheSpanOfRun(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.write(t, orderRecord("a", 0))
	spans := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	consumer, err := trestle.NewConsumer(c.brokers, testGroup, quick(trestle.WithTracerProvider(provider))...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, running := provider.Tracer("test").Start(t.Context(), "run")
	ctx, cancel := context.WithCancel(ctx)
	trestle.Handle(consumer, func(context.Context, *orderPlaced) error { cancel(); return nil })
	if err := consumer.Run(ctx); err != nil {
		t.Fatal(err)
	}
	handled := spans.Ended()
	if len(handled) != 1 || handled[0].SpanContext().TraceID() == running.SpanContext().TraceID() {
		t.Errorf("got %d spans, in the trace of Run", len(handled))
	}
}

func TestMiddlewareStandsInItsOrder(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	var seen []string
	note := func(name string) trestle.HandlerMiddleware {
		return func(next trestle.HandlerFunc) trestle.HandlerFunc {
			return func(ctx context.Context, e trestle.Event) error {
				d, ok := trestle.DeliveryFrom(ctx)
				if !ok || d.Topic != orders.Name || e.EventInfo() != &orderPlacedInfo {
					t.Errorf("%s: got delivery %+v of %v", name, d, e)
				}
				seen = append(seen, name)
				err := next(ctx, e)
				seen = append(seen, name+" again")
				return err
			}
		}
	}
	c.write(t, orderRecord("a", 0))
	consumer, err := trestle.NewConsumer(c.brokers, testGroup, quick(trestle.WithHandlerMiddleware(note("first"), note("second")))...)
	if err != nil {
		t.Fatal(err)
	}
	trestle.Handle(consumer, func(context.Context, *orderPlaced) error {
		seen = append(seen, "handler")
		return nil
	}, note("its own"))
	r := run(t, consumer)
	eventually(t, "all committed", func() bool { return c.committed(testGroup) == 1 })
	r.stop()
	want := []string{"first", "second", "its own", "handler", "its own again", "second again", "first again"}
	if !slices.Equal(seen, want) {
		t.Errorf("got %v, want %v", seen, want)
	}
}

func TestWhatMiddlewareReturnsCounts(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.writeOrders(t, []string{"refused", "panics", "passes"}, 1)
	guard := func(next trestle.HandlerFunc) trestle.HandlerFunc {
		return func(ctx context.Context, e trestle.Event) error {
			switch e.(*orderPlaced).OrderID {
			case "refused":
				return trestle.Permanent(errTransient)
			case "panics":
				panic("in middleware")
			}
			return next(ctx, e)
		}
	}
	var handled atomic.Int64
	r := consume(t, c, func(context.Context, *orderPlaced) error { handled.Add(1); return nil }, trestle.WithHandlerMiddleware(guard))
	eventually(t, "all committed", func() bool { return c.committed(testGroup) == 3 })
	r.stop()
	if n, letters := handled.Load(), len(c.deadLetters(t)); n != 1 || letters != 2 {
		t.Errorf("got %d handled and %d dead letters, want 1 and 2", n, letters)
	}
}

func TestPublishMiddlewareIsAroundAllThatIsPublished(t *testing.T) {
	t.Parallel()
	c := startPriceCluster(t)
	errRefused := errors.New("not today")
	var ended atomic.Int64
	tenant := func(next trestle.PublishFunc) trestle.PublishFunc {
		return func(ctx context.Context, e trestle.Event, done func(trestle.Receipt, error), opts ...trestle.PublishOption) error {
			if o, ok := e.(*orderPlaced); ok && o.OrderID == "refused" {
				return errRefused
			}
			return next(ctx, e, func(r trestle.Receipt, err error) {
				ended.Add(1)
				done(r, err)
			}, append(opts, trestle.WithHeader("tenant", []byte("t1")))...)
		}
	}
	p := newPublisher(t, c.brokers, trestle.WithPublishMiddleware(tenant))
	if err := p.Publish(deadline(t), &orderPlaced{OrderID: "refused"}); !errors.Is(err, errRefused) {
		t.Errorf("got %v", err)
	}
	if err := p.Publish(deadline(t), &orderPlaced{OrderID: "a"}); err != nil {
		t.Fatal(err)
	}
	if err := p.PublishAsync(deadline(t), &orderPlaced{OrderID: "b"}, func(trestle.Receipt, error) {}); err != nil {
		t.Fatal(err)
	}
	if err := p.Flush(deadline(t)); err != nil {
		t.Fatal(err)
	}
	r := answer(t, c, newPublisher(t, c.brokers), echo)
	caller := newCaller(t, c, trestle.WithPublisher(p))
	if _, err := trestle.Call[*price](deadline(t), caller, ask("a")); err != nil {
		t.Fatal(err)
	}
	r.stop()
	if n := ended.Load(); n != 3 {
		t.Errorf("middleware learned of %d ends, want 3", n)
	}
	for _, topic := range []string{orders.Name, askPriceInfo.Topic.Name} {
		for _, record := range c.read(t, topic) {
			if headersOf(record)["tenant"] != "t1" {
				t.Errorf("%s: headers %v", topic, headersOf(record))
			}
		}
	}
}

func TestPrometheusServesTheMetrics(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	registry := prometheus.NewRegistry()
	exporter, err := otelprometheus.New(otelprometheus.WithRegisterer(registry))
	if err != nil {
		t.Fatal(err)
	}
	meters := trestle.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(exporter)))
	p := newPublisher(t, c.brokers, meters)
	if err := p.Publish(deadline(t), &orderPlaced{OrderID: "a"}); err != nil {
		t.Fatal(err)
	}
	r := consume(t, c, ok, meters)
	eventually(t, "all committed", func() bool { return c.committed(testGroup) == 1 })
	page := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(page, httptest.NewRequest("GET", "/metrics", nil))
	r.stop()
	for _, want := range []string{
		`(?m)^messaging_client_sent_messages_total\{.*messaging_destination_name="orders".*\} 1$`,
		`(?m)^messaging_client_consumed_messages_total\{.*messaging_destination_partition_id="\d".*\} 1$`,
		`(?m)^messaging_process_duration_seconds_count\{.*messaging_consumer_group_name="billing".*\} 1$`,
		`(?m)^trestle_consumer_events_total\{.*trestle_result="handled".*\} 1$`,
	} {
		if !regexp.MustCompile(want).MatchString(page.Body.String()) {
			t.Errorf("nothing matches %s in\n%s", want, page.Body)
		}
	}
}
