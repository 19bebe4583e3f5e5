package values

import (
	"encoding/json"
	"math/big"
	"slices"

	"github.com/omninode/trestle/tools/schema"
)

// Accepts judges a scalar JSON value by the constraints of a type: ok says that it breaks none that can be run, sure that
// this is certain. Of types that are not scalar nothing is certain.
func Accepts(t *schema.Type, text string) (ok, sure bool) {
	v, err := Parse(text)
	if err != nil {
		return false, true
	}
	a, whole, scalar := NewSpace().modelled(t)
	if !scalar {
		return true, false
	}
	ok, sure = a.Contains(v)
	return ok, sure && (whole || !ok)
}

// modelled is [Space.FromType] of as much of a type as the model holds; whole says that this is all of it.
func (s *Space) modelled(t *schema.Type) (a *Shape, whole, ok bool) {
	plain := *t
	if r := t.Constraints.Unmodelled; r != nil && !r.OnlyUnchecked() {
		plain.Constraints.Unmodelled = nil
	}
	a, ok = s.FromType(&plain)
	return a, plain.Constraints.Unmodelled == t.Constraints.Unmodelled, ok
}

// SurelyAccepts says whether the type accepts a scalar JSON value; false where that cannot be told.
func SurelyAccepts(t *schema.Type, text string) bool {
	ok, sure := Accepts(t, text)
	return ok && sure
}

// SurelyAcceptsAll says whether the values are a finite list that the type accepts; false where that cannot be told.
func SurelyAcceptsAll(values []string, t *schema.Type) bool {
	for _, v := range values {
		if !SurelyAccepts(t, v) {
			return false
		}
	}
	return len(values) > 0
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
