package values

import (
	"math/big"
	"slices"
)

// theory decides a conjunction of atoms about one kind.
func (s *solver) theory(kind Kinds, atoms []literal) outcome {
	if w, clash := measuresClash(atoms); clash {
		return w
	}
	if s.contradict(atoms) {
		return nowhere()
	}
	switch kind {
	case Null:
		return s.judge(atoms, []any{nil})
	case Bool:
		return s.judge(atoms, []any{true, false})
	case Number:
		return s.numbers(atoms)
	case String:
		return s.strings(atoms)
	case Array:
		return s.arrays(atoms)
	}
	return s.objects(atoms)
}

// contradict says whether one of the atoms follows from another, and must not be.
func (s *solver) contradict(atoms []literal) bool {
	if len(s.implied) == 0 {
		return false
	}
	return slices.ContainsFunc(atoms, func(l literal) bool {
		return l.want && slices.ContainsFunc(s.implied[l.shape], func(b *Shape) bool { return slices.Contains(atoms, literal{b, false}) })
	})
}

// judge tries all candidates there are.
func (s *solver) judge(atoms []literal, candidates []any) outcome {
	best := nowhere()
	for _, v := range candidates {
		best = better(best, check(atoms, v))
		if best.state == found {
			break
		}
	}
	return best
}

// check holds one value against atoms.
func check(atoms []literal, v any) outcome {
	out := member(v)
	for _, l := range atoms {
		t := atomContains(l.shape.atom, v, 0)
		if !l.want {
			t = t.not()
		}
		switch t {
		case no:
			return nowhere()
		case maybe:
			out.state, out.why = unclear, whyUnclear(l.shape.atom)
		}
	}
	return out
}

func whyUnclear(a atom) string {
	if o, ok := a.(opaque); ok {
		return o.id + " is not something that can be calculated with"
	}
	if m, ok := a.(measure); ok {
		return m.name + " is not something that can be calculated with"
	}
	return "it depends on a number beyond what can be calculated with"
}

// measuresClash says whether the limits on one measure leave nothing.
func measuresClash(atoms []literal) (outcome, bool) {
	limits := map[string][]Interval{}
	for _, l := range atoms {
		m, ok := l.shape.atom.(measure)
		if !ok {
			continue
		}
		set, there := limits[m.name]
		if !there {
			set = []Interval{{}}
		}
		if l.want {
			set = intersectAll(set, m.Interval)
		} else {
			set = subtractAll(set, m.Interval)
		}
		set = slices.DeleteFunc(set, func(i Interval) bool { return i.closed().empty() })
		if limits[m.name] = set; len(set) == 0 {
			return nowhere(), true
		}
	}
	return outcome{}, false
}

// second is a round number of what is measured, most of which is in nanoseconds.
const second = 1_000_000_000

// opaques returns the atoms that cannot be calculated with, samples of a kind that may pass them, and the others.
func opaques(kind Kinds, atoms []literal) (hidden, plain []literal, samples []any) {
	for _, l := range atoms {
		switch a := l.shape.atom.(type) {
		case opaque:
			hidden = append(hidden, l)
			samples = append(samples, a.samples...)
		case measure:
			hidden = append(hidden, l)
			if a.samples == nil {
				continue
			}
			for _, end := range []*big.Rat{a.Low, a.High} {
				if end == nil {
					continue
				}
				whole := new(big.Rat).Quo(end, big.NewRat(second, 1)) // a whole second is read easily, and written in JSON, too
				before := new(big.Rat).SetInt(new(big.Int).Div(whole.Num(), whole.Denom()))
				before.Mul(before, big.NewRat(second, 1))
				for _, r := range []*big.Rat{
					before, new(big.Rat).Add(before, big.NewRat(second, 1)),
					end, new(big.Rat).Add(end, One), new(big.Rat).Sub(end, One),
				} {
					if v := a.samples(r); v != nil {
						samples = append(samples, v)
					}
				}
			}
		default:
			plain = append(plain, l)
		}
	}
	samples = slices.DeleteFunc(samples, func(v any) bool { return kindOf(v) != kind })
	return hidden, plain, samples
}

// intersectAll and subtractAll calculate with unions of disjoint intervals.
func intersectAll(set []Interval, by Interval) []Interval {
	var out []Interval
	for _, i := range set {
		if j := i.Intersect(by); !j.empty() {
			out = append(out, j)
		}
	}
	return out
}

func subtractAll(set []Interval, by Interval) []Interval {
	var out []Interval
	if by.Low != nil {
		out = append(out, intersectAll(set, Interval{High: by.Low, OpenHigh: !by.OpenLow})...)
	}
	if by.High != nil {
		out = append(out, intersectAll(set, Interval{Low: by.High, OpenLow: !by.OpenHigh})...)
	}
	return out
}

func (i Interval) empty() bool {
	if i.Low == nil || i.High == nil {
		return false
	}
	c := i.Low.Cmp(i.High)
	return c > 0 || c == 0 && (i.OpenLow || i.OpenHigh)
}
