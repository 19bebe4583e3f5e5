package deadletter

import (
	"bytes"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/runtime/wire"
)

// EventType is the event type of a dead letter, in its `event-type` header.
const EventType = "DeadLetterEvent"

// MaxBytes bounds the record of a dead letter before compression; what a broker takes is the topic's own limit.
const MaxBytes = 64 << 20

// The headers of a dead letter's record.
const (
	HeaderEventID     = "event-id"            // the original's
	HeaderEventType   = "event-type"          // EventType
	HeaderContentType = "content-type"        // application/json
	HeaderTraceparent = "traceparent"         // the original's, where it has one
	HeaderError       = "dead-letter-error"   // Error.Type
	HeaderAttempt     = wire.HeaderAttempt    // how often the event was replayed, decimal
	HeaderKey         = "original-key"        // the original's key, only where it isn't text
	HeaderOmitted     = "original-value-size" // in bytes, only where the value was too large to be kept
	// Where the original is a batch of records that was too large to be opened: the offset of its first record, while the
	// letter has that of its last; and the digest of its records as they stand in the log, in hex.
	HeaderFirstOffset = "original-first-offset"
	HeaderSHA256      = "original-sha256"
	// Where the original is a request, or may be one, and the group is one that answers it: the event types of the responses
	// that its caller waits for in vain, with commas between them.
	HeaderUnanswered = "unanswered"
	HeaderLeftOut    = "dead-letter-omitted" // what was too large to be kept, for people, such as `stack trace (9000 bytes)`
	HeaderTopicID    = "original-topic-id"   // the id of the log that the original stands in, a UUID: a topic made anew has another
	// Where the original has not failed, and was not handled, as its key is held: the dead letter that it waits behind, topic/partition/offset.
	HeaderHeldBehind = "held-behind"
)

// HeldKey is the Error.Type of a letter that has HeldBehind.
const HeldKey = "HeldKey"

// DeadLetter is an event that could not be processed.
type DeadLetter struct {
	Original Original
	Error    Error
	// RetryCount says how often the event was tried again before it was given up, MaxRetries how often it could have
	// been.
	RetryCount, MaxRetries int
	// Timestamp is when the dead letter was written; zero when it doesn't say.
	Timestamp time.Time
	// SourceTopic is where the original was read from and goes back to; empty when the dead letter doesn't say, as
	// the flat shape doesn't.
	SourceTopic string
	// ConsumerGroup is the group that gave up; empty when unknown.
	ConsumerGroup string
	// Attempt says how often the event has been replayed.
	Attempt int
	// Unanswered are the event types of the responses that a request's caller waits for in vain; empty: none.
	Unanswered []string
	// LeftOut says, for people, what Shrink left out; empty: nothing.
	LeftOut string
	// HeldBehind is the dead letter that the event waits behind, as topic/partition/offset: it has not failed, and was not handled, since its
	// key is held. Empty: it failed.
	HeldBehind string
}

// LogValue is what slog writes of it: where the original stands, and why it failed.
func (d DeadLetter) LogValue() slog.Value {
	return slog.GroupValue(slog.Any("original", d.Original), slog.String("source_topic", d.SourceTopic), slog.String("group", d.ConsumerGroup),
		slog.String("error_type", d.Error.Type), slog.String("error", d.Error.Message), slog.Int("retry_count", d.RetryCount))
}

// Original is the record that became a dead letter.
type Original struct {
	Key   []byte // nil: none, or unknown
	Value []byte // byte for byte but for white space around it; nil: none, or see Omitted
	// Omitted is the size of a value that was too large to be kept, in bytes. SourceTopic, Partition and Offset say
	// where it may still be read.
	Omitted int
	// Batch is what stands in the log, where a whole batch of records could not be opened: then Offset is that of its last
	// record, and Omitted the size of its records, compressed. nil: the original is a record.
	Batch     *Batch
	Headers   []wire.Header
	Partition int32 // -1: unknown
	Offset    int64 // -1: unknown
	// TopicID is the id of the log that Partition and Offset are of, a UUID; empty: unknown.
	TopicID string
	// Partial says that the letter lacks headers or the key of the original, which may still be read where it stands.
	Partial bool
}

// Format writes, for any verb, where the original stood and how much is in it: key and value may hold what is sensitive.
func (o Original) Format(s fmt.State, _ rune) {
	fmt.Fprintf(s, "%d/%d (key of %d bytes, value of %d bytes, %d headers)", o.Partition, o.Offset, len(o.Key), len(o.Value), len(o.Headers))
}

// LogValue is what slog writes of it: what Format does.
func (o Original) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(o)) }

// Batch is a batch of records as it stands in the log.
type Batch struct {
	FirstOffset int64
	SHA256      string // of its compressed records, in hex; empty where the log no longer had them
}

// Error says why an event became a dead letter.
type Error struct {
	Type       string // such as `ValidationError`; empty: unknown
	Message    string
	StackTrace string    // empty: none
	Timestamp  time.Time // when it happened; zero: unknown
}

// JSON returns the original's value where it is a JSON object, "" where it isn't.
func (o *Original) JSON() jsonio.Raw {
	if len(o.Value) == 0 || !utf8.Valid(o.Value) {
		return ""
	}
	r := jsonio.NewReader(o.Value)
	if r.Kind() != '{' {
		return ""
	}
	text := r.Raw()
	r.End()
	if r.Err() != nil {
		return ""
	}
	return text
}

// Header returns the value of the original's first header with that name, "" when there is none.
func (o *Original) Header(name string) string { return wire.HeaderValue(o.Headers, name) }

// Place is where the original stands. It says false where that is not known.
func (o *Original) Place() (wire.Place, bool) {
	return wire.Place{TopicID: o.TopicID, Partition: o.Partition, Offset: o.Offset}, o.Partition >= 0 && o.Offset >= 0
}

// Origin is where the original stood first: the place that its key's order goes by. For what is no replay that is its own place. It says
// false where it is not known.
func (o *Original) Origin() (wire.Place, bool) {
	if origin, ok := wire.OriginIn(o.Headers); ok {
		return origin, true
	}
	return o.Place()
}

// EventID is the original's event id; empty when it has none.
func (d *DeadLetter) EventID() string { return d.Original.Header(HeaderEventID) }

// Headers returns the headers that the dead letter's record carries.
func (d *DeadLetter) Headers() []wire.Header {
	headers := make([]wire.Header, 0, 8)
	add := func(name, value string) {
		if value != "" {
			headers = append(headers, wire.Header{Key: name, Value: []byte(value)})
		}
	}
	add(HeaderEventID, d.EventID())
	add(HeaderEventType, EventType)
	add(HeaderContentType, "application/json")
	add(HeaderTraceparent, d.Original.Header(HeaderTraceparent))
	add(HeaderError, d.Error.Type)
	add(HeaderAttempt, strconv.Itoa(d.Attempt))
	if d.Original.Key != nil && !utf8.Valid(d.Original.Key) {
		headers = append(headers, wire.Header{Key: HeaderKey, Value: d.Original.Key})
	}
	if d.Original.Omitted > 0 {
		add(HeaderOmitted, strconv.Itoa(d.Original.Omitted))
	}
	if b := d.Original.Batch; b != nil {
		add(HeaderFirstOffset, strconv.FormatInt(b.FirstOffset, 10))
		add(HeaderSHA256, b.SHA256)
	}
	add(HeaderUnanswered, strings.Join(d.Unanswered, ","))
	add(HeaderLeftOut, d.LeftOut)
	add(HeaderTopicID, d.Original.TopicID)
	add(HeaderHeldBehind, d.HeldBehind)
	return headers
}

// AppendJSON appends the dead letter in the nested shape. It never fails: what is not text is written as base64, and
// text that is not UTF-8 is mended where it only informs.
func (d *DeadLetter) AppendJSON(b []byte) []byte {
	original := d.Original.JSON()
	b = append(b, `{"original_event":`...)
	if original != "" {
		b = append(b, original...)
	} else {
		b = append(b, "null"...)
	}
	b = append(b, `,"error":{"error_type":`...)
	b = appendText(b, d.Error.Type)
	b = append(b, `,"error_message":`...)
	b = appendText(b, d.Error.Message)
	b = append(b, `,"stack_trace":`...)
	b = appendText(b, d.Error.StackTrace)
	b = append(b, `,"timestamp":`...)
	b = appendTime(b, d.Error.Timestamp)
	b = append(b, `},"retry_count":`...)
	b = strconv.AppendInt(b, int64(d.RetryCount), 10)
	b = append(b, `,"max_retries":`...)
	b = strconv.AppendInt(b, int64(d.MaxRetries), 10)
	b = append(b, `,"dlq_timestamp":`...)
	b = appendTime(b, d.Timestamp)
	b = append(b, `,"source_topic":`...)
	b = appendText(b, d.SourceTopic)
	b = append(b, `,"consumer_group":`...)
	b = appendText(b, d.ConsumerGroup)
	b = append(b, `,"original_key":`...)
	if key := d.Original.Key; key != nil && utf8.Valid(key) {
		b = appendText(b, string(key))
	} else {
		b = append(b, "null"...)
	}
	b = append(b, `,"original_headers":[`...)
	for i, h := range d.Original.Headers {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendHeader(b, h)
	}
	b = append(b, `],"original_partition":`...)
	b = appendPosition(b, int64(d.Original.Partition))
	b = append(b, `,"original_offset":`...)
	b = appendPosition(b, d.Original.Offset)
	if original == "" && d.Original.Value != nil {
		b = append(b, `,"original_value_base64":`...)
		b = jsonio.AppendBytes(b, d.Original.Value)
	}
	return append(b, '}')
}

func appendHeader(b []byte, h wire.Header) []byte {
	b = append(b, `{"key":`...)
	b = appendText(b, h.Key)
	switch {
	case h.Value == nil:
	case utf8.Valid(h.Value) && !bytes.ContainsRune(h.Value, 0): // databases take no JSON with a zero in its text
		b = append(b, `,"value":`...)
		b = appendText(b, string(h.Value))
	default:
		b = append(b, `,"value_base64":`...)
		b = jsonio.AppendBytes(b, h.Value)
	}
	return append(b, '}')
}

func appendText(b []byte, s string) []byte {
	b, err := jsonio.AppendString(b, strings.ToValidUTF8(s, "\uFFFD"))
	if err != nil {
		panic("deadletter: valid UTF-8 refused: " + err.Error())
	}
	return b
}

func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(b, "null"...)
	}
	if withTime, err := jsonio.AppendTime(b, t); err == nil {
		return withTime
	}
	return append(b, "null"...) // a year that RFC 3339 cannot write
}

func appendPosition(b []byte, n int64) []byte {
	if n < 0 {
		return append(b, "null"...)
	}
	return strconv.AppendInt(b, n, 10)
}
