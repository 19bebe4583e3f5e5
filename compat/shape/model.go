package shape

import (
	"encoding/json"
	"maps"
	"math/big"
	"regexp"
	"slices"
	"strings"

	"github.com/omninode/trestle/tools/schema"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// FromType returns what a type of scalars accepts in JSON, whatever language it is written in; ok is false for other
// types, for bytes, and where the model does not hold all of a type.
func (s *Space) FromType(t *schema.Type) (a *Shape, ok bool) {
	c := t.Constraints
	if c.Remainder != nil && !c.Remainder.InModel() {
		return nil, false // more than the model says
	}
	var parts []*Shape
	switch {
	case IsNumber(t.Kind):
		parts = append(parts, s.OfKind(Number), s.InRange(KindRange(t.Kind)))
		if IsInteger(t.Kind) {
			parts = append(parts, s.MultipleOf(One))
		}
		parts = append(parts, s.bounds(t))
		if m, valid := Positive(c.MultipleOf); valid {
			parts = append(parts, s.MultipleOf(m))
		}
	case t.Kind == schema.String:
		parts = append(parts, s.OfKind(String))
		low, high := 0, -1
		if c.MinLen != nil {
			low = int(min(*c.MinLen, 1<<30))
		}
		if c.MaxLen != nil && *c.MaxLen < 1<<30 {
			high = int(*c.MaxLen)
		}
		parts = append(parts, s.Length(String, low, high))
		if c.Pattern != "" {
			parts = append(parts, s.Pattern(c.Pattern))
		}
		if c.Format != "" {
			parts = append(parts, s.formatOf(t))
		}
	case t.Kind == schema.Timestamp:
		parts = append(parts, s.OfKind(String), s.Format("date-time"))
	case t.Kind == schema.EnumKind:
		parts = append(parts, s.OfKind(String))
		if c.Const == "" && c.In == nil {
			parts = append(parts, s.texts(Names(t.Enum)))
		}
	case t.Kind == schema.Bool:
		parts = append(parts, s.OfKind(Bool))
	default:
		return nil, false
	}
	if in := Allowed(t); in != nil {
		parts = append(parts, s.texts(in))
	}
	if len(c.NotIn) > 0 {
		parts = append(parts, s.Not(s.texts(c.NotIn)))
	}
	rules := Rules(t)
	for _, name := range slices.Sorted(maps.Keys(rules)) {
		switch {
		case name == looseRegex: // says how another rule is meant
		case name == knownRegex && rules[looseRegex].IsValid():
			parts = append(parts, s.Opaque(AnyKind, "rule "+name+" "+ruleText(rules[name])+", loose", nil))
		default:
			parts = append(parts, s.rule(t, name, rules[name]))
		}
	}
	a = s.And(parts...)
	if zero := Zero(t.Kind); c.SkipZero && zero != "" {
		a = s.Or(a, s.texts([]string{zero}))
	}
	return a, true
}

// The rule of HTTP headers, and that it is to be less strict.
const (
	knownRegex = "string.well_known_regex"
	looseRegex = "string.strict"
)

// bounds are the limits of numbers; a minimum above the maximum is protovalidate's way to say everything outside.
func (s *Space) bounds(t *schema.Type) *Shape {
	if i, ok := Bounds(t); ok {
		return s.InRange(i)
	}
	low, high := *t, *t
	low.Constraints.Max, high.Constraints.Min = nil, nil
	l, okLow := Bounds(&low)
	h, okHigh := Bounds(&high)
	if okLow && okHigh && t.Constraints.Rules != nil {
		return s.Or(s.InRange(l), s.InRange(h))
	}
	return s.And(s.InRange(l), s.InRange(h))
}

// texts is a list of JSON texts of scalars.
func (s *Space) texts(list []string) *Shape {
	var out []*Shape
	for _, text := range list {
		dec := json.NewDecoder(strings.NewReader(text))
		dec.UseNumber()
		var v any
		if dec.Decode(&v) == nil {
			out = append(out, s.Value(v))
		}
	}
	return s.Or(out...)
}

// formatOf is a format; that of a name and what protovalidate means by the name may differ.
func (s *Space) formatOf(t *schema.Type) *Shape {
	f := t.Constraints.Format
	if t.Constraints.Rules == nil || f == "uuid" {
		return s.Format(f)
	}
	return s.Opaque(String, "format "+f+" of protovalidate", nil, formatSamples[f]...)
}

// rule is a rule of protovalidate that the constraints have no member for.
func (s *Space) rule(t *schema.Type, name string, v protoreflect.Value) *Shape {
	text, isText := v.Interface().(string)
	if t.Kind == schema.String && isText {
		quoted := regexp.QuoteMeta(text)
		switch strings.TrimPrefix(name, "string.") {
		case "prefix":
			return s.Pattern("^" + quoted)
		case "suffix":
			return s.Pattern(quoted + "$")
		case "contains":
			return s.Pattern(quoted)
		case "not_contains":
			return s.Or(s.OfKind(AnyKind&^String), s.Not(s.Pattern(quoted)))
		}
	}
	if n, ok := v.Interface().(uint64); ok && t.Kind == schema.String && n < 1<<40 {
		at := big.NewRat(int64(n), 1)
		limit := map[string]Interval{"string.min_bytes": {Low: at}, "string.max_bytes": {High: at}, "string.len_bytes": {Low: at, High: at}}
		if i, ok := limit[name]; ok {
			return s.Measure(String, "the length in bytes", i, bytesOf, func(n *big.Rat) any {
				if !n.IsInt() || n.Sign() < 0 || n.Num().Int64() > 4096 {
					return nil
				}
				return strings.Repeat("a", int(n.Num().Int64()))
			})
		}
	}
	return s.Opaque(AnyKind, "rule "+name+" "+ruleText(v), nil)
}

func bytesOf(v any) (*big.Rat, bool) {
	s, ok := v.(string)
	return big.NewRat(int64(len(s)), 1), ok
}
