package values

import (
	"slices"

	"github.com/omninode/trestle/tools/schema/jsontree"
)

// inPlace calls f with the schemas that judge the same value as a schema does, itself first, and the condition under
// which each counts; nil is always.
func (l *lowering) inPlace(at spot, seen map[*jsontree.Value]bool, when []*Shape, f func(at spot, when []*Shape)) {
	if seen[at.v] || at.v.Kind != jsontree.Object || l.tire(at) {
		return
	}
	seen[at.v] = true
	defer delete(seen, at.v)
	f(at, when)
	if ref := at.v.Get("$ref"); ref != nil {
		if target, ok := l.resolve(at, ref); ok {
			l.inPlace(target, seen, when, f)
		}
		if l.draft(at) <= draft7 {
			return
		}
	}
	for _, e := range below(at, "allOf") {
		l.inPlace(e, seen, when, f)
	}
	also := func(cond *Shape) []*Shape { return append(slices.Clone(when), cond) }
	for _, keyword := range []string{"anyOf", "oneOf"} {
		for _, e := range below(at, keyword) {
			l.inPlace(e, seen, also(l.plainly(e)), f)
		}
	}
	if cond := at.v.Get("if"); cond != nil && l.draft(at) >= draft7 {
		c := l.plainly(spot{at.file, cond})
		l.inPlace(spot{at.file, cond}, seen, also(c), f)
		if then := at.v.Get("then"); then != nil {
			l.inPlace(spot{at.file, then}, seen, also(c), f)
		}
		if otherwise := at.v.Get("else"); otherwise != nil {
			l.inPlace(spot{at.file, otherwise}, seen, also(l.Not(c)), f)
		}
	}
	for _, keyword := range l.dependencyKeywords(at) {
		v := at.v.Get(keyword)
		if v == nil {
			continue
		}
		for _, m := range v.Members {
			if m.Value.Kind == jsontree.Object {
				l.inPlace(spot{at.file, m.Value}, seen, also(l.And(l.OfKind(Object), l.WithMember(m.Name, l.Any()))), f)
			}
		}
	}
}

// evaluation is what one schema evaluates, and when.
type evaluation struct {
	when  *Shape
	names *Language
	items int
	all   bool
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
	l.inPlace(at, map[*jsontree.Value]bool{}, nil, func(in spot, when []*Shape) {
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
	failed := false
	l.inPlace(at, map[*jsontree.Value]bool{}, nil, func(in spot, when []*Shape) {
		prefix, more := l.itemSchemas(in)
		failed = failed || in.v.Get("contains") != nil // what it finds is evaluated, wherever that is
		all := more != nil || in.v != at.v && in.v.Get("unevaluatedItems") != nil
		list = append(list, evaluation{when: l.And(when...), items: len(prefix), all: all})
	})
	inner := l.schema(rest)
	if !failed {
		out, ok := l.eachCase(list, func(holding []evaluation) *Shape {
			from := 0
			for _, e := range holding {
				if e.all {
					return l.Any()
				}
				from = max(from, e.items)
			}
			return l.Items(from, inner)
		})
		if ok {
			return out
		}
	}
	return l.Opaque(Array, "unevaluatedItems of "+at.v.JSON(), nil)
}
