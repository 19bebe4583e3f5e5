package wire_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/runtime/wire"
)

const (
	correlation = "550e8400-e29b-41d4-a716-446655440000"
	session     = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
	eventID     = "0f8fad5b-d9cb-469f-a165-70867728950e"
)

var at = time.Date(2025, 10, 16, 12, 34, 56, 789000000, time.UTC)

// text is a payload that writes itself as it is.
type text string

func (t text) AppendJSON(b []byte) ([]byte, error) {
	if t == "" {
		return b, &jsonio.Error{Path: "score", Offset: -1, Message: "NaN has no JSON form"}
	}
	return append(b, t...), nil
}

var (
	onex = wire.Envelope{
		Version: "1.0", EventType: "CodegenAnalysisRequest", CorrelationID: correlation, SessionID: session, Timestamp: at,
	}
	onexBare  = wire.Envelope{Version: "1.0", EventType: "CodegenStatusEvent", CorrelationID: correlation, Timestamp: at}
	hookEvent = wire.Envelope{
		Version: "1.1.0", EventID: eventID, EventType: "service.lifecycle.started", Timestamp: at,
		Source:        wire.Source{ServiceName: "omni agent", ServiceVersion: "1.2.3", InstanceID: "prod/001"},
		CorrelationID: correlation, TraceID: "4bf92f3577b34da6a3ce929d0e0e4736", Metadata: `{"zone":"eu","n":1.0}`,
	}
	hookBare = wire.Envelope{
		Version: "1.0.0", EventID: eventID, EventType: "service.lifecycle.started", Timestamp: at,
		Source: wire.Source{ServiceName: "omniagent", ServiceVersion: "1.2.3", InstanceID: "prod-001"},
	}
)

func TestEnvelopeOnTheWire(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		kind wire.Kind
		env  wire.Envelope
		want string
	}{
		"onex": {wire.OnexV1, onex, `{"envelope_version":"1.0","correlation_id":"550e8400-e29b-41d4-a716-446655440000",` +
			`"session_id":"7c9e6679-7425-40de-944b-e07fc1f90ae7","event_type":"CodegenAnalysisRequest",` +
			`"timestamp":"2025-10-16T12:34:56.789Z","payload":{"n":1.0}}`},
		"onex without a session": {wire.OnexV1, onexBare, `{"envelope_version":"1.0",` +
			`"correlation_id":"550e8400-e29b-41d4-a716-446655440000","session_id":null,"event_type":"CodegenStatusEvent",` +
			`"timestamp":"2025-10-16T12:34:56.789Z","payload":{"n":1.0}}`},
		"hook": {wire.BaseEvent, hookEvent, `{"event_id":"0f8fad5b-d9cb-469f-a165-70867728950e",` +
			`"event_type":"service.lifecycle.started","timestamp":"2025-10-16T12:34:56.789Z","version":"1.1.0",` +
			`"source":{"service_name":"omni agent","service_version":"1.2.3","instance_id":"prod/001"},` +
			`"correlation_id":"550e8400-e29b-41d4-a716-446655440000","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736",` +
			`"metadata":{"zone":"eu","n":1.0},"payload":{"n":1.0}}`},
		"bare hook": {wire.BaseEvent, hookBare, `{"event_id":"0f8fad5b-d9cb-469f-a165-70867728950e",` +
			`"event_type":"service.lifecycle.started","timestamp":"2025-10-16T12:34:56.789Z","version":"1.0.0",` +
			`"source":{"service_name":"omniagent","service_version":"1.2.3","instance_id":"prod-001"},` +
			`"correlation_id":null,"trace_id":null,"metadata":{},"payload":{"n":1.0}}`},
		"none": {wire.None, wire.Envelope{}, `{"n":1.0}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := wire.AppendEnvelope([]byte("x"), tt.kind, &tt.env, text(`{"n":1.0}`))
			if err != nil || string(got) != "x"+tt.want {
				t.Fatalf("AppendEnvelope = %s, %v, want %s", got, err, tt.want)
			}
			found, err := wire.ReadEnvelope(got[1:], tt.kind, wire.ReadOptions{StrictTime: true})
			if err != nil || len(found.Faults) > 0 {
				t.Fatalf("ReadEnvelope: %v, %v", err, found.Faults)
			}
			want := tt.env
			if tt.kind == wire.BaseEvent && want.Metadata == "" {
				want.Metadata = "{}"
			}
			if diff := cmp.Diff(want, found.Envelope); diff != "" {
				t.Errorf("ReadEnvelope (-want +got):\n%s", diff)
			}
			if payload := string(got[1:][found.Start:found.End]); payload != `{"n":1.0}` {
				t.Errorf("payload = %s", payload)
			}
		})
	}
}

func TestAppendEnvelopeRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		kind   wire.Kind
		change func(*wire.Envelope)
		body   text
		want   string
	}{
		"the payload":        {wire.OnexV1, func(*wire.Envelope) {}, "", "payload.score: NaN has no JSON form"},
		"a payload alone":    {wire.None, func(*wire.Envelope) {}, "", "score: NaN has no JSON form"},
		"text not UTF-8":     {wire.BaseEvent, func(e *wire.Envelope) { e.TraceID = "\xff" }, "{}", "envelope.trace_id: byte 0 of the string is not UTF-8"},
		"a source not UTF-8": {wire.BaseEvent, func(e *wire.Envelope) { e.Source.InstanceID = "\xff" }, "{}", "envelope.source.instance_id: byte 0 of the string is not UTF-8"},
		"metadata":           {wire.BaseEvent, func(e *wire.Envelope) { e.Metadata = "[1]" }, "{}", "envelope.metadata: must be a JSON object, got [1]"},
		"metadata not JSON":  {wire.BaseEvent, func(e *wire.Envelope) { e.Metadata = `{"a":NaN}` }, "{}", "envelope.metadata.a: NaN is not JSON (Python's json.dumps writes it unless told allow_nan=False) at byte 5 of its text"},
		"a year":             {wire.OnexV1, func(e *wire.Envelope) { e.Timestamp = at.AddDate(9000, 0, 0) }, "{}", "envelope.timestamp: a time outside the years 1 to 9999 has no RFC 3339 form"},
	} {
		env := hookEvent
		tt.change(&env)
		if _, err := wire.AppendEnvelope(nil, tt.kind, &env, tt.body); err == nil || err.Error() != tt.want {
			t.Errorf("%s: error = %v, want %s", name, err, tt.want)
		}
	}
}

func TestReadEnvelopeTakesWhatIsLeftOut(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		kind     wire.Kind
		in       string
		want     wire.Envelope
		payload  string
		zoneless int
	}{
		"any order, white space, unknown members": {kind: wire.OnexV1, in: ` { "payload" : {"a": 1} , "x" : [1] ,
			"timestamp": "2025-10-16 12:34:56.789", "event_type": "T", "correlation_id": "` + correlation + `" } `,
			want: wire.Envelope{Version: "1.0", EventType: "T", CorrelationID: correlation, Timestamp: at,
				Additional: []jsonio.Member{{Name: "x", Value: "[1]"}}}, payload: `{"a": 1}`, zoneless: 1},
		"a service's wider one": {kind: wire.OnexV1, in: `{"envelope_version":"1.0","event_id":"` + eventID + `","event_type":"T","event_version":"2.0",
			"event_timestamp":"2025-10-16T12:34:56.789+00:00","source_service":"s","source_version":"1","source_instance":null,"correlation_id":"` + correlation + `",
			"causation_id":null,"payload":{},"metadata":{"a":1.0}}`,
			want: wire.Envelope{Version: "1.0", EventType: "T", EventID: eventID, CorrelationID: correlation, Timestamp: at,
				Source: wire.Source{ServiceName: "s", ServiceVersion: "1"}, Metadata: `{"a":1.0}`,
				Additional: []jsonio.Member{{Name: "event_version", Value: `"2.0"`}}}, payload: `{}`},
		"a timestamp counts before an event_timestamp": {kind: wire.OnexV1, in: `{"event_id":"7","event_type":"T","event_timestamp":"2024-01-01T00:00:00Z",
			"timestamp":"2025-10-16T12:34:56.789Z","correlation_id":"` + correlation + `","payload":{}}`,
			want: wire.Envelope{Version: "1.0", EventType: "T", CorrelationID: correlation, Timestamp: at,
				Additional: []jsonio.Member{{Name: "event_id", Value: `"7"`}}}, payload: `{}`},
		"nulls are absent": {kind: wire.OnexV1, in: `{"envelope_version":null,"session_id":null,"event_type":"T","timestamp":"2025-10-16T12:34:56.789Z","correlation_id":"` + correlation + `","payload":{}}`,
			want: wire.Envelope{Version: "1.0", EventType: "T", CorrelationID: correlation, Timestamp: at}, payload: `{}`},
		"a hook's time and version": {kind: wire.BaseEvent, in: `{"event_id":"` + eventID + `","event_type":"T","source":{"service_name":"","service_version":"","instance_id":"","x":1},"metadata":null,"payload":{}}`,
			want: wire.Envelope{Version: "1.0.0", EventType: "T", EventID: eventID}, payload: `{}`},
		"none": {kind: wire.None, in: ` {"payload":1} `, payload: `{"payload":1}`},
	} {
		found, err := wire.ReadEnvelope([]byte(tt.in), tt.kind, wire.ReadOptions{})
		if err != nil || len(found.Faults) > 0 {
			t.Errorf("%s: %v, %v", name, err, found.Faults)
		}
		if diff := cmp.Diff(tt.want, found.Envelope); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if got := tt.in[found.Start:found.End]; got != tt.payload || found.Zoneless != tt.zoneless {
			t.Errorf("%s: payload = %s, zoneless = %d", name, got, found.Zoneless)
		}
	}
}

func TestReadEnvelopeFaults(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		kind    wire.Kind
		in      string
		want    []string // path [rule] found
		partial []string
	}{
		"nothing there (onex)": {wire.OnexV1, `{}`, []string{"correlation_id [required]", "event_type [required]",
			"timestamp [required]", "payload [required]"}, []string{"payload [required]"}},
		"nothing there (hook)": {wire.BaseEvent, `{}`, []string{"event_id [required]", "event_type [required]",
			"source [required]", "payload [required]"}, []string{"payload [required]"}},
		"an empty source": {wire.BaseEvent, `{"event_id":"` + eventID + `","event_type":"T","source":{},"payload":{}}`,
			[]string{"source.service_name [required]", "source.service_version [required]", "source.instance_id [required]"}, nil},
		"no UUIDs (onex)": {wire.OnexV1, `{"correlation_id":"x","session_id":"","event_type":"T","timestamp":"2025-10-16T12:34:56Z","payload":{}}`,
			[]string{`correlation_id [string.uuid] "x"`, `session_id [string.uuid] ""`},
			[]string{`correlation_id [string.uuid] "x"`, `session_id [string.uuid] ""`}},
		"no UUIDs (hook)": {wire.BaseEvent, `{"event_id":"x","correlation_id":"` + correlation + `0","event_type":"T","source":{"service_name":"a","service_version":"b","instance_id":"c"},"payload":{}}`,
			[]string{`event_id [format] "x"`, `correlation_id [format] "` + correlation + `0"`},
			[]string{`event_id [format] "x"`, `correlation_id [format] "` + correlation + `0"`}},
		"wrong types": {wire.BaseEvent, `{"event_id":1,"event_type":2,"timestamp":3,"version":4,"source":5,"correlation_id":6,"trace_id":7,"metadata":[8],"payload":[9]}`,
			[]string{"event_id [type] 1", "event_type [type] 2", "timestamp [type] 3", "version [type] 4", "source [type] 5",
				"correlation_id [type] 6", "trace_id [type] 7", "metadata [type] [8]", "payload [type]"},
			[]string{"event_id [type] 1", "event_type [type] 2", "timestamp [type] 3", "version [type] 4", "source [type] 5",
				"correlation_id [type] 6", "trace_id [type] 7", "metadata [type] [8]", "payload [type]"}},
		"no event type": {wire.OnexV1, `{"correlation_id":"` + correlation + `","event_type":"","timestamp":"2025-10-16T12:34:56Z","payload":{}}`,
			[]string{"event_type [required]"}, nil},
		"not an object": {wire.OnexV1, `[1]`, []string{" [type]"}, []string{" [type]"}},
		"none":          {wire.None, `17`, []string{" [type]"}, []string{" [type]"}},
	} {
		for mode, want := range map[bool][]string{false: tt.want, true: tt.partial} {
			found, err := wire.ReadEnvelope([]byte(tt.in), tt.kind, wire.ReadOptions{Partial: mode})
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			var got []string
			for _, f := range found.Faults {
				path, ok := strings.CutPrefix(f.Path, "envelope")
				if !ok {
					t.Errorf("%s: path %s", name, f.Path)
				}
				got = append(got, strings.TrimSuffix(strings.TrimPrefix(path, ".")+" ["+f.Rule+"] "+f.Found, " "))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s, partial %v (-want +got):\n%s", name, mode, diff)
			}
		}
	}
}

func TestReadEnvelopeStrictTime(t *testing.T) {
	t.Parallel()
	in := `{"correlation_id":"` + correlation + `","event_type":"T","timestamp":"2025-10-16 12:34:56","payload":{}}`
	found, err := wire.ReadEnvelope([]byte(in), wire.OnexV1, wire.ReadOptions{StrictTime: true})
	if err != nil || len(found.Faults) != 1 || found.Faults[0].Path != "envelope.timestamp" || found.Faults[0].Rule != "format" {
		t.Errorf("%v, %+v", err, found.Faults)
	}
	// The setting does not stay behind for others.
	if found, err = wire.ReadEnvelope([]byte(in), wire.OnexV1, wire.ReadOptions{}); err != nil || len(found.Faults) > 0 {
		t.Errorf("%v, %+v", err, found.Faults)
	}
}

func TestReadEnvelopeErrors(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"payload":{"items":[{},{"x":NaN}]}}`: "payload.items[1].x: NaN is not JSON (Python's json.dumps writes it unless told allow_nan=False) at byte 29",
		`{"payload":{}}{`:                      "'{' instead of the end of the text at byte 14",
		`{"event_type":"a","event_type":"b"}`:  "event_type: the member stands twice in its object at byte 18",
		``:                                     "the text ends where a value should be at byte 0",
	} {
		_, err := wire.ReadEnvelope([]byte(in), wire.OnexV1, wire.ReadOptions{})
		if e, ok := errors.AsType[*jsonio.Error](err); !ok || e.Error() != want {
			t.Errorf("%s: error = %v, want %s", in, err, want)
		}
	}
}

func TestEventType(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`{"a":{"event_type":"inner"},"event_type":"T"}`: "T",
		`{"event_type":"T",`:                            "T",
		`{"event_type":5}`:                              "",
		`{"a":1}`:                                       "",
		`[]`:                                            "",
		`{"a":`:                                         "",
		``:                                              "",
	} {
		if got := wire.EventType([]byte(in)); got != want {
			t.Errorf("EventType(%s) = %q, want %q", in, got, want)
		}
	}
}

func TestRecordID(t *testing.T) {
	t.Parallel()
	// Stored ids are compared with it: it must never change.
	if got, want := wire.RecordID("omninode_codegen_request_analyze_v1", 2, 41), "d62778d4-ff6d-5175-8485-8c3062094f4b"; got != want {
		t.Errorf("RecordID = %s, want %s", got, want)
	}
	seen := map[string]bool{}
	for _, topic := range []string{"a", "a/1", "b"} {
		for partition := range int32(12) {
			for offset := range int64(120) {
				seen[wire.RecordID(topic, partition, offset)] = true
			}
		}
	}
	if want := 3 * 12 * 120; len(seen) < want-120 { // a/1 + 2/3 is no topic that Kafka allows
		t.Errorf("%d ids for %d records", len(seen), want)
	}
}

func TestEnvelopeAllocations(t *testing.T) {
	b := make([]byte, 0, 1024)
	var payload wire.Payload = text(`{"n":1.0}`)
	if allocs := testing.AllocsPerRun(100, func() {
		b, _ = wire.AppendEnvelope(b[:0], wire.BaseEvent, &hookEvent, payload)
	}); allocs != 0 {
		t.Errorf("writing: %v allocations", allocs)
	}
	// One for each string of the envelope.
	if allocs := testing.AllocsPerRun(100, func() { _, _ = wire.ReadEnvelope(b, wire.BaseEvent, wire.ReadOptions{}) }); allocs > 9 {
		t.Errorf("reading: %v allocations", allocs)
	}
}

func FuzzReadEnvelope(f *testing.F) {
	for kind, env := range []*wire.Envelope{1: &onex, 2: &hookEvent} {
		if env == nil {
			env = &wire.Envelope{}
		}
		b, err := wire.AppendEnvelope(nil, wire.Kind(kind), env, text(`{"n":[1.0]}`))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, uint8(kind), true)
	}
	f.Add([]byte(`{"payload":null,"source":{"service_name":1},"timestamp":"2025-10-16 12:34:56"}`), uint8(2), false)
	f.Fuzz(func(t *testing.T, data []byte, kind uint8, partial bool) {
		k := wire.Kind(kind % 3)
		found, err := wire.ReadEnvelope(data, k, wire.ReadOptions{Partial: partial})
		if err != nil {
			return
		}
		_ = wire.EventType(data)
		payload := string(data[found.Start:found.End])
		if len(found.Faults) > 0 || k != wire.None && (partial || found.Envelope.Timestamp.IsZero()) {
			return // an envelope without a time or an id is not written as it was read
		}
		if payload == "" || payload[0] != '{' {
			t.Fatalf("no faults and no payload in %q", data)
		}
		b, err := wire.AppendEnvelope(nil, k, &found.Envelope, text(payload))
		if err != nil {
			t.Fatalf("what was read of %q cannot be written: %v", data, err)
		}
		again, err := wire.ReadEnvelope(b, k, wire.ReadOptions{Partial: partial, StrictTime: true})
		if err != nil || len(again.Faults) > 0 {
			t.Fatalf("%q is written as %q, which reads as %v, %v", data, b, err, again.Faults)
		}
		found.Envelope.Timestamp = found.Envelope.Timestamp.Truncate(time.Microsecond)
		found.Envelope.Metadata, again.Envelope.Metadata = "", ""
		if k == wire.BaseEvent || k == wire.OnexV1 {
			if diff := cmp.Diff(found.Envelope, again.Envelope); diff != "" && found.Envelope.Version != "" {
				t.Fatalf("%q is written as %q (-read +again):\n%s", data, b, diff)
			}
		}
	})
}
