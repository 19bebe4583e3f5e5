package values

import (
	"fmt"

	"github.com/omninode/trestle/tools/schema"
)

// written is what writers of a message keep to beside what its readers take.
func (s form) written(m *schema.Message) *Shape {
	return s.once(fmt.Sprintf("written %p %t", m, s.binary), func() *Shape {
		names := make([]string, 0, len(m.Fields))
		var parts []*Shape
		for _, f := range m.Fields {
			names = append(names, s.name(f))
			value := s.And(s.OfKind(AnyKind&^Null), s.writtenValue(f.Type))
			if s.binary {
				value = s.And(value, s.OfKind(kindsOf(f.Type)))
			}
			if zero := s.lostZero(f); zero != nil {
				value = s.And(value, s.Not(zero))
			}
			parts = append(parts, s.Members(s.Exactly(s.name(f)), value))
		}
		parts = append(parts, s.Members(s.Except(s.Exactly(names...)), s.Never()))
		for _, o := range m.Oneofs {
			parts = append(parts, s.oneAtMost(o))
		}
		return s.And(parts...)
	})
}

// lostZero is the zero value of a field without presence where it is not written, as in binary, or would be read as the
// field's default; nil for none.
func (s form) lostZero(f *schema.Field) *Shape {
	zero := s.zero(f)
	if s.binary {
		return zero
	}
	if zero == nil || f.Type.Kind == schema.List || f.Type.Kind == schema.Map {
		return nil
	}
	filled, ok := defaultOf(f)
	if in, _ := zero.Contains(s.inForm(f.Type, filled)); !ok || in {
		return nil
	}
	return zero
}

// oneAtMost is an object in which one member of a oneof is set at most.
func (s form) oneAtMost(o *schema.Oneof) *Shape {
	if len(o.Fields) < 2 {
		return s.Any()
	}
	var out []*Shape
	for _, f := range o.Fields {
		var others []string
		for _, other := range o.Fields {
			if other != f {
				others = append(others, s.name(other))
			}
		}
		out = append(out, s.Members(s.Exactly(others...), s.Never()))
	}
	return s.Or(out...)
}

// writtenValue is what writers of a type keep to beside what its readers take.
func (s form) writtenValue(t *schema.Type) *Shape {
	switch t.Kind {
	case schema.List:
		return s.Items(0, s.writtenValue(t.Elem))
	case schema.Map:
		return s.Members(s.Everything(), s.writtenValue(t.Elem))
	case schema.MessageKind:
		if of, wraps := Wrapped(t); wraps {
			return s.writtenWrapper(of)
		}
		if s.wellKnown(t) == nil {
			return s.written(t.Message)
		}
	case schema.Timestamp:
		if !s.binary {
			return s.WrittenFormat("date-time")
		}
	case schema.Bytes:
		if !s.binary {
			return s.PatternRE2(writtenBase64)
		}
	case schema.EnumKind:
		return s.writtenEnum(t.Enum)
	}
	return s.Any()
}

// writtenBase64 is how bytes are written: bits that are left over are zero.
const writtenBase64 = "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$"

func (s form) writtenEnum(e *schema.Enum) *Shape {
	switch {
	case s.binary && e.Closed:
		return s.Or(s.OfKind(AnyKind&^Number), s.Numbers(numbersOf(e)...))
	case s.binary:
		return s.Any()
	}
	return s.Or(s.OfKind(AnyKind&^String), s.Strings(firstNames(e)...))
}

// firstNames are the names under which an enum's numbers are written: where several have one number, the first.
func firstNames(e *schema.Enum) []string {
	var out []string
	seen := map[int32]bool{}
	for _, v := range e.Values {
		if !seen[v.Number] && v.JSONName != "" {
			out = append(out, v.JSONName)
		}
		seen[v.Number] = true
	}
	return out
}
