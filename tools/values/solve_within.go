package values

import "slices"

// Two schemas, or two views of one, mostly differ in little: what one asks of a member the other asks as well, and more besides.
// That is seen by how they are written, before alternatives are tried.

// mostPairs bounds the parts of two shapes that are held against each other.
const mostPairs = 20_000

// excludes says whether an object of which some things are demanded cannot be as a literal wants it: false where that is not seen.
func (s *solver) excludes(d *demands, l literal) bool {
	if d.excludes(s.space, l) {
		return true
	}
	m, ok := l.shape.atom.(members)
	if d == nil || !ok {
		return false
	}
	name, one := m.names.only()
	if !one || l.want && !d.required[name] {
		return false
	}
	against := literal{m.shape, !l.want} // a member that keeps this does not do
	in := func(shape *Shape) bool {
		return s.weight(shape)*s.weight(m.shape) <= mostPairs && s.within(literal{shape, true}, against)
	}
	return slices.ContainsFunc(d.wanted[name], in) ||
		slices.ContainsFunc(d.wide, func(w members) bool { return w.names.Contains(name) && in(w.shape) })
}

// within says whether every value that keeps one literal keeps another: false where that is not seen.
func (s *solver) within(a, b literal) bool {
	a, b = a.bare(), b.bare()
	if a == b {
		return true
	}
	key := [2]literal{a, b}
	if in, known := s.withins[key]; known {
		return in
	}
	s.withins[key] = false // of what is part of itself
	in := s.newWithin(a, b)
	s.withins[key] = in
	return in
}

func (s *solver) newWithin(a, b literal) bool {
	above := func(part literal) bool { return s.within(a, part) }
	below := func(part literal) bool { return s.within(part, b) }
	switch {
	case b.all():
		return b.every(above)
	case a.any():
		return a.every(below)
	case a.shape.op == opRef || b.shape.op == opRef:
		return false
	case b.any() && b.some(above), a.all() && a.some(below):
		return true
	}
	return a.shape.op == opAtom && b.shape.op == opAtom && s.atomWithin(a, b)
}

func (s *solver) atomWithin(a, b literal) bool {
	switch {
	case a.mayBe()&^b.mustBe() == 0:
		return true
	case a.want != b.want:
		return false
	case !a.want:
		a, b = b, a
	}
	switch x := a.shape.atom.(type) {
	case rangeAtom:
		y, ok := b.shape.atom.(rangeAtom)
		return ok && len(subtractAll([]Interval{x.Interval}, y.Interval)) == 0
	case length:
		y, ok := b.shape.atom.(length)
		return ok && x.kind == y.kind && x.low >= y.low && (y.high < 0 || x.high >= 0 && x.high <= y.high)
	case scalars:
		y, ok := b.shape.atom.(scalars)
		return ok && x.kind == y.kind && !slices.ContainsFunc(x.values, func(v string) bool {
			_, there := slices.BinarySearch(y.values, v)
			return !there
		})
	case members:
		y, ok := b.shape.atom.(members)
		return ok && x.names == y.names && s.within(literal{x.shape, true}, literal{y.shape, true})
	case itemAt:
		y, ok := b.shape.atom.(itemAt)
		return ok && x.index == y.index && s.within(literal{x.shape, true}, literal{y.shape, true})
	case atLeast:
		y, ok := b.shape.atom.(atLeast)
		return ok && x.n >= y.n && x.from >= y.from && s.within(literal{x.shape, true}, literal{y.shape, true})
	}
	return false
}

// mayBe are the kinds that have values that keep a literal of an atom, and mustBe those of which all do.
func (l literal) mayBe() Kinds {
	k, ok := l.shape.atom.(kindsAtom)
	switch {
	case ok && l.want:
		return Kinds(k)
	case ok:
		return AnyKind &^ Kinds(k)
	case l.want:
		return AnyKind
	}
	return l.shape.atom.of()
}

func (l literal) mustBe() Kinds { return AnyKind &^ literal{l.shape, !l.want}.mayBe() }

// bare is a literal of a shape that is no negation.
func (l literal) bare() literal {
	for l.shape.op == opNot {
		l = literal{l.shape.kids[0], !l.want}
	}
	return l
}

// all says whether a literal is that all of its parts hold, and any that one of them does.
func (l literal) all() bool { return l.want && l.shape.op == opAnd || !l.want && l.shape.op == opOr }
func (l literal) any() bool { return l.want && l.shape.op == opOr || !l.want && l.shape.op == opAnd }

func (l literal) some(keeps func(literal) bool) bool {
	return slices.ContainsFunc(l.shape.kids, func(k *Shape) bool { return keeps(literal{k, l.want}) })
}

func (l literal) every(keeps func(literal) bool) bool {
	return !l.some(func(part literal) bool { return !keeps(part) })
}
