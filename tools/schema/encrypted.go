package schema

import (
	"slices"

	"github.com/omninode/trestle/runtime/jsonio"
)

// SealedSuffix follows the name of an encrypted field in that of the field with its text, and SealedNumbers are added to its number in protobuf.
const (
	SealedSuffix  = jsonio.BesideSuffix
	SealedNumbers = jsonio.BesideNumber
)

// texts are the messages of protobuf's own whose JSON is always a string.
var texts = []string{"BytesValue", "Duration", "FieldMask", "StringValue"}

// SealedBeside says that the JSON of the type's values is not always a string, so that the text of an encrypted one stands in a member beside it.
func (t *Type) SealedBeside() bool {
	switch t.Kind {
	case String, Bytes, EnumKind, Timestamp:
		return false
	case MessageKind:
		return !slices.Contains(texts, t.Message.WellKnown())
	}
	return true
}

// SealedBesideInBinary says the same of an encrypted field's binary form, in which only text and bytes are replaced.
func (f *Field) SealedBesideInBinary() bool { return f.Type.Kind != String && f.Type.Kind != Bytes }

// seal says how the field is encrypted in JSON.
func (f *Field) seal() jsonio.Seal {
	return jsonio.Seal{Key: f.EncryptionKey, Deterministic: f.Deterministic, Beside: f.Type.SealedBeside()}
}

// HoldsEncrypted says whether a value of the type may hold what is encrypted, in a field of a message in it.
func (t *Type) HoldsEncrypted() bool {
	return slices.ContainsFunc(t.messages(), func(m *Message) bool { return m.HoldsEncrypted })
}

// SealedKeys are the classes of keys by which fields of a message, and of those that it holds, are encrypted, sorted. What is in an encrypted field is encrypted
// with it.
func (s *Set) SealedKeys(m *Message) []string {
	var keys []string
	seen := map[*Message]bool{}
	next := []*Message{m}
	for len(next) > 0 {
		m := next[len(next)-1]
		next = next[:len(next)-1]
		if seen[m] || !m.HoldsEncrypted {
			continue
		}
		seen[m] = true
		if m.FullName == anyMessage {
			s.EachMessage(func(m *Message) { next = append(next, m) })
		}
		for _, f := range m.Fields {
			if f.EncryptionKey != "" {
				keys = append(keys, f.EncryptionKey)
			}
		}
		next = append(next, m.belowFields(func(f *Field) bool { return f.EncryptionKey == "" })...)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// SubjectNames is the path to the field that names the event's data subject, by JSON names; empty where the schema names none.
func (e *Event) SubjectNames() []string {
	names := make([]string, len(e.DataSubject))
	for i, f := range e.DataSubject {
		names[i] = f.JSONName
	}
	return names
}

// shared are the members of envelopes that a payload may have too, and that are filled in from each other.
var shared = map[Envelope][]string{
	EnvelopeOnexV1:    {"correlation_id", "session_id", "timestamp"},
	EnvelopeBaseEvent: {"correlation_id", "trace_id"},
}

// Shared are the names of the members that payloads in the envelope may have too; each side is filled in from the other.
func (e Envelope) Shared() []string { return shared[e] }

// SharesEnvelope says whether a field of the event's message is one that the envelope has too.
func (e *Event) SharesEnvelope(f *Field) bool {
	kind := String
	if f.JSONName == "timestamp" {
		kind = Timestamp
	}
	return f.Oneof == nil && f.Type.Kind == kind && slices.Contains(e.Envelope.Shared(), f.JSONName)
}
