// Package example makes an example of every event: the whole value of a record, envelope included, that readers accept.
//
// What a schema gives as an example is used: JSON Schema's examples, protovalidate's example, and what a comment names
// with the words "such as" before code in backquotes. Everything else is made by [values.Maker]. The same schema gives
// the same example, and none that a reader of the schema refuses is ever shown.
package example

import (
	"encoding/json"

	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/wire"
	events "github.com/omninode/trestle/tools/event"
	"github.com/omninode/trestle/tools/gen/internal/orderedjson"
	"github.com/omninode/trestle/tools/gen/jsonschema"
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
)

type object = orderedjson.Object

// Maker makes the examples of one set. It is not safe for use by several goroutines at once.
type Maker struct {
	values *values.Maker
	infos  map[*schema.Event]*event.EventInfo
	masker *events.Masker
}

// New prepares to make examples.
func New(set *schema.Set) *Maker {
	m := &Maker{values: values.NewMaker(), infos: map[*schema.Event]*event.EventInfo{}, masker: events.NewMasker(set)}
	infos := events.Events(set)
	for i, e := range set.Events() {
		m.infos[e] = infos[i]
	}
	return m
}

// Record returns an example of a record's value in the event's JSON form, indented, with a newline at the end; nil
// where none is found that the constraints allow.
func (m *Maker) Record(e *schema.Event) []byte {
	value := m.record(e)
	if value == nil {
		return nil
	}
	text, err := orderedjson.Indent(value)
	if err != nil || !m.accepts(e, text) {
		return nil
	}
	return text
}

// Shown is the example as documents show it: with "***" for what is sensitive.
func (m *Maker) Shown(e *schema.Event) []byte {
	text := m.Record(e)
	if text == nil {
		return nil
	}
	topic := ""
	if e.Topic != nil {
		topic = e.Topic.Name
	}
	shown, err := m.masker.Record(topic, e.Type, text)
	if err != nil {
		return nil
	}
	return shown
}

// accepts says whether a reader of the event accepts text.
func (m *Maker) accepts(e *schema.Event, text []byte) bool {
	info := m.infos[e]
	record := event.Record{Value: text, Headers: []event.Header{{Key: wire.HeaderEventType, Value: []byte(info.Type)}}}
	decoded, err := event.Decode(&record, event.NewTypes(info), event.DecodeOptions{StrictTime: true})
	return err == nil && decoded.Event != nil && decoded.Event.Validate() == nil
}

// record is a record's value, nil when there is none.
func (m *Maker) record(e *schema.Event) any {
	payload := m.values.Readable(e.Message, m.given)
	if payload == nil {
		return nil
	}
	if e.Role == schema.RoleDeadLetter && e.Envelope == schema.EnvelopeNone {
		m.deadLetterInto(payload, e)
	}
	text, err := values.Render(e.Message, payload)
	if err != nil {
		return nil
	}
	// shared is the payload's value of what envelope and payload must agree on, else another.
	shared := func(name string, other any) any {
		if v, there := payload[name]; there {
			return v
		}
		return other
	}
	o := &object{}
	switch e.Envelope {
	case schema.EnvelopeOnexV1:
		o.Set("envelope_version", "1.0")
		o.Set("correlation_id", shared("correlation_id", values.CorrelationID))
		o.Set("session_id", shared("session_id", nil))
		o.Set("event_type", e.Type)
		o.Set("timestamp", values.Instant)
	case schema.EnvelopeBaseEvent:
		o.Set("event_id", values.EventID)
		o.Set("event_type", e.Type)
		o.Set("timestamp", values.Instant)
		o.Set("version", "1.0.0")
		o.Set("source", m.source(e.Package))
		o.Set("correlation_id", shared("correlation_id", values.CorrelationID))
		o.Set("trace_id", shared("trace_id", values.TraceID))
		o.Set("metadata", json.RawMessage("{}"))
	default:
		return json.RawMessage(text)
	}
	o.Set("payload", json.RawMessage(text))
	return o
}

// deadLetterInto puts an event of the topic that a dead letter's example names into the dead letter.
func (m *Maker) deadLetterInto(payload map[string]any, e *schema.Event) {
	_, holds := payload["original_event"]
	topic, err := json.Marshal(payload["source_topic"])
	if err != nil || !holds {
		return
	}
	for _, other := range e.Package.Events {
		if other.Topic == nil || quoted(other.Topic.Name) != string(topic) {
			continue
		}
		if original := m.record(other); original != nil {
			payload["original_event"] = original
			return
		}
	}
}

// source is where an event comes from.
func (m *Maker) source(pkg *schema.Package) any {
	for _, message := range pkg.Messages {
		if message.Name == jsonschema.SourceName {
			made := m.values.Readable(message, m.given)
			if text, err := values.Render(message, made); err == nil && made != nil {
				return json.RawMessage(text)
			}
		}
	}
	o := &object{}
	o.Set("service_name", "example-service")
	o.Set("service_version", "1.0.0")
	o.Set("instance_id", "example-service-1")
	return o
}
