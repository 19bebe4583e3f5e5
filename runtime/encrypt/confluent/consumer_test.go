package confluent_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/encrypt"
	"github.com/omninode/trestle/runtime/encrypt/confluent"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/registry"
	"github.com/omninode/trestle/runtime/trestletest"
)

const secretDescription = "a description that nobody is to read"

// service is a cluster with a topic whose schema has Confluent's rules, by paths in its metadata.
type service struct {
	*trestletest.Cluster
	server *server
	topic  string
}

func newService(t *testing.T) *service {
	t.Helper()
	topic := (*codegenv1.CodegenPatternRequest)(nil).EventInfo().Topic
	s := newServer(t)
	s.register(t, storedSchema{
		Subject: topic.Name + "-value", Type: "JSON", Metadata: []byte(`{"tags": {"$.payload.node_description": ["PII"]}}`),
		Schema:  `{"type": "object", "properties": {"payload": {"type": "object", "properties": {"node_description": {"type": "string"}}}}}`,
		RuleSet: marshal(t, map[string]any{"domainRules": []any{rule(nil, "PII")}}),
	})
	return &service{trestletest.NewCluster(t, []*trestle.TopicInfo{topic}), s, topic.Name}
}

// publish publishes an event, and returns its record.
func (s *service) publish(t *testing.T, limit int64) *trestle.Record {
	t.Helper()
	client, err := registry.New(s.server.url)
	if err != nil {
		t.Fatal(err)
	}
	pub := s.Publisher(trestle.WithSchemaIDs(registry.NewSchemaIDs(client)), trestle.WithRecordCipher(newCipher(t, s.server)))
	if err := pub.Publish(t.Context(), &codegenv1.CodegenPatternRequest{
		CorrelationId: "550e8400-e29b-41d4-a716-446655440000", SessionId: "7c9e6679-7425-40de-944b-e07fc1f90ae7", NodeDescription: new(secretDescription),
		NodeType: codegenv1.NodeType_NODE_TYPE_EFFECT, Limit: new(limit),
	}); err != nil {
		t.Fatal(err)
	}
	return s.last(t, s.topic)
}

// last returns the newest record of a topic.
func (s *service) last(t *testing.T, topic string) *trestle.Record {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(s.Brokers()...), kgo.ConsumeTopics(topic), kgo.ConsumeStartOffset(kgo.NewOffset().AtEnd().Relative(-1)))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for {
		fetches := client.PollFetches(t.Context())
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		if records := fetches.Records(); len(records) > 0 {
			rec := kafka.FromClient(records[len(records)-1])
			return &rec
		}
	}
}

// consume runs a consumer until it has seen so many events, and returns what became of them and the descriptions that its handler got.
func (s *service) consume(t *testing.T, events int, kms encrypt.KEK) (outcomes []trestle.Outcome, got []string) {
	t.Helper()
	client, err := registry.New(s.server.url)
	if err != nil {
		t.Fatal(err)
	}
	cipher, err := confluent.New(client, map[string]encrypt.KEK{confluent.LocalType: kms}, confluent.WithTopics(s.topic))
	if err != nil {
		t.Fatal(err)
	}
	seen, handled := make(chan trestle.Outcome, 10), make(chan string, 10)
	consumer, err := trestle.NewConsumer(s.Brokers(), t.Name(), s.Option(), trestle.WithRecordCipher(cipher), trestle.WithObserver(func(o trestle.Outcome) { seen <- o }))
	if err != nil {
		t.Fatal(err)
	}
	trestle.Handle(consumer, func(_ context.Context, e *codegenv1.CodegenPatternRequest) error {
		handled <- e.GetNodeDescription()
		return nil
	})
	stop := trestletest.Run(t, consumer)
	for len(outcomes) < events {
		select {
		case o := <-seen:
			outcomes = append(outcomes, o)
		case <-time.After(time.Minute):
			t.Fatalf("after a minute: %v", outcomes)
		}
	}
	stop()
	close(handled)
	for description := range handled {
		got = append(got, description)
	}
	return outcomes, got
}

// TestConsumer reads and writes by the options of consumers and publishers: what is on the topic is encrypted, and the handler gets it in clear.
func TestConsumer(t *testing.T) {
	t.Parallel()
	s := newService(t)
	rec := s.publish(t, 3)
	if bytes.Contains(rec.Value, []byte(secretDescription)) || !bytes.Contains(rec.Value, []byte(`"node_description":"`)) {
		t.Errorf("on the topic: %s", rec.Value)
	}
	outcomes, got := s.consume(t, 1, localKMS(t))
	if o := outcomes[0]; o.Result != trestle.Handled || o.Err != nil || len(got) != 1 || got[0] != secretDescription {
		t.Errorf("%v: %v, %q", o.Result, o.Err, got)
	}
}

// TestConsumerDenied makes dead letters of what a consumer may not read, which are encrypted still.
func TestConsumerDenied(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.publish(t, 3)
	outcomes, got := s.consume(t, 1, deniedKMS{encrypt.ErrDenied})
	unavailable, ok := errors.AsType[*encrypt.UnavailableError](outcomes[0].Err)
	if outcomes[0].Result != trestle.DeadLettered || !ok || unavailable.Reason != encrypt.Denied || len(got) != 0 {
		t.Fatalf("%v: %v, %q", outcomes[0].Result, outcomes[0].Err, got)
	}
	letter := s.last(t, (*codegenv1.CodegenPatternRequest)(nil).EventInfo().Topic.DeadLetter)
	if bytes.Contains(letter.Value, []byte(secretDescription)) {
		t.Errorf("the dead letter has it in clear: %s", letter.Value)
	}
}

// TestConsumerTampered makes a dead letter of a value that was changed on the topic, and goes on.
func TestConsumerTampered(t *testing.T) {
	t.Parallel()
	s := newService(t)
	rec := s.publish(t, 3)
	before, sealed, _ := bytes.Cut(rec.Value, []byte(`"node_description":"`))
	changed := *rec
	changed.Value = append(append(bytes.Clone(before), `"node_description":"AAAA`...), sealed[4:]...)
	client, err := kgo.NewClient(kgo.SeedBrokers(s.Brokers()...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	if err := client.ProduceSync(t.Context(), kafka.ToClient(&changed)).FirstErr(); err != nil {
		t.Fatal(err)
	}
	outcomes, got := s.consume(t, 2, localKMS(t))
	results := map[trestle.Result]error{}
	for _, o := range outcomes {
		results[o.Result] = o.Err
	}
	if _, invalid := errors.AsType[*trestle.ValidationError](results[trestle.DeadLettered]); !invalid || len(got) != 1 || got[0] != secretDescription {
		t.Errorf("%v, %q", results, got)
	}
	letter := s.last(t, (*codegenv1.CodegenPatternRequest)(nil).EventInfo().Topic.DeadLetter)
	if bytes.Contains(letter.Value, []byte(secretDescription)) {
		t.Errorf("the dead letter has it in clear: %s", letter.Value)
	}
}

// TestRawConsumer gives a raw handler records as they are.
func TestRawConsumer(t *testing.T) {
	t.Parallel()
	s := newService(t)
	rec := s.publish(t, 3)
	consumer, err := trestle.NewConsumer(s.Brokers(), t.Name(), s.Option(), trestle.WithRecordCipher(newCipher(t, s.server)))
	if err != nil {
		t.Fatal(err)
	}
	got := make(chan []byte, 10)
	trestle.HandleRaw[codegenv1.CodegenPatternRequest](consumer, func(_ context.Context, raw *trestle.Record) error {
		got <- raw.Value
		return nil
	})
	trestletest.Run(t, consumer)
	select {
	case value := <-got:
		if !bytes.Equal(value, rec.Value) {
			t.Errorf("the handler got %s, on the topic is %s", value, rec.Value)
		}
	case <-time.After(time.Minute):
		t.Error("no record after a minute")
	}
}

// unsteadyKMS can't be reached the first times.
type unsteadyKMS struct {
	encrypt.KEK
	asked atomic.Int64
}

func (k *unsteadyKMS) Unwrap(ctx context.Context, name string, wrapped, context []byte) ([]byte, error) {
	if k.asked.Add(1) < 3 {
		return nil, errors.New("connection refused")
	}
	return k.KEK.Unwrap(ctx, name, wrapped, context)
}

// TestConsumerWaits has events wait while the KMS can't be reached.
func TestConsumerWaits(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.publish(t, 3)
	kms := &unsteadyKMS{KEK: localKMS(t)}
	outcomes, got := s.consume(t, 1, kms)
	if o := outcomes[0]; o.Result != trestle.Handled || len(got) != 1 || got[0] != secretDescription || kms.asked.Load() != 3 {
		t.Errorf("%v: %v, %q, asked %d times", o.Result, o.Err, got, kms.asked.Load())
	}
}

// TestPublisherInNeed publishes nothing in clear where no key is to be had.
func TestPublisherInNeed(t *testing.T) {
	t.Parallel()
	s := newService(t)
	for name, kms := range map[string]encrypt.KEK{"denied": deniedKMS{encrypt.ErrDenied}, "away": deniedKMS{errors.New("connection refused")}} {
		client, err := registry.New(s.server.url)
		if err != nil {
			t.Fatal(err)
		}
		cipher, err := confluent.New(client, map[string]encrypt.KEK{confluent.LocalType: kms})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		err = s.Publisher(trestle.WithSchemaIDs(registry.NewSchemaIDs(client)), trestle.WithRecordCipher(cipher), trestle.WithDeliveryTimeout(time.Second)).Publish(t.Context(), &codegenv1.CodegenPatternRequest{
			CorrelationId: "550e8400-e29b-41d4-a716-446655440000", SessionId: "7c9e6679-7425-40de-944b-e07fc1f90ae7", NodeDescription: new(secretDescription),
			NodeType: codegenv1.NodeType_NODE_TYPE_EFFECT, Limit: new(int64(3)),
		})
		_, away := errors.AsType[*encrypt.AwayError](err)
		_, unavailable := errors.AsType[*encrypt.UnavailableError](err)
		if err == nil || away != (name == "away") || unavailable != (name == "denied") || bytes.Contains([]byte(err.Error()), []byte(secretDescription)) {
			t.Errorf("%s: %v", name, err)
		}
		if took := time.Since(began); name == "away" && took < 900*time.Millisecond {
			t.Errorf("it was given up after %v", took)
		}
	}
}

// TestConfluentClientAndConsumer has Confluent's client read what a publisher has published, and a consumer handle what that client writes.
func TestConfluentClientAndConsumer(t *testing.T) {
	t.Parallel()
	s := newService(t)
	p := startPeer(t, s.server)
	e := &example{name: s.topic}
	read, err := p.read(t, e, s.publish(t, 3))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(read)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(text, []byte(secretDescription)) {
		t.Fatalf("Confluent's client read %s", text)
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(s.Brokers()...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	for _, inHeader := range []bool{false, true} {
		e.event = string(text)
		rec, err := p.write(t, e, inHeader)
		if err != nil {
			t.Fatal(err)
		}
		rec.Topic = s.topic
		if bytes.Contains(rec.Value, []byte(secretDescription)) {
			t.Errorf("Confluent's client wrote %s", rec.Value)
		}
		if err := client.ProduceSync(t.Context(), kafka.ToClient(rec)).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	outcomes, got := s.consume(t, 3, localKMS(t))
	for _, o := range outcomes {
		if o.Result != trestle.Handled && o.Result != trestle.Duplicate {
			t.Errorf("%v: %v", o.Result, o.Err)
		}
	}
	if len(got) != 3 {
		t.Errorf("%d events were handled", len(got))
	}
	for _, description := range got {
		if description != secretDescription {
			t.Errorf("the handler got %q", description)
		}
	}
}
