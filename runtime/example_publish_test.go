package trestle_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	hooksv1 "github.com/omninode/trestle/gen/omninode/hooks/v1"
	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/trestletest"
)

// Publish an event: its type knows its topic and its key, and what it lacks is filled in.
func ExamplePublisher_Publish() {
	t := example()
	defer t.Close()
	rec := trestletest.NewRecorder(t) // a service has the publisher of trestle.NewPublisher(brokers)
	pub := rec.Publisher()

	err := pub.Publish(context.Background(), &codegenv1.CodegenPatternRequest{
		CorrelationId:   requestID,
		SessionId:       sessionID,
		NodeDescription: new("writes orders to the ledger"),
		NodeType:        codegenv1.NodeType_NODE_TYPE_EFFECT,
	})
	check(err)

	sent := rec.Sent()[0]
	fmt.Println(sent.Record.Topic, string(sent.Record.Key))
	fmt.Println("limit by default:", sent.Event.(*codegenv1.CodegenPatternRequest).GetLimit())
	// Output:
	// omninode_codegen_request_pattern_v1 550e8400-e29b-41d4-a716-446655440000
	// limit by default: 5
}

// An event that breaks rules of its schema is never published. The error names each of them.
func ExamplePublisher_Publish_invalid() {
	t := example()
	defer t.Close()
	pub := trestletest.NewRecorder(t).Publisher()

	err := pub.Publish(context.Background(), patternRequest(21))
	if invalid, ok := errors.AsType[*trestle.ValidationError](err); ok {
		for _, v := range invalid.Violations {
			fmt.Println(v.Path, v.Rule, v.Message)
		}
	}
	fmt.Println("trying again helps:", !trestle.IsPermanent(err))
	// Output:
	// limit int64.gte_lte must be greater than or equal to 1 and less than or equal to 20
	// trying again helps: false
}

// What became of an event that was not acknowledged decides what to do: here it may be on its topic, so it is published again under
// the id that it has, by which consumers can tell that it is the same.
func ExampleWithEventID() {
	t := example()
	defer t.Close()
	rec := trestletest.NewRecorder(t)
	rec.Fail(trestletest.Failure{Times: 1, Err: context.DeadlineExceeded})
	pub := rec.Publisher()

	err := pub.Publish(context.Background(), progress(50), trestle.WithEventID("0199a5c4-0000-7000-8000-000000000001"))
	if failed, ok := errors.AsType[*trestle.PublishError](err); ok && failed.Retriable {
		fmt.Println(failed.Fate)
		err = pub.Publish(context.Background(), progress(50), trestle.WithEventID(failed.EventID))
	}
	fmt.Println(err)
	for _, s := range rec.Sent() {
		fmt.Println(s.Envelope.EventID)
	}
	// Output:
	// may have been written
	// <nil>
	// 0199a5c4-0000-7000-8000-000000000001
	// 0199a5c4-0000-7000-8000-000000000001
}

// Publish many events without waiting for each. Flush returns once all are acknowledged, or have failed.
func ExamplePublisher_PublishAsync() {
	t := example()
	defer t.Close()
	pub := trestletest.NewRecorder(t).Publisher()
	ctx := context.Background()

	for _, percent := range []float64{10, 20, 30} {
		err := pub.PublishAsync(ctx, progress(percent), func(r trestle.Receipt, err error) {
			fmt.Println(r.Topic, r.Offset, err)
		})
		check(err) // it is invalid, or the publisher is closed
	}
	check(pub.Flush(ctx))
	check(pub.Close(ctx))
	fmt.Println(errors.Is(pub.Publish(ctx, progress(40)), trestle.ErrClosed))
	// Output:
	// omninode_codegen_status_session_v1 0 <nil>
	// omninode_codegen_status_session_v1 1 <nil>
	// omninode_codegen_status_session_v1 2 <nil>
	// true
}

// On a compacted topic a record without a value has the topic forget its key.
func ExamplePublisher_Delete() {
	t := example()
	defer t.Close()
	rec := trestletest.NewRecorder(t)

	check(rec.Publisher().Delete(context.Background(), &stockKept{orderPlaced{OrderID: "ord_81"}}))
	sent := rec.Sent()[0]
	fmt.Println(sent.Record.Topic, string(sent.Record.Key), sent.Record.Value == nil)

	err := rec.Publisher().Delete(context.Background(), progress(50))
	fmt.Println(err)
	// Output:
	// stock ord_81 true
	// publish: encode deletion of omninode.codegen.v1.CodegenStatusEvent: topic omninode_codegen_status_session_v1 is not compacted: nothing is deleted there by key
}

// Events of one conversation carry its correlation id and its session id. In a handler they are those of the event being handled.
func ExampleWithCorrelationID() {
	t := example()
	defer t.Close()
	rec := trestletest.NewRecorder(t)

	response := patterns(patternRequest(3))
	err := rec.Publisher().Publish(context.Background(), response,
		trestle.WithCorrelationID(requestID), trestle.WithSessionID(sessionID), trestle.WithHeader("tenant", []byte("acme")),
		trestle.WithPublishTimeout(5*time.Second))
	check(err)
	fmt.Println(response.GetCorrelationId(), response.GetSessionId())
	for _, h := range rec.Sent()[0].Record.Headers {
		if h.Key == "tenant" {
			fmt.Println("for", string(h.Value))
		}
	}
	// Output:
	// 550e8400-e29b-41d4-a716-446655440000 7c9e6679-7425-40de-944b-e07fc1f90ae7
	// for acme
}

// Hook events say which instance of a service they come from. A publisher says it of all; one event may say what else it knows.
func ExampleWithSource() {
	t := example()
	defer t.Close()
	rec := trestletest.NewRecorder(t, trestle.WithSource(trestle.Source{
		ServiceName: "omniarchon", ServiceVersion: "2.1.0", InstanceID: "omniarchon-1",
	}))

	hit := &hooksv1.CacheHit{}
	err := rec.Publisher().Publish(context.Background(), hit,
		trestle.WithTraceID("9e107d9d-372b-4b6e-8b1a-000000000001"), trestle.WithMetadata(`{"region":"eu"}`))
	check(err)
	env := rec.Sent()[0].Envelope
	fmt.Println(env.Source.ServiceName, env.TraceID, env.Metadata)

	// An event that was read from a file has its envelope already.
	check(rec.Publisher().Publish(context.Background(), hit, trestle.WithEnvelope(env)))
	fmt.Println(rec.Sent()[1].Envelope.EventID == env.EventID)
	// Output:
	// omniarchon 9e107d9d-372b-4b6e-8b1a-000000000001 {"region":"eu"}
	// true
}

// Middleware stands around publishing: it may add options, refuse an event, and learn what became of it.
func ExampleWithPublishMiddleware() {
	t := example()
	defer t.Close()
	counting := func(next trestle.PublishFunc) trestle.PublishFunc {
		return func(ctx context.Context, e trestle.Event, done func(trestle.Receipt, error), opts ...trestle.PublishOption) error {
			counted := func(r trestle.Receipt, err error) {
				fmt.Println(e.EventInfo().Type, "acknowledged:", err == nil)
				done(r, err)
			}
			return next(ctx, e, counted, append(opts, trestle.WithHeader("tenant", []byte("acme")))...)
		}
	}
	rec := trestletest.NewRecorder(t, trestle.WithPublishMiddleware(counting))

	check(rec.Publisher().Publish(context.Background(), progress(50)))
	// Output:
	// CodegenStatusEvent acknowledged: true
}

// Options say how events are sent. The constructor checks them, and contacts nothing.
func ExampleNewPublisher() {
	brokers := []string{"kafka-1:9092", "kafka-2:9092"}
	pub, err := trestle.NewPublisher(brokers,
		trestle.WithConnection(kafka.Connection{ClientID: "omniclaude"}), // TLS and SASL stand there, too
		trestle.WithKafka(kgo.Rack("eu-1")),
		trestle.WithDeliveryTimeout(10*time.Second), // of each event
		trestle.WithLinger(0),                       // send each event at once
		trestle.WithBatchBytes(512<<10),
		trestle.WithBufferedBytes(8<<20), // then publishing blocks
		trestle.WithCompression(trestle.Zstd),
		trestle.WithAcks(trestle.AcksLeader), trestle.WithInFlight(2), // faster, and what only the leader had may be lost
	)
	check(err)
	check(pub.Close(context.Background()))

	_, err = trestle.NewPublisher(brokers, trestle.WithLinger(2*time.Minute))
	fmt.Println(err)
	// Output:
	// new publisher: WithLinger: must be from 0 to 1 m, got 2m0s
}

// registered are the ids of schemas in a registry. The package registry has such for a real one.
type registered map[string]int

func (ids registered) SchemaID(_ context.Context, info *trestle.EventInfo) (int, error) {
	if id, ok := ids[info.Type]; ok {
		return id, nil
	}
	return 0, fmt.Errorf("%s is not registered: run trestle register?", info.Type)
}

// The id of its schema travels with an event: in a header beside JSON, in front of protobuf.
func ExampleWithSchemaIDs() {
	t := example()
	defer t.Close()
	rec := trestletest.NewRecorder(t, trestle.WithSchemaIDs(registered{"CodegenStatusEvent": 7}))

	check(rec.Publisher().Publish(context.Background(), progress(50)))
	for _, h := range rec.Sent()[0].Record.Headers {
		if h.Key == "schema-id" {
			fmt.Println("schema", string(h.Value))
		}
	}
	fmt.Println(rec.Publisher().Publish(context.Background(), patternRequest(3)))
	// Output:
	// schema 7
	// publish to omninode_codegen_request_pattern_v1: omninode.codegen.v1.CodegenPatternRequest: CodegenPatternRequest is not registered: run trestle register?
}

// An environment has its own names for topics and groups; programs go on naming them as the schemas do.
func ExampleWithNames() {
	t := example()
	defer t.Close()
	names := trestle.WithNames(trestle.Names{
		Prefix: "staging.",
		Topics: map[string]string{"omninode_codegen_status_session_v1": "legacy_status"},
	})
	rec := trestletest.NewRecorder(t, names)

	check(rec.Publisher().Publish(context.Background(), progress(50)))
	check(rec.Publisher().Publish(context.Background(), patternRequest(3)))
	for _, s := range rec.Sent() {
		fmt.Println(s.Record.Topic)
	}
	// Output:
	// legacy_status
	// staging.omninode_codegen_request_pattern_v1
}

// Who brings a client of their own makes records of events, and events of records.
func ExampleEncode() {
	record, err := trestle.Encode(progress(50), nil, trestle.EncodeOptions{})
	check(err)

	types := trestle.NewTypes(codegenv1.Events()...)
	decoded, err := trestle.Decode(&record, types, trestle.DecodeOptions{})
	check(err)
	switch e := decoded.Event.(type) {
	case *codegenv1.CodegenStatusEvent:
		fmt.Println(decoded.Envelope.SessionID, e.GetProgressPercentage())
	}
	// Output:
	// 7c9e6679-7425-40de-944b-e07fc1f90ae7 50
}

// inMemory is an outbox without a database. Those of runtime/store/postgres and runtime/store/sqlite write within the transaction
// that the context carries.
type inMemory struct{ topics []string }

func (o *inMemory) Add(_ context.Context, _ string, record trestle.Record) error {
	o.topics = append(o.topics, record.Topic)
	return nil
}

// A publisher with an outbox writes events into the program's database instead of sending them; a relay publishes them once the
// transaction is committed.
func ExampleWithOutbox() {
	t := example()
	defer t.Close()
	outbox := new(inMemory)
	rec := trestletest.NewRecorder(t, trestle.WithOutbox(outbox))

	check(rec.Publisher().Publish(context.Background(), progress(50)))
	fmt.Println("to be published:", outbox.topics)
	fmt.Println("published:", len(rec.Sent()))
	// Output:
	// to be published: [omninode_codegen_status_session_v1]
	// published: 0
}
