package deadletter_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/wire"
)

// recorded are records that other systems wrote, by name. Each file of testdata/recorded says which version wrote it and how: a broker, or
// a library's own classes, given a record and a failure, before a producer that kept what it was to send. Values that aren't text are
// base64, and a null is left out. A record without a time gets that of its producer.
func recorded(t testing.TB) map[string]*event.Record {
	t.Helper()
	files, err := filepath.Glob("testdata/recorded/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	records := map[string]*event.Record{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var in struct {
			Writer, Topic string
			Key, Value    *string
			KeyBase64     []byte `json:"key_base64"`
			Timestamp     int64  // in milliseconds of Unix time
			Headers       []struct {
				Key         string
				Value       *string
				ValueBase64 []byte `json:"value_base64"`
			}
		}
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&in); err != nil || in.Writer == "" {
			t.Fatalf("%s: written by %q: %v", file, in.Writer, err)
		}
		bytesOf := func(text *string, base64 []byte) []byte {
			if text != nil {
				return []byte(*text)
			}
			return base64
		}
		r := &event.Record{Topic: in.Topic, Key: bytesOf(in.Key, in.KeyBase64), Value: bytesOf(in.Value, nil), Timestamp: at}
		if in.Timestamp != 0 {
			r.Timestamp = time.UnixMilli(in.Timestamp).UTC()
		}
		for _, h := range in.Headers {
			r.Headers = append(r.Headers, wire.Header{Key: h.Key, Value: bytesOf(h.Value, h.ValueBase64)})
		}
		records[strings.TrimSuffix(filepath.Base(file), ".json")] = r
	}
	return records
}

// TestRecordedLetters reads what the writers of other systems wrote. Of a letter that died again, the place is where it died last; of one
// that went through topics of retries, where it stood before those.
func TestRecordedLetters(t *testing.T) {
	t.Parallel()
	const complete, short = `{"total": 4200}`, `{"total": 4200` // which no JSON parser takes
	headers := []wire.Header{{Key: "event-id", Value: []byte("0199")}, {Key: "trace", Value: []byte{0xff, 0}}, {Key: "none"}}
	original := func(value string, partition int32, offset int64) deadletter.Original {
		return deadletter.Original{Key: []byte("ord_81"), Value: []byte(value), Headers: headers, Partition: partition, Offset: offset}
	}
	bare := func(value string, offset int64) deadletter.Original { // without key and headers
		return deadletter.Original{Value: []byte(value), Offset: offset}
	}
	const illegalState, listener = "java.lang.IllegalStateException", "org.springframework.kafka.listener.ListenerExecutionFailedException: Listener failed\n\tat "
	const deserialization = "org.springframework.kafka.support.serializer.DeserializationException"
	undated := func(d deadletter.DeadLetter) deadletter.DeadLetter {
		d.Timestamp, d.Error.Timestamp = time.Time{}, time.Time{}
		return d
	}
	letter := func(topic, group, errorType, message, stack string, o deadletter.Original) deadletter.DeadLetter {
		return deadletter.DeadLetter{
			SourceTopic: topic, ConsumerGroup: group, Timestamp: at, Original: o,
			Error: deadletter.Error{Type: errorType, Message: message, StackTrace: stack, Timestamp: at},
		}
	}
	retried := func(d deadletter.DeadLetter) deadletter.DeadLetter {
		d.RetryCount = 2
		return d
	}
	share := func(group, message string, retries int, millis int64, o deadletter.Original) deadletter.DeadLetter {
		d := letter("orders", group, "", message, "", o)
		d.Timestamp, d.RetryCount = time.UnixMilli(millis).UTC(), retries
		d.Error.Timestamp, d.Original.Partition, d.Original.Headers, d.Original.Partial = d.Timestamp, 2, nil, true // headers aren't copied
		return d
	}
	const rejected, tooOften = "Offset rejected by client.", "Offset delivery count exceeded the threshold."
	binaryKey := original(complete, 1, 8)
	binaryKey.Key = []byte{0xfe, 1}
	wants := map[string]deadletter.DeadLetter{ // a stack trace as it begins
		"spring-listener":          letter("orders", "billing", illegalState, "Listener failed; warehouse is away", listener, original(complete, 2, 41)),
		"spring-twice":             letter("orders-dlt", "billing-dlt", "java.lang.IllegalArgumentException", "Listener failed; ", listener, original(complete, 0, 3)),
		"spring-value-without-key": letter("orders", "billing", deserialization, "failed to deserialize", deserialization+": failed to deserialize\n\tat ", bare(short, 7)),
		"spring-key-retained":      letter("orders", "billing", deserialization, "failed to deserialize", deserialization+": failed to deserialize\n\tat ", binaryKey),
		"spring-retry-topics":      retried(letter("orders", "billing", illegalState, "Listener failed; warehouse is away, 3", listener, original(complete, 2, 41))),
		"connect-value-converter": undated(letter("orders", "connect-warehouse", "org.apache.kafka.connect.errors.DataException",
			"Converting byte[] to Kafka Connect data failed due to serialization error: ", "org.apache.kafka.connect.errors.DataException: Converting byte[]", original(short, 2, 41))),
		"connect-put-without-key-and-message": undated(letter("orders", "connect-warehouse", "java.lang.NullPointerException", "",
			"java.lang.NullPointerException\n\tat ", bare(complete, 7))),
		"connect-twice": undated(letter("orders-dlq", "connect-warehouse", "org.apache.kafka.connect.errors.ConnectException", "warehouse is away",
			"org.apache.kafka.connect.errors.ConnectException: warehouse is away\n\tat ", original(short, 0, 3))),
		"smallrye-queue":                       letter("orders", "", illegalState, "warehouse is away", "", original(complete, 2, 41)),
		"smallrye-queue-without-key-and-cause": letter("orders", "", "java.lang.NullPointerException", "java.lang.NullPointerException", "", bare(complete, 7)),
		"smallrye-queue-twice":                 letter("dead-letter-topic-orders", "", "java.lang.IllegalArgumentException", "still away", "", original(complete, 0, 3)),
		"smallrye-queue-not-deserialized":      letter("orders", "", "java.lang.NullPointerException", "no order", "", original(complete, 2, 42)),
		"smallrye-delayed-retry-topics":        retried(letter("orders", "", illegalState, "warehouse is away, 3", "", original(complete, 2, 41))),
		"share-rejected":                       share("billing", rejected, 0, 1795923603562, deadletter.Original{}),
		"share-delivered-too-often":            share("billing", tooOften, 1, 1795923603642, deadletter.Original{Offset: 1}),
		"share-copied":                         share("billing-copies", rejected, 0, 1795923611528, original(complete, 2, 0)),
		"share-copied-without-key":             share("billing-copies", tooOften, 1, 1795923611670, bare(short, 1)),
		"watermill": letter("orders", "", "", "warehouse is away", "", deadletter.Original{
			Value: []byte(`{"n":1}`), Partition: -1, Offset: -1,
			Headers: []wire.Header{{Key: "_watermill_message_uuid", Value: []byte("8f1ee3d0-5a0b-5b52-9e0c-3a6f1f2c7d41")}, headers[0]}, // all its records have one
		}),
	}
	records := recorded(t)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(wants)), slices.Sorted(maps.Keys(records))); diff != "" {
		t.Errorf("files: %s", diff)
	}
	for name, r := range records {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := wants[name]
			got, err := deadletter.Parse(r)
			if err != nil {
				t.Fatal(err)
			}
			stack := want.Error.StackTrace
			if !strings.HasPrefix(got.Error.StackTrace, stack) || stack == "" && got.Error.StackTrace != "" {
				t.Errorf("stack trace %q, not %q…", got.Error.StackTrace, stack)
			}
			want.Error.StackTrace = got.Error.StackTrace
			if diff := cmp.Diff(&want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
