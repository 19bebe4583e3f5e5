package confluent

import (
	"math/big"
	"slices"
	"strings"

	"github.com/omninode/trestle/tools/schema/jsontree"
	"github.com/omninode/trestle/tools/values"
)

// limits compares an upper and a lower bound.
func limits(old, new node, upper, lower string) []difference {
	return append(upperLimit(upper, old.v.Get(upper), new.v.Get(upper)), lowerLimit(lower, old.v.Get(lower), new.v.Get(lower))...)
}

func upperLimit(keyword string, old, new *jsontree.Value) []difference {
	return limit(keyword, old, new, -1, "_DECREASED")
}

func lowerLimit(keyword string, old, new *jsontree.Value) []difference {
	return limit(keyword, old, new, 1, "_INCREASED")
}

// limit compares a bound, which is worse when it moved in the direction of the sign.
func limit(keyword string, old, new *jsontree.Value, sign int, worse string) []difference {
	a, was := ratio(old)
	b, is := ratio(new)
	switch {
	case is && !was:
		return differs("/"+keyword, keywordName(keyword)+"_ADDED")
	case is && b.Cmp(a) == sign:
		return differs("/"+keyword, keywordName(keyword)+worse)
	}
	return nil
}

// keywordName renders a keyword as registries name what happens to it: maxLength is MAX_LENGTH.
func keywordName(keyword string) string {
	var b strings.Builder
	for _, c := range keyword {
		if 'A' <= c && c <= 'Z' {
			b.WriteByte('_')
		}
		b.WriteRune(c)
	}
	return strings.ToUpper(b.String())
}

func ratio(v *jsontree.Value) (*big.Rat, bool) {
	if v == nil || v.Kind != jsontree.Number || len(v.Text) > 400 {
		return nil, false
	}
	return new(big.Rat).SetString(v.Text)
}

func patterns(old, new node) []difference {
	a, b := old.v.Get("pattern"), new.v.Get("pattern")
	switch {
	case b == nil:
	case a == nil:
		return differs("/pattern", "PATTERN_ADDED")
	case a.Text != b.Text:
		return differs("/pattern", "PATTERN_CHANGED")
	}
	return nil
}

func numbers(old, new node) []difference {
	out := limits(old, new, "maximum", "minimum")
	// A registry holds the old exclusive maximum against the new inclusive one, and fails where there is none.
	if was, ok := ratio(old.v.Get("exclusiveMaximum")); ok {
		if is, inclusive := ratio(new.v.Get("maximum")); !inclusive || was.Cmp(is) > 0 {
			out = append(out, upperLimit("exclusiveMaximum", old.v.Get("exclusiveMaximum"), new.v.Get("exclusiveMaximum"))...)
		}
	} else {
		out = append(out, upperLimit("exclusiveMaximum", nil, new.v.Get("exclusiveMaximum"))...)
	}
	out = append(out, lowerLimit("exclusiveMinimum", old.v.Get("exclusiveMinimum"), new.v.Get("exclusiveMinimum"))...)
	a, was := ratio(old.v.Get("multipleOf"))
	b, is := ratio(new.v.Get("multipleOf"))
	switch {
	case !is || was && a.Cmp(b) == 0:
	case !was:
		out = append(out, difference{"/multipleOf", "MULTIPLE_OF_ADDED"})
	case a.Sign() != 0 && values.Divides(b, a):
		out = append(out, difference{"/multipleOf", "MULTIPLE_OF_EXPANDED"})
	case b.Sign() == 0 || !values.Divides(a, b):
		out = append(out, difference{"/multipleOf", "MULTIPLE_OF_CHANGED"})
	}
	if !wantsInteger(old.v) && wantsInteger(new.v) {
		out = append(out, difference{"", "TYPE_NARROWED"})
	}
	return out
}

func wantsInteger(v *jsontree.Value) bool {
	t := v.Get("type")
	return t != nil && (t.Text == "integer" || slices.ContainsFunc(t.Items, func(e *jsontree.Value) bool { return e.Text == "integer" }))
}

func enums(old, new node) []difference {
	was, is := old.v.Get("enum").Items, new.v.Get("enum").Items
	switch {
	case containsAll(is, was):
		return nil
	case containsAll(was, is):
		return differs("/enum", "ENUM_ARRAY_NARROWED")
	}
	return differs("/enum", "ENUM_ARRAY_CHANGED")
}

// containsAll says whether all values of the second list are in the first.
func containsAll(list, values []*jsontree.Value) bool {
	have := map[string]bool{}
	for _, v := range list {
		have[v.JSON()] = true
	}
	return !slices.ContainsFunc(values, func(v *jsontree.Value) bool { return !have[v.JSON()] })
}
