package values

import (
	"math/big"

	"github.com/omninode/trestle/tools/schema"
)

// Interval is a range of numbers. A nil end is unbounded; open ends are for numbers that are not integers.
type Interval struct {
	Low, High         *big.Rat
	OpenLow, OpenHigh bool
}

var (
	// One is 1.
	One = big.NewRat(1, 1)
	// Exact53 and Exact24 are the integers that a double and a float hold exactly.
	Exact53 = Interval{Low: power(-1, 53), High: power(1, 53)}
	Exact24 = Interval{Low: power(-1, 24), High: power(1, 24)}

	zeroOne = Interval{Low: new(big.Rat), High: One}
)

// power returns sign × 2^n.
func power(sign int64, n uint) *big.Rat {
	return new(big.Rat).SetInt(new(big.Int).Lsh(big.NewInt(sign), n))
}

// KindRange is what the kind itself can hold; unbounded for kinds that are not integers.
func KindRange(k schema.Kind) Interval {
	switch k {
	case schema.Int32, schema.EnumKind:
		return Interval{Low: power(-1, 31), High: new(big.Rat).Sub(power(1, 31), One)}
	case schema.Int64:
		return Interval{Low: power(-1, 63), High: new(big.Rat).Sub(power(1, 63), One)}
	case schema.Uint32:
		return Interval{Low: new(big.Rat), High: new(big.Rat).Sub(power(1, 32), One)}
	case schema.Uint64:
		return Interval{Low: new(big.Rat), High: new(big.Rat).Sub(power(1, 64), One)}
	case schema.Bool:
		return zeroOne
	}
	return Interval{}
}

// Bounds is the interval of a type's numeric constraints, an empty one where the minimum is above the maximum. ok is false
// where a bound is no number. Rules of protovalidate that cross, and mean everything outside by it, are not among them.
func Bounds(t *schema.Type) (i Interval, ok bool) {
	c := t.Constraints
	if c.Min != nil {
		if i.Low, ok = new(big.Rat).SetString(c.Min.Value); !ok {
			return i, false
		}
		i.OpenLow = c.Min.Exclusive
	}
	if c.Max != nil {
		if i.High, ok = new(big.Rat).SetString(c.Max.Value); !ok {
			return i, false
		}
		i.OpenHigh = c.Max.Exclusive
	}
	if IsInteger(t.Kind) {
		i = i.closed()
	}
	return i, true
}

// closed makes the ends of an interval of integers closed and integral.
func (i Interval) closed() Interval {
	if i.Low != nil {
		low := ceil(i.Low)
		if i.OpenLow && low.Cmp(i.Low) == 0 {
			low.Add(low, One)
		}
		i.Low, i.OpenLow = low, false
	}
	if i.High != nil {
		high := new(big.Rat).Neg(ceil(new(big.Rat).Neg(i.High)))
		if i.OpenHigh && high.Cmp(i.High) == 0 {
			high.Sub(high, One)
		}
		i.High, i.OpenHigh = high, false
	}
	return i
}

func ceil(r *big.Rat) *big.Rat {
	if r.IsInt() {
		return new(big.Rat).Set(r)
	}
	q := new(big.Int).Div(r.Num(), r.Denom()) // floor, as the denominator is positive
	return new(big.Rat).SetInt(q.Add(q, big.NewInt(1)))
}

// Intersect returns what is in both.
func (i Interval) Intersect(j Interval) Interval {
	if compareLow(j, i) > 0 {
		i.Low, i.OpenLow = j.Low, j.OpenLow
	}
	if compareHigh(j, i) < 0 {
		i.High, i.OpenHigh = j.High, j.OpenHigh
	}
	return i
}

// Within says whether every number of i is in j.
func (i Interval) Within(j Interval) bool {
	return i.empty() || compareLow(i, j) >= 0 && compareHigh(i, j) <= 0
}

func (i Interval) Contains(r *big.Rat) bool {
	return Interval{Low: r, High: r}.Within(i)
}

// compareLow orders lower ends: unbounded first, then by value, closed before open.
func compareLow(i, j Interval) int {
	switch {
	case i.Low == nil && j.Low == nil:
		return 0
	case i.Low == nil:
		return -1
	case j.Low == nil:
		return 1
	}
	if c := i.Low.Cmp(j.Low); c != 0 {
		return c
	}
	return flag(i.OpenLow) - flag(j.OpenLow)
}

// compareHigh orders upper ends: by value, open before closed, unbounded last.
func compareHigh(i, j Interval) int {
	switch {
	case i.High == nil && j.High == nil:
		return 0
	case i.High == nil:
		return 1
	case j.High == nil:
		return -1
	}
	if c := i.High.Cmp(j.High); c != 0 {
		return c
	}
	return flag(j.OpenHigh) - flag(i.OpenHigh)
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Range is what a type's numbers can be: its kind, its bounds, and its list of values where it has one.
func Range(t *schema.Type) Interval {
	i := KindRange(t.Kind)
	if b, ok := Bounds(t); ok {
		i = i.Intersect(b)
	}
	if allowed := Allowed(t); len(allowed) > 0 {
		var of Interval
		for n, v := range allowed {
			r, ok := new(big.Rat).SetString(v)
			if !ok {
				return i
			}
			if n == 0 || r.Cmp(of.Low) < 0 {
				of.Low = r
			}
			if n == 0 || r.Cmp(of.High) > 0 {
				of.High = r
			}
		}
		i = i.Intersect(of)
	}
	return i
}

// Allowed returns the JSON texts of the values that const and a list of values allow; nil: any.
func Allowed(t *schema.Type) []string {
	c := t.Constraints
	switch {
	case c.Const == "":
		return c.In
	case c.In != nil && !Subset([]string{c.Const}, c.In):
		return []string{}
	}
	return []string{c.Const}
}

func IsInteger(k schema.Kind) bool {
	return k == schema.Int32 || k == schema.Int64 || k == schema.Uint32 || k == schema.Uint64
}

func IsFloat(k schema.Kind) bool { return k == schema.Float || k == schema.Double }

func IsNumber(k schema.Kind) bool { return IsInteger(k) || IsFloat(k) }
