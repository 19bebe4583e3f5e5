package values

import "slices"

// Filled is every value that is in a shape once members which an object lacks are filled in with their defaults.
func (s *Space) Filled(a *Shape, defaults map[string]any) *Shape {
	if len(defaults) == 0 {
		return a
	}
	f := filling{s, defaults, nil, map[*Shape]*Shape{}}
	for name := range defaults {
		f.names = append(f.names, name)
	}
	slices.Sort(f.names)
	return f.shape(a)
}

// filling makes shapes of what is to be filled in.
type filling struct {
	*Space
	defaults map[string]any
	names    []string // of defaults, sorted
	done     map[*Shape]*Shape
}

func (f filling) shape(a *Shape) *Shape {
	if known := f.done[a]; known != nil {
		return known
	}
	out := a
	switch a.op {
	case opAnd, opOr:
		kids := make([]*Shape, len(a.kids))
		for i, k := range a.kids {
			kids[i] = f.shape(k)
		}
		if out = f.And(kids...); a.op == opOr {
			out = f.Or(kids...)
		}
	case opNot:
		out = f.Not(f.shape(a.kids[0]))
	case opRef:
		if a.kids[0] != nil {
			f.done[a] = a
			out = f.shape(a.kids[0])
		}
	default:
		switch atom := a.atom.(type) {
		case members:
			out = f.members(a, atom)
		case length:
			out = f.length(a, atom)
		}
	}
	f.done[a] = out
	return out
}

// members are the objects whose members are as an atom asks, once filled: what has a default that is not must be there.
func (f filling) members(a *Shape, atom members) *Shape {
	parts := []*Shape{a}
	for _, name := range f.names {
		if atom.names.Contains(name) && atom.shape.contains(f.defaults[name], 0) == no {
			parts = append(parts, f.WithMember(name, f.Any()))
		}
	}
	return f.Or(f.OfKind(AnyKind&^Object), f.And(parts...))
}

// maxFilled bounds the defaults of which each combination that may be absent is looked at.
const maxFilled = 6

// length are the objects that have as many members as an atom asks, once filled.
func (f filling) length(a *Shape, atom length) *Shape {
	if atom.kind&Object == 0 || len(f.names) > maxFilled {
		return a
	}
	var cases []*Shape
	for absent := range 1 << len(f.names) {
		parts, filled := []*Shape{}, 0
		for i, name := range f.names {
			there := f.WithMember(name, f.Any())
			if absent>>i&1 == 1 {
				filled++
				there = f.Not(there)
			}
			parts = append(parts, there)
		}
		high := atom.high
		if high >= 0 {
			if high -= filled; high < 0 {
				continue
			}
		}
		cases = append(cases, f.And(append(parts, f.Length(Object, max(0, atom.low-filled), high))...))
	}
	return f.Or(f.And(f.OfKind(AnyKind&^Object), a), f.And(f.OfKind(Object), f.Or(cases...)))
}
