package ops

import (
	"encoding/base64"
	"encoding/json"
	"time"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/runtime/kafka"
	"github.com/omninode/trestle/runtime/wire"
)

// Peeked is one record of a topic.
type Peeked struct {
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
	// Key is null for a record without one.
	Key       *string `json:"key"`
	EventType string  `json:"event_type"`
	Timestamp string  `json:"timestamp"`
	// Value is the record's own JSON, number for number; null for a tombstone and for what is not JSON.
	Value json.RawMessage `json:"value"`
	// ValueBase64 holds the bytes of a value that is not JSON.
	ValueBase64 string `json:"value_base64,omitempty"`
}

func peeked(r *kafka.Record, types func() *trestle.Types) Peeked {
	out := Peeked{
		Topic:     r.Topic,
		Partition: r.Partition,
		Offset:    r.Offset,
		EventType: recordEventType(r, types),
		Timestamp: r.Timestamp.UTC().Format(time.RFC3339Nano),
		Value:     json.RawMessage("null"),
	}
	if r.Key != nil {
		key := string(r.Key)
		out.Key = &key
	}
	if r.Value == nil {
		return out
	}
	value, err := recordJSON(r, types)
	if err != nil {
		out.ValueBase64 = base64.StdEncoding.EncodeToString(r.Value)
		return out
	}
	out.Value = value
	return out
}

// recordEventType is the type that a record's headers name, else its JSON, else the only one that its topic has.
func recordEventType(r *kafka.Record, types func() *trestle.Types) string {
	for _, h := range r.Headers {
		if h.Key == wire.HeaderEventType {
			return string(h.Value)
		}
	}
	if named := wire.EventType(r.Value); named != "" || wire.Sniff(r.Value, r.Headers) == wire.Confluent {
		return named
	}
	if info := types().Only(r.Topic); info != nil && info.Envelope != wire.None {
		return info.Type
	}
	return ""
}

// recordJSON is a record's value as JSON: its own text, or for protobuf the event's JSON.
func recordJSON(r *kafka.Record, types func() *trestle.Types) (json.RawMessage, error) {
	switch wire.Sniff(r.Value, r.Headers) {
	case wire.Confluent:
		text, err := protobufPayload(r, types())
		return json.RawMessage(text), err
	case wire.FramedJSON:
		_, text, err := wire.ParseFramedJSON(r.Value)
		if err != nil {
			return nil, err
		}
		return checkedJSON(text)
	}
	return checkedJSON(r.Value)
}

func checkedJSON(text []byte) (json.RawMessage, error) {
	out, err := jsonio.AppendRaw(nil, jsonio.Raw(text))
	return json.RawMessage(out), err
}

// protobufPayload renders the payload of a record in protobuf as JSON.
func protobufPayload(r *kafka.Record, types *trestle.Types) (jsonio.Raw, error) {
	decoded, err := trestle.Decode(r, types, trestle.DecodeOptions{})
	if err != nil {
		return "", err
	}
	text, err := decoded.Event.AppendJSON(nil)
	return jsonio.Raw(text), err
}
