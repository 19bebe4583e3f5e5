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
// headers that repeat, the newest counts: a letter that died again has those of both times.
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
	stack                    []string
	retries                  string // counts retries, and so many more than those:
	beyondRetries            int64
	prepends                 bool // its headers stand before those that the record has, so that the first is the newest, else the last
	viaTopics                bool // a letter comes through topics of retries: where the original stood, its oldest headers say
	keepsTime                bool // its record has the original's time, so that nothing says when the letter was written
	// own are its other headers, and prefixes those that begin all its headers: they are not the original's.
	own, prefixes []string
	// bare says that it does not copy the original's headers, nor, if it isn't told to, key and value.
	bare bool
}

// The headers of systems that have two dialects: a letter of one may have been through the other, too.
var (
	springPrefixes   = []string{"kafka_dlt-", "kafka_original-", "kafka_exception-", "kafka_key-exception-", "retry_topic-", "springDeserializerException"}
	springOwn        = []string{"kafka_deliveryAttempt", "kafka_listenerInfo"} // what a listener's container tells it
	smallryePrefixes = []string{"delayed-retry-", "deserialization-failure-"}
	smallryeOwn      = []string{ // dead-letter- alone begins headers of ours
		"dead-letter-topic", "dead-letter-partition", "dead-letter-offset", "dead-letter-reason", "dead-letter-cause",
		"dead-letter-exception-class-name", "dead-letter-cause-class-name",
	}
)

// dialects has the names that are recognised, by system.
var dialects = []dialect{
	{
		system: "Kafka share groups", docs: "https://cwiki.apache.org/confluence/display/KAFKA/KIP-1191%3A+Dead-letter+queues+for+share+groups",
		topic: "__dlq.errors.topic", partition: "__dlq.errors.partition", offset: "__dlq.errors.offset", group: "__dlq.errors.group",
		message: []string{"__dlq.errors.message"}, retries: "__dlq.errors.delivery.count", beyondRetries: 1, prefixes: []string{"__dlq.errors."}, bare: true,
	},
	{
		system: "Spring for Apache Kafka", docs: springDocs,
		topic: "kafka_dlt-original-topic", partition: "kafka_dlt-original-partition", offset: "kafka_dlt-original-offset", binary: true,
		group:     "kafka_dlt-original-consumer-group",
		errorType: []string{"kafka_dlt-exception-cause-fqcn", "kafka_dlt-exception-fqcn", "kafka_dlt-key-exception-fqcn"},
		message:   []string{"kafka_dlt-exception-message", "kafka_dlt-key-exception-message"},
		stack:     []string{"kafka_dlt-exception-stacktrace", "kafka_dlt-key-exception-stacktrace"},
		prefixes:  springPrefixes, own: springOwn,
	},
	{
		// By its retry topics. Their attempts are deliveries and, as it would be on a further topic, the next.
		system: "Spring for Apache Kafka", docs: springDocs,
		topic: "kafka_original-topic", partition: "kafka_original-partition", offset: "kafka_original-offset", binary: true,
		group:     "kafka_dlt-original-consumer-group",
		errorType: []string{"kafka_exception-cause-fqcn", "kafka_exception-fqcn", "kafka_key-exception-fqcn"},
		message:   []string{"kafka_exception-message", "kafka_key-exception-message"},
		stack:     []string{"kafka_exception-stacktrace", "kafka_key-exception-stacktrace"},
		retries:   "retry_topic-attempts", beyondRetries: 2, prefixes: springPrefixes, own: springOwn,
	},
	{
		system: "Kafka Connect", docs: "https://kafka.apache.org/documentation/#connect_errorreporting",
		topic: "__connect.errors.topic", partition: "__connect.errors.partition", offset: "__connect.errors.offset",
		group: "__connect.errors.connector.name", groupPrefix: "connect-",
		errorType: []string{"__connect.errors.exception.class.name"}, message: []string{"__connect.errors.exception.message"},
		stack: []string{"__connect.errors.exception.stacktrace"}, keepsTime: true, prefixes: []string{"__connect.errors."},
	},
	{
		system: "SmallRye Reactive Messaging", docs: smallryeDocs,
		topic: "dead-letter-topic", partition: "dead-letter-partition", offset: "dead-letter-offset",
		// Not the cause's: the message is the failure's, and where a letter died again, only the older failure may have had a cause.
		errorType: []string{"dead-letter-exception-class-name"}, message: []string{"dead-letter-reason"},
		prepends: true, prefixes: smallryePrefixes, own: smallryeOwn,
	},
	{
		system: "SmallRye Reactive Messaging", docs: smallryeDocs,
		topic: "delayed-retry-topic", partition: "delayed-retry-partition", offset: "delayed-retry-offset", viaTopics: true,
		errorType: []string{"delayed-retry-exception-class-name"}, message: []string{"delayed-retry-reason"}, retries: "delayed-retry-count",
		prepends: true, prefixes: smallryePrefixes, own: smallryeOwn,
	},
	{
		system: "Watermill", docs: "https://watermill.io/docs/middlewares/",
		topic: "topic_poisoned", message: []string{"reason_poisoned"},
		own: []string{"topic_poisoned", "reason_poisoned", "handler_poisoned", "subscriber_poisoned"},
	},
}

const (
	springDocs   = "https://docs.spring.io/spring-kafka/api/org/springframework/kafka/support/KafkaHeaders.html"
	smallryeDocs = "https://smallrye.io/smallrye-reactive-messaging/latest/kafka/receiving-kafka-records/"
)

// Systems are the others whose dead letters are read, by name, and where their headers are described.
func Systems() map[string]string {
	all := map[string]string{}
	for _, d := range dialects {
		all[d.system] = d.docs
	}
	return all
}

// System is the name of the system that wrote a record as a dead letter, by the headers of its own; empty where none did.
func System(r *event.Record) string {
	for i := range dialects {
		if in := &dialects[i]; len(in.place(r, in.topic)) > 0 {
			return in.system
		}
	}
	return ""
}

// read returns nil for what is no letter of the dialect.
func (in *dialect) read(r *event.Record) (*DeadLetter, error) {
	topic := in.place(r, in.topic)
	if len(topic) == 0 {
		return nil, nil
	}
	d := &DeadLetter{
		Original:    Original{Key: r.Key, Value: r.Value, Partition: -1, Offset: -1},
		SourceTopic: string(topic), ConsumerGroup: in.text(r, in.group),
		Error: Error{Type: in.text(r, in.errorType...), Message: in.text(r, in.message...), StackTrace: in.text(r, in.stack...)},
	}
	if !in.keepsTime {
		d.Timestamp, d.Error.Timestamp = r.Timestamp, r.Timestamp
	}
	if d.ConsumerGroup != "" {
		d.ConsumerGroup = in.groupPrefix + d.ConsumerGroup
	}
	partition, offset, err := int64(-1), int64(-1), error(nil)
	if partition, err = in.number(in.partition, in.place(r, in.partition), 4); err == nil {
		offset, err = in.number(in.offset, in.place(r, in.offset), 8)
	}
	if err != nil {
		return nil, fmt.Errorf("dead letter of %s: %w", in.system, err)
	}
	if partition >= 0 && partition <= math.MaxInt32 && offset >= 0 {
		d.Original.Partition, d.Original.Offset = int32(partition), offset
	}
	if n, err := in.number(in.retries, in.newest(r, in.retries), 4); err == nil {
		d.RetryCount = int(min(max(n, in.beyondRetries)-in.beyondRetries, math.MaxInt32))
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

// newest is the value of the newest header with the name.
func (in *dialect) newest(r *event.Record, name string) []byte {
	return find(r.Headers, name, in.prepends)
}

// place is the value of the header with the name that says where the original stood.
func (in *dialect) place(r *event.Record, name string) []byte {
	return find(r.Headers, name, in.prepends != in.viaTopics)
}

// find returns nil where there is no such header.
func find(headers []wire.Header, name string, first bool) (value []byte) {
	for _, h := range headers {
		if h.Key != name || name == "" {
			continue
		}
		if value = h.Value; first {
			break
		}
	}
	return value
}

// text is the first header that says something.
func (in *dialect) text(r *event.Record, names ...string) string {
	for _, name := range names {
		if value := in.newest(r, name); len(value) > 0 {
			return strings.ToValidUTF8(string(value), "\uFFFD")
		}
	}
	return ""
}

// number reads the value of a header, in size bytes where numbers are binary. It is -1 where the header is not there.
func (in *dialect) number(name string, value []byte, size int) (int64, error) {
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

// tellingPrefixes begin the names of headers in which other systems keep what could not be read, or why.
var tellingPrefixes = []string{"springDeserializerException", "deserialization-failure-", "dead-letter-cause", "delayed-retry-cause"}

// TellsContent says whether a header of a dead letter, as written here or by one of the [Systems], has something of the event in it,
// or of the error's text, which may quote it. Who hides what is sensitive hides its value.
func TellsContent(header string) bool {
	if header == HeaderKey || slices.ContainsFunc(tellingPrefixes, func(p string) bool { return strings.HasPrefix(header, p) }) {
		return true
	}
	return slices.ContainsFunc(dialects, func(d dialect) bool {
		return slices.Contains(d.message, header) || slices.Contains(d.stack, header)
	})
}
