package asyncapi

import (
	"encoding/json"
	"strings"

	"github.com/omninode/trestle/runtime/wire"
	"github.com/omninode/trestle/tools/gen/output"
	"github.com/omninode/trestle/tools/schema"
)

// messages describes every event, by key.
func (d *document) messages() (*object, error) {
	all := map[string]*object{}
	for _, e := range d.set.Events() {
		o, err := d.message(e)
		if err != nil {
			return nil, err
		}
		all[d.keys[e]] = o
	}
	out := &object{}
	for _, key := range sortedKeys(all) {
		out.Set(key, all[key])
	}
	return out, nil
}

func (d *document) message(e *schema.Event) (*object, error) {
	o := &object{}
	o.Set("name", e.Type)
	o.Set("title", e.Type)
	doc := output.Prose(e.Message.Doc)
	summary, _, _ := strings.Cut(doc, "\n")
	o.SetText("summary", summary)
	if doc != summary {
		o.SetText("description", doc)
	}
	o.Set("contentType", contentType(e))
	o.Set("tags", tags(e.Package.Name, string(e.Role)))
	if e.Message.Deprecated != nil {
		o.Set("deprecated", true)
	}
	o.Set("headers", headers(e))
	if e.Encoding == schema.EncodingProtobuf {
		o.Set("x-protobuf-message", e.Message.FullName)
	} else {
		ref, err := d.schemas.event(e)
		if err != nil {
			return nil, err
		}
		o.Set("payload", ref)
	}
	if location := correlation(e); location != "" {
		id := &object{}
		id.Set("description", "Joins what one request has caused.")
		id.Set("location", location)
		o.Set("correlationId", id)
	}
	o.Set("bindings", kafka(messageBinding(e)))
	if e.Encoding == schema.EncodingJSON {
		if text := d.examples.Record(e); text != nil {
			one := &object{}
			one.Set("name", component(e.Type))
			one.Set("payload", json.RawMessage(text))
			o.Set("examples", []*object{one})
		}
	}
	return o, nil
}

func contentType(e *schema.Event) string {
	if e.Encoding == schema.EncodingProtobuf {
		return wire.ContentTypeProtobuf
	}
	return wire.ContentTypeJSON
}

// correlation says where the correlation id is, empty where there is none.
func correlation(e *schema.Event) string {
	enveloped := e.Envelope == schema.EnvelopeOnexV1 || e.Envelope == schema.EnvelopeBaseEvent
	switch {
	case e.Encoding == schema.EncodingProtobuf && enveloped:
		return "$message.header#/" + wire.HeaderCECorrelationID
	case e.Encoding == schema.EncodingJSON && (enveloped || e.Message.Field("correlation_id") != nil):
		return "$message.payload#/correlation_id"
	}
	return ""
}

func messageBinding(e *schema.Event) *object {
	o := &object{}
	if len(e.Key) > 0 {
		key := &object{}
		key.Set("type", "string")
		text := "The record's key: " + e.Key[0]
		for _, path := range e.Key[1:] {
			text += ", else " + path
		}
		key.Set("description", text+".")
		o.Set("key", key)
	}
	if e.Encoding == schema.EncodingProtobuf {
		o.Set("schemaIdLocation", "payload")
		o.Set("schemaIdPayloadEncoding", "confluent")
	} else {
		o.Set("schemaIdLocation", "header")
	}
	return o
}

// headers describes a record's headers. Only what every producer of today writes would be required, and that is nothing:
// a record without headers is read too.
func headers(e *schema.Event) *object {
	properties := &object{}
	add := func(name, description string) *object {
		o := &object{}
		o.Set("description", description)
		o.Set("type", "string")
		properties.Set(name, o)
		return o
	}
	add(wire.HeaderEventID, "The event's identity, a UUIDv7. A replay keeps it.").Set("format", "uuid")
	add(wire.HeaderEventType, "What the record holds.").Set("const", e.Type)
	add(wire.HeaderContentType, "The format of the record's value.").Set("const", contentType(e))
	if e.Encoding == schema.EncodingJSON {
		add(wire.HeaderSchemaID, "The registry's id of the value's schema, decimal, where a registry is in use.").Set("pattern", "^[0-9]+$")
	}
	add(wire.HeaderTraceparent, "W3C trace context, where the event is part of a trace.")
	if e.Encoding == schema.EncodingProtobuf {
		add(wire.HeaderCESpecVersion, "Version of CloudEvents.").Set("const", wire.CESpecVersion)
		add(wire.HeaderCEID, "The event's identity.")
		add(wire.HeaderCEType, "The event type.").Set("const", e.Type)
		add(wire.HeaderCESource, "The service and its instance that published the event.")
		add(wire.HeaderCETime, "When the event was made, UTC.").Set("format", "date-time")
		add(wire.HeaderCECorrelationID, "Joins what one request has caused.")
		add(wire.HeaderCESessionID, "The session that the event belongs to.")
		add(wire.HeaderCETraceID, "Id of the distributed trace that the event belongs to.")
		add(wire.HeaderCEEnvelopeVersion, "Version of the envelope's format.")
		add(wire.HeaderCEServiceVersion, "Version of the service that published the event.")
		add(wire.HeaderCEMetadata, "What the publisher says beside the payload: a JSON object.")
	}
	o := &object{}
	o.Set("type", "object")
	o.Set("properties", properties)
	return o
}
