package shape

import (
	"maps"
	"math"
	"math/big"
	"slices"
)

// mostItems bounds the items and members that are made one by one.
const mostItems = 300

// sizes returns the sizes that atoms allow, as intervals.
func sizes(atoms []literal) []Interval {
	set := []Interval{{Low: new(big.Rat)}}
	for _, l := range atoms {
		if a, ok := l.shape.atom.(length); ok {
			if l.want {
				set = intersectAll(set, a.interval())
			} else {
				set = subtractAll(set, a.interval())
			}
		}
	}
	var out []Interval
	for _, i := range set {
		if i = i.closed(); !i.empty() {
			out = append(out, i)
		}
	}
	return out
}

func allows(set []Interval, n int) bool {
	r := big.NewRat(int64(n), 1)
	return slices.ContainsFunc(set, func(i Interval) bool { return i.Contains(r) })
}

// hiddenLast runs a search without the opaque atoms, and holds what it finds against them.
func (s *solver) hiddenLast(atoms []literal, search func([]literal) outcome) outcome {
	hidden, plain, samples := opaques(atoms)
	if len(hidden) == 0 {
		return search(plain)
	}
	best := s.judge(atoms, samples)
	if best.state == found {
		return best
	}
	o := search(plain)
	if o.state == nothing {
		return o
	}
	if o.state == found {
		if o = check(atoms, o.value); o.state == found {
			return o
		}
		if o.state == nothing {
			o = unknown(whyUnclear(hidden[0].shape.atom))
		}
	}
	return better(best, o)
}

// need is something that n items or members have to be there for.
type need struct {
	n, from int
	shape   literal
	names   *Language
}

// arrays looks for an array.
func (s *solver) arrays(atoms []literal) outcome { return s.hiddenLast(atoms, s.plainArrays) }

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
		if t := l.shape.holds(v, 0); (t == yes) != l.want || t == maybe {
			return nowhere()
		}
	}
	mask := 0
	for i, n := range a.needs {
		if index >= n.from && n.n > 0 && n.shape.shape.holds(v, 0) == yes {
			mask |= 1 << i
		}
	}
	for i, b := range a.bounds {
		if index >= b.from && b.shape.shape.holds(v, 0) != no {
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

// objects looks for an object.
func (s *solver) objects(atoms []literal) outcome { return s.hiddenLast(atoms, s.plainObjects) }

func (s *solver) plainObjects(atoms []literal) outcome {
	o := &objectSearch{s: s, allowed: sizes(atoms), named: map[string]bool{}}
	if len(o.allowed) == 0 {
		return nowhere()
	}
	for _, l := range atoms {
		a, ok := l.shape.atom.(members)
		if !ok {
			continue
		}
		if name, one := a.names.only(); one {
			o.named[name] = true
		} else {
			for e := range a.names.exact {
				o.named[e] = true
			}
		}
		if l.want {
			o.rules = append(o.rules, a)
		} else {
			o.needs = append(o.needs, need{names: a.names, shape: literal{a.shape, false}})
		}
	}
	// Members whose name is given come first.
	slices.SortStableFunc(o.needs, func(a, b need) int { return breadth(a.names) - breadth(b.names) })
	best := nowhere()
	for _, i := range o.allowed {
		o.low = int(min(i.Low.Num().Int64(), math.MaxInt32))
		o.high = math.MaxInt
		if i.High != nil {
			o.high = int(min(i.High.Num().Int64(), math.MaxInt32))
		}
		if o.low > mostItems {
			best = better(best, unknown("it takes an object of too many members to tell"))
			continue
		}
		if best = better(best, o.place(0, map[string][]literal{})); best.state == found {
			return best
		}
	}
	return best
}

func breadth(l *Language) int {
	if _, one := l.only(); one {
		return 0
	}
	return 1
}

type objectSearch struct {
	s         *solver
	allowed   []Interval
	low, high int
	rules     []members
	needs     []need
	named     map[string]bool // names that some rule or need knows
}

// place gives each need a member: one that is there, or another.
func (o *objectSearch) place(i int, chosen map[string][]literal) outcome {
	if o.s.spent() {
		return unknown(tooMuch)
	}
	if i == len(o.needs) {
		return o.fill(chosen)
	}
	n := o.needs[i]
	best := nowhere()
	try := func(name string) bool {
		before, was := chosen[name]
		if !was && len(chosen) >= o.high {
			return false
		}
		all := append(slices.Clone(before), n.shape)
		if !was {
			all = append(all, o.demands(name)...)
		}
		if v := o.s.solve(slices.Clone(all)); v.state == nothing {
			best = better(best, v)
			return false
		}
		chosen[name] = all
		best = better(best, o.place(i+1, chosen))
		if delete(chosen, name); was {
			chosen[name] = before
		}
		return best.state == found
	}
	if name, one := n.names.only(); one {
		try(name)
		return best
	}
	names := make([]string, 0, len(o.named)+len(chosen))
	for name := range o.named {
		names = append(names, name)
	}
	for name := range chosen {
		if !o.named[name] {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	fresh, sure := o.fresh(n.names, chosen)
	for _, name := range fresh {
		if try(name) {
			return best
		}
	}
	for _, name := range names {
		if n.names.Contains(name) && try(name) {
			return best
		}
	}
	if !sure.known() {
		return better(best, sure)
	}
	return best
}

func (o outcome) known() bool { return o.state != unclear }

// demands are what the rules ask of a member of that name.
func (o *objectSearch) demands(name string) []literal {
	var out []literal
	for _, r := range o.rules {
		if r.names.Contains(name) {
			out = append(out, literal{r.shape, true})
		}
	}
	return out
}

// fresh returns new names in a language, one for each set of rules that a name may fall under.
func (o *objectSearch) fresh(names *Language, chosen map[string][]literal) ([]string, outcome) {
	var wide []*Language
	for _, r := range o.rules {
		if breadth(r.names) > 0 && !slices.Contains(wide, r.names) {
			wide = append(wide, r.names)
		}
	}
	if len(wide) > 8 {
		return nil, unknown("there are too many patterns of names to decide it")
	}
	used := map[string]bool{}
	for n := range o.named {
		used[n] = true
	}
	for n := range chosen {
		used[n] = true
	}
	var out []string
	unsure := nowhere()
	for mask := range 1 << len(wide) {
		in, not := []*Language{names}, []*Language(nil)
		for i, w := range wide {
			if mask&(1<<i) != 0 {
				in = append(in, w)
			} else {
				not = append(not, w)
			}
		}
		switch n := o.s.nameIn(in, not, used); n.state {
		case found:
			out = append(out, n.value.(string))
		case unclear:
			unsure = n
		}
	}
	return out, unsure
}

// fill adds members until there are enough, and finds the values of all.
func (o *objectSearch) fill(chosen map[string][]literal) outcome {
	if len(chosen) > o.high {
		return nowhere()
	}
	if len(chosen) < o.low {
		best := nowhere()
		fresh, sure := o.fresh(o.s.space.Everything(), chosen)
		if !sure.known() {
			best = sure
		}
		for _, name := range slices.Sorted(maps.Keys(o.named)) {
			if _, there := chosen[name]; !there {
				fresh = append(fresh, name)
			}
		}
		for _, name := range fresh {
			if o.s.spent() {
				return unknown(tooMuch)
			}
			all := o.demands(name)
			if v := o.s.solve(slices.Clone(all)); v.state != found {
				best = better(best, v)
				continue
			}
			// Any member that may be there will do: which of them is taken leaves as many others.
			chosen[name] = all
			best = better(best, o.fill(chosen))
			delete(chosen, name)
			return best
		}
		return best
	}
	out := map[string]any{}
	best := outcome{state: found, low: math.MaxInt}
	for name, all := range chosen {
		v := o.s.solve(slices.Clone(all))
		switch v.state {
		case nothing:
			return v
		case unclear:
			best.state, best.why = unclear, v.why
			if _, none := v.value.(absentValue); none {
				return v
			}
		}
		out[name] = v.value
	}
	best.value = out
	return best
}
