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
	o.SetText("x-data-subject", strings.Join(e.SubjectNames(), "."))
	if location := correlation(e); location != "" {
		id := &object{}
		id.Set("description", "Joins what one request has caused.")
		id.Set("location", location)
		o.Set("correlationId", id)
	}
	o.Set("bindings", kafka(messageBinding(e)))
	if e.Encoding == schema.EncodingJSON {
		if text := d.record(e); text != nil {
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

// headers describes a record's headers. None is required: a record without headers is read too.
func headers(e *schema.Event) *object {
	properties := &object{}
	for _, h := range Headers(e) {
		o := &object{}
		o.Set("description", h.Description)
		o.Set("type", "string")
		o.SetText("format", h.Format)
		o.SetText("const", h.Const)
		o.SetText("pattern", h.Pattern)
		properties.Set(h.Name, o)
	}
	o := &object{}
	o.Set("type", "object")
	o.Set("properties", properties)
	return o
}
