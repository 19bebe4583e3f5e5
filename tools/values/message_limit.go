package values

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/omninode/trestle/tools/schema"
)

// limit says of a message or an enum that writers write only such objects or values of it as are in a shape, wherever it
// occurs; the zero limit says nothing.
type limit struct {
	of   any // *schema.Message or *schema.Enum
	each *Shape
}

// String tells limits apart, in the names of shapes.
func (l limit) String() string {
	if l.of == nil {
		return ""
	}
	return fmt.Sprintf(" %p in %d", l.of, l.each.id)
}

// Limited is what writers of a message write in an encoding if all objects of another one that is in it, or of the same, are
// in a shape: what else they write has such an object that is not.
func (s *Space) Limited(m, of *schema.Message, each *Shape, e schema.Encoding) *Shape {
	return s.limited(m, limit{of, each}, e)
}

// LimitedEnum is Limited for the values of an enum.
func (s *Space) LimitedEnum(m *schema.Message, of *schema.Enum, each *Shape, e schema.Encoding) *Shape {
	return s.limited(m, limit{of, each}, e)
}

func (s *Space) limited(m *schema.Message, l limit, e schema.Encoding) *Shape {
	f := formOf(s, e)
	read := f.message(readAs{m, false})
	f.limit = l
	return s.And(read, f.written(m))
}

// Having is every object that has something for a field of protobuf in an encoding: a value, and with zero false none that
// is as good as absent.
func (s *Space) Having(f *schema.Field, e schema.Encoding, zero bool) *Shape {
	in := formOf(s, e)
	value := s.OfKind(AnyKind &^ Null)
	if nothing := in.zero(f); nothing != nil && !zero {
		value = s.And(value, s.Not(nothing))
	}
	return s.And(s.OfKind(Object), s.WithMember(in.name(f), value))
}

// WrittenAs is what a value of an enum of protobuf is in an encoding, nothing where it has no name.
func (s *Space) WrittenAs(v *schema.EnumValue, e schema.Encoding) *Shape {
	switch {
	case e == schema.EncodingProtobuf:
		return s.Value(json.Number(strconv.Itoa(int(v.Number))))
	case v.JSONName == "":
		return s.Never()
	}
	return s.Value(v.JSONName)
}
