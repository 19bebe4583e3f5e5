package deadletter_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/wire"
)

const envelope = `{"envelope_version": "1.0", "correlation_id": "550e8400-e29b-41d4-a716-446655440000", ` +
	`"payload": {"n": 9007199254740993, "f": 1.0, "e": 1e-07}}`

var at = time.Date(2025, 10, 29, 10, 30, 5, 0, time.UTC)

// parse reads a record that has these.
func parse(value []byte, headers ...wire.Header) (*deadletter.DeadLetter, error) {
	return deadletter.Parse(&event.Record{Value: value, Headers: headers})
}

func sample() *deadletter.DeadLetter {
	return &deadletter.DeadLetter{
		Original: deadletter.Original{
			Key:   []byte("550e8400"),
			Value: []byte(envelope),
			Headers: []wire.Header{
				{Key: "event-id", Value: []byte("0199")},
				{Key: "binary", Value: []byte{0xff, 0}},
				{Key: "zero", Value: []byte("\x00a")},
				{Key: "empty", Value: []byte{}},
				{Key: "null"},
			},
			Partition: 2,
			Offset:    41,
			TopicID:   "0199a5c4-0000-4000-8000-000000000001",
		},
		Error: deadletter.Error{
			Type: "ValidationError", Message: "limit: must be at most 20", StackTrace: "goroutine 1\n\tmain",
			Timestamp: at.Add(-time.Second),
		},
		RetryCount: 3, MaxRetries: 3, Timestamp: at, SourceTopic: "orders", ConsumerGroup: "billing", Attempt: 1,
	}
}

func TestShapeIsTheGuides(t *testing.T) {
	t.Parallel()
	const want = `{"original_event":` + envelope + `,"error":{"error_type":"ValidationError",` +
		`"error_message":"limit: must be at most 20","stack_trace":"goroutine 1\n\tmain","timestamp":"2025-10-29T10:30:04Z"},` +
		`"retry_count":3,"max_retries":3,"dlq_timestamp":"2025-10-29T10:30:05Z","source_topic":"orders",` +
		`"consumer_group":"billing","original_key":"550e8400","original_headers":[{"key":"event-id","value":"0199"},` +
		`{"key":"binary","value_base64":"/wA="},{"key":"zero","value_base64":"AGE="},{"key":"empty","value":""},{"key":"null"}],` +
		`"original_partition":2,"original_offset":41}`
	if diff := cmp.Diff(want, string(sample().AppendJSON(nil))); diff != "" {
		t.Error(diff)
	}
}

func TestRoundTripKeepsEveryByte(t *testing.T) {
	t.Parallel()
	cases := map[string]func(*deadletter.Original){
		"as published":          func(*deadletter.Original) {},
		"no key":                func(o *deadletter.Original) { o.Key = nil },
		"empty key":             func(o *deadletter.Original) { o.Key = []byte{} },
		"binary key":            func(o *deadletter.Original) { o.Key = []byte{0xfe, 1} },
		"no value":              func(o *deadletter.Original) { o.Value = nil },
		"empty value":           func(o *deadletter.Original) { o.Value = []byte{} },
		"not JSON":              func(o *deadletter.Original) { o.Value = []byte(`{"limit": NaN}`) },
		"cut short":             func(o *deadletter.Original) { o.Value = []byte(`{"limit": 1`) },
		"two values":            func(o *deadletter.Original) { o.Value = []byte(`{} {}`) },
		"not an object":         func(o *deadletter.Original) { o.Value = []byte(`[1, 2]`) },
		"null":                  func(o *deadletter.Original) { o.Value = []byte(`null`) },
		"a lone surrogate":      func(o *deadletter.Original) { o.Value = []byte(`{"a":"\ud800"}`) },
		"not UTF-8":             func(o *deadletter.Original) { o.Value = []byte("{\"a\":\"\xff\"}") },
		"binary":                func(o *deadletter.Original) { o.Value = []byte{0, 0, 0, 0, 7, 0, 10, 1} },
		"the same member twice": func(o *deadletter.Original) { o.Value = []byte(`{"a":1,"a":2}`) },
		"a dead letter's name":  func(o *deadletter.Original) { o.Value = []byte(`{"error":"x","original_event":{}}`) },
		"too large":             func(o *deadletter.Original) { o.Value, o.Omitted = nil, 3<<20 },
		"no headers":            func(o *deadletter.Original) { o.Headers = nil },
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := sample()
			change(&want.Original)
			text := want.AppendJSON(nil)
			if !json.Valid(text) {
				t.Fatalf("not JSON: %s", text)
			}
			got, err := parse(text, want.Headers()...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s\n%s", diff, text)
			}
		})
	}
}

func TestParseReadsEveryShape(t *testing.T) {
	t.Parallel()
	none := deadletter.Original{Partition: -1, Offset: -1}
	with := func(value string) deadletter.Original {
		o := none
		o.Value = []byte(value)
		return o
	}
	cases := map[string]struct {
		text string
		want deadletter.DeadLetter
	}{
		"the guide's nested one": {
			`{"original_event": {"correlation_id": "550e8400"}, "error": {"error_type": "ValidationError",
			 "error_message": "Invalid node_type: 'invalid'", "stack_trace": "Traceback", "timestamp": "2025-10-29T10:30:05Z"},
			 "retry_count": 3, "max_retries": 3, "dlq_timestamp": "2025-10-29 10:30:05", "source_topic": "a", "consumer_group": "g"}`,
			deadletter.DeadLetter{
				Original:   with(`{"correlation_id": "550e8400"}`),
				Error:      deadletter.Error{Type: "ValidationError", Message: "Invalid node_type: 'invalid'", StackTrace: "Traceback", Timestamp: at},
				RetryCount: 3, MaxRetries: 3, Timestamp: at, SourceTopic: "a", ConsumerGroup: "g",
			},
		},
		"the guide's flat one": {
			`{"envelope_version":"1.0","event_type":"A","payload":{"n":1.0},"error":"Connection timeout","retry_count":3,"dlq_timestamp":"2025-10-29T10:30:05Z"}`,
			deadletter.DeadLetter{
				Original:   with(`{"envelope_version":"1.0","event_type":"A","payload":{"n":1.0}}`),
				Error:      deadletter.Error{Message: "Connection timeout"},
				RetryCount: 3, Timestamp: at,
			},
		},
		"an envelope with an error": {
			`{"error":"boom","envelope_version":"1.0","payload":{}}`,
			deadletter.DeadLetter{Original: with(`{"envelope_version":"1.0","payload":{}}`), Error: deadletter.Error{Message: "boom"}},
		},
		"an envelope beside an error": {
			`{"envelope":{"payload":{}},"error":{"error_message":"boom"}}`,
			deadletter.DeadLetter{Original: with(`{"payload":{}}`), Error: deadletter.Error{Message: "boom"}},
		},
		"a service's own": {
			`{"original_topic": "a", "original_key": "k", "original_data": {"n": 1.0}, "failure_reason": "KafkaTimeoutError: no acknowledgement",
			 "failure_timestamp": "2025-10-29T10:30:05+00:00", "retry_attempts": 3}`,
			deadletter.DeadLetter{
				Original:   deadletter.Original{Key: []byte("k"), Value: []byte(`{"n": 1.0}`), Partition: -1, Offset: -1},
				Error:      deadletter.Error{Type: "KafkaTimeoutError", Message: "no acknowledgement", Timestamp: at},
				RetryCount: 3, Timestamp: at, SourceTopic: "a",
			},
		},
		"a service's own, of what was no object": {
			`{"original_data": "not {JSON", "original_topic": "a", "original_key": null, "failure_reason": "lost: no broker", "retry_attempts": null}`,
			deadletter.DeadLetter{Original: with(`not {JSON`), Error: deadletter.Error{Message: "lost: no broker"}, SourceTopic: "a"},
		},
		"nulls": {
			`{"original_event":null,"error":null,"retry_count":null,"original_key":null,"original_headers":null,"original_offset":null}`,
			deadletter.DeadLetter{Original: none},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parse([]byte(c.text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseTakesTheRestFromHeaders(t *testing.T) {
	t.Parallel()
	got, err := parse([]byte(`{"payload":{},"error":"x"}`),
		wire.Header{Key: "event-id", Value: []byte("0199")}, wire.Header{Key: "attempt", Value: []byte("4")})
	if err != nil {
		t.Fatal(err)
	}
	if got.EventID() != "0199" || got.Attempt != 4 {
		t.Errorf("got event id %q, attempt %d", got.EventID(), got.Attempt)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ text, want string }{
		"nothing":            {``, "dead letter: "},
		"not JSON":           {`{"error": NaN}`, "dead letter: "},
		"not an object":      {`[]`, "must be an object"},
		"something else":     {`{"payload":{}}`, "neither original_event, original_data nor error"},
		"an error twice":     {`{"error":"a","error":"b"}`, "error"},
		"a count in words":   {`{"error":"a","retry_count":"three"}`, "retry_count"},
		"a topic in numbers": {`{"original_topic":1,"original_data":{}}`, "neither original_event"},
		"attempts in words":  {`{"original_topic":"a","original_data":{},"retry_attempts":"three"}`, "must be"},
		"two documents":      {`{"error":"a"}{}`, "dead letter: "},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parse([]byte(c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %+v, %v, want an error with %q", got, err, c.want)
			}
		})
	}
}

func TestMessagesNeedNotBeText(t *testing.T) {
	t.Parallel()
	d := sample()
	d.Error.Message = "bad byte \xff in \x00"
	if text := d.AppendJSON(nil); !utf8.Valid(text) || !json.Valid(text) {
		t.Errorf("not JSON: %q", text)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(sample().AppendJSON(nil))
	f.Add([]byte(`{"payload":{},"error":"x","retry_count":1}`))
	f.Add([]byte(`{"envelope":{},"error":{}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := parse(text)
		if err != nil {
			return
		}
		again, err := parse(d.AppendJSON(nil), d.Headers()...)
		if err != nil {
			t.Fatalf("%q was written as %q: %v", text, d.AppendJSON(nil), err)
		}
		if !bytes.Equal(d.Original.Value, again.Original.Value) {
			t.Fatalf("value %q came back as %q", d.Original.Value, again.Original.Value)
		}
	})
}

func FuzzOriginal(f *testing.F) {
	f.Add([]byte(envelope), []byte("key"))
	f.Add([]byte(`{"a":"\ud800"}`), []byte{0xff})
	f.Fuzz(func(t *testing.T, value, key []byte) {
		d := sample()
		d.Original.Value, d.Original.Key = value, key
		again, err := parse(d.AppendJSON(nil), d.Headers()...)
		if err != nil {
			t.Fatal(err)
		}
		trimmed := bytes.Trim(value, " \t\r\n")
		if !bytes.Equal(trimmed, bytes.Trim(again.Original.Value, " \t\r\n")) || !bytes.Equal(key, again.Original.Key) {
			t.Fatalf("%q under key %q came back as %q under %q", value, key, again.Original.Value, again.Original.Key)
		}
	})
}
