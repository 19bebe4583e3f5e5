package schema

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// What differs between the two languages is asked here, so that whoever reads the model need not know by what a protobuf
// element is told from one of JSON Schema.

func languageOf(protobuf bool) Language {
	if protobuf {
		return Protobuf
	}
	return JSONSchema
}

// Language is what the file is written in.
func (f *File) Language() Language { return languageOf(f.Proto != nil) }

// Language is what the message is declared in.
func (m *Message) Language() Language { return languageOf(m.Proto != nil) }

// Language is what the field is declared in.
func (f *Field) Language() Language { return languageOf(f.Proto != nil) }

// Language is what the enum is declared in.
func (e *Enum) Language() Language { return languageOf(e.Proto != nil) }

// HasBinary says whether values of the message have a binary form beside JSON: those of protobuf do.
func (m *Message) HasBinary() bool { return m.Proto != nil }

// HasNumbers says whether the message's fields have numbers, which tell them apart in its binary form.
func (m *Message) HasNumbers() bool { return m.Proto != nil }

// WellKnown is the name of a message in google.protobuf, such as "Duration", whose JSON form protobuf defines; empty for
// any other message.
func (m *Message) WellKnown() string {
	name, ok := strings.CutPrefix(m.FullName, "google.protobuf.")
	if !ok || m.Proto == nil {
		return ""
	}
	return name
}

// HasNumbers says whether the enum's values are numbers that somebody chose, and not only places in a list.
func (e *Enum) HasNumbers() bool { return e.Proto != nil }

// HasBinary says whether values of the type have a binary form beside JSON.
func (t *Type) HasBinary() bool { return t.Proto != 0 }

// ToldApart says whether validators can tell values of the type apart, of which a list may be unique then: they cannot
// compare messages.
func (t *Type) ToldApart() bool {
	return !slices.Contains([]Kind{MessageKind, Timestamp, JSONObject, JSONValue}, t.Kind)
}

// NeedsKey says whether the field's key must be in the JSON of its message: a default is filled in where there is one,
// and that protobuf requires a field says nothing of its key: what is absent is zero.
func (f *Field) NeedsKey() bool {
	return (f.JSONRequired || f.Required && f.Proto == nil) && f.Default == ""
}

// RequiredOnWire says whether protobuf itself demands the field in the binary form: by proto2's required, or by
// LEGACY_REQUIRED in an edition.
func (f *Field) RequiredOnWire() bool {
	return f.Proto != nil && f.Proto.Cardinality() == protoreflect.Required
}

// KnowsNull says whether null is a value like others for fields like this one: valid where the field is Nullable, and
// nowhere else. In protobuf it is none: readers take it for absent, and writers write none.
func (f *Field) KnowsNull() bool { return f.Proto == nil }

// TellsNull says whether the field may be null and may also be absent, and the two are not the same.
func (f *Field) TellsNull() bool {
	return f.KnowsNull() && f.Nullable && !f.NeedsKey()
}

// WritesNull says whether the field's key is always there, with null where it has no other value.
func (f *Field) WritesNull() bool {
	return f.KnowsNull() && f.Nullable && f.NeedsKey()
}
