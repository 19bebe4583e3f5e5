package values

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"regexp"
	"slices"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"github.com/omninode/trestle/tools/schema"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// FromType returns what a type of scalars accepts in JSON, whatever language it is written in; ok is false for other
// types, and where the model does not hold all of a type.
func (s *Space) FromType(t *schema.Type) (a *Shape, ok bool) {
	c := t.Constraints
	if c.Unmodelled != nil && !c.Unmodelled.OnlyUnchecked() {
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
			parts = append(parts, s.patternOf(c))
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
	case t.Kind == schema.Bytes:
		parts = append(parts, s.OfKind(String), s.PatternRE2(base64Form))
		if c.MinLen != nil || c.MaxLen != nil {
			parts = append(parts, s.Measure(String, "the length in bytes that are base64", Counts(c.MinLen, c.MaxLen), decodedBytes, encodedOf))
		}
	default:
		return nil, false
	}
	if in := Allowed(t); in != nil {
		parts = append(parts, s.texts(in))
	}
	if len(c.NotIn) > 0 {
		parts = append(parts, s.Not(s.texts(c.NotIn)))
	}
	a = s.And(append(parts, s.rules(t)...)...)
	if zero := Zero(t.Kind); c.SkipZero && zero != "" {
		a = s.Or(a, s.texts([]string{zero}))
	}
	return a, true
}

// rules are the rules of protovalidate that the constraints have no member for.
func (s *Space) rules(t *schema.Type) []*Shape {
	var out []*Shape
	rules := Rules(t)
	if IsNumber(t.Kind) {
		out = append(out, s.outside(rules)...)
	}
	for _, name := range slices.Sorted(maps.Keys(rules)) {
		switch {
		case name == looseRegex: // says how another rule is meant
		case strings.HasSuffix(name, ".finite"): // as every number in JSON
		default:
			out = append(out, s.Rule(t, name))
		}
	}
	return out
}

// Rule is a rule of a type, of those that [Rules] returns.
func (s *Space) Rule(t *schema.Type, name string) *Shape {
	rules := Rules(t)
	if name == knownRegex {
		return s.header(t.Constraints.Rules.GetString().GetWellKnownRegex(), rules[looseRegex].IsValid())
	}
	return s.rule(t, name, rules[name])
}

// header is the form of a name or a value of HTTP headers.
func (s *Space) header(form validate.KnownRegex, loose bool) *Shape {
	switch {
	case form == validate.KnownRegex_KNOWN_REGEX_UNSPECIFIED:
		return s.Any()
	case loose:
		return s.textForm("loose header")
	case form == validate.KnownRegex_KNOWN_REGEX_HTTP_HEADER_NAME:
		return s.textForm("header name")
	}
	return s.textForm("header value")
}

// outside takes a lower bound that is above an upper one from the rules of a number: protovalidate means by them all that
// is not between.
func (s *Space) outside(rules map[string]protoreflect.Value) []*Shape {
	var either []*Shape
	var names []string
	for name, v := range rules {
		end, ok := new(big.Rat).SetString(fmt.Sprint(v.Interface()))
		if !ok {
			continue
		}
		switch name[strings.LastIndexByte(name, '.')+1:] {
		case "gt":
			either = append(either, s.InRange(Interval{Low: end, OpenLow: true}))
		case "gte":
			either = append(either, s.InRange(Interval{Low: end}))
		case "lt":
			either = append(either, s.InRange(Interval{High: end, OpenHigh: true}))
		case "lte":
			either = append(either, s.InRange(Interval{High: end}))
		default:
			continue
		}
		names = append(names, name)
	}
	if len(names) != 2 {
		return nil
	}
	delete(rules, names[0])
	delete(rules, names[1])
	return []*Shape{s.Or(either...)}
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

// rule is a rule of protovalidate that the constraints have no member for.
func (s *Space) rule(t *schema.Type, name string, v protoreflect.Value) *Shape {
	if t.Kind == schema.String && wellKnownRules[strings.TrimPrefix(name, "string.")] {
		if on, ok := v.Interface().(bool); ok && !on {
			return s.Any()
		}
		return s.textForm(strings.TrimPrefix(name, "string."))
	}
	text, isText := v.Interface().(string)
	if t.Kind == schema.String && isText {
		quoted := regexp.QuoteMeta(text)
		switch strings.TrimPrefix(name, "string.") {
		case "prefix":
			return s.PatternRE2("^" + quoted)
		case "suffix":
			return s.PatternRE2(quoted + "$")
		case "contains":
			return s.PatternRE2(quoted)
		case "not_contains":
			return s.Or(s.OfKind(AnyKind&^String), s.Not(s.PatternRE2(quoted)))
		}
	}
	if n, ok := v.Interface().(uint64); ok && t.Kind == schema.String && n < 1<<40 {
		at := big.NewRat(int64(n), 1)
		limit := map[string]Interval{"string.min_bytes": {Low: at}, "string.max_bytes": {High: at}, "string.len_bytes": {Low: at, High: at}}
		if i, ok := limit[name]; ok {
			return s.Measure(String, lengthInBytes, i, bytesOf, textOf)
		}
	}
	return s.Opaque(AnyKind, "rule "+name+" "+ruleText(v), nil)
}

func bytesOf(v any) (*big.Rat, bool) {
	s, ok := v.(string)
	return big.NewRat(int64(len(s)), 1), ok
}

const lengthInBytes = "the length in bytes"

// textOf is a string of n bytes, nil where n is none that can be shown.
func textOf(n *big.Rat) any {
	if !n.IsInt() || n.Sign() < 0 || n.Num().Int64() > 4096 {
		return nil
	}
	return strings.Repeat("a", int(n.Num().Int64()))
}

// base64Form is how bytes are written.
const base64Form = "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"

func decodedBytes(v any) (*big.Rat, bool) {
	s, _ := v.(string)
	b, err := base64.StdEncoding.DecodeString(s)
	return big.NewRat(int64(len(b)), 1), err == nil
}

func encodedOf(n *big.Rat) any {
	s, ok := textOf(n).(string)
	if !ok {
		return nil
	}
	return base64.StdEncoding.EncodeToString([]byte(s))
}
