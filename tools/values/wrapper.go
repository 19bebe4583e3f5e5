package values

import (
	"math/big"
	"strconv"

	"github.com/omninode/trestle/tools/schema"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// wrappers are what protobuf's own messages of one value hold.
var wrappers = map[protoreflect.FullName]struct {
	kind  schema.Kind
	proto protoreflect.Kind
}{
	"google.protobuf.BoolValue":   {schema.Bool, protoreflect.BoolKind},
	"google.protobuf.BytesValue":  {schema.Bytes, protoreflect.BytesKind},
	"google.protobuf.StringValue": {schema.String, protoreflect.StringKind},
	"google.protobuf.DoubleValue": {schema.Double, protoreflect.DoubleKind},
	"google.protobuf.FloatValue":  {schema.Float, protoreflect.FloatKind},
	"google.protobuf.Int32Value":  {schema.Int32, protoreflect.Int32Kind},
	"google.protobuf.Int64Value":  {schema.Int64, protoreflect.Int64Kind},
	"google.protobuf.UInt32Value": {schema.Uint32, protoreflect.Uint32Kind},
	"google.protobuf.UInt64Value": {schema.Uint64, protoreflect.Uint64Kind},
}

// Wrapped is the scalar type that one of protobuf's own messages holds a value of, with the same constraints; ok is false
// for other types.
func Wrapped(t *schema.Type) (scalar *schema.Type, ok bool) {
	if t.Kind != schema.MessageKind || !t.Message.HasBinary() {
		return nil, false
	}
	of, ok := wrappers[t.Message.Proto.FullName()]
	if !ok {
		return nil, false
	}
	return &schema.Type{Kind: of.kind, Proto: of.proto, Constraints: t.Constraints}, true
}

// unwrapped is a type, or the one that it is a message around; nil for nil.
func unwrapped(t *schema.Type) *schema.Type {
	if t != nil {
		if of, wraps := Wrapped(t); wraps {
			return of
		}
	}
	return t
}

// wrapper is what readers take for a message that holds a scalar: its JSON is protobuf's own, in which numbers of 64 bits
// are texts, and floats that are no numbers have names.
func (s *Space) wrapper(of *schema.Type) *Shape {
	a, _ := s.FromType(of)
	switch {
	case IsFloat(of.Kind):
		return s.withNamedFloats(of, s.And(a, s.floats(of.Kind)))
	case IsInteger(of.Kind):
		return s.Or(a, s.integerTexts(of))
	}
	return a
}

// writtenWrapper is the form, of those that readers take, in which writers write a wrapped scalar.
func (s *Space) writtenWrapper(of *schema.Type) *Shape {
	switch of.Kind {
	case schema.Int64, schema.Uint64:
		return s.OfKind(AnyKind &^ Number)
	case schema.Int32, schema.Uint32:
		return s.OfKind(AnyKind &^ String)
	}
	return s.Any()
}

// integerTexts are the decimal texts of an integer type's numbers.
func (s *Space) integerTexts(t *schema.Type) *Shape {
	in := s.textOfInteger
	parts := []*Shape{s.OfKind(String), s.PatternECMA(`^(?:0|-?[1-9][0-9]{0,19})$`), in(KindRange(t.Kind))}
	if o := orderedRules(t); o != nil {
		parts = append(parts, o.shape(s, in))
	}
	return s.And(append(parts, s.rules(t, false)...)...)
}

// textOfInteger limits texts of numbers to an interval.
func (s *Space) textOfInteger(i Interval) *Shape {
	return s.Measure(String, "the number that a text is", i, numberInText, textOfNumber)
}

func numberInText(v any) (*big.Rat, bool) {
	text, _ := v.(string)
	n, ok := new(big.Int).SetString(text, 10)
	if !ok {
		return nil, false
	}
	return new(big.Rat).SetInt(n), true
}

func textOfNumber(r *big.Rat) any {
	if !r.IsInt() {
		return nil
	}
	return r.Num().String()
}

// namedFloats are the floats that are no numbers, by their names in protobuf's own JSON.
var namedFloats = map[string]point{"NaN": {}, "Infinity": {infinite: 1}, "-Infinity": {infinite: -1}}

// withNamedFloats adds to the numbers of a float those that JSON has no number for.
func (s *Space) withNamedFloats(t *schema.Type, numbers *Shape) *Shape {
	o := orderedRules(t)
	var names []string
	for name, p := range namedFloats {
		if o.takes(p) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return numbers
	}
	named := append(s.rules(t, false), s.OfKind(String), s.Strings(names...))
	return s.Or(numbers, s.And(named...))
}

// wrappedForm is a scalar's JSON value as a message has it that holds the scalar.
func wrappedForm(of *schema.Type, v any) any {
	if n, ok := v.(interface{ String() string }); ok && (of.Kind == schema.Int64 || of.Kind == schema.Uint64) {
		if _, err := strconv.ParseFloat(n.String(), 64); err == nil {
			return n.String()
		}
	}
	return v
}
