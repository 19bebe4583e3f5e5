package values

import (
	"slices"
	"strings"

	"github.com/omninode/trestle/tools/schema/jsontree"
)

// declaredOnly is what a writer keeps to: where the schemas of an object declare properties, it writes no others. The
// schemas are those that judge the same value.
func (l *lowering) declaredOnly(roots []spot) *Shape {
	var in []spot
	seen := map[*jsontree.Value]bool{}
	for _, r := range roots {
		l.docs.inPlace(r, map[*jsontree.Value]bool{}, nil, func(at spot, _ []condition) bool {
			if !l.tire(at) && !seen[at.v] {
				seen[at.v] = true
				in = append(in, at)
			}
			return l.err == nil
		})
	}
	if len(in) == 0 || l.err != nil {
		return l.Any()
	}
	keys := make([]string, len(in))
	for i, at := range in {
		keys[i] = l.name(at)
	}
	slices.Sort(keys)
	ref, known := l.Ref("declared " + strings.Join(keys, ";"))
	if known {
		return ref
	}
	var parts []*Shape
	under := map[string][]spot{}
	var all declared
	open := true // the rest is described by some schema
	var rests []spot
	var patterned []spot
	for _, at := range in {
		if p := at.v.Get("properties"); p != nil {
			for _, m := range p.Members {
				all.fixed = append(all.fixed, m.Name)
				under[m.Name] = append(under[m.Name], spot{at.file, m.Value})
			}
		}
		if p := at.v.Get("patternProperties"); p != nil {
			for _, m := range p.Members {
				all.patterns = append(all.patterns, m.Name)
				patterned = append(patterned, spot{at.file, m.Value})
			}
		}
		for _, k := range []string{"additionalProperties", "unevaluatedProperties"} {
			if r := at.v.Get(k); r != nil && r.Kind == jsontree.Object && len(r.Members) > 0 {
				rests = append(rests, spot{at.file, r})
			}
		}
	}
	open = len(rests) > 0 || len(all.fixed)+len(all.patterns) == 0
	others := append(slices.Clone(rests), patterned...)
	for _, name := range sortedUnique(all.fixed) {
		parts = append(parts, l.Members(l.Exactly(name), l.declaredOnly(append(under[name], others...))))
	}
	if !open {
		if names, ok := l.language(all); ok {
			parts = append(parts, l.Members(l.Except(names), l.Never()))
		}
	}
	if len(others) > 0 {
		parts = append(parts, l.Members(l.Except(l.Exactly(sortedUnique(all.fixed)...)), l.declaredOnly(others)))
	}
	positions := l.docs.positions(in)
	for i := range positions {
		parts = append(parts, l.Item(i, l.declaredOnly(l.docs.itemAt(in, i))))
	}
	if rest := l.docs.itemAt(in, positions); rest != nil {
		parts = append(parts, l.Items(positions, l.declaredOnly(rest)))
	}
	content := l.And(parts...)
	l.Define(ref, content)
	if l.settle(content, ref) {
		return content
	}
	return ref
}

// Describing is every value that a schema which declares a property is for, of those that judge values together with some
// schemas. The name is as in [Space.FromJSONSchema].
func (s *Space) Describing(docs *Documents, name string, in []Spot, property string) (*Shape, error) {
	l := &lowering{Space: s, docs: docs, id: name, role: Strict, plain: map[*Shape]*Shape{}}
	var out []*Shape
	for _, at := range spots(in) {
		l.inPlace(at, func(at spot, when []*Shape) {
			if at.v.Get("properties").Get(property) != nil {
				out = append(out, l.And(when...))
			}
		})
	}
	if l.err != nil {
		return nil, l.err
	}
	return l.Or(out...), nil
}
