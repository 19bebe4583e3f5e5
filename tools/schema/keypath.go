package schema

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// envelopePaths are the paths that a key can read from an envelope, and whether every envelope has a value there.
var envelopePaths = map[Envelope]map[string]bool{
	EnvelopeOnexV1: {"correlation_id": true, "event_type": true, "session_id": false},
	EnvelopeBaseEvent: {
		"event_id": true, "event_type": true, "correlation_id": false, "trace_id": false,
		"source.service_name": true, "source.service_version": true, "source.instance_id": true,
	},
}

// KeyPath is what a path of an event's key leads to.
type KeyPath struct {
	Text string
	// Fields are those on the way through the payload, the key's own last; nil when the payload cannot give it.
	Fields []*Field
	// Fault says why nothing can be read from the path, and Advice what to do; empty where something can.
	Fault, Advice string
	// EnvelopeHas says that the envelope always has a value there.
	EnvelopeHas bool
}

// Known says whether anything can ever be read from the path.
func (k *KeyPath) Known() bool { return k.Fault == "" }

// KeyPaths resolves the paths of the event's key.
func (e *Event) KeyPaths() []*KeyPath {
	out := make([]*KeyPath, len(e.Key))
	for i, text := range e.Key {
		k := &KeyPath{Text: text}
		fields, fault := payloadPath(e.Message, text, "a key", false)
		has, inEnvelope := envelopePaths[e.Envelope][text]
		k.Fields, k.EnvelopeHas = fields, has
		if fields == nil && !inEnvelope {
			k.Fault = fmt.Sprintf("key path %s of event %s leads nowhere: %s, and %s", text, e.Type, fault, envelopeLacks(e.Envelope, text))
			k.Advice = "name a string field by its JSON name, with dots between the parts"
			if paths := slices.Sorted(maps.Keys(envelopePaths[e.Envelope])); len(paths) > 0 {
				k.Advice += ", or one of the envelope's: " + strings.Join(paths, ", ")
			}
		}
		out[i] = k
	}
	return out
}

// CheckKeys returns the paths of the set's keys that lead nowhere, as [Errors]; nil for none. A set is loaded with them:
// what they make of its records is for those who generate from it or publish by it to refuse.
func (s *Set) CheckKeys() error {
	var errs Errors
	for _, e := range s.Events() {
		for _, k := range e.KeyPaths() {
			if !k.Known() {
				errs = append(errs, &Error{Pos: e.Pos, Message: k.Fault + ": " + k.Advice})
			}
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return errs
}

func envelopeLacks(e Envelope, path string) string {
	if e == EnvelopeNone {
		return "there is no envelope around it"
	}
	return "the envelope " + string(e) + " has no " + path
}

// SubjectPath follows the path of JSON names that names the event's data subject; otherwise it says what is in the way.
func (e *Event) SubjectPath(path string) (fields []*Field, fault string) {
	return payloadPath(e.Message, path, "a data subject", true)
}

// payloadPath follows a path of JSON names through a message to a string; otherwise it says what is in the way. Members of oneofs may be.
func payloadPath(m *Message, path, use string, optional bool) (fields []*Field, fault string) {
	parts := strings.Split(path, ".")
	for i, part := range parts {
		f := m.Field(part)
		switch {
		case f == nil:
			return nil, fmt.Sprintf("%s has no %q%s", m.Name, part, otherName(m, part))
		case f.Oneof != nil && !optional:
			return nil, fmt.Sprintf("%s.%s is one of several in %s and may not be set", m.Name, part, f.Oneof.Name)
		}
		fields = append(fields, f)
		last := i == len(parts)-1
		switch {
		case !last && f.Type.Kind != MessageKind:
			return nil, fmt.Sprintf("%s.%s is %s, which has no fields", m.Name, part, typeWords(f.Type))
		case last && f.Type.Kind != String:
			return nil, fmt.Sprintf("%s.%s is %s, and %s is read from strings", m.Name, part, typeWords(f.Type), use)
		}
		m = f.Type.Message
	}
	return fields, ""
}

// otherName tells that a field has the name in the source and another in JSON, which is what a path is made of.
func otherName(m *Message, name string) string {
	for _, f := range m.Fields {
		if f.Name == name {
			return fmt.Sprintf(": in JSON it is %q", f.JSONName)
		}
	}
	return ""
}

// typeWords describes a type to a user, with its article.
func typeWords(t *Type) string {
	switch t.Kind {
	case MessageKind:
		return "a " + t.Message.Name
	case EnumKind:
		return "an enum"
	case List:
		return "a list"
	case Map:
		return "a map"
	case JSONObject, JSONValue:
		return "free-form JSON"
	case Int32, Int64:
		return "an " + string(t.Kind)
	}
	return "a " + string(t.Kind)
}

// KeyedByCorrelation says whether the key of the event's records is its correlation id, wherever it has one.
func (e *Event) KeyedByCorrelation() bool { return len(e.Key) > 0 && e.Key[0] == "correlation_id" }
