package ops

import (
	"encoding/base64"
	"encoding/json"
	"time"
	"unicode/utf8"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/deadletter"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/wire"
)

// Peeked is one record of a topic.
type Peeked struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
	// Key is null for a record without one, and "***" where it is a field's that is sensitive.
	Key       *string `json:"key"`
	EventType string  `json:"event_type"`
	Timestamp string  `json:"timestamp"`
	// Value is the record's own JSON, number for number, with "***" for what is sensitive; null for a tombstone and for what
	// is not JSON.
	Value json.RawMessage `json:"value"`
	// ValueBase64 holds the bytes of a value that is not JSON.
	ValueBase64 string `json:"value_base64,omitempty"`
	// Headers are there where they were asked for, in their order.
	Headers []PeekedHeader `json:"headers,omitempty"`
	// Withheld says why a value is not shown: it may hold what is sensitive, or is too large to be read.
	Withheld string `json:"withheld,omitempty"`

	at time.Time
}

// PeekedHeader is a header of a record; its value is in base64 where it is not text.
type PeekedHeader struct {
	Name        string `json:"name"`
	Value       string `json:"value"`
	ValueBase64 string `json:"value_base64,omitempty"`
}

// headers are a record's headers as they are shown: those of dead letters may tell what is in the event.
func (s *shower) headers(r *kafka.Record, eventType string) []PeekedHeader {
	out := make([]PeekedHeader, len(r.Headers))
	for i, h := range r.Headers {
		out[i].Name = h.Key
		if deadletter.TellsContent(h.Key) && s.conceals(r.Topic, eventType) {
			out[i].Value = jsonio.Hidden
		} else if utf8.Valid(h.Value) {
			out[i].Value = string(h.Value)
		} else {
			out[i].ValueBase64 = base64.StdEncoding.EncodeToString(h.Value)
		}
	}
	return out
}

func (s *shower) peeked(r *kafka.Record) Peeked {
	out := Peeked{
		Topic:     r.Topic,
		Partition: r.Partition,
		Offset:    r.Offset,
		EventType: recordEventType(r, s.types),
		Timestamp: r.Timestamp.UTC().Format(time.RFC3339Nano),
		at:        r.Timestamp,
		Value:     json.RawMessage("null"),
	}
	if r.Key != nil {
		key := s.key(r.Topic, out.EventType, string(r.Key))
		out.Key = &key
	}
	if r.Oversized != nil {
		out.Withheld = r.Oversized.Error()
		return out
	}
	if r.Value == nil {
		return out
	}
	value, err := s.value(r)
	switch {
	case err == nil:
		out.Value = value
	case s.conceals(r.Topic, out.EventType):
		out.Withheld = withheld
	default:
		out.ValueBase64 = base64.StdEncoding.EncodeToString(r.Value)
	}
	return out
}

// recordEventType is the type that a record's headers name, else its JSON or the message indexes of protobuf, else the only one that its topic has.
func recordEventType(r *kafka.Record, types func() *trestle.Types) string {
	for _, h := range r.Headers {
		if h.Key == wire.HeaderEventType {
			return string(h.Value)
		}
	}
	frame, _ := wire.Unframe(r.Value, r.Headers)
	if frame.Protobuf {
		if info := types().AtIndexes(r.Topic, frame.Indexes); info != nil {
			return info.Type
		}
		return ""
	}
	if named := wire.EventType(frame.Body); named != "" {
		return named
	}
	if info := types().Only(r.Topic); info != nil && info.Envelope != wire.None {
		return info.Type
	}
	return ""
}

// value is a record's value as JSON: its own text, or for protobuf the event's JSON.
func (s *shower) value(r *kafka.Record) (json.RawMessage, error) {
	if s.open != nil {
		opened := s.open(r)
		r = &opened
	}
	frame, err := wire.Unframe(r.Value, r.Headers)
	switch {
	case frame.Protobuf:
		s.warnWithoutTypes()
		decoded, err := protobufPayload(r, s.types())
		if err != nil {
			return nil, err
		}
		return s.payload(r.Topic, decoded.eventType, []byte(decoded.text))
	case err != nil:
		return nil, err
	}
	return s.record(r.Topic, r.Header(wire.HeaderEventType), frame.Body)
}

func checkedJSON(text []byte) (json.RawMessage, error) {
	out, err := jsonio.AppendRaw(nil, jsonio.Raw(text))
	return json.RawMessage(out), err
}

// protobufText is the payload of a record in protobuf as JSON.
type protobufText struct {
	text      jsonio.Raw
	eventType string
}

func protobufPayload(r *kafka.Record, types *trestle.Types) (protobufText, error) {
	decoded, err := trestle.Decode(r, types, trestle.DecodeOptions{})
	if decoded.Event == nil { // one that breaks rules is shown all the same
		return protobufText{}, err
	}
	text, err := decoded.Event.AppendJSON(nil)
	return protobufText{jsonio.Raw(text), decoded.Event.EventInfo().Type}, err
}
