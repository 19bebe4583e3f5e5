package event_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/runtime/wire"
)

var codecTypes = event.NewTypes(&analysisInfo, &startedInfo, &noteInfo, &letterInfo)

func header(name, value string) event.Header {
	return event.Header{Key: name, Value: []byte(value)}
}

func TestDecodeReadsWhatEncodeWrote(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(3, 4))
	pick := func(s ...string) string { return s[rnd.IntN(len(s))] }
	for range 2000 {
		var e event.Event
		env := event.Envelope{TraceID: pick("", "t"), CorrelationID: pick("", correlationID), Source: source}
		switch rnd.IntN(4) {
		case 0:
			a := &analysis{
				SessionID: sessionID, Content: pick("", "naïve 😀 \u2028 \"q\"\n\\\x00"), Score: rnd.NormFloat64() * 1e9,
				Context: jsonio.Raw(pick("", `{"big":123456789012345678901234567890,"f":1.0,"e":1e-07,"s":"\u00e9"}`)),
			}
			for range rnd.IntN(3) {
				a.Steps = append(a.Steps, step{pick("a", "b c")})
			}
			if rnd.IntN(2) == 0 {
				a.Limit = new(rnd.Int64N(20) + 1)
			}
			e = a
			env.TraceID = ""
		case 1:
			e = &started{Port: 1 + rnd.Int64(), Rest: []jsonio.Member{{Name: "x y", Value: `[1.0,{"a":null}]`}, {Name: "x y", Value: "2"}}}
		case 2:
			n := noteInfo.New().(*note)
			n.Value = pick("", "é")
			e = n
		case 3:
			e = &letter{Text: `{"event_type":"x","payload":{}}`}
			env = event.Envelope{}
		}
		rec, err := event.Encode(e, &env, event.EncodeOptions{Now: noon, SchemaID: 5, Topic: pick("", "elsewhere") + map[bool]string{true: "letters"}[e.EventInfo().Topic == nil]})
		if err != nil {
			t.Fatal(err)
		}
		got, err := event.Decode(&rec, codecTypes, event.DecodeOptions{StrictTime: true})
		if err != nil {
			t.Fatalf("%s: %v", rec.Value, err)
		}
		if a, ok := e.(*analysis); ok && a.Context == "" {
			a.Context = "{}"
		}
		if diff := cmp.Diff(e, got.Event, protocmp.Transform()); diff != "" {
			t.Fatalf("event (-encoded +decoded):\n%s", diff)
		}
		want := env
		switch e.(type) {
		case *letter:
			want = event.Envelope{EventID: env.EventID, EventType: "Letter"}
		case *analysis:
			want.Source = event.Source{}
		case *started:
			want.Metadata = "{}"
		}
		if diff := cmp.Diff(want, got.Envelope); diff != "" {
			t.Fatalf("envelope (-encoded +decoded):\n%s", diff)
		}
	}
}

func TestDecodeFillsInWhatIsLacking(t *testing.T) {
	t.Parallel()
	written := time.Date(2025, 10, 16, 13, 0, 0, 999000, time.UTC)
	for name, tt := range map[string]struct {
		rec      event.Record
		event    event.Event
		env      event.Envelope
		zoneless int
	}{
		"the guide's example": {
			rec: event.Record{Topic: "analyses", Partition: 2, Offset: 41, Value: []byte(`{"envelope_version": "1.0", "correlation_id": "` + correlationID + `",
				"session_id": "` + sessionID + `", "event_type": "Analysis", "timestamp": "2025-10-16 12:34:56.789", "payload": {"content": "As a user, I want..."}}`)},
			event: &analysis{CorrelationID: correlationID, SessionID: sessionID, Content: "As a user, I want...", Limit: new(int64(5)),
				Timestamp: time.Date(2025, 10, 16, 12, 34, 56, 789000000, time.UTC)},
			env: event.Envelope{Version: "1.0", EventID: wire.RecordID("analyses", 2, 41), EventType: "Analysis", CorrelationID: correlationID,
				SessionID: sessionID, Timestamp: time.Date(2025, 10, 16, 12, 34, 56, 789000000, time.UTC)},
			zoneless: 1,
		},
		"a session that the payload alone has": {
			rec: event.Record{Topic: "analyses", Headers: []event.Header{header("event-id", hookID)}, Value: []byte(`{"correlation_id":"` + correlationID +
				`","session_id":null,"event_type":"Analysis","timestamp":"2025-10-16T12:34:56Z","payload":{"content":"","session_id":"` + sessionID + `","timestamp":"2025-10-16 12:00:00"}}`)},
			event: &analysis{CorrelationID: correlationID, SessionID: sessionID, Limit: new(int64(5)), Timestamp: time.Date(2025, 10, 16, 12, 0, 0, 0, time.UTC)},
			env: event.Envelope{Version: "1.0", EventID: hookID, EventType: "Analysis", CorrelationID: correlationID, SessionID: sessionID,
				Timestamp: time.Date(2025, 10, 16, 12, 34, 56, 0, time.UTC)},
			zoneless: 1,
		},
		"a hook without a time": {
			rec: event.Record{Topic: "hooks", Timestamp: written, Value: []byte(`{"event_id":"` + hookID + `","event_type":"service.started",` +
				`"source":{"service_name":"a","service_version":"b","instance_id":"c"},"payload":{"port":1,"extra":1.0}}`)},
			event: &started{Port: 1, Rest: []jsonio.Member{{Name: "extra", Value: "1.0"}}},
			env: event.Envelope{Version: "1.0.0", EventID: hookID, EventType: "service.started", Timestamp: written.Truncate(time.Microsecond),
				Source: event.Source{ServiceName: "a", ServiceVersion: "b", InstanceID: "c"}},
		},
		"JSON framed by another serializer": {
			rec:   event.Record{Topic: "letters", Timestamp: written, Headers: []event.Header{header("event-type", "Letter")}, Value: []byte("\x00\x00\x00\x00\x07{\"a\": 1}")},
			event: &letter{Text: `{"a": 1}`},
			env:   event.Envelope{EventID: wire.RecordID("letters", 0, 0), EventType: "Letter", Timestamp: written.Truncate(time.Microsecond)},
		},
		"a protobuf type in JSON": {
			rec: event.Record{Topic: "notes", Value: []byte(`{"correlation_id":"` + correlationID + `","event_type":"Note","timestamp":"2025-10-16T12:34:56Z","payload":{"value":"x"}}`)},
			env: event.Envelope{Version: "1.0", EventID: wire.RecordID("notes", 0, 0), EventType: "Note", CorrelationID: correlationID,
				Timestamp: time.Date(2025, 10, 16, 12, 34, 56, 0, time.UTC)},
		},
		"protobuf, its type known by its indexes": {
			rec: event.Record{Topic: "notes", Timestamp: written, Headers: []event.Header{header("ce_correlationid", correlationID)}, Value: []byte("\x00\x00\x00\x00\x07\x02\x02\x0a\x01x")},
			env: event.Envelope{Version: "1.0", EventID: wire.RecordID("notes", 0, 0), EventType: "Note", CorrelationID: correlationID,
				Timestamp: written.Truncate(time.Microsecond)},
		},
		"a topic that has one type": {
			rec: event.Record{Topic: "elsewhere", Headers: []event.Header{header("event-type", "wrong")}, Value: []byte(`{"event_type":"Analysis","correlation_id":"` + correlationID +
				`","timestamp":"2025-10-16T12:34:56Z","payload":{"content":"","session_id":"` + sessionID + `"}}`)},
			event: &analysis{CorrelationID: correlationID, SessionID: sessionID, Limit: new(int64(5)), Timestamp: time.Date(2025, 10, 16, 12, 34, 56, 0, time.UTC)},
			env: event.Envelope{Version: "1.0", EventID: wire.RecordID("elsewhere", 0, 0), EventType: "Analysis", CorrelationID: correlationID, SessionID: sessionID,
				Timestamp: time.Date(2025, 10, 16, 12, 34, 56, 0, time.UTC)},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := event.Decode(&tt.rec, codecTypes, event.DecodeOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if n, ok := got.Event.(*note); ok {
				if n.Value != "x" {
					t.Errorf("note %q", n.Value)
				}
			} else if diff := cmp.Diff(tt.event, got.Event); diff != "" {
				t.Errorf("event (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.env, got.Envelope); diff != "" {
				t.Errorf("envelope (-want +got):\n%s", diff)
			}
			if got.ZonelessTimes != tt.zoneless {
				t.Errorf("%d times without a zone, want %d", got.ZonelessTimes, tt.zoneless)
			}
		})
	}
}

// onex puts a payload into an envelope in which nothing is wrong.
func onex(payload string) string {
	return `{"correlation_id":"` + correlationID + `","session_id":"` + sessionID + `","event_type":"Analysis","timestamp":"2025-10-16T12:34:56Z","payload":` + payload + `}`
}

func TestDecodeReportsEverythingAtOnce(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		rec    event.Record
		strict bool
		want   []string
	}{
		"the payload's types and rules": {
			rec:  event.Record{Topic: "analyses", Value: []byte(onex(`{"content":1,"limit":21,"score":"high","steps":[{"name":""},{"name":5},6],"context":[]}`))},
			want: []string{"content type 1", `score type "high"`, "steps[1].name type 5", "steps[2] type 6", "context type []", "limit int64.gte_lte 21", `steps[0].name string.min_len ""`},
		},
		"a rule about what could not be read is not broken": {
			rec:  event.Record{Topic: "analyses", Value: []byte(strings.Replace(onex(`{"content":"","session_id":5}`), sessionID, "", 1))},
			want: []string{`envelope.session_id string.uuid ""`, "session_id type 5"},
		},
		"what must be there": {
			rec:  event.Record{Topic: "analyses", Value: []byte(onex(`{}`))},
			want: []string{"content required "},
		},
		"a payload that is none": {
			rec:  event.Record{Topic: "analyses", Value: []byte(onex(`[5]`))},
			want: []string{"envelope.payload type "},
		},
		"no payload, no time": {
			rec:  event.Record{Topic: "analyses", Value: []byte(`{"correlation_id":"` + correlationID + `","event_type":"Analysis"}`)},
			want: []string{"envelope.timestamp required ", "envelope.payload required "},
		},
		"an object that is no envelope": {
			rec:  event.Record{Topic: "analyses", Value: []byte(`{"content":"x"}`)},
			want: []string{"correlation_id required ", "session_id required "},
		},
		"no object": {
			rec:  event.Record{Topic: "analyses", Value: []byte(`[5]`)},
			want: []string{"envelope type "},
		},
		"ids that differ": {
			rec:  event.Record{Topic: "analyses", Value: []byte(onex(`{"content":"","correlation_id":"` + hookID + `"}`))},
			want: []string{`correlation_id envelope.equal "` + hookID + `"`},
		},
		"times without a zone, strictly": {
			rec:    event.Record{Topic: "analyses", Value: []byte(strings.Replace(onex(`{"content":"","timestamp":"2025-10-16 12:34:56"}`), "56Z", "56", 1))},
			strict: true,
			want:   []string{`envelope.timestamp format "2025-10-16T12:34:56"`, `timestamp format "2025-10-16 12:34:56"`},
		},
		"protobuf without a correlation": {
			rec:  event.Record{Topic: "notes", Value: []byte("\x00\x00\x00\x00\x07\x02\x02\x0a\x01x")},
			want: []string{"envelope.correlation_id required "},
		},
		"protobuf with a wrong correlation": {
			rec:  event.Record{Topic: "notes", Headers: []event.Header{header("ce_correlationid", "x")}, Value: []byte("\x00\x00\x00\x00\x07\x02\x02\x0a\x01x")},
			want: []string{`envelope.correlation_id string.uuid "x"`},
		},
		"a hook": {
			rec:  event.Record{Topic: "hooks", Value: []byte(`{"event_type":"service.started","event_id":"x","source":{"service_name":1},"payload":{"port":0}}`)},
			want: []string{`envelope.event_id format "x"`, "envelope.source.service_name type 1", "envelope.source.service_version required ", "envelope.source.instance_id required ", "port minimum 0"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := event.Decode(&tt.rec, codecTypes, event.DecodeOptions{StrictTime: tt.strict})
			invalid, ok := errors.AsType[*event.ValidationError](err)
			if !ok {
				t.Fatalf("error = %v", err)
			}
			var list []string
			for _, v := range invalid.Violations {
				list = append(list, v.Path+" "+v.Rule+" "+v.Found)
			}
			if diff := cmp.Diff(tt.want, list); diff != "" {
				t.Errorf("violations (-want +got):\n%s", diff)
			}
			if got.Envelope.EventType == "" || got.Envelope.EventID == "" {
				t.Errorf("envelope = %+v", got.Envelope)
			}
		})
	}
}

func TestDecodeErrors(t *testing.T) {
	t.Parallel()
	const python = " is not JSON (Python's json.dumps writes it unless told allow_nan=False)"
	for name, tt := range map[string]struct {
		rec  event.Record
		want string
	}{
		"no value": {event.Record{Topic: "analyses"}, "decode record of analyses: it has no value"},
		"broken in the payload": {event.Record{Topic: "analyses", Value: []byte(`{"event_type":"Analysis","payload":{"score":NaN}}`)},
			"decode test.Analysis: payload.score: NaN" + python + " at byte 44"},
		"broken in free-form text": {event.Record{Topic: "analyses", Value: []byte(onex(`{"context":{"a":["\ud800"]}}`))},
			`decode test.Analysis: payload.context.a[0]: \ud800 is half of a surrogate pair, which has no UTF-8 at byte 196`},
		"cut off":           {event.Record{Topic: "analyses", Value: []byte(`{"event_type":"Ana`)}, "decode test.Analysis: event_type: the text ends inside a string at byte 18"},
		"something behind":  {event.Record{Topic: "analyses", Value: []byte(onex(`{"content":""}`) + "x")}, "decode test.Analysis: 'x' instead of the end of the text at byte 193"},
		"a member twice":    {event.Record{Topic: "analyses", Value: []byte(onex(`{"content":"","content":""}`))}, "decode test.Analysis: payload.content: the member stands twice in its object at byte 192"},
		"no JSON":           {event.Record{Topic: "nowhere", Value: []byte(`hello`)}, "decode record of nowhere: 'h' instead of a value at byte 0"},
		"a type of nowhere": {event.Record{Topic: "nowhere", Value: []byte(`{"event_type":"Other"}`)}, `unknown event type "Other" on nowhere, which has []: is its schema newer than this consumer?`},
		"a type of no schema": {event.Record{Topic: "hooks", Value: []byte(`{"event_type":"service.renamed","payload":{}}`)},
			`unknown event type "service.renamed" on hooks, which has [service.started service.stopped]: is its schema newer than this consumer?`},
		"no type at all": {event.Record{Topic: "hooks", Value: []byte(`{"payload":{}}`)},
			`unknown event type "" on hooks, which has [service.started service.stopped]: is its schema newer than this consumer?`},
		"protobuf of an unknown type": {event.Record{Topic: "notes", Headers: []event.Header{header("ce_type", "Other")}, Value: []byte("\x00\x00\x00\x00\x07\x00")},
			`unknown event type "Other" on notes, which has [Note]: is its schema newer than this consumer?`},
		"protobuf of unknown indexes": {event.Record{Topic: "notes", Value: []byte("\x00\x00\x00\x00\x07\x00")},
			`unknown event type "" on notes, which has [Note]: is its schema newer than this consumer?`},
		"a broken frame": {event.Record{Topic: "notes", Value: []byte("\x00\x00")}, "decode record of notes: cut off in the schema id: the value has 2 bytes"},
		"protobuf for a JSON Schema": {event.Record{Topic: "hooks", Headers: []event.Header{header("event-type", "service.started")}, Value: []byte("\x00\x00\x00\x00\x07\x00")},
			"decode test.Started: the value is protobuf, the event type was generated from JSON Schema"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := event.Decode(&tt.rec, codecTypes, event.DecodeOptions{})
			if err == nil || err.Error() != tt.want {
				t.Errorf("error = %v\nwant %s", err, tt.want)
			}
			if got.Envelope.EventID == "" {
				t.Error("no event id")
			}
			if strings.Contains(tt.want, " at byte ") {
				if _, ok := errors.AsType[*jsonio.Error](err); !ok {
					t.Errorf("%T wraps no jsonio.Error", err)
				}
			}
		})
	}
	_, err := event.Decode(&event.Record{Topic: "notes", Headers: []event.Header{header("ce_type", "Note")}, Value: []byte("\x00\x00\x00\x00\x07\x00\x0a\xff")}, codecTypes, event.DecodeOptions{})
	if err == nil || !strings.HasPrefix(err.Error(), "decode test.Note: ") {
		t.Errorf("broken protobuf: %v", err)
	}
}

func TestTypesFind(t *testing.T) {
	t.Parallel()
	v1 := &event.EventInfo{Type: "Placed", Topic: &event.TopicInfo{Name: "orders_v1"}}
	v2 := &event.EventInfo{Type: "Placed", Topic: &event.TopicInfo{Name: "orders_v2"}}
	types := event.NewTypes(v1, v2, &letterInfo)
	for topic, want := range map[string]*event.EventInfo{"orders_v1": v1, "orders_v2": v2, "elsewhere": nil} {
		if got := types.Find(topic, "Placed"); got != want {
			t.Errorf("Find(%s) = %v", topic, got)
		}
	}
	if types.Find("anywhere", "Letter") != &letterInfo || types.Find("orders_v1", "") != nil {
		t.Error("a type without a topic is not found on any, or one without a name is")
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("analyses", "", []byte(onex(`{"content":"","steps":[{"name":"a"}],"context":{"a":[1.0]}}`)))
	f.Add("hooks", "service.started", []byte(`{"event_id":"`+hookID+`","event_type":"service.started","source":{"service_name":"a","service_version":"b","instance_id":"c"},"payload":{"port":1,"x":1e-7}}`))
	f.Add("notes", "Note", []byte("\x00\x00\x00\x00\x07\x02\x02\x0a\x01x"))
	f.Add("letters", "Letter", []byte("\x00\x00\x00\x00\x07{}"))
	f.Fuzz(func(t *testing.T, topic, eventType string, value []byte) {
		rec := event.Record{Topic: topic, Headers: []event.Header{header("event-type", eventType)}, Value: value, Timestamp: noon}
		got, err := event.Decode(&rec, codecTypes, event.DecodeOptions{})
		if err != nil {
			return
		}
		again, err := event.Encode(got.Event, &got.Envelope, event.EncodeOptions{Now: noon, SchemaID: 7, Topic: topic})
		if _, tooLarge := errors.AsType[*event.TooLargeError](err); tooLarge || topic == "" {
			return
		}
		if err != nil {
			t.Fatalf("what was read of %q cannot be written: %v", value, err)
		}
		back, err := event.Decode(&again, codecTypes, event.DecodeOptions{StrictTime: true})
		if err != nil {
			t.Fatalf("%q is written as %q, which cannot be read: %v", value, again.Value, err)
		}
		if got.Envelope.EventID != back.Envelope.EventID || got.Envelope.EventType != back.Envelope.EventType {
			t.Fatalf("%q came back as %+v, was %+v", value, back.Envelope, got.Envelope)
		}
	})
}
