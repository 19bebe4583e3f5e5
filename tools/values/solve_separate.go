package values

import (
	"maps"
	"slices"
)

// Demands on an object that share no member are searched one by one, and what is found is put together: of n members that
// each leave a choice, that is n searches, not one for all their combinations.

// touched are the members that a shape of objects speaks of; all is true where it may be any, or their number.
type touched struct {
	names []string // each once
	all   bool
}

// touches returns what a shape touches, as an object.
func (s *solver) touches(a *Shape) touched {
	if t, known := s.touched[a]; known {
		return t
	}
	s.touched[a] = touched{all: true} // of what is part of itself
	var t touched
	switch {
	case a.op == opRef && a.kids[0] == nil:
		t.all = true
	case a.op != opAtom:
		seen := map[string]bool{}
		for _, k := range a.kids {
			kid := s.touches(k)
			t.all = t.all || kid.all
			for _, name := range kid.names {
				if !seen[name] {
					seen[name] = true
					t.names = append(t.names, name)
				}
			}
		}
	default:
		switch x := a.atom.(type) {
		case kindsAtom:
		case members:
			t.names, t.all = slices.Sorted(maps.Keys(x.names.exact)), x.names.not || len(x.names.patterns) > 0
		default:
			t.all = a.atom.of()&Object != 0
		}
	}
	if t.all {
		t.names = nil
	}
	s.touched[a] = t
	return t
}

// ties says whether a shape speaks of several members.
func (s *solver) ties(a *Shape) bool {
	t := s.touches(a)
	return t.all || len(t.names) > 1
}

// separated are demands on an object by the members that they touch.
type separated struct {
	rules []literal // on members of any name, which hold in every part
	parts []*part
	of    map[string]*part // by member
}

// part is demands that share no member with those of other parts.
type part struct {
	atoms, choices []literal
	result         *outcome // of a search for it alone
	joined         *part    // the part that this one became a part of
}

func (p *part) last() *part {
	for p.joined != nil {
		p = p.joined
	}
	return p
}

// separate takes demands on an object apart; nil where they hang together.
func (s *solver) separate(kind Kinds, atoms, choices []literal) *separated {
	if kind != Object {
		return nil
	}
	out := &separated{of: map[string]*part{}}
	for _, l := range atoms {
		m, ok := l.shape.atom.(members)
		if !ok {
			return nil
		}
		if _, one := m.names.only(); l.want && !one {
			out.rules = append(out.rules, l)
			continue
		}
		t := s.touches(l.shape)
		if t.all {
			return nil
		}
		p := out.join(t.names)
		p.atoms = append(p.atoms, l)
	}
	for _, l := range choices {
		t := s.touches(l.shape)
		if t.all || len(t.names) == 0 {
			return nil
		}
		p := out.join(t.names)
		p.choices = append(p.choices, l)
	}
	out.parts = slices.DeleteFunc(out.parts, func(p *part) bool { return p.joined != nil })
	if len(out.parts) < 2 {
		return nil
	}
	return out
}

// join makes one part of those that have some members.
func (s *separated) join(names []string) *part {
	var p *part
	for _, name := range names {
		other := s.of[name]
		if other != nil {
			other = other.last()
		}
		switch {
		case other == nil || other == p:
		case p == nil:
			p = other
		default:
			p.atoms, p.choices = append(p.atoms, other.atoms...), append(p.choices, other.choices...)
			other.joined = p
		}
	}
	if p == nil {
		p = &part{}
		s.parts = append(s.parts, p)
	}
	for _, name := range names {
		s.of[name] = p
	}
	return p
}

// alternative goes on with one alternative of a choice.
func (s *solver) alternative(kind Kinds, o literal, rest, atoms []literal, apart *separated, done map[literal]bool) outcome {
	t := s.touches(o.shape)
	if apart == nil || t.all {
		return s.branch(kind, append(slices.Clone(rest), o), atoms, done)
	}
	concerned := map[*part]bool{}
	todo, known := []literal{o}, slices.Clone(apart.rules)
	for _, name := range t.names {
		if p := apart.of[name]; p != nil && !concerned[p.last()] {
			p = p.last()
			concerned[p] = true
			todo, known = append(todo, p.choices...), append(known, p.atoms...)
		}
	}
	out := s.branch(kind, todo, known, done)
	for _, p := range apart.parts {
		if out.state == nothing || s.steps > s.limit {
			return out
		}
		if !concerned[p] {
			out = together(out, s.alone(p, apart.rules))
		}
	}
	return out
}

// alone searches for one part of an object.
func (s *solver) alone(p *part, rules []literal) outcome {
	if p.result == nil {
		o := s.solveFor(Object, slices.Concat(p.atoms, p.choices, rules))
		p.result = &o
	}
	return *p.result
}

// together is what was found of two parts of an object.
func together(a, b outcome) outcome {
	switch {
	case a.state == nothing:
		return a
	case b.state == nothing:
		return b
	}
	out := a
	if b.state == unclear {
		out.state, out.why = unclear, b.why
	}
	out.low = min(a.low, b.low)
	x, okA := a.value.(map[string]any)
	y, okB := b.value.(map[string]any)
	if !okA || !okB {
		out.value = absentValue{}
		return out
	}
	both := make(map[string]any, len(x)+len(y))
	maps.Copy(both, x)
	maps.Copy(both, y)
	out.value = both
	return out
}
