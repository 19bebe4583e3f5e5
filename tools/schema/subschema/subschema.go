// Package subschema finds the schemas that stand right below a JSON Schema of any draft: the one list of the keywords that
// hold them.
package subschema

import (
	"slices"
	"strconv"

	"github.com/omninode/trestle/tools/schema/jsontree"
)

// Subschema is a schema in another one.
type Subschema struct {
	// Keyword is what it stands under.
	Keyword string
	// Name is the name that it has there, or its index in a list; empty where the keyword holds it alone.
	Name string
	// Place is that of the name, of the item of the list, or of the keyword.
	Place  jsontree.Place
	Schema *jsontree.Value
}

// Pointer is the JSON Pointer of the schema, from the one that it stands in.
func (s Subschema) Pointer() string {
	at := "/" + s.Keyword
	if s.Name != "" || Named(s.Keyword) {
		at += "/" + jsontree.EscapeToken(s.Name)
	}
	return at
}

// The keywords whose values are schemas, of drafts 4 to 2020-12: one or a list of them, or several with a name each.
var (
	keywords = []string{
		"additionalItems", "additionalProperties", "allOf", "anyOf", "contains", "contentSchema", "else", "if", "items", "not", "oneOf",
		"prefixItems", "propertyNames", "then", "unevaluatedItems", "unevaluatedProperties",
	}
	naming = []string{"$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties"}
)

// Named says whether a keyword's value holds schemas under names.
func Named(keyword string) bool { return slices.Contains(naming, keyword) }

// Each calls f with the schemas right below one, in their order. What is no schema after all, such as a number, is given
// too, for f to refuse; only the lists of names that dependencies may hold instead of schemas are not.
func Each(v *jsontree.Value, f func(Subschema)) {
	for _, m := range v.AllMembers() {
		switch {
		case Named(m.Name):
			for _, named := range m.Value.AllMembers() {
				if m.Name != "dependencies" || named.Value.Kind != jsontree.Array {
					f(Subschema{m.Name, named.Name, named.Place, named.Value})
				}
			}
		case !slices.Contains(keywords, m.Name):
		case m.Value.Kind == jsontree.Array:
			for i, item := range m.Value.Items {
				f(Subschema{m.Name, strconv.Itoa(i), item.Place, item})
			}
		default:
			f(Subschema{m.Name, "", m.Place, m.Value})
		}
	}
}
