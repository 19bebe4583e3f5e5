package event_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/jsonio"
)

func TestReadTextTakesThreeForms(t *testing.T) {
	t.Parallel()
	at := time.Date(2025, 10, 16, 12, 34, 56, 0, time.UTC)
	for name, tt := range map[string]struct {
		info  *event.EventInfo
		doc   string
		event event.Event
		env   event.Envelope
	}{
		"as on the wire": {&analysisInfo, onex(`{"content":"x"}`), &analysis{Content: "x"},
			event.Envelope{Version: "1.0", EventType: "Analysis", CorrelationID: correlationID, SessionID: sessionID, Timestamp: at}},
		"type and payload": {&analysisInfo, `{"event_type": "Analysis", "payload": {"content": "x", "limit": 20}}`,
			&analysis{Content: "x", Limit: new(int64(20))}, event.Envelope{Version: "1.0", EventType: "Analysis"}},
		"an envelope without its type": {&analysisInfo, `{"correlation_id": "` + correlationID + `", "payload": {"content": "x"}}`,
			&analysis{Content: "x"}, event.Envelope{Version: "1.0", CorrelationID: correlationID}},
		"a dead letter's flat envelope": {&analysisInfo, `{"event_type": "Analysis", "payload": {"content": "x"}, "error": "e", "retry_count": 3}`,
			&analysis{Content: "x"}, event.Envelope{Version: "1.0", EventType: "Analysis",
				Additional: []jsonio.Member{{Name: "error", Value: `"e"`}, {Name: "retry_count", Value: "3"}}}},
		"the bare payload": {&analysisInfo, `{"content": "x", "session_id": "` + sessionID + `"}`,
			&analysis{Content: "x", SessionID: sessionID}, event.Envelope{}},
		"a hook's envelope": {&startedInfo, `{"event_type": "service.started", "payload": {"port": 80}}`,
			&started{Port: 80}, event.Envelope{Version: "1.0.0", EventType: "service.started"}},
		"a payload that has a payload": {&startedInfo, `{"port": 80, "payload": {"a": 1}}`,
			&started{Port: 80, Payload: `{"a": 1}`}, event.Envelope{}},
		"a payload that looks like an envelope": {&startedInfo, `{"port": 80, "event_type": "x", "payload": {"a": 1}}`,
			&started{Port: 80, EventType: "x", Payload: `{"a": 1}`}, event.Envelope{}},
		"no envelope": {&letterInfo, `{"event_type": "x", "payload": {}}`,
			&letter{Text: `{"event_type": "x", "payload": {}}`}, event.Envelope{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, env, err := event.ReadText(tt.info, []byte(tt.doc), event.TextOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if a, ok := got.(*analysis); ok && a.SessionID == "" && uuid.Validate(env.SessionID) != nil {
				t.Errorf("session id = %q, want a new one", env.SessionID)
			}
			if env.Source != (event.Source{}) {
				t.Errorf("source = %+v, which is the publisher's to say", env.Source)
			}
			// What is written is kept, and what is not is as Encode has it.
			opts := event.EncodeOptions{Source: source, Topic: "topic", Now: env.Timestamp}
			want := tt.env
			for to, made := range map[*string]string{&want.EventID: env.EventID, &want.CorrelationID: env.CorrelationID, &want.SessionID: env.SessionID} {
				if *to == "" {
					*to = made
				}
			}
			if _, err := event.Encode(tt.event, &want, opts); err != nil {
				t.Fatal(err)
			}
			if _, err := event.Encode(got, &env, opts); err != nil {
				t.Errorf("it cannot be published: %v", err)
			}
			if diff := cmp.Diff(tt.event, got); diff != "" {
				t.Errorf("event (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(want, env); diff != "" {
				t.Errorf("envelope (-want +got):\n%s", diff)
			}
		})
	}
}

func TestReadTextViolations(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		info *event.EventInfo
		doc  string
		want []string
	}{
		"of the bare payload": {&analysisInfo, `{"content":1,"limit":21}`, []string{"content type 1", "limit int64.gte_lte 21"}},
		"of the payload":      {&analysisInfo, `{"event_type":"Analysis","payload":{"limit":21}}`, []string{"content required ", "limit int64.gte_lte 21"}},
		"of the envelope": {&analysisInfo, `{"event_type":"Analysis","correlation_id":"x","timestamp":"soon","payload":{"content":""}}`,
			[]string{`envelope.correlation_id string.uuid "x"`, `envelope.timestamp format "soon"`}},
		"another type": {&analysisInfo, `{"event_type":"Other","payload":{"content":""}}`, []string{`envelope.event_type string.const "Other"`}},
		"ids that differ": {&analysisInfo, `{"correlation_id":"` + correlationID + `","payload":{"content":"","correlation_id":"` + sessionID + `"}}`,
			[]string{`correlation_id envelope.equal "` + sessionID + `"`}},
		"neither form": {&startedInfo, `{"event_type":"service.started","payload":{"port":0}}`, []string{"port minimum 0"}},
		"no object":    {&analysisInfo, `[1]`, []string{" type [1]"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			read, _, err := event.ReadText(tt.info, []byte(tt.doc), event.TextOptions{})
			invalid, ok := errors.AsType[*event.ValidationError](err)
			if !ok {
				t.Fatalf("error = %v", err)
			}
			var got []string
			for _, v := range invalid.Violations {
				got = append(got, v.Path+" "+v.Rule+" "+v.Found)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("violations (-want +got):\n%s", diff)
			}
			if read == nil {
				t.Error("no event beside the violations")
			}
		})
	}
}

// Readers pass over what the schema does not name, wherever it is; who writes may ask to be told.
func TestReadTextOfUnknownFields(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string][]string{
		`{"content":"x","contant":"y"}`: {"contant"},
		`{"event_type":"Analysis","payload":{"content":"x","steps":[{"name":"a"},{"name":"b","nam":"b"}],"lim":1}}`: {"steps[1].nam", "lim"},
		`{"content":"x","context":{"anything":{"goes":1}}}`:                                                         nil,
	} {
		if _, _, err := event.ReadText(&analysisInfo, []byte(doc), event.TextOptions{}); err != nil {
			t.Errorf("%s: %v", doc, err)
		}
		_, _, err := event.ReadText(&analysisInfo, []byte(doc), event.TextOptions{KnownOnly: true})
		var got []string
		if invalid, ok := errors.AsType[*event.ValidationError](err); ok {
			for _, v := range invalid.Violations {
				got = append(got, v.Path)
			}
		} else if err != nil {
			t.Errorf("%s: %v", doc, err)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: violations at %q, want %q", doc, got, want)
		}
	}
}

func TestReadTextErrors(t *testing.T) {
	t.Parallel()
	for doc, want := range map[string]string{
		``:                            "read test.Analysis: the text ends where a value should be at byte 0",
		`{"content":`:                 "read test.Analysis: content: the text ends where a value should be at byte 11",
		`{"payload":{"a":NaN}}`:       "read test.Analysis: payload.a: NaN is not JSON (Python's json.dumps writes it unless told allow_nan=False) at byte 16",
		`{"content":"","content":""}`: "read test.Analysis: content: the member stands twice in its object at byte 14",
		`{} {}`:                       "read test.Analysis: '{' instead of the end of the text at byte 3",
	} {
		_, _, err := event.ReadText(&analysisInfo, []byte(doc), event.TextOptions{})
		if err == nil || err.Error() != want {
			t.Errorf("%s: error = %v\nwant %s", doc, err, want)
		}
		if _, ok := errors.AsType[*jsonio.Error](err); !ok {
			t.Errorf("%s: %T wraps no jsonio.Error", doc, err)
		}
	}
}
