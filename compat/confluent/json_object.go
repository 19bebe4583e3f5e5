package confluent

import (
	"maps"
	"regexp"
	"slices"

	"github.com/omninode/trestle/tools/schema/jsontree"
)

func (c *jsonComparison) objects(old, new node) []difference {
	names := map[string]bool{}
	for _, n := range []node{old, new} {
		if v := n.v.Get("properties"); v != nil {
			for _, m := range v.Members {
				names[m.Name] = true
			}
		}
	}
	var out []difference
	for _, name := range slices.Sorted(maps.Keys(names)) {
		out = append(out, withPrefix("/properties/"+name, c.property(old, new, name))...)
	}
	out = append(out, c.rest("additionalProperties", old, new, old.v.Get("additionalProperties"), new.v.Get("additionalProperties"))...)
	out = append(out, c.unevaluated("unevaluatedProperties", old, new)...)
	out = append(out, limits(old, new, "maxProperties", "minProperties")...)
	return append(out, c.dependencies(old, new)...)
}

func (c *jsonComparison) property(old, new node, name string) []difference {
	was, is := old.v.Get("properties").Get(name), new.v.Get("properties").Get(name)
	switch {
	case is == nil:
		return c.propertyRemoved(c.child(old, was), new, name)
	case was == nil:
		return c.propertyAdded(old, new, name, is)
	}
	var out []difference
	if isRequired(new, name) && !isRequired(old, name) && is.Get("default") == nil {
		out = differs("", "REQUIRED_ATTRIBUTE_ADDED")
	}
	return append(out, c.compare(c.child(old, was), c.child(new, is))...)
}

func (c *jsonComparison) propertyRemoved(was, new node, name string) []difference {
	if c.openObject(new) {
		return nil
	}
	if rest, ok := c.restOf(new, name); ok {
		return c.covered(was, rest, "PROPERTY_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL")
	} else if was.kind != kindFalse {
		return differs("", "PROPERTY_REMOVED_FROM_CLOSED_CONTENT_MODEL")
	}
	return nil
}

func (c *jsonComparison) propertyAdded(old, new node, name string, v *jsontree.Value) []difference {
	is := c.child(new, v)
	required, hasDefault := isRequired(new, name), v.Get("default") != nil
	if c.openObject(old) {
		switch {
		case is.kind == kindEmpty:
			return nil
		case !required:
			return differs("", "OPTIONAL_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL")
		case hasDefault:
			return differs("", "REQUIRED_PROPERTY_WITH_DEFAULT_ADDED_TO_OPEN_CONTENT_MODEL")
		}
		return differs("", "REQUIRED_PROPERTY_ADDED_TO_OPEN_CONTENT_MODEL")
	}
	var out []difference
	if rest, ok := c.restOf(old, name); ok {
		out = c.covered(rest, is, "PROPERTY_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL")
	}
	if required && !hasDefault {
		out = append(out, difference{"", "REQUIRED_PROPERTY_ADDED_TO_UNOPEN_CONTENT_MODEL"})
	}
	return out
}

// covered compares what a named property, or item, is with what one without a schema of its own must be; the kind says
// that they do not fit.
func (c *jsonComparison) covered(old, new node, kind string) []difference {
	out := slices.Clone(c.compare(old, new))
	if len(out) > 0 {
		out = append(out, difference{"", kind})
	}
	return out
}

func isRequired(n node, name string) bool {
	list := n.v.Get("required")
	return list != nil && slices.ContainsFunc(list.Items, func(e *jsontree.Value) bool { return e.Text == name })
}

// anything says whether a schema that may be missing lets everything pass.
func (c *jsonComparison) anything(n node, v *jsontree.Value) bool {
	return v == nil || c.child(n, v).kind == kindEmpty
}

// openObject says whether properties that a schema does not name may be anything.
func (c *jsonComparison) openObject(n node) bool {
	if p := n.v.Get("patternProperties"); p != nil && len(p.Members) > 0 {
		return false
	}
	if extra := n.v.Get("additionalProperties"); extra != nil && !extra.IsTrue() {
		return false
	}
	return c.anything(n, c.modernOnly(n, "unevaluatedProperties"))
}

// modernOnly is a keyword's value where the draft knows the keyword.
func (c *jsonComparison) modernOnly(n node, keyword string) *jsontree.Value {
	if !c.modern[n.side] {
		return nil
	}
	return n.v.Get(keyword)
}

// restOf is the schema of a property that is not named, if there is one for that name.
func (c *jsonComparison) restOf(n node, name string) (node, bool) {
	if p := n.v.Get("patternProperties"); p != nil {
		for _, m := range p.Members {
			if re, err := regexp.Compile(m.Name); err == nil && re.MatchString(name) {
				return c.child(n, m.Value), true
			}
		}
	}
	return c.restSchema(n, n.v.Get("additionalProperties"), c.modernOnly(n, "unevaluatedProperties"))
}

// restSchema is what the additional, or else the unevaluated, must be, where that is neither everything nor nothing.
func (c *jsonComparison) restSchema(n node, additional, unevaluated *jsontree.Value) (node, bool) {
	switch {
	case additional != nil && additional.Kind == jsontree.Object:
		return c.child(n, additional), true
	case additional.IsFalse() || unevaluated.IsFalse() || c.anything(n, unevaluated):
		return node{}, false
	}
	return c.child(n, unevaluated), true
}

// rest compares what is said of properties, or items, that have no schema of their own.
func (c *jsonComparison) rest(keyword string, old, new node, a, b *jsontree.Value) []difference {
	isSchema := func(v *jsontree.Value) bool { return v != nil && v.Kind == jsontree.Object }
	at, name := "/"+keyword, keywordName(keyword)
	switch {
	case !a.IsFalse() && b.IsFalse():
		return differs(at, name+"_REMOVED")
	case a.IsFalse():
	case !isSchema(a) && isSchema(b):
		return differs(at, name+"_NARROWED")
	case isSchema(a) && isSchema(b):
		return withPrefix(at, c.compare(c.child(old, a), c.child(new, b)))
	}
	return nil
}

// unevaluated compares what is said of properties, or items, that no keyword has looked at.
func (c *jsonComparison) unevaluated(keyword string, old, new node) []difference {
	a, b := c.modernOnly(old, keyword), c.modernOnly(new, keyword)
	at, name := "/"+keyword, keywordName(keyword)
	switch {
	case b == nil || a.IsFalse():
	case b.IsFalse():
		return differs(at, name+"_REMOVED")
	case a == nil, c.anything(old, a) && !c.anything(new, b):
		return differs(at, name+"_NARROWED")
	case !c.anything(new, b):
		return withPrefix(at, c.compare(c.child(old, a), c.child(new, b)))
	}
	return nil
}

func (c *jsonComparison) dependencies(old, new node) []difference {
	keywords := []string{"dependencies"}
	if c.modern[new.side] {
		keywords = []string{"dependentRequired", "dependentSchemas"}
	}
	var out []difference
	for _, k := range keywords {
		list := new.v.Get(k)
		if list == nil {
			continue
		}
		for _, m := range list.Members {
			out = append(out, withPrefix("/"+k+"/"+m.Name, c.dependency(old, new, old.v.Get(k).Get(m.Name), m.Value))...)
		}
	}
	return out
}

func (c *jsonComparison) dependency(old, new node, was, is *jsontree.Value) []difference {
	names := is.Kind == jsontree.Array
	switch {
	case names && (was == nil || was.Kind != jsontree.Array):
		return differs("", "DEPENDENCY_ARRAY_ADDED")
	case !names && (was == nil || was.Kind == jsontree.Array):
		return differs("", "DEPENDENCY_SCHEMA_ADDED")
	case !names:
		return c.compare(c.child(old, was), c.child(new, is))
	}
	switch {
	case containsAll(was.Items, is.Items):
		return nil
	case containsAll(is.Items, was.Items):
		return differs("", "DEPENDENCY_ARRAY_EXTENDED")
	}
	return differs("", "DEPENDENCY_ARRAY_CHANGED")
}
