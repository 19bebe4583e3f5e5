package compat

import (
	"maps"
	"regexp"
	"slices"

	"github.com/omninode/trestle/tools/schema/jsontree"
)

func (r *registryJSON) objects(old, new registryNode) []difference {
	names := map[string]bool{}
	for _, n := range []registryNode{old, new} {
		if v := n.v.Get("properties"); v != nil {
			for _, m := range v.Members {
				names[m.Name] = true
			}
		}
	}
	var out []difference
	for _, name := range slices.Sorted(maps.Keys(names)) {
		out = append(out, under("/properties/"+name, r.property(old, new, name))...)
	}
	out = append(out, r.rest("additionalProperties", old, new, old.v.Get("additionalProperties"), new.v.Get("additionalProperties"))...)
	out = append(out, r.unevaluated("unevaluatedProperties", old, new)...)
	out = append(out, limits(old, new, "maxProperties", "minProperties")...)
	return append(out, r.dependencies(old, new)...)
}

func (r *registryJSON) property(old, new registryNode, name string) []difference {
	was, is := old.v.Get("properties").Get(name), new.v.Get("properties").Get(name)
	switch {
	case is == nil:
		return r.propertyRemoved(r.child(old, was), new, name)
	case was == nil:
		return r.propertyAdded(old, new, name, is)
	}
	var out []difference
	if isRequired(new, name) && !isRequired(old, name) && is.Get("default") == nil {
		out = differs("", "REQUIRED_ATTRIBUTE_ADDED")
	}
	return append(out, r.compare(r.child(old, was), r.child(new, is))...)
}

func (r *registryJSON) propertyRemoved(was, new registryNode, name string) []difference {
	if r.openObject(new) {
		return nil
	}
	if rest, ok := r.restOf(new, name); ok {
		if !r.compatible(was, rest) {
			return differs("", "PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL")
		}
	} else if was.kind != kindFalse {
		return differs("", "PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL")
	}
	return nil
}

func (r *registryJSON) propertyAdded(old, new registryNode, name string, v *jsontree.Value) []difference {
	is := r.child(new, v)
	if r.openObject(old) {
		if is.kind != kindEmpty {
			return differs("", "PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL")
		}
		return nil
	}
	var out []difference
	if rest, ok := r.restOf(old, name); ok && !r.compatible(rest, is) {
		out = differs("", "PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL")
	}
	if isRequired(new, name) && v.Get("default") == nil {
		out = append(out, difference{"", "REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL"})
	}
	return out
}

func isRequired(n registryNode, name string) bool {
	list := n.v.Get("required")
	return list != nil && slices.ContainsFunc(list.Items, func(e *jsontree.Value) bool { return e.Text == name })
}

// anything says whether a schema that may be missing lets everything pass.
func (r *registryJSON) anything(n registryNode, v *jsontree.Value) bool {
	return v == nil || r.child(n, v).kind == kindEmpty
}

// openObject says whether properties that a schema does not name may be anything.
func (r *registryJSON) openObject(n registryNode) bool {
	if p := n.v.Get("patternProperties"); p != nil && len(p.Members) > 0 {
		return false
	}
	if extra := n.v.Get("additionalProperties"); extra != nil && !extra.IsTrue() {
		return false
	}
	return r.anything(n, r.modernOnly(n, "unevaluatedProperties"))
}

// modernOnly is a keyword's value where the draft knows the keyword.
func (r *registryJSON) modernOnly(n registryNode, keyword string) *jsontree.Value {
	if !r.modern[n.side] {
		return nil
	}
	return n.v.Get(keyword)
}

// restOf is the schema of a property that is not named, if there is one for that name.
func (r *registryJSON) restOf(n registryNode, name string) (registryNode, bool) {
	if p := n.v.Get("patternProperties"); p != nil {
		for _, m := range p.Members {
			if re, err := regexp.Compile(m.Name); err == nil && re.MatchString(name) {
				return r.child(n, m.Value), true
			}
		}
	}
	return r.restSchema(n, n.v.Get("additionalProperties"), r.modernOnly(n, "unevaluatedProperties"))
}

// restSchema is what the additional, or else the unevaluated, must be, where that is neither everything nor nothing.
func (r *registryJSON) restSchema(n registryNode, additional, unevaluated *jsontree.Value) (registryNode, bool) {
	switch {
	case additional != nil && additional.Kind == jsontree.Object:
		return r.child(n, additional), true
	case additional.IsFalse() || unevaluated.IsFalse() || r.anything(n, unevaluated):
		return registryNode{}, false
	}
	return r.child(n, unevaluated), true
}

// rest compares what is said of properties, or items, that have no schema of their own.
func (r *registryJSON) rest(keyword string, old, new registryNode, a, b *jsontree.Value) []difference {
	isSchema := func(v *jsontree.Value) bool { return v != nil && v.Kind == jsontree.Object }
	at, name := "/"+keyword, keywordName(keyword)
	switch {
	case !a.IsFalse() && b.IsFalse():
		return differs(at, name+"_REMOVED")
	case a.IsFalse():
	case !isSchema(a) && isSchema(b):
		return differs(at, name+"_NARROWED")
	case isSchema(a) && isSchema(b):
		return under(at, r.compare(r.child(old, a), r.child(new, b)))
	}
	return nil
}

// unevaluated compares what is said of properties, or items, that no keyword has looked at.
func (r *registryJSON) unevaluated(keyword string, old, new registryNode) []difference {
	a, b := r.modernOnly(old, keyword), r.modernOnly(new, keyword)
	at, name := "/"+keyword, keywordName(keyword)
	switch {
	case b == nil || a.IsFalse():
	case b.IsFalse():
		return differs(at, name+"_REMOVED")
	case a == nil, r.anything(old, a) && !r.anything(new, b):
		return differs(at, name+"_NARROWED")
	case !r.anything(new, b):
		return under(at, r.compare(r.child(old, a), r.child(new, b)))
	}
	return nil
}

func (r *registryJSON) dependencies(old, new registryNode) []difference {
	keywords := []string{"dependencies"}
	if r.modern[new.side] {
		keywords = []string{"dependentRequired", "dependentSchemas"}
	}
	var out []difference
	for _, k := range keywords {
		list := new.v.Get(k)
		if list == nil {
			continue
		}
		for _, m := range list.Members {
			out = append(out, under("/"+k+"/"+m.Name, r.dependency(old, new, old.v.Get(k).Get(m.Name), m.Value))...)
		}
	}
	return out
}

func (r *registryJSON) dependency(old, new registryNode, was, is *jsontree.Value) []difference {
	names := is.Kind == jsontree.Array
	switch {
	case names && (was == nil || was.Kind != jsontree.Array):
		return differs("", "DEPENDENCY_ARRAY_ADDED")
	case !names && (was == nil || was.Kind == jsontree.Array):
		return differs("", "DEPENDENCY_SCHEMA_ADDED")
	case !names:
		return r.compare(r.child(old, was), r.child(new, is))
	}
	for _, e := range is.Items {
		if !slices.ContainsFunc(was.Items, func(o *jsontree.Value) bool { return o.Text == e.Text }) {
			return differs("", "DEPENDENCY_ARRAY_EXTENDED")
		}
	}
	return nil
}
