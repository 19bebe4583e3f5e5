package integration_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/store"
	"github.com/omninode/trestle/runtime/trestletest"
	"github.com/omninode/trestle/runtime/wire"
)

// What OmniNode's services write beside the guide, as their own classes write it: every file is an event that a Go service
// handles with its type, that is traced under its type, ids and time, and that can be validated and looked at.

const (
	servicesSession     = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
	servicesCorrelation = "550e8400-e29b-41d4-a716-446655440000"
	servicesEventID     = "11111111-2222-4333-8444-555555555555" // of the wider envelope
)

var servicesTime = time.Date(2025, 10, 16, 12, 34, 56, 789012000, time.UTC)

// servicesRecords are the records of the services by file name.
func servicesRecords(t *testing.T) map[string]*kgo.Record {
	t.Helper()
	topics := map[string]string{}
	for _, info := range codegenv1.Events() {
		if info.Topic != nil {
			topics[info.Type] = info.Topic.Name
		}
	}
	paths, err := filepath.Glob(filepath.Join(peers, "python-services", "Codegen*.json"))
	if err != nil || len(paths) != 18 {
		t.Fatalf("%d files, %v", len(paths), err)
	}
	records := map[string]*kgo.Record{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		eventType, _, _ := strings.Cut(filepath.Base(path), ".")
		records[filepath.Base(path)] = &kgo.Record{Topic: topics[eventType], Key: []byte(servicesSession), Value: text}
	}
	return records
}

func TestServicesAreHandledAndTraced(t *testing.T) {
	t.Parallel()
	own, _ := topicsOf(codegenv1.Events(), event.RoleRequest, event.RoleResponse, event.RoleStatus)
	brokers := trestletest.NewCluster(t, codegenv1.Topics()).Brokers()
	records := servicesRecords(t)
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	for name, r := range records {
		if err := client.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}

	ctx, done := context.WithCancel(within(t, patience))
	handled := map[string]int{}
	var mu sync.Mutex
	c, err := trestle.NewConsumer(brokers, "services", trestle.WithObserver(func(o trestle.Outcome) {
		mu.Lock()
		defer mu.Unlock()
		if o.Result != trestle.Handled {
			t.Errorf("%s of %s: %v: %v", o.Result, o.Delivery.Topic, o.EventType, o.Err)
		}
		if handled[o.EventType]++; total(handled) == len(records) {
			done()
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	for _, info := range codegenv1.Events() {
		if info.Topic == nil || info.Role == event.RoleEvent {
			continue
		}
		trestle.HandleInfo(c, info, func(ctx context.Context, e trestle.Event) error {
			d, _ := trestle.DeliveryFrom(ctx)
			if d.Envelope.SessionID != servicesSession || !d.Envelope.Timestamp.Equal(servicesTime) {
				t.Errorf("%s: envelope %+v", e.EventInfo().Type, d.Envelope)
			}
			if wide := len(d.Envelope.Additional) > 0; wide && (d.EventID != servicesEventID || d.Envelope.Source.ServiceName != "omninode-bridge") {
				t.Errorf("%s: event id %s, source %+v", e.EventInfo().Type, d.EventID, d.Envelope.Source)
			}
			text, err := wire.AppendEnvelope(nil, wire.OnexV1, &d.Envelope, e)
			if err != nil {
				t.Error(err)
			}
			var members map[string]json.RawMessage // exactly the guide's: their readers refuse others
			if err := json.Unmarshal(text, &members); err != nil || len(members) != 6 {
				t.Errorf("written again it is %s: %v", text, err)
			}
			return nil
		})
	}
	if err := c.Run(ctx); err != nil {
		t.Fatal(err)
	}
	for _, info := range codegenv1.Events() {
		if info.Topic != nil && info.Role != event.RoleEvent && handled[info.Type] != 2 {
			t.Errorf("%s was handled %d times, want 2", info.Type, handled[info.Type])
		}
	}
	traceServices(t, brokers, own)
}

// traceServices stores the topics of the services and reads their one session back.
func traceServices(t *testing.T, brokers, topics []string) {
	traces, err := store.OpenTraces(t.Context(), filepath.Join(t.TempDir(), "trace.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer traces.Close()
	types := event.NewTypes(codegenv1.Events()...)
	reader := eventtrace.Envelopes(func(string) wire.Kind { return wire.OnexV1 }, eventtrace.WithTypes(types))
	sink, err := eventtrace.NewSink(brokers, topics, traces, reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := sink.RunUntilEnd(within(t, patience)); err != nil {
		t.Fatal(err)
	}
	events, err := eventtrace.All(t.Context(), traces, eventtrace.Query{SessionID: servicesSession})
	if err != nil || len(events) != 18 {
		t.Fatalf("%d events of the session, %v", len(events), err)
	}
	perType := map[string]int{}
	for _, e := range events {
		if e.Invalid != "" || !e.Timestamp.Equal(servicesTime) {
			t.Errorf("%s: invalid %q, at %v", e.EventType, e.Invalid, e.Timestamp)
		}
		if !strings.Contains(string(e.Payload), servicesSession) {
			t.Errorf("%s: payload %s", e.EventType, e.Payload)
		}
		if e.EventType != "CodegenStatusEvent" && e.CorrelationID != servicesCorrelation {
			t.Errorf("%s: correlation id %q", e.EventType, e.CorrelationID)
		}
		perType[e.EventType]++
	}
	for eventType, n := range perType {
		if n != 2 {
			t.Errorf("%s was traced %d times, want 2", eventType, n)
		}
	}
}

// TestServicesDeadLetter takes a service's dead letter apart and publishes what it holds again: its event is handled.
func TestServicesDeadLetter(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(peers, "python-services", "dead_letter.dlq.json"))
	if err != nil {
		t.Fatal(err)
	}
	letter, err := deadletter.Parse(&event.Record{Value: text})
	if err != nil {
		t.Fatal(err)
	}
	if letter.SourceTopic != "omninode_codegen_request_analyze_v1" || string(letter.Original.Key) != servicesCorrelation ||
		letter.RetryCount != 3 || letter.Error.Type != "KafkaTimeoutError" || letter.Timestamp.IsZero() {
		t.Errorf("letter = %+v", letter)
	}
	record := event.Record{Topic: letter.SourceTopic, Key: letter.Original.Key, Value: letter.Original.Value}
	decoded, err := event.Decode(&record, event.NewTypes(codegenv1.Events()...), event.DecodeOptions{})
	if request, ok := decoded.Event.(*codegenv1.CodegenAnalysisRequest); err != nil || !ok || request.GetPrdContent() != "# PRD: orders" {
		t.Errorf("replayed it is %+v, %v", decoded.Event, err)
	}
}

// TestServicesOnTheCommandLine validates every file as its type, and looks at it on its topic.
func TestServicesOnTheCommandLine(t *testing.T) {
	t.Parallel()
	records := servicesRecords(t)
	own, _ := topicsOf(codegenv1.Events(), event.RoleRequest, event.RoleResponse, event.RoleStatus)
	brokers := trestletest.NewCluster(t, codegenv1.Topics()).Brokers()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	for name, r := range records {
		eventType, _, _ := strings.Cut(name, ".")
		path, err := filepath.Abs(filepath.Join(peers, "python-services", name))
		if err != nil {
			t.Fatal(err)
		}
		trestleRun(t, repository, 0, "validate", eventType, path)
		if err := client.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	for _, topic := range own {
		out := trestleRun(t, repository, 0, "peek", topic, "--json", "--brokers", strings.Join(brokers, ","))
		for line := range strings.SplitSeq(strings.TrimSpace(out), "\n") {
			var shown struct {
				EventType string `json:"event_type"`
				Value     json.RawMessage
			}
			if err := json.Unmarshal([]byte(line), &shown); err != nil || !strings.HasPrefix(shown.EventType, "Codegen") || len(shown.Value) < 50 {
				t.Errorf("peek %s: %s: %v", topic, line, err)
			}
		}
	}
}

// repository is the folder of trestle.yaml.
var repository = filepath.Join("..", "..", "..")

func total(counts map[string]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}
