package values

import (
	"encoding/json"
	"math/big"
	"strconv"
)

// numbers looks for a number.
func (s *solver) numbers(atoms []literal) outcome {
	domain := []Interval{{}}
	var unit *big.Rat
	var avoid []*big.Rat
	excluded := 0
	for _, l := range atoms {
		switch a := l.shape.atom.(type) {
		case scalars:
			if l.want {
				return s.judge(atoms, listOf(a))
			}
			excluded += len(a.values)
		case rangeAtom:
			if l.want {
				domain = intersectAll(domain, a.Interval)
			} else {
				domain = subtractAll(domain, a.Interval)
			}
		case multiple:
			if !l.want {
				avoid = append(avoid, a.unit)
			} else if unit == nil {
				unit = a.unit
			} else {
				unit = commonMultiple(unit, a.unit)
			}
		}
	}
	if len(domain) == 0 {
		return nowhere()
	}
	if unit != nil {
		for _, n := range avoid {
			if Divides(unit, n) {
				return nowhere()
			}
		}
	}
	best, complete := nowhere(), true
	for _, i := range domain {
		candidates, all := candidatesIn(i, unit, excluded)
		complete = complete && all
		for _, r := range candidates {
			if s.spent() {
				return unknown(tooMuch)
			}
			if best = better(best, check(atoms, decimal(r))); best.state == found {
				return best
			}
		}
	}
	if best.state == nothing && !complete {
		return unknown("no number was found that tells the difference, and not all could be tried")
	}
	return best
}

// candidatesIn returns numbers of an interval, simple ones first; all says that there are no others.
func candidatesIn(i Interval, unit *big.Rat, excluded int) (out []*big.Rat, all bool) {
	add := func(r *big.Rat) {
		if i.Contains(r) {
			out = append(out, r)
		}
	}
	if i.Low != nil && i.High != nil && i.Low.Cmp(i.High) == 0 {
		add(i.Low)
		return out, true
	}
	const most = 4000
	if unit != nil {
		low, high := lowIndex(i, unit), highIndex(i, unit)
		if low != nil && high != nil && low.Cmp(high) > 0 {
			return nil, true
		}
		start := new(big.Int)
		if low != nil && low.Sign() > 0 {
			start = low
		}
		if high != nil && high.Sign() < 0 {
			start = high
		}
		all = low != nil && high != nil && new(big.Int).Sub(high, low).Cmp(big.NewInt(most/2)) < 0
		for k := int64(0); k < int64(min(most, 200+4*excluded)) || all && k <= most/2; k++ {
			for _, d := range []int64{k, -k} {
				n := new(big.Int).Add(start, big.NewInt(d))
				if k == 0 && d == 0 && len(out) > 0 {
					continue
				}
				if (low == nil || n.Cmp(low) >= 0) && (high == nil || n.Cmp(high) <= 0) {
					out = append(out, new(big.Rat).Mul(unit, new(big.Rat).SetInt(n)))
				}
			}
		}
		return out, all
	}
	for _, base := range []*big.Rat{new(big.Rat), i.Low, i.High} {
		if base == nil {
			continue
		}
		for k := int64(0); k < int64(min(200, 3+excluded)); k++ {
			add(new(big.Rat).Add(base, big.NewRat(k, 1)))
			add(new(big.Rat).Sub(base, big.NewRat(k, 1)))
		}
	}
	fraction := big.NewRat(1, 2)
	for range 30 {
		for _, base := range []*big.Rat{new(big.Rat), i.Low, i.High} {
			if base != nil {
				add(new(big.Rat).Add(base, fraction))
				add(new(big.Rat).Sub(base, fraction))
			}
		}
		fraction = new(big.Rat).Mul(fraction, big.NewRat(1, 10))
	}
	if i.Low != nil && i.High != nil {
		middle := new(big.Rat).Mul(new(big.Rat).Add(i.Low, i.High), big.NewRat(1, 2))
		add(middle)
		for k := int64(3); k < 40; k++ {
			add(new(big.Rat).Add(i.Low, new(big.Rat).Quo(new(big.Rat).Sub(i.High, i.Low), power(1, uint(k)))))
		}
	}
	return out, false
}

// lowIndex is the smallest k for which k units are in the interval, nil for none; highIndex the largest.
func lowIndex(i Interval, unit *big.Rat) *big.Int {
	if i.Low == nil {
		return nil
	}
	q := new(big.Rat).Quo(i.Low, unit)
	k := new(big.Int).Set(ceil(q).Num())
	if i.OpenLow && q.IsInt() {
		k.Add(k, big.NewInt(1))
	}
	return k
}

func highIndex(i Interval, unit *big.Rat) *big.Int {
	if i.High == nil {
		return nil
	}
	k := lowIndex(Interval{Low: new(big.Rat).Neg(i.High), OpenLow: i.OpenHigh}, unit)
	return k.Neg(k)
}

func commonMultiple(a, b *big.Rat) *big.Rat {
	// lcm(p/q, r/s) = lcm(p, r) / gcd(q, s), both in lowest terms.
	g := new(big.Int).GCD(nil, nil, a.Num(), b.Num())
	l := new(big.Int).Mul(a.Num(), new(big.Int).Quo(b.Num(), g))
	return new(big.Rat).SetFrac(l, new(big.Int).GCD(nil, nil, a.Denom(), b.Denom()))
}

// decimal writes a number as JSON does.
func decimal(r *big.Rat) json.Number {
	if r.IsInt() {
		return json.Number(r.Num().String())
	}
	if n, exact := r.FloatPrec(); exact {
		return json.Number(r.FloatString(n))
	}
	f, _ := r.Float64()
	return json.Number(strconv.FormatFloat(f, 'g', -1, 64))
}

func listOf(a scalars) []any {
	out := make([]any, len(a.values))
	for i, text := range a.values {
		out[i] = text
		if a.kind == Number {
			r, _ := new(big.Rat).SetString(text)
			out[i] = decimal(r)
		}
	}
	return out
}
