package values

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
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
	if of, wraps := Wrapped(t); wraps {
		return s.wrapper(of), true
	}
	if isDuration(t) {
		return s.And(append(s.rules(t, false), s.wellKnown(t))...), true
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
		parts = append(parts, s.OfKind(String), s.Format("date-time"), s.timeRules(t))
	case t.Kind == schema.EnumKind:
		parts = append(parts, s.OfKind(String))
		if c.Const == "" && c.In == nil {
			parts = append(parts, s.texts(Names(t.Enum)))
		}
	case t.Kind == schema.Bool:
		parts = append(parts, s.OfKind(Bool))
	case t.Kind == schema.Bytes:
		parts = append(parts, s.OfKind(String), s.PatternRE2(base64Form), s.bytesCounted(false, c.MinLen, c.MaxLen))
	default:
		return nil, false
	}
	if in := Allowed(t); in != nil {
		parts = append(parts, s.texts(in))
	}
	if len(c.NotIn) > 0 {
		parts = append(parts, s.Not(s.texts(c.NotIn)))
	}
	a = s.And(append(parts, s.rules(t, false)...)...)
	if zero := Zero(t.Kind); c.SkipZero && zero != "" {
		a = s.Or(a, s.texts([]string{zero}))
	}
	return a, true
}

// OfType is [Space.FromType] in an encoding.
func (s *Space) OfType(t *schema.Type, e schema.Encoding) (a *Shape, ok bool) {
	if _, ok = s.FromType(t); !ok {
		return nil, false
	}
	if !t.HasBinary() {
		return s.FromType(t)
	}
	return formOf(s, e).valueOf(t, false), true
}

// rules are the rules of protovalidate that the constraints have no member for, on values as they are in binary or in JSON.
func (s *Space) rules(t *schema.Type, binary bool) []*Shape {
	var out []*Shape
	rules := Rules(t)
	for _, name := range slices.Sorted(maps.Keys(rules)) {
		switch {
		case name == looseRegex: // says how another rule is meant
		case strings.HasSuffix(name, ".finite"): // as every number in JSON
		case isOrdered(t, name): // as what is in order
		default:
			out = append(out, s.Rule(t, name, binary))
			if part, ok := rules[name].Interface().([]byte); ok && t.Kind == schema.Bytes {
				least := uint64(len(part)) // of what it is a part of
				out = append(out, s.bytesCounted(binary, &least, nil))
			}
		}
	}
	return out
}

// Rule is a rule of a type, of those that [Rules] returns, on values as they are in binary or in JSON.
func (s *Space) Rule(t *schema.Type, name string, binary bool) *Shape {
	rules := Rules(t)
	if name == knownRegex {
		return s.header(t.Constraints.Rules.GetString().GetWellKnownRegex(), rules[looseRegex].IsValid())
	}
	return s.rule(t, name, rules[name], binary)
}

// header is the form of a name or a value of HTTP headers.
func (s *Space) header(form validate.KnownRegex, loose bool) *Shape {
	switch {
	case form == validate.KnownRegex_KNOWN_REGEX_UNSPECIFIED:
		return s.Any()
	case form == validate.KnownRegex_KNOWN_REGEX_HTTP_HEADER_NAME && loose:
		return s.textForm("loose header name")
	case form == validate.KnownRegex_KNOWN_REGEX_HTTP_HEADER_NAME:
		return s.textForm("header name")
	case loose:
		return s.textForm("loose header value")
	}
	return s.textForm("header value")
}

// The rule of HTTP headers, and that it is to be less strict.
const (
	knownRegex = "string.well_known_regex"
	looseRegex = "string.strict"
)

// bounds are the limits of numbers.
func (s *Space) bounds(t *schema.Type) *Shape {
	if o := orderedRules(t); o != nil {
		return o.shape(s, s.InRange)
	}
	i, _ := Bounds(t)
	return s.InRange(i)
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
func (s *Space) rule(t *schema.Type, name string, v protoreflect.Value, binary bool) *Shape {
	kind, rule, _ := strings.Cut(name, ".")
	switch {
	case IsCEL(name):
		return s.celRule(t, v.String(), binary)
	case t.Kind == schema.String && kind == "string":
		if a := s.stringRule(rule, v); a != nil {
			return a
		}
	case t.Kind == schema.Bytes && kind == "bytes":
		return s.bytesRule(rule, v, binary)
	}
	return s.Opaque(AnyKind, "rule "+name+" "+ruleText(v), nil)
}

// stringRule is a rule on strings; nil for one that is not known.
func (s *Space) stringRule(rule string, v protoreflect.Value) *Shape {
	switch x := v.Interface().(type) {
	case bool:
		if !wellKnownRules[rule] {
			return nil
		}
		if !x {
			return s.Any()
		}
		return s.textForm(rule)
	case string:
		return s.textPart(rule, x)
	case uint64:
		switch rule {
		case "min_bytes":
			return s.ByteLength(counted(x), -1)
		case "max_bytes":
			return s.ByteLength(0, counted(x))
		case "len_bytes":
			return s.ByteLength(counted(x), counted(x))
		}
	}
	return nil
}

// textPart is a rule on strings that speaks of a part; nil for another.
func (s *Space) textPart(rule, part string) *Shape {
	quoted := regexp.QuoteMeta(part)
	switch rule {
	case "prefix":
		return s.PatternRE2("^" + quoted)
	case "suffix":
		return s.PatternRE2(quoted + "$")
	case "contains":
		return s.PatternRE2(quoted)
	case "not_contains":
		return s.Or(s.OfKind(AnyKind&^String), s.Not(s.PatternRE2(quoted)))
	}
	return nil
}

// counted is a count that can be calculated with; the largest stands for all that are larger.
func counted(n uint64) int { return int(min(n, 1<<40)) }

// base64Form is how bytes are written.
const base64Form = "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"

// bytesCounted limits bytes to a length, as they are in binary, or in the base64 of JSON.
func (s *Space) bytesCounted(binary bool, low, high *uint64) *Shape {
	least, most := 0, -1
	if low != nil {
		least = counted(*low)
	}
	if high != nil {
		most = counted(*high)
	}
	switch {
	case binary:
		return s.ByteLength(least, most)
	case least == 0 && most < 0:
		return s.Any()
	}
	var either []*Shape
	for padding, end := range []string{"[^=]$|^$", "[^=]=$", "=="} { // what there is less than three bytes for four characters
		chars := [2]int{(least + padding + 2) / 3 * 4, -1}
		if most >= 0 {
			chars[1] = (most + padding) / 3 * 4
		}
		either = append(either, s.And(s.PatternRE2(end), s.Length(String, chars[0], chars[1])))
	}
	return s.Or(append(either, s.OfKind(AnyKind&^String))...)
}

// bytesRule is a rule on bytes.
func (s *Space) bytesRule(rule string, v protoreflect.Value, binary bool) *Shape {
	lengths := func(all ...uint64) *Shape {
		var either []*Shape
		for _, n := range all {
			either = append(either, s.bytesCounted(binary, &n, &n))
		}
		return s.Or(either...)
	}
	switch x := v.Interface().(type) {
	case bool:
		switch {
		case !x:
			return s.Any()
		case rule == "ip":
			return lengths(4, 16)
		case rule == "ipv4":
			return lengths(4)
		case rule == "ipv6", rule == "uuid":
			return lengths(16)
		}
	case []byte:
		return s.bytesTest(rule, fmt.Sprintf("%q", x), binary, map[string]func([]byte) bool{
			"prefix":   func(b []byte) bool { return bytes.HasPrefix(b, x) },
			"suffix":   func(b []byte) bool { return bytes.HasSuffix(b, x) },
			"contains": func(b []byte) bool { return bytes.Contains(b, x) },
		}[rule], x)
	case string:
		if re, err := regexp.Compile(x); err == nil && rule == "pattern" {
			return s.bytesTest(rule, strconv.Quote(x), binary, re.Match)
		}
	}
	return s.bytesTest(rule, ruleText(v), binary, nil)
}

// bytesTest is a rule on bytes that is run on them.
func (s *Space) bytesTest(rule, text string, binary bool, test func([]byte) bool, samples ...[]byte) *Shape {
	id := "rule bytes." + rule + " " + text
	if binary {
		id += " in binary"
	}
	if test == nil {
		return s.Opaque(AnyKind, id, nil)
	}
	var shown []any
	for _, b := range samples {
		if binary {
			shown = append(shown, string(b))
		} else {
			shown = append(shown, base64.StdEncoding.EncodeToString(b))
		}
	}
	return s.Opaque(String, id, func(v any) bool {
		text, _ := v.(string)
		b := []byte(text)
		if !binary {
			b, _ = base64.StdEncoding.DecodeString(text)
		}
		return test(b)
	}, shown...)
}
