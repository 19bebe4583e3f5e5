package event_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/omninode/trestle/runtime/event"
)

const (
	correlationID = "550e8400-e29b-41d4-a716-446655440000"
	sessionID     = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
	hookID        = "0f8fad5b-d9cb-469f-a165-70867728950e"
)

var (
	noon   = time.Date(2025, 10, 16, 12, 0, 0, 123456789, time.FixedZone("", 7200))
	source = event.Source{ServiceName: "omniagent", ServiceVersion: "1.2.3", InstanceID: "prod-001"}
)

func headerMap(rec *event.Record) map[string]string {
	m := map[string]string{}
	for _, h := range rec.Headers {
		m[h.Key] = string(h.Value)
	}
	return m
}

func TestEncodeFillsInWhatIsLacking(t *testing.T) {
	t.Parallel()
	e := &analysis{SessionID: sessionID, Content: "x"}
	var env event.Envelope
	rec, err := event.Encode(e, &env, event.EncodeOptions{Now: noon, SchemaID: 17, Headers: []event.Header{
		{Key: "event-id", Value: []byte("not this")}, {Key: "traceparent", Value: []byte("00-1-2-01")},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if id, err := uuid.Parse(env.EventID); err != nil || id.Version() != 7 {
		t.Errorf("event id %s is no UUIDv7: %v", env.EventID, err)
	}
	if uuid.Validate(env.CorrelationID) != nil || e.CorrelationID != env.CorrelationID {
		t.Errorf("correlation id is %q in the event, %q in its envelope", e.CorrelationID, env.CorrelationID)
	}
	want := `{"envelope_version":"1.0","correlation_id":"` + env.CorrelationID + `","session_id":"` + sessionID +
		`","event_type":"Analysis","timestamp":"2025-10-16T10:00:00.123456Z","payload":{"correlation_id":"` + env.CorrelationID +
		`","session_id":"` + sessionID + `","content":"x","limit":5,"score":0.0,"steps":[],"context":{},"timestamp":"2025-10-16T10:00:00.123456Z"}}`
	if string(rec.Value) != want {
		t.Errorf("value = %s\nwant    %s", rec.Value, want)
	}
	if rec.Topic != "analyses" || string(rec.Key) != env.CorrelationID {
		t.Errorf("topic %s, key %s", rec.Topic, rec.Key)
	}
	wantHeaders := map[string]string{
		"event-id": env.EventID, "event-type": "Analysis", "content-type": "application/json", "schema-id": "17", "traceparent": "00-1-2-01",
		"__value_schema_id": "\x00\x00\x00\x00\x11", "schema-digest": "24208cb5155095dc62a23d855aa15661",
	}
	if diff := cmp.Diff(wantHeaders, headerMap(&rec)); diff != "" || len(rec.Headers) != 7 {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
}

func TestEncodeKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	env := event.Envelope{
		Version: "1.1", EventID: hookID, CorrelationID: correlationID, TraceID: "t", Timestamp: noon, Source: source, Metadata: `{"a": 1.0}`,
	}
	rec, err := event.Encode(&started{Port: 80}, &env, event.EncodeOptions{Source: event.Source{ServiceName: "other"}})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"event_id":"` + hookID + `","event_type":"service.started","timestamp":"2025-10-16T10:00:00.123456Z","version":"1.1",` +
		`"source":{"service_name":"omniagent","service_version":"1.2.3","instance_id":"prod-001"},"correlation_id":"` + correlationID +
		`","trace_id":"t","metadata":{"a":1.0},"payload":{"port":80}}`
	if string(rec.Value) != want {
		t.Errorf("value = %s\nwant    %s", rec.Value, want)
	}
}

func TestEncodeProtobuf(t *testing.T) {
	t.Parallel()
	e := noteInfo.New().(*note)
	e.Value = "héllo"
	env := event.Envelope{EventID: hookID, CorrelationID: correlationID, SessionID: sessionID}
	rec, err := event.Encode(e, &env, event.EncodeOptions{Now: noon, SchemaID: 258, Source: source})
	if err != nil {
		t.Fatal(err)
	}
	if want := "\x00\x00\x00\x01\x02\x02\x02\x0a\x06héllo"; string(rec.Value) != want {
		t.Errorf("value = %q, want %q", rec.Value, want)
	}
	want := map[string]string{
		"event-id": hookID, "event-type": "Note", "content-type": "application/protobuf",
		"schema-digest": "9e107d9d372bb6826bd81d3542a419d6", "ce_specversion": "1.0", "ce_id": hookID,
		"ce_type": "Note", "ce_source": "omniagent/prod-001", "ce_serviceversion": "1.2.3", "ce_time": "2025-10-16T10:00:00.123456Z",
		"ce_correlationid": correlationID, "ce_sessionid": sessionID, "ce_envelopeversion": "1.0",
	}
	if diff := cmp.Diff(want, headerMap(&rec)); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	if rec.Key != nil {
		t.Errorf("key = %q, want none", rec.Key)
	}
}

func TestEncodeErrors(t *testing.T) {
	t.Parallel()
	var nothing *analysis
	valid := func() *analysis { return &analysis{CorrelationID: correlationID, SessionID: sessionID} }
	with := func(change func(*analysis)) event.Event {
		e := valid()
		change(e)
		return e
	}
	for name, tt := range map[string]struct {
		event event.Event
		env   *event.Envelope
		opts  event.EncodeOptions
		want  string
	}{
		"nil":      {event: nil, want: "encode: the event is nil"},
		"nil too":  {event: nothing, want: "encode: the event is nil"},
		"no topic": {event: &letter{}, want: "encode test.Letter: the event type has no topic of its own: set EncodeOptions.Topic"},
		"a rule": {event: with(func(e *analysis) { e.Limit = new(int64(21)) }),
			want: "test.Analysis: limit: must be greater than or equal to 1 and less than or equal to 20, got 21 [int64.gte_lte]"},
		"ids that differ": {event: valid(), env: &event.Envelope{CorrelationID: sessionID},
			want: `test.Analysis: correlation_id: must equal the envelope's correlation_id, got "` + correlationID + `" [envelope.equal]`},
		"ids that are none": {event: &started{Port: 1}, env: &event.Envelope{EventID: "x", CorrelationID: "y", Source: source},
			want: `test.Started: envelope.event_id: must be a valid UUID, got "x" [format]; envelope.correlation_id: must be a valid UUID, got "y" [format]`},
		"no source": {event: &started{Port: 1},
			want: "test.Started: envelope.source: value is required: give the publisher WithSource [required]"},
		"NaN": {event: with(func(e *analysis) { e.Score = math.NaN() }),
			want: "encode test.Analysis: payload.score: NaN has no JSON form"},
		"not UTF-8": {event: with(func(e *analysis) { e.Steps = []step{{"a"}, {"\xff"}} }),
			want: "encode test.Analysis: payload.steps[1].name: byte 0 of the string is not UTF-8"},
		"not JSON": {event: with(func(e *analysis) { e.Context = `{"a":[Infinity]}` }),
			want: "encode test.Analysis: payload.context.a[0]: Infinity is not JSON (Python's json.dumps writes it unless told allow_nan=False) at byte 6 of its text"},
		"metadata": {event: &started{Port: 1}, env: &event.Envelope{Metadata: "[]"}, opts: event.EncodeOptions{Source: source},
			want: "encode test.Started: envelope.metadata: must be a JSON object, got []"},
		"no schema id": {event: noteInfo.New(),
			want: "encode test.Note: protobuf needs the registry's id of the schema: give the publisher WithSchemaIDs"},
	} {
		rec, err := event.Encode(tt.event, tt.env, tt.opts)
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s: error = %v\nwant %s", name, err, tt.want)
		}
		if diff := cmp.Diff(event.Record{}, rec); diff != "" {
			t.Errorf("%s: a record beside the error:\n%s", name, diff)
		}
	}
}

func TestEncodeReportsEverythingAtOnce(t *testing.T) {
	t.Parallel()
	e := &analysis{CorrelationID: correlationID, Limit: new(int64(0)), Steps: []step{{}}}
	_, err := event.Encode(e, &event.Envelope{EventID: "x", CorrelationID: hookID}, event.EncodeOptions{})
	invalid, ok := errors.AsType[*event.ValidationError](err)
	if !ok {
		t.Fatal(err)
	}
	var got []string
	for _, v := range invalid.Violations {
		got = append(got, v.Path+" "+v.Rule)
	}
	want := []string{"envelope.event_id string.uuid", "correlation_id envelope.equal", "session_id required", "limit int64.gte_lte", "steps[0].name string.min_len"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("violations (-want +got):\n%s", diff)
	}
}

func TestEncodeTooLarge(t *testing.T) {
	t.Parallel()
	encode := func(n int) (event.Record, error) {
		e := &analysis{CorrelationID: correlationID, SessionID: sessionID, Content: strings.Repeat("x", n)}
		return event.Encode(e, &event.Envelope{Timestamp: noon}, event.EncodeOptions{Now: noon})
	}
	rec, err := encode(0)
	if err != nil {
		t.Fatal(err)
	}
	n := 4096 - rec.Size() - 8 // the lengths themselves grow
	for size := 0; err == nil; n++ {
		if rec, err = encode(n); err == nil {
			size = rec.Size()
		} else if size != 4096 {
			t.Errorf("the largest record that is taken has %d bytes", size)
		}
	}
	tooLarge, ok := errors.AsType[*event.TooLargeError](err)
	if !ok {
		t.Fatalf("error = %v", err)
	}
	if diff := cmp.Diff(event.TooLargeError{Topic: "analyses", EventType: "test.Analysis", Size: 4097, Limit: 4096}, *tooLarge); diff != "" {
		t.Errorf("error (-want +got):\n%s", diff)
	}
}

// The size is that of the record in Kafka's own format.
func TestRecordSize(t *testing.T) {
	t.Parallel()
	for _, rec := range []event.Record{
		{},
		{Key: []byte("key"), Value: []byte("value")},
		{Value: make([]byte, 63)}, {Value: make([]byte, 64)}, {Value: make([]byte, 8191)}, {Value: make([]byte, 8192)}, {Value: make([]byte, 1<<20)},
		{Key: make([]byte, 200), Value: make([]byte, 1000), Headers: []event.Header{{Key: "event-id", Value: []byte(hookID)}, {Key: "empty"}, {Key: strings.Repeat("k", 100), Value: make([]byte, 70)}}},
	} {
		record := kmsg.Record{Key: rec.Key, Value: rec.Value}
		for _, h := range rec.Headers {
			record.Headers = append(record.Headers, kmsg.Header{Key: h.Key, Value: h.Value})
		}
		body := record.AppendTo(nil)[1:] // but for its own length, which is 0 here and one byte
		record.Length = int32(len(body))
		batch := kmsg.RecordBatch{Records: record.AppendTo(nil), NumRecords: 1}
		if got, want := rec.Size(), len(batch.AppendTo(nil)); got != want {
			t.Errorf("Size = %d, want %d", got, want)
		}
	}
}

func TestEncodeAllocations(t *testing.T) {
	e := &analysis{CorrelationID: correlationID, SessionID: sessionID, Content: strings.Repeat("naïve code\n", 20), Context: `{"a": [1.0]}`}
	env := event.Envelope{EventID: hookID}
	var typed event.Event = e
	if allocs := testing.AllocsPerRun(100, func() {
		if _, err := event.Encode(typed, &env, event.EncodeOptions{Now: noon}); err != nil {
			t.Fatal(err)
		}
	}); allocs > 10 { // the value, the key, the headers and their values, and the test's own rules
		t.Errorf("%v allocations", allocs)
	}
}
