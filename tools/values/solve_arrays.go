package values

import (
	"fmt"
	"math"
	"slices"
)

// arrays looks for an array.
func (s *solver) arrays(atoms []literal) outcome { return s.hiddenLast(Array, atoms, s.plainArrays) }

func (s *solver) plainArrays(atoms []literal) outcome {
	allowed := sizes(atoms)
	var at []itemAt
	var needs, bounds []need
	var every []need // all items from an index on
	alike, different := false, false
	least := 0
	for _, l := range atoms {
		switch a := l.shape.atom.(type) {
		case itemAt:
			if !l.want {
				least = max(least, a.index+1)
				at = append(at, itemAt{a.index, s.space.Not(a.shape)})
			} else {
				at = append(at, a)
			}
		case atLeast:
			switch {
			case l.want:
				needs = append(needs, need{n: a.n, from: a.from, shape: literal{a.shape, true}})
			case a.n == 1:
				every = append(every, need{from: a.from, shape: literal{a.shape, false}})
			default:
				bounds = append(bounds, need{n: a.n - 1, from: a.from, shape: literal{a.shape, true}})
			}
		case unique:
			if l.want {
				different = true
			} else {
				alike = true
			}
		}
	}
	// A need that no item can serve settles it, whatever the items are to one another.
	for _, n := range needs {
		all := []literal{n.shape}
		for _, e := range every {
			if e.from <= n.from {
				all = append(all, e.shape)
			}
		}
		if o := s.solve(all); o.state == nothing {
			return o
		}
	}
	reach := least
	for _, a := range at {
		reach = max(reach, a.index+1)
	}
	total, last := 0, 0
	for _, n := range append(slices.Clone(needs), every...) {
		total += n.n
		last = max(last, n.from)
	}
	for _, b := range bounds {
		last = max(last, b.from)
	}
	most := max(reach, last) + total + 2
	best := nowhere()
	tried := 0
	for _, i := range allowed {
		low := int(min(i.Low.Num().Int64(), math.MaxInt32))
		for size := max(low, least); size <= max(most, low) && allows([]Interval{i}, size); size++ {
			if size > mostItems {
				return better(best, unknown("it takes an array of too many items to tell"))
			}
			tried++
			a := &arraySearch{s: s, size: size, at: at, every: every, needs: slices.Clone(needs), bounds: slices.Clone(bounds),
				different: different}
			if a.different && len(a.needs)+len(a.bounds) == 0 {
				if best = better(best, a.assign()); best.state == found {
					return best
				}
				continue
			}
			pairs := [][2]int{{-1, -1}}
			if alike {
				pairs = nil
				for q := 1; q < min(size, reach+last+3); q++ {
					for p := range q {
						pairs = append(pairs, [2]int{p, q})
					}
				}
			}
			for _, pair := range pairs {
				a.pair = pair
				if best = better(best, a.place(0, nil)); best.state == found {
					return best
				}
			}
		}
	}
	return best
}

type arraySearch struct {
	s         *solver
	size      int
	at        []itemAt
	every     []need
	needs     []need
	bounds    []need
	different bool
	pair      [2]int // two items that have to be equal
}

func (a *arraySearch) demands(index int) []literal {
	var out []literal
	for _, l := range a.at {
		if l.index == index {
			out = append(out, literal{l.shape, true})
		}
	}
	for _, e := range a.every {
		if index >= e.from {
			out = append(out, e.shape)
		}
	}
	return out
}

// assign finds items that all differ: of each place as many values as there are places, at most, which is enough to leave
// one for it whatever the others take, and then a choice of them for all places.
func (a *arraySearch) assign() outcome {
	choices := make([][]any, a.size)
	byDemands := map[string][]any{}
	doubt := nowhere()
	for i := range choices {
		demands := a.demands(i)
		key := fmt.Sprint(demandIDs(demands))
		values, known := byDemands[key]
		if !known {
			var o outcome
			if values, o = a.several(demands, a.size); o.state == unclear {
				doubt = o
			}
			byDemands[key] = values
		}
		choices[i] = values
	}
	if chosen := match(choices); chosen != nil {
		return member(chosen)
	}
	return doubt
}

// several returns different values that keep all demands, n of them or all that there are; what could not be told is
// unclear.
func (a *arraySearch) several(demands []literal, n int) (out []any, o outcome) {
	demands = slices.Clone(demands)
	for len(out) < n {
		if a.s.spent() {
			return out, unknown(tooMuch)
		}
		switch o = a.s.solve(slices.Clone(demands)); o.state {
		case nothing:
			return out, o
		case unclear:
			return out, o
		}
		out = append(out, o.value)
		demands = append(demands, literal{a.s.space.Value(o.value), false})
	}
	return out, nowhere()
}

func demandIDs(demands []literal) []string {
	out := make([]string, len(demands))
	for i, l := range demands {
		out[i] = fmt.Sprint(l.shape.id, l.want)
	}
	slices.Sort(out)
	return out
}

// match chooses one value for each place, no two alike; nil where that cannot be.
func match(choices [][]any) []any {
	taken := map[string]int{} // by value, the place that has it
	out := make([]any, len(choices))
	var give func(place int, seen map[string]bool) bool
	give = func(place int, seen map[string]bool) bool {
		for _, v := range choices[place] {
			key := canonical(v)
			if seen[key] {
				continue
			}
			seen[key] = true
			if other, is := taken[key]; !is || give(other, seen) {
				taken[key], out[place] = place, v
				return true
			}
		}
		return false
	}
	for place := range choices {
		if !give(place, map[string]bool{}) {
			return nil
		}
	}
	return out
}

// place finds the items from an index on. Each may serve some of the needs, and each bound is kept by what an item is
// said to be: one of those that count, or none.
func (a *arraySearch) place(index int, items []any) outcome {
	if a.s.spent() {
		return unknown(tooMuch)
	}
	if index == a.size {
		for _, n := range a.needs {
			if n.n > 0 {
				return nowhere()
			}
		}
		return member(slices.Clone(items))
	}
	missing := 0
	for _, n := range a.needs {
		missing = max(missing, n.n)
	}
	if missing > a.size-index {
		return nowhere()
	}
	if index == a.pair[1] {
		// Equal to an earlier item, which was chosen to suit.
		return a.settle(index, items, items[a.pair[0]])
	}
	base := a.demands(index)
	if index == a.pair[0] {
		base = append(base, a.demands(a.pair[1])...)
	}
	if a.different {
		for _, v := range items {
			base = append(base, literal{a.s.space.Value(v), false})
		}
	}
	choices := len(a.needs) + len(a.bounds)
	if choices > 8 {
		return unknown("there are too many demands on the items of an array to decide it")
	}
	best := nowhere()
	// Serving more comes first, so that arrays stay short.
	for mask := 1<<choices - 1; mask >= 0; mask-- {
		all := slices.Clone(base)
		ok := true
		for i, n := range a.needs {
			if mask&(1<<i) != 0 {
				ok = ok && n.n > 0 && index >= n.from
				all = append(all, n.shape)
			}
		}
		for i, b := range a.bounds {
			in := mask&(1<<(len(a.needs)+i)) != 0
			if index < b.from {
				ok = ok && !in
				continue
			}
			all = append(all, literal{b.shape.shape, in == b.shape.want})
			ok = ok && (!in || b.n > 0)
		}
		if !ok {
			continue
		}
		o := a.s.solve(all)
		if o.state != found {
			best = better(best, o)
			continue
		}
		a.count(mask, -1)
		rest := a.place(index+1, append(items, o.value))
		a.count(mask, 1)
		if rest.state == nothing && (a.different || index == a.pair[0]) {
			// Another item in this place might do.
			rest = unknown("items that depend on one another could not be decided")
		}
		if best = better(best, rest); best.state == found {
			return best
		}
	}
	return best
}

func (a *arraySearch) count(mask, by int) {
	for i := range a.needs {
		if mask&(1<<i) != 0 {
			a.needs[i].n += by
		}
	}
	for i := range a.bounds {
		if mask&(1<<(len(a.needs)+i)) != 0 {
			a.bounds[i].n += by
		}
	}
}

// settle puts a given value into a place.
func (a *arraySearch) settle(index int, items []any, v any) outcome {
	for _, l := range a.demands(index) {
		if t := l.shape.contains(v, 0); (t == yes) != l.want || t == maybe {
			return nowhere()
		}
	}
	mask := 0
	for i, n := range a.needs {
		if index >= n.from && n.n > 0 && n.shape.shape.contains(v, 0) == yes {
			mask |= 1 << i
		}
	}
	for i, b := range a.bounds {
		if index >= b.from && b.shape.shape.contains(v, 0) != no {
			if b.n == 0 {
				return nowhere()
			}
			mask |= 1 << (len(a.needs) + i)
		}
	}
	a.count(mask, -1)
	defer a.count(mask, 1)
	return a.place(index+1, append(items, v))
}
