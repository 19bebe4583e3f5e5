// Package example makes an example of every event: the whole value of a record, envelope included, that readers accept.
//
// What a schema gives as an example is used: JSON Schema's examples, protovalidate's example, and what a comment names
// with the words "such as" before code in backquotes. Everything else is made up from type, constraints and name. The
// same schema gives the same example, and none that its generated JSON Schema refuses is ever shown.
package example

import (
	"bytes"
	"encoding/json"
	"strings"

	validator "github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/omninode/trestle/tools/gen/internal/orderedjson"
	"github.com/omninode/trestle/tools/gen/jsonschema"
	"github.com/omninode/trestle/tools/gen/output"
	"github.com/omninode/trestle/tools/schema"
)

// What examples have in common, so that one event's looks like it belongs to another's.
const (
	eventID       = "0f8fad5b-d9cb-469f-a165-70867728950e"
	correlationID = "550e8400-e29b-41d4-a716-446655440000"
	sessionID     = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
	traceID       = "4bf92f3577b34da6a3ce929d0e0e4736"
	instant       = "2025-10-16T12:34:56.789012Z"
)

type object = orderedjson.Object

// Maker makes the examples of one set. It is not safe for use by several goroutines at once.
type Maker struct {
	schemas map[string][]byte // generated JSON Schemas, by path
}

// New prepares to make examples. It fails when the set's JSON Schemas cannot be generated.
func New(set *schema.Set) (*Maker, error) {
	files, err := jsonschema.Generate(set)
	if err != nil {
		return nil, err
	}
	return NewFrom(files), nil
}

// NewFrom is [New] for who has the generated JSON Schemas of the set already.
func NewFrom(schemas []output.File) *Maker {
	m := &Maker{schemas: make(map[string][]byte, len(schemas))}
	for _, f := range schemas {
		m.schemas[f.Path] = f.Content
	}
	return m
}

// Record returns an example of a record's value in the event's JSON form, indented, with a newline at the end; nil
// where none is found that the constraints allow. Rules in CEL are not looked at.
func (m *Maker) Record(e *schema.Event) []byte {
	value := record(e)
	if value == nil {
		return nil
	}
	text, err := orderedjson.Indent(value)
	if err != nil || !m.accepts(e, text) {
		return nil
	}
	return text
}

// accepts says whether the event's generated schema accepts text. An event without one, which is not JSON on the wire,
// is taken on trust.
func (m *Maker) accepts(e *schema.Event, text []byte) bool {
	path := jsonschema.Path(e)
	if m.schemas[path] == nil {
		return true
	}
	compiler := validator.NewCompiler()
	dir := path[:strings.LastIndexByte(path, '/')+1]
	const root = "https://example.org/"
	for _, p := range append(jsonschema.References(e), strings.TrimPrefix(path, dir)) {
		doc, err := validator.UnmarshalJSON(bytes.NewReader(m.schemas[dir+p]))
		if err != nil || compiler.AddResource(root+p, doc) != nil {
			return false
		}
	}
	compiled, err := compiler.Compile(root + strings.TrimPrefix(path, dir))
	if err != nil {
		return false
	}
	v, err := validator.UnmarshalJSON(bytes.NewReader(text))
	return err == nil && compiled.Validate(v) == nil
}

// record is a record's value, nil when there is none.
func record(e *schema.Event) *object {
	b := &builder{around: map[*schema.Message]bool{}}
	payload := b.message(e.Message)
	if payload == nil {
		return nil
	}
	o := &object{}
	switch e.Envelope {
	case schema.EnvelopeOnexV1:
		o.Set("envelope_version", "1.0")
		o.Set("correlation_id", shared(payload, "correlation_id", correlationID))
		o.Set("session_id", shared(payload, "session_id", nil))
		o.Set("event_type", e.Type)
		o.Set("timestamp", instant)
	case schema.EnvelopeBaseEvent:
		o.Set("event_id", eventID)
		o.Set("event_type", e.Type)
		o.Set("timestamp", instant)
		o.Set("version", "1.0.0")
		o.Set("source", b.source(e.Package))
		o.Set("correlation_id", shared(payload, "correlation_id", correlationID))
		o.Set("trace_id", shared(payload, "trace_id", traceID))
		o.Set("metadata", json.RawMessage("{}"))
	default:
		deadLetterInto(payload, e)
		return payload
	}
	o.Set("payload", payload)
	return o
}

// deadLetterInto puts an event of the topic that a dead letter's example names into the dead letter.
func deadLetterInto(payload *object, e *schema.Event) {
	topic, _ := payload.Get("source_topic").(json.RawMessage)
	if e.Role != schema.RoleDeadLetter || topic == nil || !payload.Has("original_event") {
		return
	}
	for _, other := range e.Package.Events {
		if other.Topic == nil || quoted(other.Topic.Name) != string(topic) {
			continue
		}
		if original := record(other); original != nil {
			payload.Set("original_event", original)
			return
		}
	}
}

// shared is the payload's value of what envelope and payload must agree on, else another.
func shared(payload *object, name string, other any) any {
	if payload.Has(name) {
		return payload.Get(name)
	}
	return other
}

// source is where an event comes from.
func (b *builder) source(pkg *schema.Package) *object {
	for _, m := range pkg.Messages {
		if m.Name == jsonschema.SourceName {
			if o := b.message(m); o != nil {
				return o
			}
		}
	}
	o := &object{}
	o.Set("service_name", "example-service")
	o.Set("service_version", "1.0.0")
	o.Set("instance_id", "example-service-1")
	return o
}
