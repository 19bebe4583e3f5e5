package values

import (
	"encoding/json"
	"fmt"
	"math/big"
	"regexp"
	"strings"

	"github.com/omninode/trestle/tools/schema"
)

// keys limits the names of an object to the keys of a map.
func (s form) keys(t *schema.Type, bare bool) *Shape {
	var parts []*Shape
	if expr := keyForms[t.Kind]; expr != "" {
		if names, err := s.MatchingRE2(expr); err == nil {
			parts = append(parts, s.Members(s.Except(names), s.Never()))
		}
	}
	if !bare && (!Free(t) || t.Kind == schema.EnumKind) {
		parts = append(parts, s.Keys(t))
	}
	return s.And(parts...)
}

// Keys limits the names of an object to those that keep the constraints of a map's keys.
func (s *Space) Keys(t *schema.Type) *Shape {
	key, _, ok := s.modelled(t)
	if !ok {
		return s.Any()
	}
	if key == s.OfKind(String) {
		return s.Any()
	}
	if names, few := fewKeys(t, key); few {
		return s.Members(s.Except(s.Exactly(names...)), s.Never())
	}
	names, whole := s.keyNames(t)
	if whole {
		return names
	}
	return s.And(names, s.of(opaque{kind: Object, id: fmt.Sprintf("keys in %d", key.id), test: keysTest(t.Kind, key)}))
}

// keyNames limits the names of an object to what can be told of the texts that are a map's keys; whole says that these are all
// of its constraints.
func (s *Space) keyNames(t *schema.Type) (a *Shape, whole bool) {
	c := t.Constraints
	if t.Kind != schema.String || c.SkipZero {
		return s.Any(), false
	}
	whole = c.Format == "" && (c.Unmodelled == nil || c.Unmodelled.OnlyUnchecked())
	var parts []*Shape
	within := func(l *Language, err error) {
		if whole = whole && err == nil; err == nil {
			parts = append(parts, s.Members(s.Except(l), s.Never()))
		}
	}
	if c.Pattern != "" && c.Rules == nil {
		within(s.MatchingECMA(c.Pattern))
	} else if c.Pattern != "" {
		within(s.MatchingRE2(c.Pattern))
	}
	const mostRepeated = 1000 // which an expression of RE2 can count
	if c.MinLen != nil {
		within(s.MatchingRE2(fmt.Sprintf("^(?s:.{%d,})$", min(*c.MinLen, mostRepeated))))
		whole = whole && *c.MinLen <= mostRepeated
	}
	if c.MaxLen != nil && *c.MaxLen <= mostRepeated {
		within(s.MatchingRE2(fmt.Sprintf("^(?s:.{0,%d})$", *c.MaxLen)))
	} else if c.MaxLen != nil {
		whole = false
	}
	for _, text := range c.NotIn {
		v, _ := Parse(text)
		name, _ := v.(string)
		parts = append(parts, s.Members(s.Exactly(name), s.Never()))
	}
	for name, v := range Rules(t) {
		quoted := regexp.QuoteMeta(v.String())
		switch name {
		case "string.prefix":
			within(s.MatchingRE2("^" + quoted))
		case "string.suffix":
			within(s.MatchingRE2(quoted + "$"))
		case "string.contains":
			within(s.MatchingRE2(quoted))
		case "string.not_contains":
			if l, err := s.MatchingRE2(quoted); err == nil {
				parts = append(parts, s.Members(l, s.Never()))
				continue
			}
			whole = false
		case "string.min_bytes":
			whole = whole && v.Uint() == 0
		default:
			whole = false
		}
	}
	return s.And(parts...), whole
}

// mostKeys limits the keys of maps that are listed one by one.
const mostKeys = 64

// fewKeys lists the names of a map's keys; ok is false where they are many.
func fewKeys(t *schema.Type, key *Shape) (names []string, ok bool) {
	candidates := listed(&schema.Type{Kind: t.Kind, Constraints: schema.Constraints{Const: t.Constraints.Const, In: t.Constraints.In}})
	switch in := KindRange(t.Kind); {
	case Allowed(t) != nil:
	case t.Kind == schema.EnumKind:
		for _, name := range jsonNames(t.Enum) {
			candidates = append(candidates, name)
		}
	case t.Kind == schema.Bool:
		candidates = []any{true, false}
	case t.Kind == schema.String && t.Constraints.MaxLen != nil && *t.Constraints.MaxLen == 0:
		candidates = []any{""}
	case IsInteger(t.Kind):
		all, known := Ranges(t)
		if !known {
			return nil, false
		}
		for _, i := range all {
			i = i.Intersect(in)
			for at := i.Low; !i.empty() && at.Cmp(i.High) <= 0; at = new(big.Rat).Add(at, One) {
				if candidates = append(candidates, json.Number(at.RatString())); len(candidates) > mostKeys {
					return nil, false
				}
			}
		}
	default:
		return nil, false
	}
	for _, v := range candidates {
		switch in, sure := key.Contains(v); {
		case !sure:
			return nil, false
		case in:
			name, _ := keyName(v)
			names = append(names, name)
		}
	}
	return names, true
}

// keysTest holds the names of an object against the shape of a key.
func keysTest(k schema.Kind, key *Shape) func(any) truth {
	return func(v any) truth {
		out := yes
		for name := range v.(map[string]any) {
			var read any = name
			if k != schema.String {
				read, _ = Parse(name)
			}
			out = min(out, key.contains(read, 0))
		}
		return out
	}
}

// keyForms are expressions of the names that keys are written as, for the kinds that not every name is a key of.
var keyForms = map[schema.Kind]string{
	schema.Bool:   "^(true|false)$",
	schema.Int32:  "^(" + upTo("2147483647") + "|-(" + upTo("2147483648") + "))$",
	schema.Uint32: "^(" + upTo("4294967295") + ")$",
	schema.Int64:  "^(" + upTo("9223372036854775807") + "|-(" + upTo("9223372036854775808") + "))$",
	schema.Uint64: "^(" + upTo("18446744073709551615") + ")$",
}

// upTo is an expression of the decimals from 0 to a number.
func upTo(most string) string {
	parts := []string{"0", most}
	if n := len(most) - 1; n > 0 {
		parts = append(parts, fmt.Sprintf("[1-9][0-9]{0,%d}", n-1))
	}
	for i := range len(most) {
		low := byte('0')
		if i == 0 {
			low = '1'
		}
		if most[i] > low {
			parts = append(parts, fmt.Sprintf("%s[%c-%c][0-9]{%d}", most[:i], low, most[i]-1, len(most)-1-i))
		}
	}
	return strings.Join(parts, "|")
}
