package eventtrace

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/runtime/wire"
)

// Event is one record of the log, as the store keeps it.
//
// Times are in UTC and have microseconds; what is finer is cut off. Ids are UUIDs in their canonical form, or empty.
type Event struct {
	Topic string
	// TopicID tells topics of the same name apart that were deleted and made anew: a UUID, empty where it isn't known.
	TopicID   string
	Partition int32
	Offset    int64

	// EventID is the event's own id. A record without one has an id made of its place in the log ([wire.RecordID]),
	// the same however often it is read.
	EventID       string
	CorrelationID string
	SessionID     string
	// CausationID is the id of the event whose handler published this one; empty where the record does not say.
	CausationID string
	// EventType is empty when it could not be read.
	EventType string
	// Timestamp is the event's own time; the record's where the event has none.
	Timestamp time.Time
	// LogTime is the record's timestamp.
	LogTime time.Time
	// Deadline is until when the caller of a request waits for the response; zero where the record does not say.
	Deadline time.Time
	// Key is the record's key, nil for none.
	Key []byte
	// Payload is the JSON text of the payload, character for character; empty when there is none.
	Payload jsonio.Raw
	// Invalid says what is wrong with the record; empty for nothing. What could be read all the same is there.
	Invalid string
	// Value is the record's value, byte for byte, where something is wrong with it or there is no JSON payload.
	Value []byte
	// ValueBytes is how many bytes the record's value has, where that are too many for the sink to keep it ([WithLargest]); there is no payload then, and
	// no value. 0: it is kept.
	ValueBytes int64
}

// Format writes, for any verb, which event it is and how much is in it: it may hold what is sensitive.
func (e Event) Format(s fmt.State, _ rune) {
	fmt.Fprintf(s, "%s/%d/%d %s %s (key of %d bytes, payload of %d bytes, value of %d bytes)", e.Topic, e.Partition, e.Offset, e.EventType, e.EventID, len(e.Key), len(e.Payload), len(e.Value))
}

// LogValue is what slog writes of the event: what Format does.
func (e Event) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(e)) }

// MaxEventType is the longest event type that is kept, in bytes.
const MaxEventType = 255

// Validate reports what keeps the event out of a store, or nil. It does not look at the payload's JSON.
func (e *Event) Validate() error {
	switch {
	case e.Topic == "":
		return errors.New("event without a topic")
	case e.Partition < 0 || e.Offset < 0:
		return e.errorf("partition and offset must not be negative")
	case len(e.EventType) > MaxEventType:
		return e.errorf("event type of %d bytes, at most %d are kept", len(e.EventType), MaxEventType)
	case !plain(e.EventType):
		return e.errorf("event type %q is not printable text", e.EventType)
	case !plain(e.Invalid):
		return e.errorf("reason %q is not printable text", e.Invalid)
	case e.ValueBytes < 0 || e.ValueBytes > 0 && (e.Payload != "" || e.Value != nil):
		return e.errorf("value of %d bytes is kept, too, or none", e.ValueBytes)
	case e.EventID == "":
		return e.errorf("no event id")
	}
	for _, id := range [...]struct{ name, value string }{
		{"topic id", e.TopicID}, {"event id", e.EventID}, {"correlation id", e.CorrelationID}, {"session id", e.SessionID},
		{"causation id", e.CausationID},
	} {
		if id.value != "" && !canonical(id.value) {
			return e.errorf("%s %q is not a UUID in canonical form", id.name, id.value)
		}
	}
	for _, at := range [...]time.Time{e.Timestamp, e.LogTime, e.Deadline} {
		if year := at.Year(); year < 1 || year > 9999 {
			return e.errorf("time in the year %d, years 1 to 9999 are kept", year)
		}
	}
	return nil
}

func (e *Event) errorf(format string, args ...any) error {
	return fmt.Errorf("%s[%d]@%d: %s", e.Topic, e.Partition, e.Offset, fmt.Sprintf(format, args...))
}

// complete fills in what a record need not say.
func (e *Event) complete() {
	if e.EventID == "" {
		e.EventID = wire.RecordID(e.Topic, e.Partition, e.Offset)
	}
	if e.Timestamp.IsZero() {
		e.Timestamp = e.LogTime
	}
	e.Timestamp = bounded(e.Timestamp)
	e.Invalid = printable(e.Invalid)
}

// bounded returns t in UTC, cut to microseconds and to the years that are kept: a producer may send any number.
func bounded(t time.Time) time.Time {
	t = t.UTC()
	switch year := t.Year(); {
	case year < 1:
		return time.Time{}
	case year > 9999:
		return time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC)
	}
	return t.Truncate(time.Microsecond)
}

// printable replaces what no store keeps as text.
func printable(s string) string {
	if plain(s) {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// plain says whether every store can keep s as text.
func plain(s string) bool {
	return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0
}

// CheckTopicID refuses what is not a topic's id, a UUID in canonical form.
func CheckTopicID(topic, id string) error {
	if !canonical(id) {
		return fmt.Errorf("store the id of topic %s: %q is not a UUID in canonical form", topic, id)
	}
	return nil
}

// canonical says whether s is 36 characters of UUID, lower-case.
func canonical(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case '0' <= c && c <= '9', 'a' <= c && c <= 'f':
		default:
			return false
		}
	}
	return true
}

// ComparePlace orders events by topic, its id, partition and offset.
func ComparePlace(a, b Event) int {
	return cmp.Or(
		strings.Compare(a.Topic, b.Topic),
		strings.Compare(a.TopicID, b.TopicID),
		cmp.Compare(a.Partition, b.Partition),
		cmp.Compare(a.Offset, b.Offset),
	)
}
