package event_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/tools/event"
	"github.com/omninode/trestle/tools/load"
)

// secret must stand in no output.
const secret = "MARKER-4111"

func newMasker(t *testing.T) *event.Masker {
	t.Helper()
	set, err := load.Schemas(t.Context(), load.Files(map[string][]byte{
		"shop/v1/order.proto": []byte(`syntax = "proto3";
package shop.v1;
import "trestle/v1/options.proto";
option (trestle.v1.family) = {envelope: ENVELOPE_ONEX_V1 dead_letter_pattern: "{topic}.dead"};
message Line { string note = 1 [(trestle.v1.field).sensitive = true]; int64 n = 2; }
message OrderPlaced {
  option (trestle.v1.event) = {topic: "orders" key: "card"};
  string card = 1 [(trestle.v1.field).sensitive = true];
  repeated Line lines = 2;
  map<string, Line> by_name = 3;
  double total = 4;
  string source = 5 [(trestle.v1.field).sensitive = true];
}
message OrderSeen {
  option (trestle.v1.event) = {topic: "seen"};
  string card = 1;
}
message Unread { option (trestle.v1.event) = {topic: "unread"}; Line line = 1; }`),
		"doors/v1/opened.json": []byte(`{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"Opened",
"x-trestle":{"event":{"type":"opened","topic":"doors"}},"type":"object","properties":{
"code":{"type":"string","x-trestle":{"field":{"sensitive":true}}},"door":{"type":"integer"}}}`),
	}))
	if err != nil {
		t.Fatal(err)
	}
	return event.NewMasker(set)
}

func TestMaskerHidesRecords(t *testing.T) {
	t.Parallel()
	m := newMasker(t)
	const payload, hidden = `{"card":"MARKER-4111", "lines":[{"note":"MARKER-4111","n":1.0}],"by_name":{"a":{"note":"MARKER-4111"}},"total":1e-07}`,
		`{"card":"***", "lines":[{"note":"***","n":1.0}],"by_name":{"a":{"note":"***"}},"total":1e-07}`
	tests := map[string]struct{ topic, named, text, want string }{
		"an envelope":               {"orders", "", `{"event_type":"OrderPlaced","source":"a", "payload":` + payload + `}`, `{"event_type":"OrderPlaced","source":"a", "payload":` + hidden + `}`},
		"its type is in the header": {"orders", "OrderPlaced", `{"payload":` + payload + `}`, `{"payload":` + hidden + `}`},
		"on another topic":          {"elsewhere", "", `{"event_type":"OrderPlaced","payload":` + payload + `}`, `{"event_type":"OrderPlaced","payload":` + hidden + `}`},
		"of an unknown type":        {"orders", "", `{"event_type":"OrderSplit","payload":` + payload + `}`, `{"event_type":"OrderSplit","payload":` + hidden + `}`},
		"a payload alone":           {"orders", "", payload, hidden},
		"of one that hides nothing": {"seen", "", `{"event_type":"OrderSeen","payload":{"card":"a"}}`, `{"event_type":"OrderSeen","payload":{"card":"a"}}`},
		"JSON in a string":          {"orders", "", `{"event_type":"OrderPlaced","payload":"{\"card\":\"MARKER-4111\"}"}`, `{"event_type":"OrderPlaced","payload":"***"}`},
		"without an envelope":       {"doors", "", `{"door":7,"code":"MARKER-4111"}`, `{"door":7,"code":"***"}`},
		"no object":                 {"doors", "", `["MARKER-4111"]`, `"***"`},
		"null":                      {"orders", "", `{"payload":{"card":null}}`, `{"payload":{"card":null}}`},
		"nobody's":                  {"elsewhere", "", `{"card":"a","payload":{"card":"b"}}`, `{"card":"a","payload":{"card":"b"}}`},
		"a dead letter": {"orders.dead", "DeadLetterEvent",
			`{"original_event":{"event_type":"OrderPlaced","payload":` + payload + `},"error":{"error_type":"E","error_message":"no card MARKER-4111"},"source_topic":"orders","original_key":"MARKER-4111"}`,
			`{"original_event":{"event_type":"OrderPlaced","payload":` + hidden + `},"error":{"error_type":"E","error_message":"***"},"source_topic":"orders","original_key":"***"}`},
		"a dead letter of a payload alone": {"orders.dead", "",
			`{"original_event":` + payload + `,"error":{"error_type":"Late","error_message":"late","context":["a",{"b":"c"}],"timestamp":"now"}}`,
			`{"original_event":` + hidden + `,"error":{"error_type":"Late","error_message":"***","context":"***","timestamp":"now"}}`},
		"a flat dead letter": {"orders.dead", "",
			`{"event_type":"OrderPlaced","payload":` + payload + `,"error":"no MARKER-4111"}`, `{"event_type":"OrderPlaced","payload":` + hidden + `,"error":"***"}`},
		"a service's dead letter": {"orders.dlq", "",
			`{"original_topic":"orders","original_data":{"event_type":"OrderPlaced","payload":` + payload + `},"failure_reason":"E: 'MARKER-4111'"}`,
			`{"original_topic":"orders","original_data":{"event_type":"OrderPlaced","payload":` + hidden + `},"failure_reason":"***"}`},
		"a service's dead letter with text": {"orders.dlq", "",
			`{"original_topic":"orders","original_data":"{\"payload\":{\"card\":\"MARKER-4111\"}}"}`, `{"original_topic":"orders","original_data":"***"}`},
		"a dead letter with bytes": {"orders.dead", "",
			`{"original_event":null,"error":{},"original_value_base64":"` + base64.StdEncoding.EncodeToString([]byte(secret)) + `"}`,
			`{"original_event":null,"error":{},"original_value_base64":"***"}`},
		"a dead letter that hides nothing": {"seen.dead", "", `{"original_event":{"payload":{"card":"a"}},"error":"abcd"}`, `{"original_event":{"payload":{"card":"a"}},"error":"abcd"}`},
	}
	for name, tt := range tests {
		got, err := m.Record(tt.topic, tt.named, []byte(tt.text))
		if err != nil || string(got) != tt.want {
			t.Errorf("%s: %s\nis shown as %s, %v\nwant        %s", name, tt.text, got, err, tt.want)
		}
		if got, err := m.Payload(tt.topic, tt.named, []byte(tt.text)); err != nil || bytes.Contains(got, []byte(secret)) || !json.Valid(got) {
			t.Errorf("%s: as a payload, %s\nis shown as %s, %v", name, tt.text, got, err)
		}
	}
	if got, err := m.Payload("orders", "OrderPlaced", []byte(payload)); err != nil || string(got) != hidden {
		t.Errorf("the payload is shown as %s, %v", got, err)
	}
	if got, err := m.Record("orders", "", []byte(payload[:20])); err == nil {
		t.Errorf("what is not JSON is shown as %s", got)
	}
}

// TestMaskerHidesWrittenLetters hides what this module's own dead letters hold.
func TestMaskerHidesWrittenLetters(t *testing.T) {
	t.Parallel()
	m := newMasker(t)
	for _, value := range []string{`{"event_type":"OrderPlaced","payload":{"card":"MARKER-4111"}}`, `{"card":"MARKER-4111"}`, `MARKER-4111`} {
		letter := deadletter.DeadLetter{
			Original: deadletter.Original{Key: []byte(secret), Value: []byte(value)}, SourceTopic: "orders",
			Error: deadletter.Error{Type: "E", Message: "why", StackTrace: "card MARKER-4111"},
		}
		text := letter.AppendJSON(nil)
		got, err := m.Record("orders.dead", "", text)
		if err != nil || !strings.Contains(string(got), `"error_message":"***"`) {
			t.Errorf("%s is shown as %s, %v", text, got, err)
		}
		if value[0] == '{' && bytes.Contains(got, []byte(secret)) || bytes.Contains(got, []byte(base64.StdEncoding.EncodeToString([]byte(value)))) {
			t.Errorf("%s is shown as %s", text, got)
		}
	}
}

func TestMaskerConceals(t *testing.T) {
	t.Parallel()
	m := newMasker(t)
	for _, tt := range []struct {
		topic, named string
		want, key    bool
	}{
		{"orders", "", true, true}, {"orders.dead", "", true, true}, {"seen", "", false, false}, {"seen.dead", "", false, false},
		{"unread", "", true, false}, {"doors", "", true, false}, {"elsewhere", "", false, false}, {"elsewhere", "OrderPlaced", true, true},
	} {
		if got, key := m.Conceals(tt.topic, tt.named), m.ConcealsKey(tt.topic, tt.named); got != tt.want || key != tt.key {
			t.Errorf("%s %s: %t, key %t, want %t, %t", tt.topic, tt.named, got, key, tt.want, tt.key)
		}
	}
}
