package values

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/omninode/trestle/tools/schema"
)

// FromMessage returns the events of a protobuf message in an encoding: as JSON, or in binary, where members have the
// numbers of fields for names and values are as in [Space.OnWire]; [Event] makes JSON of those. A reader takes null for
// absent, passes over members that it does not know, and fills in defaults before it validates. A writer writes what a
// reader of the same message takes, and of that only what is declared and is kept by reading: no null, one member of a
// oneof, a value under the first of its names.
func (s *Space) FromMessage(m *schema.Message, role Role, e schema.Encoding) *Shape {
	f := formOf(s, e)
	read := f.message(readAs{m, false})
	if role == Reader {
		return read
	}
	return s.And(read, f.written(m))
}

// form lowers messages in one of their forms.
type form struct {
	*Space
	binary bool
}

func formOf(s *Space, e schema.Encoding) form {
	return form{Space: s, binary: e == schema.EncodingProtobuf}
}

// name is what a field is called in the form.
func (s form) name(f *schema.Field) string {
	if s.binary {
		return strconv.Itoa(int(f.Number))
	}
	return f.JSONName
}

// readAs is a message as it is read: bare where nobody validates it, because its field says so.
type readAs struct {
	*schema.Message
	bare bool
}

// message returns what readers of a message take.
func (s form) message(m readAs) *Shape {
	return s.once(fmt.Sprintf("message %p %t %t", m.Message, m.bare, s.binary), func() *Shape {
		parts := []*Shape{s.OfKind(Object)}
		for _, f := range m.Fields {
			parts = append(parts, s.field(f, m.bare))
		}
		if m.bare {
			return s.And(parts...)
		}
		for _, o := range m.Oneofs {
			parts = append(parts, s.oneof(o))
		}
		return s.And(append(parts, s.messageRules(m.Message)...)...)
	})
}

// once makes a shape that may be part of itself; the same key gives the same shape.
func (s *Space) once(key string, make func() *Shape) *Shape {
	if known := s.plain[key]; known != nil {
		return known
	}
	ref, known := s.Ref(key)
	if known {
		return ref
	}
	s.making++
	content := make()
	s.making--
	s.Define(ref, content)
	if s.making == 0 {
		s.decidePending()
	}
	if !s.settle(content, ref) {
		return ref
	}
	s.plain[key] = content
	return content
}

// field returns what a field demands of the object that it is in.
func (s form) field(f *schema.Field, bare bool) *Shape {
	value := s.valueOf(f.Type, bare)
	absent := s.absence(f, value, bare)
	if s.binary {
		// What is written as another kind is no member of this field: rules about types say what becomes of it.
		value = s.Or(value, s.OfKind(AnyKind&^kindsOf(f.Type)))
	}
	if zero := s.zero(f); zero != nil {
		switch {
		case f.Default != "": // a field without presence is as good as absent when it is zero
			value = s.Or(s.And(value, s.Not(zero)), s.And(absent, zero))
		case f.Required && !bare:
			value = s.And(value, s.Not(zero))
		}
	}
	name := s.name(f)
	return s.And(
		s.Members(s.Exactly(name), s.Or(value, s.OfKind(Null))),
		s.Or(absent, s.WithMember(name, s.OfKind(AnyKind&^Null))),
	)
}

// FieldAccepted is every object, in an encoding, in which readers of a protobuf field accept what it has for the field, or
// that it has nothing.
func (s *Space) FieldAccepted(f *schema.Field, e schema.Encoding) *Shape {
	return formOf(s, e).field(f, false)
}

// TakesAbsent says whether readers take a message without a field: false where they do not, because it is required, or
// because what they put in its place is not valid.
func (s *Space) TakesAbsent(f *schema.Field) bool {
	in := form{Space: s}
	return in.absence(f, in.valueOf(f.Type, false), false) != s.Never()
}

// absence is everything where a field may be absent, nothing where it may not, and opaque where that cannot be told.
func (s form) absence(f *schema.Field, value *Shape, bare bool) *Shape {
	zero := s.zero(f)
	switch {
	case f.Default != "":
		filled, ok := defaultOf(f)
		if !ok || f.Oneof != nil {
			return s.Any() // in a oneof it is filled in only where no other member is set
		}
		if zero != nil && f.Required && !bare {
			value = s.And(value, s.Not(zero))
		}
		a := s.standing(value, s.inForm(f.Type, filled))
		if s.binary { // a default is read as JSON
			json := form{Space: s.Space}
			a = s.And(a, json.standing(json.valueOf(f.Type, bare), filled))
		}
		return a
	case f.JSONRequired && !s.binary, f.Required && !bare, f.RequiredOnWire():
		return s.Never()
	case zero == nil:
		return s.Any()
	case f.Type.Kind == schema.List:
		return s.standing(value, []any{})
	case f.Type.Kind == schema.Map:
		return s.standing(value, map[string]any{})
	case f.Type.Kind == schema.EnumKind && !s.binary:
		return s.zeroEnum(f.Type, value, bare)
	}
	return s.standing(value, s.zeroValue(f.Type))
}

// standing says, as everything or nothing, whether a value that is put in place of an absent one is in a shape.
func (s form) standing(value *Shape, v any) *Shape {
	switch value.contains(v, 0) {
	case yes:
		return s.Any()
	case no:
		return s.Never()
	}
	why := fmt.Sprintf("absent, for %s in %d", canonical(v), value.id)
	if s.making == 0 {
		return s.Opaque(AnyKind, why, nil)
	}
	ref, known := s.Ref(why)
	if !known {
		s.pending = append(s.pending, pendingTruth{ref, value, v, why})
	}
	return ref
}

// pendingTruth is whether a value is in a shape that was not known in full when it was asked; ref is to be everything or
// nothing.
type pendingTruth struct {
	ref, in *Shape
	v       any
	why     string
}

// decidePending answers what was asked of shapes while they were made. One answer may depend on others; what depends on
// itself stays opaque.
func (s *Space) decidePending() {
	for decided := true; decided; {
		decided = false
		s.pending = slices.DeleteFunc(s.pending, func(p pendingTruth) bool {
			answer := p.in.contains(p.v, 0)
			switch answer {
			case yes:
				s.Define(p.ref, s.Any())
			case no:
				s.Define(p.ref, s.Never())
			}
			decided = decided || answer != maybe
			return answer != maybe
		})
	}
	for _, p := range s.pending {
		s.Define(p.ref, s.Opaque(AnyKind, p.why, nil))
	}
	s.pending = nil
}

// zeroEnum is standing for the zero value of an enum, which need not have a form in JSON.
func (s form) zeroEnum(t *schema.Type, value *Shape, bare bool) *Shape {
	c := t.Constraints
	zero := zeroName(t.Enum)
	switch in := Allowed(t); {
	case bare || c.SkipZero:
		return s.Any()
	case zero != "":
		return s.standing(value, zero)
	case in != nil && !slices.Contains(in, "0"), slices.Contains(c.NotIn, "0"):
		return s.Never()
	case len(Rules(t)) > 0:
		return s.Opaque(AnyKind, fmt.Sprintf("absent in %d", value.id), nil)
	}
	return s.Any()
}

// zero is the set of the values that a field without presence takes for absent; nil for a field with presence.
func (s form) zero(f *schema.Field) *Shape {
	switch {
	case f.Explicit:
		return nil
	case f.Type.Kind == schema.List:
		return s.emptyList()
	case f.Type.Kind == schema.Map:
		return s.emptyMap()
	case f.Type.Kind == schema.EnumKind && !s.binary:
		if name := zeroName(f.Type.Enum); name != "" {
			return s.Value(name)
		}
		return s.Never()
	}
	return s.Value(s.zeroValue(f.Type))
}

// zeroValue is the zero value of a scalar.
func (s form) zeroValue(t *schema.Type) any {
	switch t.Kind {
	case schema.String, schema.Bytes:
		return ""
	case schema.Bool:
		if !s.binary {
			return false
		}
	}
	return json.Number("0")
}

// inForm is a JSON value as it is in the form.
func (s form) inForm(t *schema.Type, v any) any {
	if s.binary {
		return InBinary(t, v)
	}
	return v
}

// zeroName is the JSON name of an enum's value 0, empty where it has none.
func zeroName(e *schema.Enum) string {
	for _, v := range e.Values {
		if v.Number == 0 && v.JSONName != "" {
			return v.JSONName
		}
	}
	return ""
}

// defaultOf returns a field's default; ok is false where it has none. For the time of reading any will do.
func defaultOf(f *schema.Field) (v any, ok bool) {
	switch f.Default {
	case "":
		return nil, false
	case "now":
		return "2025-10-16T12:34:56Z", true
	}
	v, err := Parse(f.Default)
	return v, err == nil
}

// Parse reads one JSON text, numbers as json.Number.
func Parse(text string) (any, error) {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var v any
	err := dec.Decode(&v)
	return v, err
}
