package integration_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	hooksv1 "github.com/omninode/trestle/gen/omninode/hooks/v1"
	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/trestletest/services"
	"github.com/omninode/trestle/runtime/wire"
)

// hooksBySample are the guide's hook events with their types, from runtime/event/testdata/examples.
func hookSamples(t testing.TB) map[string]string {
	t.Helper()
	samples := map[string]string{}
	for _, s := range loadSamples(t, "examples") {
		if s.info.Envelope == wire.BaseEvent {
			samples[s.info.Type] = compact(t, s.json)
		}
	}
	if want := len(hooksv1.Events()); len(samples) != want {
		t.Fatalf("there are samples of %d hook event types, want %d", len(samples), want)
	}
	return samples
}

// TestPythonHooks has Python publish every hook event as the guide's publisher does, and Go handle them.
func TestPythonHooks(t *testing.T) {
	k := connect(t, services.SharedKafka(t).Brokers()).withTopics(1)
	samples := hookSamples(t)
	topics, deadLetters := topicsOf(hooksv1.Events())
	var mu sync.Mutex
	handled := map[string]string{} // whole values by event type
	all := make(chan struct{})
	consumer := consume(k, "go_hooks", topics, deadLetters, func(c *trestle.Consumer) {
		onHooks(c, func(ctx context.Context, e trestle.Event) error {
			d, ok := trestle.DeliveryFrom(ctx)
			if !ok {
				return errors.New("no delivery in the handler's context")
			}
			value, err := wire.AppendEnvelope(nil, wire.BaseEvent, &d.Envelope, e)
			if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			eventType := e.EventInfo().Type
			if handled[eventType] != "" {
				t.Errorf("%s was handled twice", eventType)
			}
			if handled[eventType] = string(value); len(handled) == len(samples) {
				close(all)
			}
			return nil
		})
	})

	var lines strings.Builder
	for _, sample := range samples {
		lines.WriteString(sample + "\n")
	}
	wrote := startPython(t, lines.String(), "omni_hooks.py", "publish", strings.Join(k.brokers, ",")).rest()
	select {
	case <-all:
	case <-within(t, patience).Done():
		t.Errorf("not all events were handled after %v", patience)
	}
	consumer.checkDone()
	if len(wrote) != len(samples) || len(handled) != len(samples) {
		t.Errorf("%d events were written and %d handled, want %d", len(wrote), len(handled), len(samples))
	}
	for _, line := range wrote {
		want := parseJSON(t, []byte(line.Wrote.Value))
		got := handled[line.Wrote.EventType]
		if got == "" {
			t.Errorf("%s was not handled", line.Wrote.EventType)
			continue
		}
		if !strings.Contains(got, `"correlation_id":null`) {
			t.Errorf("%s has a correlation id, and Python gave it none: %s", line.Wrote.EventType, got)
		}
		if diff := diffJSON(want, withoutDefaults(want, parseJSON(t, []byte(got)), nil), hookTimes...); diff != "" {
			t.Errorf("%s differs on the Go side:\n%s", line.Wrote.EventType, diff)
		}
	}
}

// hookTimes are the times in the guide's hook events, which may be written in several ways.
var hookTimes = []string{
	"timestamp", "payload.execution_details.start_time", "payload.execution_details.end_time",
}

// TestGoHooks has Go publish every hook event, and Python read them with its strict model.
func TestGoHooks(t *testing.T) {
	k := connect(t, services.SharedKafka(t).Brokers()).withTopics(1)
	samples := hookSamples(t)
	source := trestle.Source{ServiceName: "omniclaude", ServiceVersion: "2.0.1", InstanceID: "omniclaude-1"}
	pub, err := trestle.NewPublisher(k.brokers, trestle.WithSource(source), trestle.WithLogger(logTo(t)))
	if err != nil {
		t.Fatal(err)
	}
	reader := startPython(t, "", "omni_hooks.py", "read", strings.Join(k.brokers, ","), "python_hooks", itoa(len(samples)))
	reader.ready()
	published := map[string]string{} // payloads by event type
	for _, info := range hooksv1.Events() {
		e, _, err := event.ReadText(info, []byte(samples[info.Type]), event.TextOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := pub.Publish(t.Context(), e, trestle.WithTraceID("trace-"+info.Type), trestle.WithMetadata(freeForm)); err != nil {
			t.Fatal(err)
		}
		payload, err := e.AppendJSON(nil)
		if err != nil {
			t.Fatal(err)
		}
		published[info.Type] = string(payload)
	}
	if err := pub.Close(within(t, patience)); err != nil {
		t.Fatal(err)
	}
	read := map[string]bool{}
	for _, line := range reader.rest() {
		eventType := line.Read.EventType
		if read[eventType] {
			t.Errorf("%s was read twice", eventType)
		}
		read[eventType] = true
		for name, text := range map[string]string{"on the wire": line.Read.Value, "understood": line.Read.Understood} {
			v := parseJSON(t, []byte(text))
			wants := map[string]string{
				"event_type": `"` + eventType + `"`, "version": `"1.0.0"`, "correlation_id": "null", "trace_id": `"trace-` + eventType + `"`,
				"source":   `{"service_name":"omniclaude","service_version":"2.0.1","instance_id":"omniclaude-1"}`,
				"metadata": freeForm, "payload": published[eventType],
			}
			for part, want := range wants {
				if diff := diffJSON(parseJSON(t, []byte(want)), member(t, v, part)); diff != "" {
					t.Errorf("%s, %s: %s differs: %s", eventType, name, part, diff)
				}
			}
			if len(v.(map[string]any)) != len(wants)+2 { // and event_id and timestamp
				t.Errorf("%s, %s: has other members than the guide's base event: %s", eventType, name, text)
			}
		}
	}
	if len(read) != len(samples) {
		t.Errorf("Python read %d events, want %d", len(read), len(samples))
	}
}
