package deadletter_test

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/wire"
)

// foreignLetters are records as other systems write them, made by hand from what these document and what their sources write, so that
// each meets every kind of original. TestRecordedLetters has those that the systems wrote.
func foreignLetters() map[string]struct {
	own  []wire.Header
	want deadletter.DeadLetter
} {
	text := func(pairs ...string) []wire.Header {
		var headers []wire.Header
		for i := 0; i < len(pairs); i += 2 {
			headers = append(headers, wire.Header{Key: pairs[i], Value: []byte(pairs[i+1])})
		}
		return headers
	}
	number := func(name string, value []byte) wire.Header { return wire.Header{Key: name, Value: value} }
	type entry = struct {
		own  []wire.Header
		want deadletter.DeadLetter
	}
	letter := func(group, errorType, message, stack string, partition int32, offset int64) deadletter.DeadLetter {
		return deadletter.DeadLetter{
			SourceTopic: "orders", ConsumerGroup: group, Original: deadletter.Original{Partition: partition, Offset: offset},
			Error: deadletter.Error{Type: errorType, Message: message, StackTrace: stack},
		}
	}
	share := letter("billing", "", "Offset rejected by client.", "", 2, 41)
	share.RetryCount, share.Original.Partial = 4, true
	return map[string]entry{
		"Kafka share groups": {text("__dlq.errors.topic", "orders", "__dlq.errors.partition", "2", "__dlq.errors.offset", "41", "__dlq.errors.group", "billing",
			"__dlq.errors.delivery.count", "5", "__dlq.errors.message", "Offset rejected by client."), share},
		"Spring for Apache Kafka": {append(text("kafka_dlt-original-topic", "orders", "kafka_dlt-original-consumer-group", "billing",
			"kafka_dlt-original-timestamp-type", "CreateTime", "kafka_dlt-exception-fqcn", "org.springframework.kafka.listener.ListenerExecutionFailedException",
			"kafka_dlt-exception-cause-fqcn", "java.lang.IllegalStateException", "kafka_dlt-exception-message", "Listener failed; warehouse is away",
			"kafka_dlt-exception-stacktrace", "java.lang.IllegalStateException\n\tat a.B.c"),
			number("kafka_dlt-original-partition", binary.BigEndian.AppendUint32(nil, 2)), number("kafka_dlt-original-offset", binary.BigEndian.AppendUint64(nil, 41)),
			number("kafka_dlt-original-timestamp", binary.BigEndian.AppendUint64(nil, 1737023577742)), number("retry_topic-attempts", []byte{0, 0, 0, 3})),
			letter("billing", "java.lang.IllegalStateException", "Listener failed; warehouse is away", "java.lang.IllegalStateException\n\tat a.B.c", 2, 41)},
		"Kafka Connect": {text("__connect.errors.topic", "orders", "__connect.errors.partition", "2", "__connect.errors.offset", "41",
			"__connect.errors.connector.name", "sink", "__connect.errors.task.id", "0", "__connect.errors.stage", "VALUE_CONVERTER",
			"__connect.errors.class.name", "org.apache.kafka.connect.json.JsonConverter", "__connect.errors.exception.class.name", "org.apache.kafka.connect.errors.DataException",
			"__connect.errors.exception.message", "no schema", "__connect.errors.exception.stacktrace", "org.apache.kafka…"),
			letter("connect-sink", "org.apache.kafka.connect.errors.DataException", "no schema", "org.apache.kafka…", 2, 41)},
		"SmallRye Reactive Messaging": {text("dead-letter-exception-class-name", "java.lang.RuntimeException", "dead-letter-reason", "Something went wrong",
			"dead-letter-cause", "the network", "dead-letter-cause-class-name", "java.io.IOException",
			"dead-letter-topic", "orders", "dead-letter-partition", "2", "dead-letter-offset", "41"),
			letter("", "java.lang.RuntimeException", "Something went wrong", "", 2, 41)},
		"Watermill": {text("topic_poisoned", "orders", "reason_poisoned", "warehouse is away", "handler_poisoned", "bill", "subscriber_poisoned", "kafka.Subscriber"),
			letter("", "", "warehouse is away", "", -1, -1)},
	}
}

// TestForeignLetters reads what other systems write: key, value and headers are the original's, less the system's own.
func TestForeignLetters(t *testing.T) {
	t.Parallel()
	original := []wire.Header{{Key: "event-id", Value: []byte("0199")}, {Key: "binary", Value: []byte{0xff}}, {Key: "attempt", Value: []byte("2")}, {Key: "null"}}
	for system, c := range foreignLetters() {
		t.Run(system, func(t *testing.T) {
			t.Parallel()
			if deadletter.Systems()[system] == "" {
				t.Error("it is not among the systems")
			}
			for name, value := range map[string][]byte{"an envelope": []byte(envelope), "bytes": {0xff, 0}, "nothing": nil, "another letter's shape": []byte(`{"error":"x","payload":{}}`)} {
				r := &event.Record{Topic: "orders_dlq", Key: []byte{0xfe}, Value: value, Headers: append(original[:2:2], append(c.own, original[2:]...)...), Timestamp: at}
				want := c.want
				want.Original.Key, want.Original.Value, want.Original.Headers = r.Key, r.Value, original
				if want.Attempt = 2; system != "Kafka Connect" { // whose letters have the original's time
					want.Timestamp, want.Error.Timestamp = at, at
				}
				got, err := deadletter.Parse(r)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(&want, got); diff != "" {
					t.Errorf("%s: %s", name, diff)
				}
			}
		})
	}
}

// TestForeignLettersThatAreBroken are refused, with the header at fault, and not taken for a letter of ours.
func TestForeignLettersThatAreBroken(t *testing.T) {
	t.Parallel()
	for header, value := range map[string]string{
		"kafka_dlt-original-partition": "2", "kafka_dlt-original-offset": "41", "__connect.errors.offset": "x", "dead-letter-partition": "",
	} {
		topic := map[byte]string{'k': "kafka_dlt-original-topic", '_': "__connect.errors.topic", 'd': "dead-letter-topic"}[header[0]]
		r := &event.Record{Value: []byte(envelope), Headers: []wire.Header{{Key: topic, Value: []byte("orders")}, {Key: header, Value: []byte(value)}}}
		if d, err := deadletter.Parse(r); err == nil || !strings.Contains(err.Error(), header) {
			t.Errorf("%s %q: %+v, %v", header, value, d, err)
		}
	}
}

// TestKeyOfAFlatLetter is the record's.
func TestKeyOfAFlatLetter(t *testing.T) {
	t.Parallel()
	d, err := deadletter.Parse(&event.Record{Key: []byte("k"), Value: []byte(`{"error":"boom","payload":{}}`)})
	if err != nil || string(d.Original.Key) != "k" {
		t.Errorf("%+v, %v", d, err)
	}
}

// FuzzParseRecord holds any record to what readers rely on: an error or a letter whose original has no header of the system's own, and
// which is read again as it was once it is written in our shape.
func FuzzParseRecord(f *testing.F) {
	for _, c := range foreignLetters() {
		for _, h := range c.own {
			f.Add([]byte(envelope), c.own[0].Key, c.own[0].Value, h.Key, h.Value)
		}
	}
	for _, r := range recorded(f) {
		for i := 1; i < len(r.Headers); i++ {
			f.Add(r.Value, r.Headers[i-1].Key, r.Headers[i-1].Value, r.Headers[i].Key, r.Headers[i].Value)
		}
	}
	f.Add(sample().AppendJSON(nil), "event-id", []byte("0199"), "attempt", []byte("4"))
	f.Fuzz(func(t *testing.T, value []byte, name1 string, value1 []byte, name2 string, value2 []byte) {
		r := &event.Record{Topic: "t", Key: []byte("k"), Value: value, Headers: []wire.Header{{Key: name1, Value: value1}, {Key: name2, Value: value2}}, Timestamp: at}
		d, err := deadletter.Parse(r)
		if err != nil {
			return
		}
		if d.Original.Partition < -1 || d.Original.Offset < -1 || d.RetryCount < 0 || d.Attempt < 0 {
			t.Errorf("%+v", d)
		}
		again, err := parse(d.AppendJSON(nil), d.Headers()...)
		if err != nil {
			t.Fatalf("%+v can't be read again: %v", d, err)
		}
		if again.SourceTopic != strings.ToValidUTF8(d.SourceTopic, "\uFFFD") {
			t.Errorf("from topic %q, then from %q", d.SourceTopic, again.SourceTopic)
		}
	})
}
