package values_test

import (
	"testing"

	"github.com/omninode/trestle/tools/schema/jsontree"
	"github.com/omninode/trestle/tools/values"
)

// TestReferences compares what a reference leads to with what it should mean, in every way to refer and in every draft.
func TestReferences(t *testing.T) {
	t.Parallel()
	const (
		of4    = `"$schema": "http://json-schema.org/draft-04/schema#", `
		of6    = `"$schema": "http://json-schema.org/draft-06/schema#", `
		of7    = `"$schema": "http://json-schema.org/draft-07/schema#", `
		of2019 = `"$schema": "https://json-schema.org/draft/2019-09/schema", `
		of2020 = `"$schema": "https://json-schema.org/draft/2020-12/schema", `
	)
	tests := map[string]struct{ text, want string }{
		"an embedded schema by its id": {
			`{"$ref": "https://x.org/s", "$defs": {"s": {"$id": "https://x.org/s", "type": "string"}}}`, `{"type": "string"}`,
		},
		"by an id relative to the file's": {
			`{"$id": "https://x.org/root", "$ref": "s", "$defs": {"s": {"$id": "s", "type": "string"}}}`, `{"type": "string"}`,
		},
		"by an id where no file has one": {`{"$ref": "s", "$defs": {"s": {"$id": "s", "type": "string"}}}`, `{"type": "string"}`},
		"from inside an embedded schema": {
			`{"$defs": {"a": {"type": "integer"}, "s": {"$id": "s", "$ref": "#/$defs/a", "$defs": {"a": {"type": "string"}}}}, "$ref": "s"}`,
			`{"type": "string"}`,
		},
		"an anchor":                    {`{"$ref": "#s", "$defs": {"s": {"$anchor": "s", "type": "string"}}}`, `{"type": "string"}`},
		"an anchor of an embedded one": {`{"$ref": "e#s", "$defs": {"e": {"$id": "e", "$defs": {"s": {"$anchor": "s", "type": "string"}}}}}`, `{"type": "string"}`},
		"the anchor of the own schema, not of an embedded one": {
			`{"$ref": "#s", "$defs": {"e": {"$id": "e", "$anchor": "s", "type": "integer"}, "s": {"$anchor": "s", "type": "string"}}}`, `{"type": "string"}`,
		},
		"a dynamic anchor":      {`{"$dynamicRef": "#s", "$defs": {"s": {"$dynamicAnchor": "s", "type": "string"}}}`, `{"type": "string"}`},
		"the root by a dynamic": {of2020 + `"$dynamicAnchor": "s", "items": {"$dynamicRef": "#s"}, "type": "array"}`, `{"type": "array", "items": {"type": "array"}}`},
		"$recursiveRef":         {of2019 + `"type": "array", "items": {"$recursiveRef": "#"}}`, `{"type": "array", "items": {"type": "array"}}`},
		"an anchor of draft-07": {of7 + `"$ref": "#s", "definitions": {"s": {"$id": "#s", "type": "string"}}}`, `{"type": "string"}`},
		"an anchor of draft-06": {of6 + `"$ref": "#s", "definitions": {"s": {"$id": "#s", "type": "string"}}}`, `{"type": "string"}`},
		"an anchor of draft-04": {of4 + `"$ref": "#s", "definitions": {"s": {"id": "#s", "type": "string"}}}`, `{"type": "string"}`},
		"an id of draft-04":     {of4 + `"$ref": "s", "definitions": {"s": {"id": "s", "type": "string"}}}`, `{"type": "string"}`},
		"an id that is an example": {
			`{"$ref": "s", "default": {"$id": "s", "type": "integer"}, "$defs": {"s": {"$id": "s", "type": "string"}}}`, `{"type": "string"}`,
		},
		"a schema where no keyword has one": {`{"$ref": "#/x/s", "x": {"s": {"type": "string"}}}`, `{"type": "string"}`},
		"a bundle of another draft": {
			of2020 + `"$ref": "s", "$defs": {"s": {"$id": "s", ` + of7 + `"items": [{"type": "string"}]}}}`, of7 + `"items": [{"type": "string"}]}`,
		},
		"bounds of draft-04":      {of4 + `"minimum": 1, "exclusiveMinimum": true, "maximum": 9, "exclusiveMaximum": false}`, `{"exclusiveMinimum": 1, "maximum": 9}`},
		"const, unknown to it":    {of4 + `"const": 1}`, `{}`},
		"if, unknown to draft-06": {of6 + `"if": true, "then": false}`, `{}`},
		"prefixItems before 2020": {of2019 + `"prefixItems": [false]}`, `{}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.text[0] != '{' {
				test.text = "{" + test.text
			}
			if test.want[0] != '{' {
				test.want = "{" + test.want
			}
			docs := &values.Documents{Files: map[string]*jsontree.Value{}}
			p := values.NewProver()
			var shapes []*values.Shape
			for path, text := range map[string]string{"a/got.json": test.text, "a/want.json": test.want} {
				v, err := jsontree.Parse([]byte(text))
				if err != nil {
					t.Fatal(err)
				}
				docs.Files[path] = v
			}
			for path := range docs.Files {
				s, err := p.FromJSONSchema(docs, "docs", path, "", values.Strict)
				if err != nil {
					t.Fatal(err)
				}
				shapes = append(shapes, s)
			}
			a, b := p.Includes(shapes[0], shapes[1]), p.Includes(shapes[1], shapes[0])
			if test.want == `{"type": "array", "items": {"type": "array"}}` { // what recursion is part of
				if a.Inclusion == values.Unknown || b.Inclusion == values.Unknown || a.Inclusion == b.Inclusion {
					t.Errorf("%v and %v, want one of them included in the other alone", a, b)
				}
				return
			}
			if a.Inclusion != values.Included || b.Inclusion != values.Included {
				t.Errorf("%v and %v, want both included in the other", a, b)
			}
		})
	}
}
