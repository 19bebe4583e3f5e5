package eventtrace_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/eventtrace"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/wire"
)

const eventID = "01927d6e-5d7a-7c3e-8f1b-2a4c6e8f0a1b"

// kinds has a topic for each envelope.
func kinds(topic string) wire.Kind {
	return map[string]wire.Kind{"onex": wire.OnexV1, "hooks": wire.BaseEvent, "bare": wire.None}[topic]
}

func TestEnvelopes(t *testing.T) {
	t.Parallel()
	noon := time.Date(2025, 10, 16, 12, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		topic   string
		headers []string // name, value, …
		value   string
		want    eventtrace.Event // but for Value, which an invalid event has
	}{
		"onex": {
			topic: "onex", headers: []string{"event-id", eventID, "event-type", "Header"},
			value: `{"envelope_version":"1.0","correlation_id":"` + correlation + `","session_id":"` + session + `","event_type":"T",` +
				`"timestamp":"2025-10-16 12:00:00","payload":{ "n":9007199254740993, "f":1.0, "z":"\u0000", "e":1e-07 }}`,
			want: eventtrace.Event{
				EventID: eventID, CorrelationID: correlation, SessionID: session, EventType: "T", Timestamp: noon,
				Payload: `{ "n":9007199254740993, "f":1.0, "z":"\u0000", "e":1e-07 }`,
			},
		},
		"upper-case ids": {
			topic: "onex", headers: []string{"event-id", strings.ToUpper(eventID)},
			value: `{"correlation_id":"` + strings.ToUpper(correlation) + `","event_type":"T","timestamp":"2025-10-16T14:00:00+02:00","payload":{}}`,
			want:  eventtrace.Event{EventID: eventID, CorrelationID: correlation, EventType: "T", Timestamp: noon, Payload: `{}`},
		},
		"a null session, and the payload's": {
			topic: "onex",
			value: `{"correlation_id":"` + correlation + `","session_id":null,"event_type":"T","timestamp":"2025-10-16T12:00:00Z",` +
				`"payload":{"session_id":"` + session + `","correlation_id":"` + eventID + `"}}`,
			want: eventtrace.Event{
				CorrelationID: correlation, SessionID: session, EventType: "T", Timestamp: noon,
				Payload: `{"session_id":"` + session + `","correlation_id":"` + eventID + `"}`,
			},
		},
		"hooks": {
			topic: "hooks",
			value: `{"event_id":"` + eventID + `","event_type":"service.lifecycle.started","timestamp":"2025-10-16T12:00:00.000000+00:00",` +
				`"version":"1.0.0","source":{"service_name":"s","service_version":"1","instance_id":"i"},` +
				`"correlation_id":null,"trace_id":null,"metadata":{},"payload":{"correlation_id":"` + correlation + `"}}`,
			want: eventtrace.Event{
				EventID: eventID, CorrelationID: correlation, EventType: "service.lifecycle.started", Timestamp: noon,
				Payload: `{"correlation_id":"` + correlation + `"}`,
			},
		},
		"an envelope at fault": {
			topic: "onex",
			value: `{"correlation_id":"no id","session_id":"` + session + `","event_type":"T","payload":{"n":1}}`,
			want: eventtrace.Event{
				SessionID: session, EventType: "T", Payload: `{"n":1}`,
				Invalid: `envelope.correlation_id: must be a valid UUID, got "no id"; envelope.timestamp: value is required`,
			},
		},
		"not JSON, headers say what they can": {
			topic: "onex", headers: []string{"event-id", eventID, "event-type", "T", "ce_correlationid", correlation},
			value: `{"n": NaN}`,
			want:  eventtrace.Event{EventID: eventID, EventType: "T", CorrelationID: correlation, Invalid: "NaN"},
		},
		"a request that was caused, with a deadline": {
			topic: "bare", headers: []string{"event-type", "T", "causation-id", strings.ToUpper(eventID), "timeout-ms", "1500"}, value: `{}`,
			want: eventtrace.Event{EventType: "T", CausationID: eventID, Deadline: time.Time{}.Add(1500 * time.Millisecond), Payload: `{}`},
		},
		"a timeout that is none": {
			topic: "bare", headers: []string{"event-type", "T", "timeout-ms", "-1"}, value: `{}`,
			want: eventtrace.Event{EventType: "T", Payload: `{}`},
		},
		"framed JSON": {
			topic: "bare", headers: []string{"event-type", "T"}, value: "\x00\x00\x00\x00\x07" + `{"session_id":"` + session + `"}`,
			want: eventtrace.Event{EventType: "T", SessionID: session, Payload: `{"session_id":"` + session + `"}`},
		},
		"bare": {
			topic: "bare", value: `{"event_type":"T","error":null,"payload":{"correlation_id":"` + correlation + `"}}`,
			want: eventtrace.Event{EventType: "T", CorrelationID: correlation, Payload: `{"event_type":"T","error":null,"payload":{"correlation_id":"` + correlation + `"}}`},
		},
		"bare, with an error of its own": {
			topic: "bare", headers: []string{"event-type", "Failed"}, value: `{"error":"disk full","correlation_id":"` + correlation + `"}`,
			want: eventtrace.Event{EventType: "Failed", CorrelationID: correlation, Payload: `{"error":"disk full","correlation_id":"` + correlation + `"}`},
		},
		"a dead letter of an envelope": {
			topic: "bare", headers: []string{"event-type", deadletter.EventType, "event-id", eventID},
			value: `{"original_event":{"correlation_id":"` + correlation + `","session_id":null,"payload":{"session_id":"` + session + `"}},` +
				`"error":{"error_type":"E","error_message":"m"},"retry_count":3,"max_retries":3,"dlq_timestamp":"2025-10-16T12:00:00Z","source_topic":"onex"}`,
			want: eventtrace.Event{
				EventID: eventID, CorrelationID: correlation, SessionID: session, EventType: deadletter.EventType, Timestamp: noon,
				Payload: `{"original_event":{"correlation_id":"` + correlation + `","session_id":null,"payload":{"session_id":"` + session + `"}},` +
					`"error":{"error_type":"E","error_message":"m"},"retry_count":3,"max_retries":3,"dlq_timestamp":"2025-10-16T12:00:00Z","source_topic":"onex"}`,
			},
		},
		"a flat dead letter, without headers": {
			topic: "bare",
			value: `{"envelope_version":"1.0","correlation_id":"` + correlation + `","session_id":"` + session + `","event_type":"T","payload":{},` +
				`"error":"m","retry_count":3,"dlq_timestamp":"2025-10-16T12:00:00Z"}`,
			want: eventtrace.Event{
				CorrelationID: correlation, SessionID: session, EventType: deadletter.EventType, Timestamp: noon,
				Payload: `{"envelope_version":"1.0","correlation_id":"` + correlation + `","session_id":"` + session + `","event_type":"T","payload":{},` +
					`"error":"m","retry_count":3,"dlq_timestamp":"2025-10-16T12:00:00Z"}`,
			},
		},
		"a dead letter that is none": {
			topic: "bare", headers: []string{"event-type", deadletter.EventType}, value: `{"session_id":"` + session + `"}`,
			want: eventtrace.Event{
				EventType: deadletter.EventType, SessionID: session, Payload: `{"session_id":"` + session + `"}`,
				Invalid: "not a dead letter",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			record := &kafka.Record{Topic: test.topic, Value: []byte(test.value)}
			for i := 0; i < len(test.headers); i += 2 {
				record.Headers = append(record.Headers, wire.Header{Key: test.headers[i], Value: []byte(test.headers[i+1])})
			}
			got := eventtrace.Envelopes(kinds)(record)
			if test.want.Invalid != "" {
				if !strings.Contains(got.Invalid, test.want.Invalid) {
					t.Errorf("invalid: %q, want %q", got.Invalid, test.want.Invalid)
				}
				got.Invalid, test.want.Value = test.want.Invalid, []byte(test.value)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("event differs (-want +got):\n%s", diff)
			}
		})
	}
}

// TestEnvelopesReadsDeadLettersAsWritten goes through the package that writes them.
func TestEnvelopesReadsDeadLettersAsWritten(t *testing.T) {
	t.Parallel()
	for name, original := range map[string]deadletter.Original{
		"JSON": {
			Value: []byte(`{"correlation_id":"` + correlation + `","session_id":"` + session + `","payload":{}}`),
		},
		"protobuf": {
			Value: []byte{0, 0, 0, 0, 1, 0, 8},
			Headers: []wire.Header{
				{Key: wire.HeaderCECorrelationID, Value: []byte(correlation)}, {Key: wire.HeaderCESessionID, Value: []byte(session)},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			original.Headers = append(original.Headers, wire.Header{Key: deadletter.HeaderEventID, Value: []byte(eventID)})
			letter := deadletter.DeadLetter{Original: original, SourceTopic: "onex", Timestamp: time.Unix(1_760_000_000, 0)}
			record := &kafka.Record{Topic: "bare", Value: letter.AppendJSON(nil), Headers: letter.Headers()}
			e := eventtrace.Envelopes(kinds)(record)
			if e.CorrelationID != correlation || e.SessionID != session || e.EventID != eventID ||
				e.EventType != "DeadLetterEvent" || e.Invalid != "" || string(e.Payload) != string(record.Value) ||
				!e.Timestamp.Equal(letter.Timestamp) {
				t.Errorf("event: %+v", e)
			}
		})
	}
}

// TestEnvelopesReadsDeadLettersOfOtherSystems has Spring give up an event, as JSON, as JSON behind a schema's id, in protobuf and without a value.
func TestEnvelopesReadsDeadLettersOfOtherSystems(t *testing.T) {
	t.Parallel()
	text := `{"correlation_id":"` + correlation + `","payload":{"session_id":"` + session + `"}}`
	written := time.Unix(1_760_000_000, 0).UTC()
	header := func(name, value string) wire.Header { return wire.Header{Key: name, Value: []byte(value)} }
	ids := []wire.Header{header(wire.HeaderCECorrelationID, correlation), header(wire.HeaderCESessionID, session), header("ce_time", "2025-10-16T12:00:00Z")}
	own := []wire.Header{header("kafka_dlt-original-topic", "bare"), header("kafka_dlt-original-partition", "\x00\x00\x00\x02"),
		header("kafka_dlt-original-offset", "\x00\x00\x00\x00\x00\x00\x00\x29"), header("kafka_dlt-exception-message", "warehouse is away")}
	for name, test := range map[string]struct {
		value   string
		headers []wire.Header
	}{
		"JSON":        {value: text},
		"framed JSON": {value: "\x00\x00\x00\x00\x07" + text},
		"protobuf":    {value: "\x00\x00\x00\x00\x01\x00\x08", headers: ids},
		"no value":    {headers: ids},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			record := &kafka.Record{Topic: "bare-dlt", Key: []byte("ord_81"), Timestamp: written}
			if test.value != "" {
				record.Value = []byte(test.value)
			}
			record.Headers = append(append([]wire.Header{header("event-id", eventID), header("event-type", "OrderPlaced")}, test.headers...), own...)
			e := eventtrace.Envelopes(kinds)(record)
			want := eventtrace.Event{EventID: eventID, CorrelationID: correlation, SessionID: session, EventType: deadletter.EventType, Timestamp: written, Payload: e.Payload}
			if diff := cmp.Diff(want, e); diff != "" {
				t.Error(diff)
			}
			letter, err := deadletter.Parse(&kafka.Record{Value: []byte(e.Payload)})
			if err != nil || letter.SourceTopic != "bare" || letter.Original.Offset != 41 || letter.Error.Message != "warehouse is away" ||
				string(letter.Original.Value) != test.value || string(letter.Original.Key) != "ord_81" {
				t.Errorf("the payload is %+v, %v", letter, err)
			}
		})
	}
	t.Run("headers at fault", func(t *testing.T) {
		t.Parallel()
		e := eventtrace.Envelopes(kinds)(&kafka.Record{Topic: "bare-dlt", Value: []byte(text), Headers: append(own[:1:1], header("kafka_dlt-original-offset", "x"))})
		if e.EventType != deadletter.EventType || !strings.Contains(e.Invalid, "kafka_dlt-original-offset") || string(e.Value) != text {
			t.Errorf("event: %+v", e)
		}
	})
	t.Run("an event put back with its letter's headers", func(t *testing.T) {
		t.Parallel()
		types := event.NewTypes(&event.EventInfo{Type: "OrderPlaced", Topic: &event.TopicInfo{Name: "bare", EventTypes: []string{"OrderPlaced", "OrderPaid"}}})
		e := eventtrace.Envelopes(kinds, eventtrace.WithTypes(types))(&kafka.Record{
			Topic: "bare", Value: []byte(text), Headers: append(own[:len(own):len(own)], header("event-type", "OrderPlaced")),
		})
		if e.EventType != "OrderPlaced" || string(e.Payload) != text {
			t.Errorf("event: %+v", e)
		}
	})
}

func TestEnvelopesReadsProtobuf(t *testing.T) {
	t.Parallel()
	record := &kafka.Record{Topic: "onex", Value: []byte{0, 0, 0, 0, 1, 0, 8}, Headers: wire.AppendCloudEvent(nil, &wire.Envelope{
		EventID: eventID, EventType: "T", CorrelationID: correlation, SessionID: session, Timestamp: time.Unix(1_760_000_000, 0),
	})}
	said := eventtrace.Event{
		EventID: eventID, EventType: "T", CorrelationID: correlation, SessionID: session, Timestamp: time.Unix(1_760_000_000, 0).UTC(),
	}
	for name, test := range map[string]struct {
		opts []eventtrace.ReaderOption
		want func(*eventtrace.Event)
	}{
		"kept as it is": {want: func(e *eventtrace.Event) { e.Value = record.Value }},
		"as JSON": {
			opts: []eventtrace.ReaderOption{eventtrace.WithProtobuf(func(_ *kafka.Record, eventType string) (jsonio.Raw, error) {
				return jsonio.Raw(`{"type":"` + eventType + `"}`), nil
			})},
			want: func(e *eventtrace.Event) { e.Payload = `{"type":"T"}` },
		},
		"that can't be read": {
			opts: []eventtrace.ReaderOption{eventtrace.WithProtobuf(func(*kafka.Record, string) (jsonio.Raw, error) {
				return "", errors.New("unknown message")
			})},
			want: func(e *eventtrace.Event) { e.Invalid, e.Value = "unknown message", record.Value },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := said
			test.want(&want)
			if diff := cmp.Diff(want, eventtrace.Envelopes(kinds, test.opts...)(record)); diff != "" {
				t.Errorf("event differs (-want +got):\n%s", diff)
			}
		})
	}
}

// FuzzEnvelopes looks for records that a store would refuse or the reader fails on.
func FuzzEnvelopes(f *testing.F) {
	f.Add("onex", "T", []byte(`{"correlation_id":"`+correlation+`","event_type":"T","payload":{}}`))
	f.Add("hooks", "", []byte(`{"event_type":"a.b","payload":{}}`))
	f.Add("bare", "DeadLetterEvent", []byte(`{"original_event":{"payload":{"session_id":"`+session+`"}},"error":{}}`))
	f.Add("bare", "\xff\x00", []byte("\x00\x00\x00\x00\x01{}"))
	f.Fuzz(func(t *testing.T, topic, eventType string, value []byte) {
		e := eventtrace.Envelopes(kinds)(&kafka.Record{
			Topic: topic, Value: value, Headers: []wire.Header{{Key: "event-type", Value: []byte(eventType)}},
		})
		if e.Payload != "" {
			if _, err := jsonio.AppendRaw(nil, e.Payload); err != nil {
				t.Errorf("payload %q: %v", e.Payload, err)
			}
		} else if string(e.Value) != string(value) {
			t.Errorf("neither a payload nor the value: %+v", e)
		}
		for _, id := range []string{e.EventID, e.CorrelationID, e.SessionID} {
			if id != "" && len(id) != 36 {
				t.Errorf("id %q", id)
			}
		}
	})
}
