package values_test

import (
	"testing"

	"github.com/omninode/trestle/tools/schema/jsontree"
	"github.com/omninode/trestle/tools/values"
)

// Whatever stands in a JSON Schema, reading it into the algebra ends, and what a writer of it writes is not refused by
// a reader of the same.
func FuzzFromJSONSchema(f *testing.F) {
	for _, text := range []string{
		`{"type":"object","properties":{"a":{"type":"integer","minimum":1,"multipleOf":2}},"required":["a"],"additionalProperties":false}`,
		`{"$ref":"#/$defs/T","$defs":{"T":{"type":["array","null"],"items":{"$ref":"#/$defs/T"},"maxItems":3,"uniqueItems":true}}}`,
		`{"allOf":[{"minLength":2},{"pattern":"^[a-z]+$"}],"not":{"const":"ab"},"if":{"maxLength":3},"then":{"format":"date"},"else":{"enum":["abcd",5]}}`,
		`{"prefixItems":[true,{"type":"string"}],"contains":{"const":1},"minContains":2,"unevaluatedItems":false}`,
		`{"patternProperties":{"^x":{"$ref":"#"}},"propertyNames":{"maxLength":4},"minProperties":1,"unevaluatedProperties":{"type":"boolean"}}`,
		`{"oneOf":[{"$anchor":"b"},{"$ref":"#b"}],"dependentRequired":{"a":["b"]},"dependentSchemas":{"a":{"maxProperties":2}}}`,
		`{"$schema":"http://json-schema.org/draft-07/schema#","definitions":{"a":{"$ref":"#/definitions/b"},"b":{"$ref":"#/definitions/a"}},"$ref":"#/definitions/a"}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		root, err := jsontree.Parse(text)
		if err != nil {
			return
		}
		docs := &values.Documents{Files: map[string]*jsontree.Value{"a.json": root}}
		p := values.NewProver()
		written, err := p.FromJSONSchema(docs, "a", "a.json", "", values.Writer)
		if err != nil {
			return
		}
		read, err := p.FromJSONSchema(docs, "a", "a.json", "", values.Reader)
		if err != nil {
			t.Fatalf("a writer's schema is read, a reader's is not: %v", err)
		}
		if a := p.Includes(written, read); a.Inclusion == values.NotIncluded {
			t.Fatalf("%v is written and not read", a.Member)
		}
	})
}
