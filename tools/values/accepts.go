package values

import (
	"encoding/base64"
	"encoding/json"
	"math/big"
	"regexp"
	"slices"
	"unicode/utf8"

	"github.com/omninode/trestle/tools/schema"
)

// Accepts judges a scalar JSON value by the constraints of a type that are modelled: ok says that it breaks none,
// sure that there are no others. Sure is always true with ok false.
func Accepts(t *schema.Type, text string) (ok, sure bool) {
	c := t.Constraints
	if c.SkipZero && SameValue(text, Zero(t.Kind)) {
		return true, true
	}
	if in := Allowed(t); in != nil && !Subset([]string{text}, in) || Subset([]string{text}, c.NotIn) {
		return false, true
	}
	sure = len(Rules(t)) == 0 && c.Format == ""
	switch {
	case IsNumber(t.Kind):
		ok, known := numberFits(t, text)
		return ok, !ok || sure && known
	case t.Kind == schema.String:
		var s string
		if json.Unmarshal([]byte(text), &s) != nil || !LengthFits(c, utf8.RuneCountInString(s)) {
			return false, true
		}
		ok, known := patternFits(c.Pattern, s)
		return ok, !ok || sure && known
	case t.Kind == schema.Bytes:
		var s string
		if json.Unmarshal([]byte(text), &s) != nil {
			return false, true
		}
		b, err := base64.StdEncoding.DecodeString(s)
		ok := err == nil && LengthFits(c, len(b))
		return ok, !ok || sure && c.Pattern == ""
	case t.Kind == schema.EnumKind:
		var s string
		ok := json.Unmarshal([]byte(text), &s) == nil && slices.Contains(Names(t.Enum), text)
		return ok, !ok || sure
	case t.Kind == schema.Bool:
		ok := text == "true" || text == "false"
		return ok, !ok || sure
	}
	return true, false
}

// Surely says whether the type accepts a scalar JSON value; false where that cannot be told.
func Surely(t *schema.Type, text string) bool {
	ok, sure := Accepts(t, text)
	return ok && sure
}

// AllSurely says whether the values are a finite list that the type accepts; false where that cannot be told.
func AllSurely(values []string, t *schema.Type) bool {
	for _, v := range values {
		if !Surely(t, v) {
			return false
		}
	}
	return len(values) > 0
}

func numberFits(t *schema.Type, text string) (ok, known bool) {
	r, valid := new(big.Rat).SetString(text)
	if !valid || IsInteger(t.Kind) && !r.IsInt() || !KindRange(t.Kind).Contains(r) {
		return false, true
	}
	limit, known := Bounds(t)
	if known && !limit.Contains(r) {
		return false, true
	}
	if m, valid := Positive(t.Constraints.MultipleOf); valid && !Divides(r, m) {
		return false, true
	}
	return true, known
}

func patternFits(pattern, s string) (ok, known bool) {
	if pattern == "" {
		return true, true
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return true, false
	}
	return re.MatchString(s), true
}

// LengthFits says whether a string of n characters, or n bytes, keeps the bounds of its length.
func LengthFits(c schema.Constraints, n int) bool {
	return Counts(c.MinLen, c.MaxLen).Contains(big.NewRat(int64(n), 1))
}

// Counts is the interval of a count with these bounds.
func Counts(low, high *uint64) Interval {
	i := Interval{Low: new(big.Rat)}
	if low != nil {
		i.Low.SetUint64(*low)
	}
	if high != nil {
		i.High = new(big.Rat).SetUint64(*high)
	}
	return i
}

// Positive parses a decimal text above zero.
func Positive(s string) (*big.Rat, bool) {
	r, ok := new(big.Rat).SetString(s)
	return r, ok && r.Sign() > 0
}

// Divides says whether a is a multiple of b.
func Divides(a, b *big.Rat) bool { return new(big.Rat).Quo(a, b).IsInt() }

// Subset says whether every JSON text of a is a value of b.
func Subset(a, b []string) bool {
	for _, v := range a {
		if !slices.ContainsFunc(b, func(w string) bool { return SameValue(v, w) }) {
			return false
		}
	}
	return true
}

// SameValue compares two scalar JSON texts: 1 and 1.0 are the same number.
func SameValue(a, b string) bool {
	if a == b {
		return true
	}
	x, okX := new(big.Rat).SetString(a)
	y, okY := new(big.Rat).SetString(b)
	return okX && okY && x.Cmp(y) == 0
}

// Names returns the JSON texts of an enum's values, those without a JSON name left out.
func Names(e *schema.Enum) []string {
	names := []string{}
	for _, v := range e.Values {
		if v.JSONName != "" {
			text, _ := json.Marshal(v.JSONName)
			names = append(names, string(text))
		}
	}
	return names
}

// Zero is the JSON text of a scalar kind's zero value; empty for kinds that have none.
func Zero(k schema.Kind) string {
	switch {
	case IsNumber(k):
		return "0"
	case k == schema.String || k == schema.Bytes:
		return `""`
	case k == schema.Bool:
		return "false"
	}
	return ""
}
