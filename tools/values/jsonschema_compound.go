package values

import (
	"fmt"

	"github.com/omninode/trestle/tools/schema/jsontree"
)

func (l *lowering) array(at spot) *Shape {
	parts := []*Shape{l.sized(at, Array, "minItems", "maxItems")}
	if at.v.Get("uniqueItems").IsTrue() {
		parts = append(parts, l.Unique())
	}
	prefix, rest := l.docs.itemSchemas(at)
	for i, p := range prefix {
		parts = append(parts, l.Item(i, l.schema(p)))
	}
	if rest != nil {
		parts = append(parts, l.Items(len(prefix), l.schema(*rest)))
	}
	if c := at.v.Get("contains"); c != nil && l.draft(at) >= draft6 {
		inner := l.schema(spot{at.file, c})
		low, ok := l.count(at, "minContains")
		if !ok || l.draft(at) < draft2019 {
			low = 1
		}
		parts = append(parts, l.AtLeast(low, 0, inner))
		if high, ok := l.count(at, "maxContains"); ok && l.draft(at) >= draft2019 {
			parts = append(parts, l.Or(l.OfKind(AnyKind&^Array), l.Not(l.AtLeast(high+1, 0, l.plainly(spot{at.file, c})))))
		}
	}
	if u := at.v.Get("unevaluatedItems"); u != nil && l.draft(at) >= draft2019 {
		parts = append(parts, l.unevaluatedItems(at, spot{at.file, u}))
	}
	return l.And(parts...)
}

// itemSchemas returns the schemas of the first items, and that of all others.
func (d *Documents) itemSchemas(at spot) (prefix []spot, rest *spot) {
	if d.resourceOf(at).draft >= draft2020 {
		prefix = below(at, "prefixItems")
	}
	items, more := at.v.Get("items"), "items"
	if items != nil && items.Kind == jsontree.Array {
		prefix, more = below(at, "items"), "additionalItems"
	}
	if v := at.v.Get(more); v != nil {
		rest = &spot{at.file, v}
	}
	return prefix, rest
}

// declared are the names that the keywords of one schema, without those it is combined with, say something about.
type declared struct {
	fixed    []string
	patterns []string
	all      bool // additionalProperties, or unevaluatedProperties, says something about the others
}

func (l *lowering) declares(at spot) declared {
	var d declared
	if p := at.v.Get("properties"); p != nil {
		for _, m := range p.Members {
			d.fixed = append(d.fixed, m.Name)
		}
	}
	if p := at.v.Get("patternProperties"); p != nil {
		for _, m := range p.Members {
			d.patterns = append(d.patterns, m.Name)
		}
	}
	d.all = at.v.Get("additionalProperties") != nil
	return d
}

// language is the names of d but for all; ok is false where a pattern is none that automata take.
func (l *lowering) language(d declared) (*Language, bool) {
	parts := []*Language{l.Exactly(d.fixed...)}
	for _, p := range d.patterns {
		lang, err := l.MatchingECMA(p)
		if err != nil {
			return nil, false
		}
		parts = append(parts, lang)
	}
	return l.Union(parts...), true
}

func (l *lowering) object(at spot) *Shape {
	parts := []*Shape{l.sized(at, Object, "minProperties", "maxProperties")}
	properties := at.v.Get("properties")
	if properties != nil {
		for _, m := range properties.Members {
			value := l.schema(spot{at.file, m.Value})
			parts = append(parts, l.Members(l.Exactly(m.Name), value))
			if d := m.Value.Get("default"); l.role == Reader && d != nil && d.Kind != jsontree.Null && value.contains(plain(d), 0) == no {
				parts = append(parts, l.WithMember(m.Name, l.Any())) // what is filled in for it is not valid
			}
		}
	}
	if p := at.v.Get("patternProperties"); p != nil {
		for _, m := range p.Members {
			lang, err := l.MatchingECMA(m.Name)
			if err != nil {
				parts = append(parts, l.Opaque(Object, fmt.Sprintf("patternProperties %q: %s", m.Name, m.Value.JSON()), nil))
				continue
			}
			parts = append(parts, l.Members(lang, l.schema(spot{at.file, m.Value})))
		}
	}
	if rest := at.v.Get("additionalProperties"); rest != nil {
		if names, ok := l.language(l.declares(at)); ok {
			parts = append(parts, l.Members(l.Except(names), l.schema(spot{at.file, rest})))
		} else {
			parts = append(parts, l.Opaque(Object, "additionalProperties beside a pattern of names: "+rest.JSON(), nil))
		}
	}
	if names := at.v.Get("propertyNames"); names != nil && l.draft(at) >= draft6 {
		parts = append(parts, l.propertyNames(spot{at.file, names}))
	}
	if required := at.v.Get("required"); required != nil {
		for _, r := range required.Items {
			if l.role == Reader && hasDefault(properties.Get(r.Text)) {
				continue // readers fill it in
			}
			parts = append(parts, l.WithMember(r.Text, l.Any()))
		}
	}
	parts = append(parts, l.dependent(at)...)
	if u := at.v.Get("unevaluatedProperties"); u != nil && l.draft(at) >= draft2019 {
		parts = append(parts, l.unevaluatedProperties(at, spot{at.file, u}))
	}
	return l.And(parts...)
}

func hasDefault(v *jsontree.Value) bool {
	d := v.Get("default")
	return d != nil && d.Kind != jsontree.Null || v.Get("x-trestle").Get("field").Get("default") != nil
}

// dependent reads what is asked of an object where it has some member.
func (l *lowering) dependent(at spot) []*Shape {
	var parts []*Shape
	when := func(name string, then *Shape) {
		parts = append(parts, l.Or(l.Not(l.And(l.OfKind(Object), l.WithMember(name, l.Any()))), then))
	}
	for _, keyword := range l.docs.dependencyKeywords(at) {
		v := at.v.Get(keyword)
		if v == nil {
			continue
		}
		for _, m := range v.Members {
			if m.Value.Kind != jsontree.Array {
				when(m.Name, l.schema(spot{at.file, m.Value}))
				continue
			}
			for _, e := range m.Value.Items {
				when(m.Name, l.WithMember(e.Text, l.Any()))
			}
		}
	}
	return parts
}

// dependencyKeywords are those that the draft knows, and that validators read of an older one besides.
func (d *Documents) dependencyKeywords(at spot) []string {
	if d.resourceOf(at).draft < draft2019 {
		return []string{"dependencies"}
	}
	return []string{"dependentRequired", "dependentSchemas", "dependencies"}
}
