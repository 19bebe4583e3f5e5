package values

// What shapes of objects demand of the members that they require tells many of them apart: alternatives of which each has
// a constant, a list, or a type of its own under one name. Here is what is seen of a shape at first sight, which is never
// less than there is.

// domain is at least all values of a shape: of each kind all, or none; of strings and numbers, those of a list.
type domain struct {
	kinds            Kinds
	strings, numbers map[string]bool // nil for all
	bools            [2]bool         // false, true
}

var anything = domain{kinds: AnyKind, bools: [2]bool{true, true}}

func (d domain) and(e domain) domain {
	both := func(a, b map[string]bool) map[string]bool {
		if a == nil || b == nil {
			if a == nil {
				return b
			}
			return a
		}
		out := map[string]bool{}
		for v := range a {
			if b[v] {
				out[v] = true
			}
		}
		return out
	}
	return domain{
		kinds: d.kinds & e.kinds, strings: both(d.strings, e.strings), numbers: both(d.numbers, e.numbers),
		bools: [2]bool{d.bools[0] && e.bools[0], d.bools[1] && e.bools[1]},
	}.tidy()
}

func (d domain) or(e domain) domain {
	either := func(k Kinds, a, b map[string]bool) map[string]bool {
		switch {
		case d.kinds&k == 0:
			return b
		case e.kinds&k == 0:
			return a
		case a == nil || b == nil:
			return nil
		}
		out := map[string]bool{}
		for _, side := range []map[string]bool{a, b} {
			for v := range side {
				out[v] = true
			}
		}
		return out
	}
	return domain{
		kinds: d.kinds | e.kinds, strings: either(String, d.strings, e.strings), numbers: either(Number, d.numbers, e.numbers),
		bools: [2]bool{d.bools[0] || e.bools[0], d.bools[1] || e.bools[1]},
	}
}

// tidy leaves out the kinds of which nothing is left.
func (d domain) tidy() domain {
	if d.strings != nil && len(d.strings) == 0 {
		d.kinds &^= String
	}
	if d.numbers != nil && len(d.numbers) == 0 {
		d.kinds &^= Number
	}
	if d.kinds&Bool == 0 {
		d.bools = [2]bool{}
	} else if !d.bools[0] && !d.bools[1] {
		d.kinds &^= Bool
	}
	return d
}

// domainOf is at least what is in a shape.
func (s *Space) domainOf(a *Shape) domain {
	if d, known := s.domains[a]; known {
		return d
	}
	s.domains[a] = anything // of what is part of itself
	d := s.newDomain(a)
	s.domains[a] = d
	return d
}

func (s *Space) newDomain(a *Shape) domain {
	d := anything
	switch a.op {
	case opAnd:
		for _, k := range a.kids {
			d = d.and(s.domainOf(k))
		}
	case opOr:
		d = domain{}
		for _, k := range a.kids {
			d = d.or(s.domainOf(k))
		}
	case opNot:
		return s.complement(a.kids[0])
	case opRef:
		if a.kids[0] != nil {
			return s.domainOf(a.kids[0])
		}
	case opAtom:
		switch x := a.atom.(type) {
		case kindsAtom:
			d.kinds = Kinds(x)
			return d.tidy()
		case boolAtom:
			d.bools = [2]bool{!bool(x), bool(x)}
		case scalars:
			list := make(map[string]bool, len(x.values))
			for _, v := range x.values {
				list[v] = true
			}
			if x.kind == String {
				d.strings = list
			} else {
				d.numbers = list
			}
			return d.tidy()
		}
	}
	return d
}

// complement is at least what is not in a shape.
func (s *Space) complement(a *Shape) domain {
	if d, known := s.complements[a]; known {
		return d
	}
	s.complements[a] = anything
	d := s.newComplement(a)
	s.complements[a] = d
	return d
}

func (s *Space) newComplement(a *Shape) domain {
	d := anything
	switch a.op {
	case opAnd:
		d = domain{}
		for _, k := range a.kids {
			d = d.or(s.complement(k))
		}
	case opOr:
		for _, k := range a.kids {
			d = d.and(s.complement(k))
		}
	case opNot:
		return s.domainOf(a.kids[0])
	case opAtom:
		switch x := a.atom.(type) {
		case kindsAtom:
			d.kinds = AnyKind &^ Kinds(x)
			return d.tidy()
		case boolAtom:
			d.kinds, d.bools = Bool, [2]bool{bool(x), !bool(x)}
		default:
			d.kinds = a.atom.of() // of other kinds all are in it
			return d.tidy()
		}
	}
	return d
}

// demanded are the members that literals require of an object, with what is in them at least.
type demanded map[string]domain

// demandedBy reads atoms, and shapes that are taken apart no further.
func (s *Space) demandedBy(all []literal) demanded {
	out := demanded{}
	for _, l := range all {
		if m, ok := l.shape.atom.(members); ok && !l.want {
			if name, one := m.names.only(); one {
				d := s.complement(m.shape)
				if known, there := out[name]; there {
					d = d.and(known)
				}
				out[name] = d
			}
		}
	}
	if len(out) == 0 {
		return nil
	}
	for _, l := range all {
		m, ok := l.shape.atom.(members)
		if !ok || !l.want {
			continue
		}
		if name, one := m.names.only(); one {
			if d, there := out[name]; there {
				out[name] = d.and(s.domainOf(m.shape))
			}
			continue
		}
		for name, d := range out {
			if m.names.Contains(name) {
				out[name] = d.and(s.domainOf(m.shape))
			}
		}
	}
	return out
}

// excludes says whether an object with these members cannot be in a shape, or not in it where that is not wanted, for what
// is in one member: false where that is not seen.
func (d demanded) excludes(s *Space, l literal) bool {
	m, ok := l.shape.atom.(members)
	if !ok || len(d) == 0 {
		return false
	}
	name, one := m.names.only()
	if !one {
		return false
	}
	in, there := d[name]
	if !there {
		return false
	}
	other := s.domainOf(m.shape)
	if !l.want {
		other = s.complement(m.shape)
	}
	return in.and(other).kinds == 0
}

// required are the members that every value of a shape has, which is an object then; nil where it may be none.
func (s *Space) required(a *Shape) demanded {
	if s.domainOf(a).kinds&^Object != 0 {
		return nil
	}
	if d, known := s.requires[a]; known {
		return d
	}
	var all []literal
	var collect func(a *Shape, depth int)
	collect = func(a *Shape, depth int) {
		switch {
		case depth > 20:
		case a.op == opAnd:
			for _, k := range a.kids {
				collect(k, depth+1)
			}
		case a.op == opRef && a.kids[0] != nil:
			collect(a.kids[0], depth+1)
		case a.op == opAtom:
			all = append(all, literal{a, true})
		case a.op == opNot && a.kids[0].op == opAtom:
			all = append(all, literal{a.kids[0], false})
		case a.op == opOr && len(a.kids) == 2: // of objects, a demand on them
			for i, k := range a.kids {
				if s.domainOf(k).kinds&Object == 0 {
					collect(a.kids[1-i], depth+1)
				}
			}
		}
	}
	collect(a, 0)
	d := s.demandedBy(all)
	s.requires[a] = d
	return d
}

// apart says whether it is seen that no value is in both shapes.
func (s *Space) apart(a, b *Shape) bool {
	if s.domainOf(a).and(s.domainOf(b)).kinds == 0 {
		return true
	}
	first, second := s.required(a), s.required(b)
	for name, d := range first {
		if e, there := second[name]; there && d.and(e).kinds == 0 {
			return true
		}
	}
	return false
}
