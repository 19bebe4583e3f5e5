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

// demands are what literals ask of the members of an object, at first sight.
type demands struct {
	members  map[string]domain   // at least what is in the members that are named
	wanted   map[string][]*Shape // what these members are in
	required map[string]bool
	wide     []members // rules on members of other names than one
}

// demandsOf reads atoms, and shapes that are taken apart no further.
func (s *Space) demandsOf(all []literal) *demands {
	out := &demands{members: map[string]domain{}, wanted: map[string][]*Shape{}, required: map[string]bool{}}
	for _, l := range all {
		m, ok := l.shape.atom.(members)
		if !ok {
			continue
		}
		name, one := m.names.only()
		switch {
		case one:
			d, known := out.members[name]
			if !known {
				d = anything
			}
			if l.want {
				d = d.and(s.domainOf(m.shape))
				out.wanted[name] = append(out.wanted[name], m.shape)
			} else {
				d = d.and(s.complement(m.shape))
				out.required[name] = true
			}
			out.members[name] = d
		case l.want:
			out.wide = append(out.wide, m)
		}
	}
	return out
}

// in is at least what is in a member, where it is there.
func (d *demands) in(s *Space, name string) domain {
	out, known := d.members[name]
	if !known {
		out = anything
	}
	for _, m := range d.wide {
		if m.names.Contains(name) {
			out = out.and(s.domainOf(m.shape))
		}
	}
	return out
}

// excludes says whether an object of which this is demanded cannot be in a shape, or not in it where that is not wanted, for
// what is in one member: false where that is not seen.
func (d *demands) excludes(s *Space, l literal) bool {
	m, ok := l.shape.atom.(members)
	if d == nil || !ok {
		return false
	}
	name, one := m.names.only()
	switch {
	case one && l.want:
		return d.required[name] && d.in(s, name).and(s.domainOf(m.shape)).kinds == 0
	case one:
		return d.in(s, name).and(s.complement(m.shape)).kinds == 0
	case l.want:
		other := s.domainOf(m.shape)
		for name := range d.required {
			if m.names.Contains(name) && d.in(s, name).and(other).kinds == 0 {
				return true
			}
		}
	}
	return false
}

// demanded is what every value of a shape keeps to, which is an object then; nil where it may be none.
func (s *Space) demanded(a *Shape) *demands {
	if s.domainOf(a).kinds&^Object != 0 {
		return nil
	}
	if d, known := s.demands[a]; known {
		return d
	}
	var all []literal
	var collect func(l literal, depth int)
	collect = func(l literal, depth int) {
		a := l.shape
		switch {
		case depth > 20:
		case a.op == opNot:
			collect(literal{a.kids[0], !l.want}, depth+1)
		case a.op == opAnd && l.want, a.op == opOr && !l.want:
			for _, k := range a.kids {
				collect(literal{k, l.want}, depth+1)
			}
		case a.op == opRef && a.kids[0] != nil:
			collect(literal{a.kids[0], l.want}, depth+1)
		case a.op == opAtom:
			all = append(all, l)
		case len(a.kids) == 2: // of objects, a demand on them
			for i, k := range a.kids {
				if d := s.domainOf(k); l.want && d.kinds&Object == 0 || !l.want && s.complement(k).kinds&Object == 0 {
					collect(literal{a.kids[1-i], l.want}, depth+1)
				}
			}
		}
	}
	collect(literal{a, true}, 0)
	d := s.demandsOf(all)
	s.demands[a] = d
	return d
}

// apart says whether it is seen that no value is in both shapes.
func (s *Space) apart(a, b *Shape) bool {
	if s.domainOf(a).and(s.domainOf(b)).kinds == 0 {
		return true
	}
	x, y := s.demanded(a), s.demanded(b)
	return x != nil && y != nil && (s.clash(x, y) || s.clash(y, x))
}

// clash says whether a member that one of two demands cannot be as the other wants it.
func (s *Space) clash(a, b *demands) bool {
	for name := range a.required {
		if a.in(s, name).and(b.in(s, name)).kinds == 0 {
			return true
		}
	}
	return false
}
