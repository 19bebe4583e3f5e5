package subschema_test

import (
	"slices"
	"testing"

	"github.com/omninode/trestle/tools/schema/jsontree"
	"github.com/omninode/trestle/tools/schema/subschema"
)

// Every schema is found under the pointer that leads to it, and nothing is taken for one that is none.
func TestEach(t *testing.T) {
	root, err := jsontree.Parse([]byte(`{
	  "const": {"not": {}}, "required": ["a"], "properties": {"items": {}, "a/b": true}, "items": [{}, false],
	  "additionalItems": {}, "dependencies": {"a": ["b"], "b": {}}, "allOf": [{}], "prefixItems": [], "contentSchema": {},
	  "definitions": {"": {}}, "if": {}, "maximum": 3, "x-other": {}
	}`))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	subschema.Each(root, func(s subschema.Subschema) {
		found = append(found, s.Pointer())
		if root.Find(s.Pointer()) != s.Schema {
			t.Errorf("%s leads elsewhere", s.Pointer())
		}
	})
	want := []string{
		"/properties/items", "/properties/a~1b", "/items/0", "/items/1", "/additionalItems", "/dependencies/b", "/allOf/0",
		"/contentSchema", "/definitions/", "/if",
	}
	if !slices.Equal(found, want) {
		t.Errorf("found %q, want %q", found, want)
	}
}
