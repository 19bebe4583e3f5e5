package values

import (
	"encoding/json"
	"math"
	"math/big"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"github.com/omninode/trestle/tools/schema"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/dynamicpb"
)

// kindsOf are the kinds of a type's values in binary.
func kindsOf(t *schema.Type) Kinds {
	switch t.Kind {
	case schema.List:
		return Array
	case schema.Map, schema.JSONObject:
		return Object
	case schema.MessageKind:
		if !OwnForm(t.Message) {
			return Object
		}
		return AnyKind
	case schema.String, schema.Bytes, schema.Timestamp:
		return String
	case schema.Float, schema.Double:
		return Number | String // those that are no numbers have names
	}
	return Number
}

// valueOf returns what readers take for a value of a type; bare leaves the constraints out.
func (s form) valueOf(t *schema.Type, bare bool) *Shape {
	if rules := t.Constraints.Rules; bare || rules.GetIgnore() == validate.Ignore_IGNORE_ALWAYS {
		plain := *t
		plain.Constraints = schema.Constraints{}
		t, bare = &plain, true
	}
	c := t.Constraints
	var a *Shape
	switch t.Kind {
	case schema.List:
		a = s.And(s.OfKind(Array), s.counted(Array, c.MinItems, c.MaxItems), s.Items(0, s.valueOf(t.Elem, bare)))
		if c.Unique {
			a = s.And(a, s.Unique())
		}
	case schema.Map:
		a = s.And(s.OfKind(Object), s.counted(Object, c.MinPairs, c.MaxPairs), s.keys(t.Key, bare),
			s.Members(s.Everything(), s.valueOf(t.Elem, bare)))
	case schema.JSONObject:
		a = s.OfKind(Object)
	case schema.JSONValue:
		a = s.Any()
	case schema.MessageKind:
		if of, wraps := Wrapped(t); wraps {
			return s.wrapper(of)
		}
		if a = s.wellKnown(t); a == nil {
			a = s.message(readAs{t.Message, bare})
		}
	default:
		return s.scalar(t)
	}
	a = s.And(append(s.rules(t, s.binary), a)...)
	switch {
	case c.SkipZero && t.Kind == schema.List:
		return s.Or(a, s.emptyList())
	case c.SkipZero && t.Kind == schema.Map:
		return s.Or(a, s.emptyMap())
	}
	return a
}

// Counted returns the lists or maps, in an encoding, of what a type holds, in the numbers that constraints allow; nil for
// other types, with the rules on them as a whole. Of values in it that are neither scalars nor known to the model, any will do.
func (s *Space) Counted(of *schema.Type, c schema.Constraints, e schema.Encoding) *Shape {
	in := formOf(s, e)
	ruled := *of
	ruled.Constraints = c
	switch rules := s.And(s.rules(&ruled, in.binary)...); of.Kind {
	case schema.List:
		a := s.And(s.OfKind(Array), s.counted(Array, c.MinItems, c.MaxItems), s.Items(0, in.item(of.Elem)), rules)
		if c.Unique {
			a = s.And(a, s.Unique())
		}
		if c.SkipZero {
			a = s.Or(a, s.emptyList())
		}
		return a
	case schema.Map:
		a := s.And(s.OfKind(Object), s.counted(Object, c.MinPairs, c.MaxPairs), rules)
		if of.Key != nil {
			a = s.And(a, in.keys(of.Key, false))
		}
		if c.SkipZero {
			a = s.Or(a, s.emptyMap())
		}
		return a
	}
	return nil
}

// item is what is known of a scalar in a list.
func (s form) item(t *schema.Type) *Shape {
	if t.HasBinary() && t.Kind != schema.MessageKind && t.Kind != schema.JSONObject {
		return s.scalar(t)
	}
	if a, _, ok := s.modelled(t); ok {
		return a
	}
	return s.Any()
}

func (s *Space) emptyList() *Shape { return s.And(s.OfKind(Array), s.Length(Array, 0, 0)) }
func (s *Space) emptyMap() *Shape  { return s.And(s.OfKind(Object), s.Length(Object, 0, 0)) }

// scalar is FromType where nothing but a name is known of an enum's zero, and where a float ends.
func (s form) scalar(t *schema.Type) *Shape {
	if s.binary {
		if a := s.OnWire(t, Reader); a != nil {
			return a
		}
	}
	a, _ := s.FromType(t)
	switch {
	case t.Kind == schema.EnumKind && t.Constraints.SkipZero:
		if zero := zeroName(t.Enum); zero != "" {
			return s.Or(a, s.Value(zero))
		}
	case IsFloat(t.Kind):
		if a = s.And(a, s.floats(t.Kind)); s.binary {
			return s.withNamedFloats(t, a)
		}
	}
	return a
}

// floats limits numbers to those that a kind of floats reaches to; doubles to none, as nobody writes others.
func (s *Space) floats(k schema.Kind) *Shape {
	if k != schema.Float {
		return s.Any()
	}
	most := new(big.Rat).SetFloat64(math.MaxFloat32)
	return s.InRange(Interval{Low: new(big.Rat).Neg(most), High: most})
}

func (s *Space) counted(k Kinds, low, high *uint64) *Shape {
	least, most := 0, -1
	if low != nil {
		least = int(min(*low, 1<<30))
	}
	if high != nil && *high < 1<<30 {
		most = int(*high)
	}
	return s.Length(k, least, most)
}

func isDuration(t *schema.Type) bool {
	return t.Kind == schema.MessageKind && t.Message.HasBinary() && t.Message.Proto.FullName() == "google.protobuf.Duration"
}

// wellKnown is the JSON form of a message of protobuf's own, nil for other messages.
func (s *Space) wellKnown(t *schema.Type) *Shape {
	if !OwnForm(t.Message) {
		return nil
	}
	md := t.Message.Proto
	known := s.Opaque(AnyKind&^Null, string(md.FullName()), func(v any) bool {
		text, err := json.Marshal(v)
		return err == nil && protojson.Unmarshal(text, dynamicpb.NewMessage(md)) == nil
	}, wellKnownSamples[md.Name()]...)
	if isDuration(t) {
		return s.And(known, s.timeRules(t))
	}
	return known
}
