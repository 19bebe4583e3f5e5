package gentest

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	"github.com/omninode/trestle/runtime/event"
)

// TestRoundTrip reads every payload of testdata as a typed event and writes it again: equal as JSON, number for number.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	known := events()
	for _, r := range corpus(t) {
		t.Run(r.File, func(t *testing.T) {
			t.Parallel()
			info := known[r.EventType]
			if info == nil {
				t.Fatalf("no event type %s is generated", r.EventType)
			}
			e := decode(t, info, r.Payload)
			text, err := e.AppendJSON(nil)
			if err != nil {
				t.Fatal(err)
			}
			want, got := value(t, r.Payload), value(t, text)
			sameTimes(want, got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-read +written):\n%s", diff)
			}
			// The guide's envelope example takes its ids from the envelope; all else is complete.
			if strings.HasPrefix(r.File, "envelope_") {
				e.ShareEnvelope(&event.Envelope{CorrelationID: id, SessionID: id}, &event.Violations{})
			}
			if err := e.Validate(); err != nil {
				t.Errorf("invalid: %v", err)
			}
			again, err := decode(t, info, text).AppendJSON(nil)
			if err != nil || string(again) != string(text) {
				t.Errorf("written again: %s, %v\nwant %s", again, err, text)
			}
		})
	}
}

// sameTimes gives the timestamps of the payload's own fields that mean the same instant the same text; those in
// free-form objects are text to us, and must be as they were.
func sameTimes(want, got any) {
	w, ok := want.(map[string]any)
	g, ok2 := got.(map[string]any)
	if !ok || !ok2 {
		return
	}
	for k, v := range w {
		text, isText := v.(string)
		other, otherIsText := g[k].(string)
		if isText && otherIsText && text != other && instant(text).Equal(instant(other)) && !instant(text).IsZero() {
			w[k] = other
		}
	}
}

func instant(text string) time.Time {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999Z07:00"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t
		}
	}
	return time.Time{}
}

// TestFreeFormText holds free-form objects to the very text of their numbers.
func TestFreeFormText(t *testing.T) {
	t.Parallel()
	e := written(t, (*codegenv1.CodegenAnalysisRequest)(nil).EventInfo())
	text, err := e.AppendJSON(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"big":9007199254740993`, `"bigger":123456789012345678901234567890`, `"float":1.0`, `"tiny":1e-7`,
		`"timestamp":"2025-10-16T12:34:56.789012Z"`, `"at":"2025-10-16T12:34:56.789012Z"`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s is not in %s", want, text)
		}
	}
}

// TestUnknownFields holds hooks to keeping the fields they do not know, at every depth, and the other family to
// passing over them.
func TestUnknownFields(t *testing.T) {
	t.Parallel()
	known := events()
	const hook = `{"service_info":{"name":"a","instance_id":"b","new":{"deep":1.0}},"newer":[1e400]}`
	text, err := decode(t, known["service.lifecycle.stopped"], []byte(hook)).AppendJSON(nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(value(t, []byte(hook)), value(t, text)); diff != "" {
		t.Errorf("hook (-read +written):\n%s", diff)
	}
	text, err = decode(t, known["CodegenStatusEvent"], []byte(`{"message":"m","newer":[1]}`)).AppendJSON(nil)
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != `{"message":"m"}` {
		t.Errorf("got %s, want no unknown field", text)
	}
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	e := &codegenv1.CodegenPatternRequest{CorrelationId: id, SessionId: id, NodeDescription: new(""), NodeType: codegenv1.NodeType_NODE_TYPE_EFFECT}
	e.SetDefaults(time.Date(2025, 10, 16, 12, 34, 56, 789_000_000, time.UTC))
	text, err := e.AppendJSON(nil)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"correlation_id":"` + id + `","session_id":"` + id + `","node_description":"","node_type":"effect","limit":5,` +
		`"timestamp":"2025-10-16T12:34:56.789Z","schema_version":"1.0"}`
	if string(text) != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
	e.Limit = new(int64(20))
	before := e.GetTimestamp()
	e.SetDefaults(time.Now())
	if e.GetLimit() != 20 || e.GetTimestamp() != before {
		t.Error("a default replaced a value")
	}
}

func TestShareEnvelope(t *testing.T) {
	t.Parallel()
	const other = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
	at := time.Date(2025, 10, 16, 12, 34, 56, 0, time.UTC)
	tests := map[string]struct {
		event   *codegenv1.CodegenAnalysisRequest
		env     event.Envelope
		want    event.Envelope
		payload string
		paths   []string
	}{
		"payload lacks all": {
			&codegenv1.CodegenAnalysisRequest{},
			event.Envelope{CorrelationID: id, SessionID: other, Timestamp: at},
			event.Envelope{CorrelationID: id, SessionID: other, Timestamp: at},
			`{"correlation_id":"` + id + `","session_id":"` + other + `","timestamp":"2025-10-16T12:34:56Z"}`, nil,
		},
		"envelope lacks the session": {
			&codegenv1.CodegenAnalysisRequest{CorrelationId: id, SessionId: other},
			event.Envelope{CorrelationID: id},
			event.Envelope{CorrelationID: id, SessionID: other},
			`{"correlation_id":"` + id + `","session_id":"` + other + `"}`, nil,
		},
		"ids differ": {
			&codegenv1.CodegenAnalysisRequest{CorrelationId: id, SessionId: id},
			event.Envelope{CorrelationID: other, SessionID: other},
			event.Envelope{CorrelationID: other, SessionID: other},
			`{"correlation_id":"` + id + `","session_id":"` + id + `"}`, []string{"correlation_id", "session_id"},
		},
		"ids differ in case": {
			&codegenv1.CodegenAnalysisRequest{CorrelationId: strings.ToUpper(id)},
			event.Envelope{CorrelationID: id},
			event.Envelope{CorrelationID: id},
			`{"correlation_id":"` + strings.ToUpper(id) + `"}`, nil,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var v event.Violations
			tt.event.ShareEnvelope(&tt.env, &v)
			if diff := cmp.Diff(tt.want, tt.env); diff != "" {
				t.Errorf("envelope (-want +got):\n%s", diff)
			}
			text, err := tt.event.AppendJSON(nil)
			if err != nil || string(text) != tt.payload {
				t.Errorf("payload %s, %v\nwant %s", text, err, tt.payload)
			}
			var paths []string
			for _, violation := range v.List() {
				paths = append(paths, violation.Path)
			}
			if diff := cmp.Diff(tt.paths, paths); diff != "" {
				t.Errorf("violations (-want +got):\n%s", diff)
			}
		})
	}
}

// TestEventInfo holds every event to its own description.
func TestEventInfo(t *testing.T) {
	t.Parallel()
	for name, info := range events() {
		e := info.New()
		if e.EventInfo() != info {
			t.Errorf("%s: New makes another event", name)
		}
		if info.Topic == nil != (info.Role == event.RoleDeadLetter) {
			t.Errorf("%s: topic %v, role %v", name, info.Topic, info.Role)
		}
		if info.Topic != nil && (info.Topic.DeadLetter == "" || info.Topic.Name == "") {
			t.Errorf("%s: topic %+v", name, *info.Topic)
		}
		if info.Role == event.RoleRequest && events()[info.Reply] == nil {
			t.Errorf("%s: reply %q is no event", name, info.Reply)
		}
		key := e.PartitionKey(&event.Envelope{CorrelationID: "c", SessionID: "s", Source: event.Source{InstanceID: "i"}})
		if key == "" && info.Role != event.RoleDeadLetter && name != "DLQAlertEvent" && name != "ThresholdAlertEvent" { // their keys are required
			t.Errorf("%s: no key", name)
		}
	}
}

// TestDecodeFaults holds what is wrong with a payload to its path and rule.
func TestDecodeFaults(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		eventType, payload string
		want               []string // path rule
	}{
		"wrong types":    {"CodegenPatternRequest", `{"limit":"5","node_type":3,"timestamp":true,"session_id":[]}`, []string{"limit type", "node_type type", "timestamp type", "session_id type"}},
		"unknown enum":   {"CodegenMixinRequest", `{"requirements":["a"],"node_type":"robot"}`, []string{"node_type enum.defined_only"}},
		"inside a list":  {"CodegenMixinRequest", `{"requirements":["a",1]}`, []string{"requirements[1] type"}},
		"missing list":   {"CodegenMixinRequest", `{}`, []string{"requirements required"}},
		"null list":      {"CodegenMixinRequest", `{"requirements":null}`, []string{"requirements required"}},
		"no object":      {"CodegenStatusEvent", `[]`, []string{" type"}},
		"hook, missing":  {"service.lifecycle.started", `{"service_info":{"name":"a"},"startup_info":{}}`, []string{"service_info.version required", "service_info.type required", "service_info.instance_id required", "service_info.host required", "service_info.port required", "service_info.health_check_url required", "startup_info.startup_time_ms required"}},
		"hook, deep":     {"service.lifecycle.started", `{"service_info":null,"startup_info":{"startup_time_ms":1.5,"initialization_steps":[{"step":"a","duration_ms":1,"status":"success","details":7}]}}`, []string{"service_info type", "startup_info.startup_time_ms type", "startup_info.initialization_steps[0].details type"}},
		"number with .0": {"CodegenPatternRequest", `{"limit":5.0}`, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			faults, err := faultsOf(tt.eventType, tt.payload)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, faults); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	if _, err := faultsOf("CodegenStatusEvent", `{"message":"a","message":"b"}`); err == nil {
		t.Error("a field that stands twice was accepted")
	}
}

// TestHookRules holds the JSON Schema keywords to the bound and past it.
func TestHookRules(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(info, step map[string]any)
		want   string // empty: valid
	}{
		"as it is":         {func(_, _ map[string]any) {}, ""},
		"name of 100":      {func(info, _ map[string]any) { info["name"] = strings.Repeat("é", 100) }, ""},
		"name of 101":      {func(info, _ map[string]any) { info["name"] = strings.Repeat("n", 101) }, "service_info.name: must be at most 100 characters"},
		"no name":          {func(info, _ map[string]any) { info["name"] = "" }, `service_info.name: must be at least 1 character, got "" [minLength]`},
		"version with tag": {func(info, _ map[string]any) { info["version"] = "1.2.3-rc1" }, ""},
		"version of two":   {func(info, _ map[string]any) { info["version"] = "1.2" }, "[pattern]"},
		"port 1":           {func(info, _ map[string]any) { info["port"] = 1 }, ""},
		"port 0":           {func(info, _ map[string]any) { info["port"] = 0 }, "service_info.port: must be greater than or equal to 1, got 0 [minimum]"},
		"port 65535":       {func(info, _ map[string]any) { info["port"] = 65535 }, ""},
		"port 65536":       {func(info, _ map[string]any) { info["port"] = 65536 }, "service_info.port: must be less than or equal to 65535, got 65536 [maximum]"},
		"step at 0":        {func(_, step map[string]any) { step["duration_ms"] = 0 }, ""},
		"step at -1":       {func(_, step map[string]any) { step["duration_ms"] = -1 }, "startup_info.initialization_steps[0].duration_ms: must be greater than or equal to 0, got -1 [minimum]"},
		"step skipped":     {func(_, step map[string]any) { step["status"] = "skipped" }, "startup_info.initialization_steps[0].status: must match the pattern"},
	}
	info := events()["service.lifecycle.started"]
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			payload := examplePayload(t, "service_lifecycle_started.json")
			steps := payload["startup_info"].(map[string]any)["initialization_steps"].([]any)
			tt.change(payload["service_info"].(map[string]any), steps[0].(map[string]any))
			changed, err := json.Marshal(payload)
			if err != nil {
				t.Fatal(err)
			}
			err = decode(t, info, changed).Validate()
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("invalid: %v", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func examplePayload(t *testing.T, file string) map[string]any {
	t.Helper()
	for _, r := range corpus(t) {
		if r.File == file {
			var payload map[string]any
			if err := json.Unmarshal(r.Payload, &payload); err != nil {
				t.Fatal(err)
			}
			return payload
		}
	}
	t.Fatalf("no example %s", file)
	return nil
}
