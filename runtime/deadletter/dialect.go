package deadletter

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/wire"
)

// dialect is how another system writes dead letters: the original's record, key and value as they were, with headers of its own. Of
// headers that repeat, the last counts: a letter that died again has those of both times.
type dialect struct {
	system string
	docs   string // where its headers are described
	// Where the original stood. A record with the topic's header is a letter of the system.
	topic, partition, offset string
	binary                   bool // numbers are big-endian, else decimal
	group                    string
	groupPrefix              string   // of the group's name, before what the header says
	errorType                []string // the first that is there counts
	message                  []string
	stack                    string
	retries                  string
	// own are its other headers, and prefixes those that begin all its headers: they are not the original's.
	own, prefixes []string
	// bare says that it does not copy the original's headers, nor, if it isn't told to, key and value.
	bare bool
}

// dialects has the names that are recognised, by system.
var dialects = []dialect{
	{
		system: "Kafka share groups", docs: "https://cwiki.apache.org/confluence/display/KAFKA/KIP-1191%3A+Dead-letter+queues+for+share+groups",
		topic: "__dlq.errors.topic", partition: "__dlq.errors.partition", offset: "__dlq.errors.offset", group: "__dlq.errors.group",
		message: []string{"__dlq.errors.message"}, retries: "__dlq.errors.delivery.count", prefixes: []string{"__dlq.errors."}, bare: true,
	},
	{
		system: "Spring for Apache Kafka", docs: "https://docs.spring.io/spring-kafka/api/org/springframework/kafka/support/KafkaHeaders.html",
		topic: "kafka_dlt-original-topic", partition: "kafka_dlt-original-partition", offset: "kafka_dlt-original-offset", binary: true,
		group:     "kafka_dlt-original-consumer-group",
		errorType: []string{"kafka_dlt-exception-cause-fqcn", "kafka_dlt-exception-fqcn", "kafka_dlt-key-exception-fqcn"},
		message:   []string{"kafka_dlt-exception-message", "kafka_dlt-key-exception-message"},
		stack:     "kafka_dlt-exception-stacktrace", prefixes: []string{"kafka_dlt-"},
		// Of its retry topics, which a letter has been through.
		own: []string{"retry_topic-attempts", "retry_topic-original-timestamp", "retry_topic-backoff-timestamp"},
	},
	{
		system: "Kafka Connect", docs: "https://kafka.apache.org/documentation/#connect_errorreporting",
		topic: "__connect.errors.topic", partition: "__connect.errors.partition", offset: "__connect.errors.offset",
		group: "__connect.errors.connector.name", groupPrefix: "connect-",
		errorType: []string{"__connect.errors.exception.class.name"}, message: []string{"__connect.errors.exception.message"},
		stack: "__connect.errors.exception.stacktrace", prefixes: []string{"__connect.errors."},
	},
	{
		system: "SmallRye Reactive Messaging", docs: "https://smallrye.io/smallrye-reactive-messaging/latest/kafka/receiving-kafka-records/",
		topic: "dead-letter-topic", partition: "dead-letter-partition", offset: "dead-letter-offset",
		errorType: []string{"dead-letter-cause-class-name", "dead-letter-exception-class-name"}, message: []string{"dead-letter-reason", "dead-letter-cause"},
		own: []string{
			"dead-letter-topic", "dead-letter-partition", "dead-letter-offset", "dead-letter-reason", "dead-letter-cause",
			"dead-letter-exception-class-name", "dead-letter-cause-class-name",
		},
	},
	{
		system: "Watermill", docs: "https://watermill.io/docs/middlewares/",
		topic: "topic_poisoned", message: []string{"reason_poisoned"},
		own: []string{"topic_poisoned", "reason_poisoned", "handler_poisoned", "subscriber_poisoned"},
	},
}

// Systems are the others whose dead letters are read, by name, and where their headers are described.
func Systems() map[string]string {
	all := map[string]string{}
	for _, d := range dialects {
		all[d.system] = d.docs
	}
	return all
}

// read returns nil for what is no letter of the dialect.
func (in *dialect) read(r *event.Record) (*DeadLetter, error) {
	topic := in.last(r, in.topic)
	if len(topic) == 0 {
		return nil, nil
	}
	d := &DeadLetter{
		Original:    Original{Key: r.Key, Value: r.Value, Partition: -1, Offset: -1},
		SourceTopic: string(topic), ConsumerGroup: in.text(r, in.group), Timestamp: r.Timestamp,
		Error: Error{Type: in.text(r, in.errorType...), Message: in.text(r, in.message...), StackTrace: in.text(r, in.stack), Timestamp: r.Timestamp},
	}
	if d.ConsumerGroup != "" {
		d.ConsumerGroup = in.groupPrefix + d.ConsumerGroup
	}
	partition, offset, err := int64(-1), int64(-1), error(nil)
	if partition, err = in.number(r, in.partition, 4); err == nil {
		offset, err = in.number(r, in.offset, 8)
	}
	if err != nil {
		return nil, fmt.Errorf("dead letter of %s: %w", in.system, err)
	}
	if partition >= 0 && partition <= math.MaxInt32 && offset >= 0 {
		d.Original.Partition, d.Original.Offset = int32(partition), offset
	}
	if n, err := strconv.Atoi(in.text(r, in.retries)); err == nil && n > 0 {
		d.RetryCount = n - 1 // deliveries
	}
	for _, h := range r.Headers {
		if !in.isOwn(h.Key) {
			d.Original.Headers = append(d.Original.Headers, h)
		}
	}
	d.Original.Partial = in.bare && d.Original.Offset >= 0
	if n, err := strconv.Atoi(d.Original.Header(wire.HeaderAttempt)); err == nil && n > 0 {
		d.Attempt = n
	}
	return d, nil
}

func (in *dialect) isOwn(name string) bool {
	return slices.Contains(in.own, name) || slices.ContainsFunc(in.prefixes, func(p string) bool { return strings.HasPrefix(name, p) })
}

func (in *dialect) last(r *event.Record, name string) []byte {
	for i := len(r.Headers) - 1; i >= 0 && name != ""; i-- {
		if r.Headers[i].Key == name {
			return r.Headers[i].Value
		}
	}
	return nil
}

// text is the first header that says something.
func (in *dialect) text(r *event.Record, names ...string) string {
	for _, name := range names {
		if value := in.last(r, name); len(value) > 0 {
			return strings.ToValidUTF8(string(value), "\uFFFD")
		}
	}
	return ""
}

// number is -1 where the header is not there.
func (in *dialect) number(r *event.Record, name string, size int) (int64, error) {
	value := in.last(r, name)
	switch {
	case value == nil:
		return -1, nil
	case in.binary && len(value) != size:
		return 0, fmt.Errorf("header %s has %d bytes, not %d", name, len(value), size)
	case in.binary && size == 4:
		return int64(int32(binary.BigEndian.Uint32(value))), nil
	case in.binary:
		return int64(binary.BigEndian.Uint64(value)), nil
	}
	n, err := strconv.ParseInt(string(value), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("header %s: %q is no number", name, value)
	}
	return n, nil
}
