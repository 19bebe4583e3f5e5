package trestle_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/trestletest"
)

// Publishers, consumers and callers say what keeps them from their work; probes of an orchestrator ask.
func ExampleReadyHandler() {
	consumer, err := trestle.NewConsumer([]string{"localhost:9092"}, "dashboard")
	check(err)
	pub, err := trestle.NewPublisher([]string{"localhost:9092"})
	check(err)
	probe := func(h http.Handler) {
		answer := httptest.NewRecorder()
		h.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/", nil))
		fmt.Print(answer.Code, " ", answer.Body)
	}
	probe(trestle.ReadyHandler(consumer, pub)) // http.Handle("/readyz", …)
	probe(trestle.LiveHandler(consumer, pub))  // http.Handle("/livez", …)
	// Output:
	// 503 {"live":true,"ready":false,"reasons":[{"code":"not_running","text":"consumer group dashboard does not run"}]}
	// 200 {"live":true,"ready":false,"reasons":[{"code":"not_running","text":"consumer group dashboard does not run"}]}
}

// A program may look at the reasons itself.
func ExamplePublisher_Health() {
	ctx := context.Background()
	pub, err := trestle.NewPublisher([]string{"localhost:9092"})
	check(err)
	caller, err := trestle.NewCaller([]string{"localhost:9092"}, trestle.WithPublisher(pub))
	check(err)
	defer caller.Close(ctx)
	fmt.Println(pub.Health().Ready, caller.Health().Ready)

	check(pub.Close(ctx))
	for _, reason := range caller.Health().Reasons {
		fmt.Println(reason.Code, reason.Text)
	}
	// Output:
	// true true
	// not_running the publisher is closed
}

// A consumer knows how far each of its partitions is, and what it has in hand.
func ExampleConsumer_Lag() {
	t := example()
	defer t.Close()
	cluster := trestletest.NewCluster(t, codegenv1.Topics())
	consumer, err := trestle.NewConsumer(cluster.Brokers(), "dashboard")
	check(err)
	trestle.Handle(consumer, func(context.Context, *codegenv1.CodegenStatusEvent) error {
		for _, p := range consumer.Lag() {
			if p.InHand > 0 {
				fmt.Println(p.Topic, "has in hand", p.Key, "at offset", p.Offset)
			}
		}
		fmt.Println("ready:", consumer.Health().Ready)
		return nil
	})
	trestletest.Run(t, consumer)
	check(cluster.Publisher().Publish(context.Background(), progress(50)))
	cluster.AwaitDone("dashboard")
	// Output:
	// omninode_codegen_status_session_v1 has in hand 7c9e6679-7425-40de-944b-e07fc1f90ae7 at offset 0
	// ready: true
}

// Each event that is published has a span, and each call of a handler one that is its child, whichever process it runs in.
func ExampleWithTracerProvider() {
	t := example()
	defer t.Close()
	spans := tracetest.NewSpanRecorder()
	tracing := trestle.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)))

	trestletest.Handle(t, func(context.Context, *codegenv1.CodegenStatusEvent) error { return nil }, progress(50), tracing)
	ended := spans.Ended()
	for _, s := range ended {
		fmt.Println(s.Name())
	}
	fmt.Println(ended[1].Parent().SpanID() == ended[0].SpanContext().SpanID())
	// Output:
	// send omninode_codegen_status_session_v1
	// process omninode_codegen_status_session_v1
	// true
}

// Metrics go to OpenTelemetry, and from there to Prometheus or elsewhere.
func ExampleWithMeterProvider() {
	t := example()
	defer t.Close()
	reader := sdkmetric.NewManualReader()
	metrics := trestle.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)))
	handlers := trestletest.NewHandlers(t, func(c *trestle.Consumer) {
		trestle.Handle(c, func(context.Context, *codegenv1.CodegenStatusEvent) error { return errors.New("the dashboard is away") })
	}, metrics)
	handlers.Handle(progress(50))

	var collected metricdata.ResourceMetrics
	check(reader.Collect(context.Background(), &collected))
	for _, m := range collected.ScopeMetrics[0].Metrics {
		if sum, ok := m.Data.(metricdata.Sum[int64]); ok && (m.Name == "trestle.consumer.retries" || m.Name == "trestle.consumer.events") {
			fmt.Println(m.Name, sum.DataPoints[0].Value)
		}
	}
	// Unordered output:
	// trestle.consumer.events 1
	// trestle.consumer.retries 3
}

// What a service logs has the ids of the event that it is about.
func ExampleWithLogger() {
	t := example()
	defer t.Close()
	brief := func(_ []string, a slog.Attr) slog.Attr {
		switch a.Key {
		case slog.LevelKey, slog.MessageKey, "correlation_id", "error":
			return a
		}
		return slog.Attr{}
	}
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: brief}))
	handle := func(context.Context, *codegenv1.CodegenPatternRequest) error { return errors.New("the model is away") }
	trestletest.Handle(t, handle, patternRequest(3), trestle.WithLogger(logger), trestle.WithRetries(0))
	// Output:
	// level=WARN msg="handler failed" correlation_id=550e8400-e29b-41d4-a716-446655440000 error="the model is away"
	// level=ERROR msg="event written to its dead letter" correlation_id=550e8400-e29b-41d4-a716-446655440000 error="the model is away"
}
