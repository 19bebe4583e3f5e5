package values

import (
	"slices"

	"github.com/omninode/trestle/tools/schema/jsontree"
)

// inPlace calls f with the schemas that judge the same value as a schema does, itself first, and the condition under
// which each counts; nil is always.
func (l *lowering) inPlace(at spot, f func(at spot, when []*Shape)) {
	shapes := map[condition]*Shape{}
	l.docs.inPlace(at, map[*jsontree.Value]bool{}, nil, func(at spot, when []condition) bool {
		if l.tire(at) {
			return false
		}
		var conditions []*Shape
		for _, c := range when {
			if shapes[c] == nil {
				shapes[c] = l.fulfilling(c)
			}
			conditions = append(conditions, shapes[c])
		}
		f(at, conditions)
		return true
	})
}

// fulfilling are the values that fulfil a condition.
func (l *lowering) fulfilling(c condition) *Shape {
	switch {
	case c.v == nil:
		return l.And(l.OfKind(Object), l.WithMember(c.member, l.Any()))
	case c.not:
		return l.Not(l.plainly(c.spot))
	}
	return l.plainly(c.spot)
}

// evaluation is what one schema evaluates, and when.
type evaluation struct {
	when  *Shape
	names *Language
	items int
	all   bool
	// found are the items that contains has evaluated, wherever they are; nil for none.
	found *Shape
}

// maxConditions bounds the cases that unevaluated keywords are taken apart into.
const maxConditions = 6

// eachCase calls f with every combination of conditions, and returns the alternatives; ok is false where there are
// too many.
func (l *lowering) eachCase(list []evaluation, f func(holding []evaluation) *Shape) (*Shape, bool) {
	var always, sometimes []evaluation
	var conditions []*Shape
	for _, e := range list {
		if e.when == l.Any() {
			always = append(always, e)
			continue
		}
		sometimes = append(sometimes, e)
		if !slices.Contains(conditions, e.when) {
			conditions = append(conditions, e.when)
		}
	}
	if len(conditions) > maxConditions {
		return nil, false
	}
	var out []*Shape
	for mask := range 1 << len(conditions) {
		parts := []*Shape{}
		holding := slices.Clone(always)
		for i, c := range conditions {
			if mask&(1<<i) == 0 {
				parts = append(parts, l.Not(c))
				continue
			}
			parts = append(parts, c)
			for _, e := range sometimes {
				if e.when == c {
					holding = append(holding, e)
				}
			}
		}
		out = append(out, l.And(append(parts, f(holding))...))
	}
	return l.Or(out...), true
}

func (l *lowering) unevaluatedProperties(at, rest spot) *Shape {
	var list []evaluation
	failed := false
	l.inPlace(at, func(in spot, when []*Shape) {
		d := l.declares(in)
		names, ok := l.language(d)
		failed = failed || !ok
		all := d.all || in.v != at.v && in.v.Get("unevaluatedProperties") != nil
		list = append(list, evaluation{when: l.And(when...), names: names, all: all})
	})
	inner := l.schema(rest)
	if !failed {
		out, ok := l.eachCase(list, func(holding []evaluation) *Shape {
			names := []*Language{}
			for _, e := range holding {
				if e.all {
					return l.Any()
				}
				names = append(names, e.names)
			}
			return l.Members(l.Except(l.Union(names...)), inner)
		})
		if ok {
			return out
		}
	}
	return l.Opaque(Object, "unevaluatedProperties of "+at.v.JSON(), nil)
}

func (l *lowering) unevaluatedItems(at, rest spot) *Shape {
	var list []evaluation
	l.inPlace(at, func(in spot, when []*Shape) {
		prefix, more := l.docs.itemSchemas(in)
		all := more != nil || in.v != at.v && in.v.Get("unevaluatedItems") != nil
		e := evaluation{when: l.And(when...), items: len(prefix), all: all}
		if c := in.v.Get("contains"); c != nil && l.draft(in) >= draft2020 {
			e.found = l.schema(spot{in.file, c})
		}
		list = append(list, e)
	})
	inner := l.schema(rest)
	out, ok := l.eachCase(list, func(holding []evaluation) *Shape {
		from, rest := 0, []*Shape{inner}
		for _, e := range holding {
			if e.all {
				return l.Any()
			}
			from = max(from, e.items)
			if e.found != nil {
				rest = append(rest, e.found)
			}
		}
		return l.Items(from, l.Or(rest...))
	})
	if ok {
		return out
	}
	return l.Opaque(Array, "unevaluatedItems of "+at.v.JSON(), nil)
}
