package values_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/omninode/trestle/tools/schema/jsontree"
	"github.com/omninode/trestle/tools/values"
)

// TestDeclared holds what is kept of a value by who reads by the declarations of a schema.
func TestDeclared(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, schema, value, want string }{
		{"nothing declared", `{"type":"object"}`, `{"a":1}`, `{"a":1}`},
		{"properties", `{"properties":{"a":true}}`, `{"a":1,"b":1}`, `{"a":1}`},
		{"branches", `{"anyOf":[{"properties":{"a":{}}},{"if":{"properties":{"b":{}}},"else":{"properties":{"c":{}}}}]}`, `{"a":1,"b":1,"c":1,"d":1}`, `{"a":1,"b":1,"c":1}`},
		{"not", `{"properties":{"a":{}},"not":{"properties":{"b":{}}}}`, `{"a":1,"b":1}`, `{"a":1}`},
		{"a reference", `{"$ref":"#/$defs/n","$defs":{"n":{"properties":{"a":{"$ref":"#"}}}}}`, `{"a":{"a":{},"b":1}}`, `{"a":{"a":{}}}`},
		{"patterns and others", `{"properties":{"a":{}},"patternProperties":{"^x":{"properties":{"y":{}}}},"additionalProperties":{"properties":{"z":{}}}}`, `{"x1":{"y":1,"z":1},"b":{"y":1,"z":1}}`, `{"x1":{"y":1},"b":{"z":1}}`},
		{"items", `{"prefixItems":[{"properties":{"a":{}}}],"items":{"properties":{"b":{}}}}`, `[{"a":1,"b":1},{"a":1,"b":1}]`, `[{"a":1},{"b":1}]`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			root, err := jsontree.Parse([]byte(tt.schema))
			if err != nil {
				t.Fatal(err)
			}
			docs := &values.Documents{Files: map[string]*jsontree.Value{"a.json": root}}
			got := docs.Declared([]values.Spot{{File: "a.json", Schema: root}}, decode(t, tt.value))
			if diff := cmp.Diff(decode(t, tt.want), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
