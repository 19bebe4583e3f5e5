package values

import (
	"encoding/json"
	"maps"
	"testing"

	"github.com/omninode/trestle/tools/schema/jsontree"
)

// TestFilled holds that an object is in a filled shape exactly when what it becomes by filling is in the shape.
func TestFilled(t *testing.T) {
	t.Parallel()
	defaults := map[string]any{"a": json.Number("1"), "b": "x"}
	objects := []map[string]any{
		{}, {"a": json.Number("1")}, {"a": json.Number("2")}, {"b": "x"}, {"b": "y"}, {"c": true}, {"a": json.Number("2"), "b": "y"},
		{"a": json.Number("1"), "c": true}, {"a": json.Number("1"), "b": "x", "c": true},
	}
	in, out := 0, 0
	for _, text := range []string{
		`{"minProperties":3}`, `{"maxProperties":2}`, `{"minProperties":2,"maxProperties":2}`, `{"not":{"minProperties":3}}`,
		`{"required":["a"]}`, `{"not":{"required":["a"]}}`, `{"properties":{"a":{"const":2}}}`, `{"dependentRequired":{"a":["c"]}}`,
		`{"propertyNames":{"enum":["b","c"]}}`, `{"if":{"properties":{"b":{"const":"x"}}},"then":{"required":["c"]}}`,
		`{"patternProperties":{"^[ab]$":{"type":"string"}}}`, `{"anyOf":[{"required":["c"]},{"maxProperties":1}]}`,
	} {
		root, err := jsontree.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		s := NewSpace()
		a, err := s.FromJSONSchema(&Documents{Files: map[string]*jsontree.Value{"a.json": root}}, "", "a.json", "", Strict)
		if err != nil {
			t.Fatal(err)
		}
		filled := s.Filled(a, defaults)
		for _, v := range append([]any{"text", json.Number("1")}, anys(objects)...) {
			whole := v
			if o, ok := v.(map[string]any); ok {
				full := maps.Clone(defaults)
				maps.Copy(full, o)
				whole = full
			}
			want, _ := a.Contains(whole)
			if got, sure := filled.Contains(v); got != want || !sure {
				t.Errorf("%s: %v: got %t (sure %t), want %t", text, v, got, sure, want)
			}
			if want {
				in++
			} else {
				out++
			}
		}
	}
	if in < 20 || out < 20 {
		t.Errorf("%d values in shapes and %d not say too little", in, out)
	}
}

func anys(objects []map[string]any) []any {
	out := make([]any, len(objects))
	for i, o := range objects {
		out[i] = o
	}
	return out
}
