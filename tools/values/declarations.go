package values

import (
	"slices"

	"github.com/omninode/trestle/runtime/genapi/ecma"
	"github.com/omninode/trestle/tools/schema/jsontree"
)

// condition is what must hold of a value for a schema to count that is combined with others: that it is valid by another
// schema, or is not, or, without one, that it has a member.
type condition struct {
	spot
	not    bool
	member string
}

// inPlace calls f with the schemas that judge the same value as a schema does, itself first, and the conditions under
// which each counts; none is always. Where f returns false, it goes no further. around holds the schemas on the way.
func (d *Documents) inPlace(at spot, around map[*jsontree.Value]bool, when []condition, f func(at spot, when []condition) bool) {
	if around[at.v] || at.v.Kind != jsontree.Object || !f(at, when) {
		return
	}
	around[at.v] = true
	defer delete(around, at.v)
	draft := d.resourceOf(at).draft
	if ref := at.v.Get("$ref"); ref != nil {
		if target, err := d.resolve(at, ref.Text); err == nil {
			d.inPlace(target, around, when, f)
		}
		if draft <= draft7 {
			return
		}
	}
	also := func(c condition) []condition { return append(slices.Clone(when), c) }
	for _, e := range below(at, "allOf") {
		d.inPlace(e, around, when, f)
	}
	for _, keyword := range []string{"anyOf", "oneOf"} {
		for _, e := range below(at, keyword) {
			d.inPlace(e, around, also(condition{spot: e}), f)
		}
	}
	if cond := at.v.Get("if"); cond != nil && draft >= draft7 {
		c := spot{at.file, cond}
		d.inPlace(c, around, also(condition{spot: c}), f)
		if then := at.v.Get("then"); then != nil {
			d.inPlace(spot{at.file, then}, around, also(condition{spot: c}), f)
		}
		if otherwise := at.v.Get("else"); otherwise != nil {
			d.inPlace(spot{at.file, otherwise}, around, also(condition{spot: c, not: true}), f)
		}
	}
	for _, keyword := range d.dependencyKeywords(at) {
		for _, m := range at.v.Get(keyword).AllMembers() {
			if m.Value.Kind == jsontree.Object {
				d.inPlace(spot{at.file, m.Value}, around, also(condition{member: m.Name}), f)
			}
		}
	}
}

// InPlace returns the schemas that judge the same value as some schemas do, these among them, each once: those that they
// refer to and those that they combine. What not refuses describes nothing.
func (d *Documents) InPlace(in []Spot) []Spot {
	var out []Spot
	seen := map[*jsontree.Value]bool{}
	for _, at := range in {
		d.inPlace(spot{at.File, at.Schema}, map[*jsontree.Value]bool{}, nil, func(at spot, _ []condition) bool {
			if seen[at.v] {
				return false
			}
			seen[at.v] = true
			out = append(out, Spot{at.file, at.v})
			return true
		})
	}
	return out
}

// Property is a property that a schema declares: its own schema, its name, and where that stands.
type Property struct {
	Spot
	Name  string
	Place jsontree.Place
}

// Properties are those that schemas in place declare by name.
func Properties(in []Spot) []Property {
	var out []Property
	for _, at := range in {
		for _, m := range at.Schema.Get("properties").AllMembers() {
			out = append(out, Property{Spot{at.File, m.Value}, m.Name, m.Place})
		}
	}
	return out
}

// NamePatterns are the patterns of names that schemas in place have members for, each once.
func NamePatterns(in []Spot) []string {
	var out []string
	for _, at := range in {
		for _, m := range at.Schema.Get("patternProperties").AllMembers() {
			if !slices.Contains(out, m.Name) {
				out = append(out, m.Name)
			}
		}
	}
	return out
}

// Patterned are what schemas in place say of members whose names match a pattern that they have.
func Patterned(in []Spot, pattern string) []Spot {
	var out []Spot
	for _, at := range in {
		if v := at.Schema.Get("patternProperties").Get(pattern); v != nil {
			out = append(out, Spot{at.File, v})
		}
	}
	return out
}

// Rest are what schemas in place say of members that they have no name and no pattern for.
func Rest(in []Spot) []Spot {
	var out []Spot
	for _, at := range in {
		for _, keyword := range []string{"additionalProperties", "unevaluatedProperties"} {
			if v := at.Schema.Get(keyword); v != nil && v.Kind == jsontree.Object && len(v.Members) > 0 {
				out = append(out, Spot{at.File, v})
			}
		}
	}
	return out
}

// MemberNamed are what schemas in place say of the member of a name; none where they do not declare it.
func MemberNamed(in []Spot, name string) []Spot {
	var out []Spot
	for _, at := range in {
		before := len(out)
		if v := at.Schema.Get("properties").Get(name); v != nil {
			out = append(out, Spot{at.File, v})
		}
		for _, m := range at.Schema.Get("patternProperties").AllMembers() {
			if p, err := ecma.Compile(m.Name); err == nil && p.MatchString(name) {
				out = append(out, Spot{at.File, m.Value})
			}
		}
		if len(out) == before {
			out = append(out, Rest([]Spot{at})...)
		}
	}
	return out
}

// Open says whether schemas in place declare no members at all: any may be there then.
func Open(in []Spot) bool {
	return len(Properties(in)) == 0 && len(NamePatterns(in)) == 0 && len(Rest(in)) == 0
}

// Positions counts the first items for which schemas in place have something of their own to say.
func (d *Documents) Positions(in []Spot) int { return d.positions(spots(in)) }

func (d *Documents) positions(in []spot) int {
	most := 0
	for _, at := range in {
		prefix, _ := d.itemSchemas(at)
		most = max(most, len(prefix))
	}
	return most
}

// ItemAt are what schemas in place say of the item at an index.
func (d *Documents) ItemAt(in []Spot, index int) []Spot {
	var out []Spot
	for _, at := range d.itemAt(spots(in), index) {
		out = append(out, Spot{at.file, at.v})
	}
	return out
}

func (d *Documents) itemAt(in []spot, index int) []spot {
	var out []spot
	for _, at := range in {
		prefix, rest := d.itemSchemas(at)
		switch {
		case index < len(prefix):
			out = append(out, prefix[index])
		case rest != nil:
			out = append(out, *rest)
		}
	}
	return out
}

func spots(in []Spot) []spot {
	out := make([]spot, len(in))
	for i, at := range in {
		out[i] = spot{at.File, at.Schema}
	}
	return out
}

// Declared is what some schemas declare of a value: where they declare members, no others, whichever of the schemas
// that they combine are for the value. It is what is kept by who reads by these schemas, and no more.
func (d *Documents) Declared(in []Spot, v any) any {
	in = d.InPlace(in)
	switch x := v.(type) {
	case map[string]any:
		if Open(in) {
			return v
		}
		out := map[string]any{}
		for name, member := range x {
			if under := MemberNamed(in, name); under != nil {
				out[name] = d.Declared(under, member)
			}
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, item := range x {
			out[i] = d.Declared(d.ItemAt(in, i), item)
		}
		return out
	}
	return v
}
