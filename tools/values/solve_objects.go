package values

import (
	"cmp"
	"maps"
	"math"
	"slices"
)

// objects looks for an object.
func (s *solver) objects(atoms []literal) outcome { return s.hiddenLast(Object, atoms, s.plainObjects) }

func (s *solver) plainObjects(atoms []literal) outcome {
	o := &objectSearch{s: s, allowed: sizes(atoms), named: map[string]bool{}, ruled: map[string][]literal{}}
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
		switch name, one := a.names.only(); {
		case !l.want:
			o.needs = append(o.needs, need{names: a.names, shape: literal{a.shape, false}})
		case one:
			o.ruled[name] = append(o.ruled[name], literal{a.shape, true})
		default:
			o.wide = append(o.wide, a)
		}
	}
	// Members whose name is given come first, and of them those that are soon found, or found not to be.
	for i := range o.needs {
		o.needs[i].weight = o.weight(o.needs[i])
	}
	slices.SortStableFunc(o.needs, func(a, b need) int {
		return cmp.Or(breadth(a.names)-breadth(b.names), a.weight-b.weight)
	})
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

// weight is how much there is to look at for a member that is needed.
func (o *objectSearch) weight(n need) int {
	weight := o.s.weight(n.shape.shape)
	if name, one := n.names.only(); one {
		for _, l := range o.demands(name) {
			weight += o.s.weight(l.shape)
		}
	}
	return weight
}

// weight is the number of a shape's parts, up to a large one.
func (s *solver) weight(a *Shape) int {
	if w, known := s.weights[a]; known {
		return w
	}
	s.weights[a] = 1 // of one that is part of itself
	w := 1
	switch atom := a.atom.(type) {
	case members:
		w += s.weight(atom.shape)
	case itemAt:
		w += s.weight(atom.shape)
	case atLeast:
		w += s.weight(atom.shape)
	case textAtom:
		for _, p := range atom.automata() {
			w += len(p.insts)
		}
	}
	for _, k := range a.kids {
		if k != nil && w < math.MaxInt16 {
			w += s.weight(k)
		}
	}
	s.weights[a] = min(w, math.MaxInt16)
	return s.weights[a]
}

type objectSearch struct {
	s         *solver
	allowed   []Interval
	low, high int
	ruled     map[string][]literal // what rules on one name ask of its member
	wide      []members            // rules on more names than one
	needs     []need
	named     map[string]bool // names that some rule or need knows
}

func (o outcome) known() bool { return o.state != unclear }

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

// demands are what the rules ask of a member of that name.
func (o *objectSearch) demands(name string) []literal {
	out := slices.Clone(o.ruled[name])
	for _, r := range o.wide {
		if r.names.Contains(name) {
			out = append(out, literal{r.shape, true})
		}
	}
	return out
}

// fresh returns new names in a language, one for each set of rules that a name may fall under, and of needs that a
// member of that name may serve as well.
func (o *objectSearch) fresh(names *Language, chosen map[string][]literal) ([]string, outcome) {
	var wide []*Language
	add := func(l *Language) {
		if breadth(l) > 0 && l != names && !slices.Contains(wide, l) {
			wide = append(wide, l)
		}
	}
	for _, r := range o.wide {
		add(r.names)
	}
	for _, n := range o.needs {
		add(n.names)
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
