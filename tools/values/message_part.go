package values

import (
	"encoding/json"
	"strconv"

	"github.com/omninode/trestle/tools/schema"
)

// Having is every object that has something for a field in an encoding: a value, and with zero false none that is as good as
// absent.
func (s *Space) Having(f *schema.Field, e schema.Encoding, zero bool) *Shape {
	in := formOf(s, e)
	value := s.OfKind(AnyKind &^ Null)
	switch {
	case zero:
	case f.Proto == nil: // what is not there and what is empty are told apart, but nothing is lost of it
		value = s.And(value, s.Not(s.emptyList()), s.Not(s.emptyMap()))
	default:
		if nothing := in.zero(f); nothing != nil {
			value = s.And(value, s.Not(nothing))
		}
	}
	return s.And(s.OfKind(Object), s.WithMember(in.name(f), value))
}

// AtField is every object that has, in a field, through the lists and maps that it holds, a value of a shape.
func (s *Space) AtField(f *schema.Field, e schema.Encoding, a *Shape) *Shape {
	return s.And(s.OfKind(Object), s.WithMember(formOf(s, e).name(f), s.somewhereIn(f.Type, a)))
}

// Ruled is every object, in an encoding, that keeps to the rules on a message of protobuf as a whole, whatever its fields hold.
func (s *Space) Ruled(m *schema.Message, e schema.Encoding) *Shape {
	in := formOf(s, e)
	parts := []*Shape{s.OfKind(Object)}
	for _, o := range m.Oneofs {
		parts = append(parts, in.oneof(o))
	}
	return s.And(append(parts, in.messageRules(m)...)...)
}

// WrittenAs is what a value of an enum is in an encoding, nothing where it has no name.
func (s *Space) WrittenAs(v *schema.EnumValue, e schema.Encoding) *Shape {
	switch {
	case e == schema.EncodingProtobuf:
		return s.Value(json.Number(strconv.Itoa(int(v.Number))))
	case v.JSONName == "":
		return s.Never()
	}
	return s.Value(v.JSONName)
}
