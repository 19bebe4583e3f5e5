package values

import (
	"fmt"
	"slices"

	"github.com/omninode/trestle/tools/schema/jsontree"
)

// propertyNames limits names by a schema of strings: keyword by keyword, as each keeps some names out.
func (l *lowering) propertyNames(at spot) *Shape {
	return l.names(at, map[*jsontree.Value]bool{})
}

// names is propertyNames; seen holds the schemas that refer to this one, as one that refers to itself adds nothing.
func (l *lowering) names(at spot, seen map[*jsontree.Value]bool) *Shape {
	if at.v.IsFalse() {
		return l.Length(Object, 0, 0)
	}
	if seen[at.v] {
		return l.Any()
	}
	seen[at.v] = true
	var parts []*Shape
	if ref := at.v.Get("$ref"); ref != nil {
		if target, ok := l.resolve(at, ref); ok {
			parts = append(parts, l.names(target, seen))
		} else {
			parts = append(parts, l.Opaque(Object, "propertyNames $ref "+ref.JSON(), nil))
		}
		if l.draft(at) <= draft7 {
			// Draft-07 ignores what stands beside $ref, and validators do not agree on that.
			if len(at.v.Members) > 1 {
				parts = append(parts, l.Opaque(Object, "propertyNames beside $ref: "+at.v.JSON(), nil))
			}
			return l.And(parts...)
		}
	}
	within := func(names *Language) { parts = append(parts, l.Members(l.Except(names), l.Never())) }
	for _, m := range at.v.Members {
		switch m.Name {
		case "pattern":
			if lang, err := l.MatchingECMA(m.Value.Text); err == nil {
				within(lang)
				continue
			}
		case "const":
			within(l.Exactly(m.Value.Text))
			continue
		case "enum":
			var texts []string
			for _, e := range m.Value.Items {
				if e.Kind == jsontree.String {
					texts = append(texts, e.Text)
				}
			}
			within(l.Exactly(texts...))
			continue
		case "minLength", "maxLength":
			n, _ := l.count(at, m.Name)
			expr := fmt.Sprintf("^(?s:.{%d,})$", n)
			if m.Name == "maxLength" {
				expr = fmt.Sprintf("^(?s:.{0,%d})$", n)
			}
			if lang, err := l.MatchingRE2(expr); err == nil {
				within(lang)
				continue
			}
		case "type":
			if m.Value.Text != "string" && !slices.ContainsFunc(m.Value.Items, func(e *jsontree.Value) bool { return e.Text == "string" }) {
				parts = append(parts, l.Length(Object, 0, 0))
			}
			continue
		case "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
			"properties", "patternProperties", "additionalProperties", "propertyNames", "required", "minProperties", "maxProperties",
			"dependentRequired", "dependentSchemas", "dependencies", "unevaluatedProperties",
			"items", "prefixItems", "additionalItems", "contains", "minContains", "maxContains", "minItems", "maxItems", "uniqueItems",
			"unevaluatedItems":
			continue // names are strings
		case "$ref", "title", "description", "$comment", "examples", "default", "deprecated", "$defs", "definitions":
			continue
		}
		parts = append(parts, l.Opaque(Object, fmt.Sprintf("propertyNames %s: %s", m.Name, m.Value.JSON()), nil))
	}
	return l.And(parts...)
}
