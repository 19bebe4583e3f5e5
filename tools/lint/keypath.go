package lint

import (
	"fmt"
	"strings"

	"github.com/omninode/trestle/tools/event"
	"github.com/omninode/trestle/tools/schema"
)

// envelopePaths are the paths that a key can read from an envelope, and whether every envelope has a value there.
var envelopePaths = map[schema.Envelope]map[string]bool{
	schema.EnvelopeOnexV1: {"correlation_id": true, "event_type": true, "session_id": false},
	schema.EnvelopeBaseEvent: {
		"event_id": true, "event_type": true, "correlation_id": false, "trace_id": false,
		"source.service_name": true, "source.service_version": true, "source.instance_id": true,
	},
}

// keyPath is what a path of an event's key leads to.
type keyPath struct {
	text string
	// fields are those on the way through the payload, the key's own last; nil when the payload cannot give it.
	fields []*schema.Field
	// fault says why the payload cannot.
	fault string
	// inEnvelope says that the envelope has the path, envelopeHas that it always has a value there.
	inEnvelope, envelopeHas bool
}

// known says whether anything can ever be read from the path.
func (k *keyPath) known() bool { return k.fields != nil || k.inEnvelope }

// always says whether every valid event has a value there.
func (k *keyPath) always(schemas *event.Schemas) bool {
	if k.envelopeHas {
		return true
	}
	if k.fields == nil {
		return false
	}
	for _, f := range k.fields[:len(k.fields)-1] {
		if !f.Required || f.Nullable {
			return false
		}
	}
	return neverEmpty(schemas, k.fields[len(k.fields)-1])
}

// neverEmpty says whether a string field of a valid event has a value that is not absent. A required field of JSON
// Schema may be "": that it is not is for the schema's constraints.
func neverEmpty(schemas *event.Schemas, f *schema.Field) bool {
	if f.Required && !f.Nullable {
		return true
	}
	if f.Default != "" && f.Default != `""` {
		return true
	}
	// A field of protobuf without presence is checked when it is empty too.
	return !f.Explicit && schemas.CheckField(f, []byte(`""`)) != nil
}

// keyPaths resolves the paths of an event's key.
func keyPaths(e *schema.Event) []*keyPath {
	out := make([]*keyPath, len(e.Key))
	for i, text := range e.Key {
		k := &keyPath{text: text}
		k.fields, k.fault = payloadPath(e.Message, text)
		k.envelopeHas, k.inEnvelope = envelopePaths[e.Envelope][text]
		out[i] = k
	}
	return out
}

// payloadPath follows a path of JSON names through a message to a string; otherwise it says what is in the way.
func payloadPath(m *schema.Message, path string) (fields []*schema.Field, fault string) {
	parts := strings.Split(path, ".")
	for i, part := range parts {
		f := m.Field(part)
		switch {
		case f == nil:
			return nil, fmt.Sprintf("%s has no %q%s", m.Name, part, otherName(m, part))
		case f.Oneof != nil:
			return nil, fmt.Sprintf("%s.%s is one of several in %s and may not be set", m.Name, part, f.Oneof.Name)
		}
		fields = append(fields, f)
		last := i == len(parts)-1
		switch {
		case !last && f.Type.Kind != schema.MessageKind:
			return nil, fmt.Sprintf("%s.%s is %s, which has no fields", m.Name, part, typeWords(f.Type))
		case last && f.Type.Kind != schema.String:
			return nil, fmt.Sprintf("%s.%s is %s, and a key is read from strings", m.Name, part, typeWords(f.Type))
		}
		m = f.Type.Message
	}
	return fields, ""
}

// otherName tells that a field has the name in the source and another in JSON, which is what a path is made of.
func otherName(m *schema.Message, name string) string {
	for _, f := range m.Fields {
		if f.Name == name {
			return fmt.Sprintf(": in JSON it is %q", f.JSONName)
		}
	}
	return ""
}

// typeWords describes a type to a user, with its article.
func typeWords(t *schema.Type) string {
	switch t.Kind {
	case schema.MessageKind:
		return "a " + t.Message.Name
	case schema.EnumKind:
		return "an enum"
	case schema.List:
		return "a list"
	case schema.Map:
		return "a map"
	case schema.JSONObject, schema.JSONValue:
		return "free-form JSON"
	case schema.Int32, schema.Int64:
		return "an " + string(t.Kind)
	}
	return "a " + string(t.Kind)
}
