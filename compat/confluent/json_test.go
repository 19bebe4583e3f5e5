package confluent_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/omninode/trestle/compat/confluent"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

// TestJSON holds what a registry says of changes to JSON Schema where the drafts differ, or where its verdict
// surprises.
func TestJSON(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, old, new string
		// The kinds of differences, in draft-07 and in 2020-12; "" for none.
		older, modern string
	}{
		{"a format beside a type of no text", `{"type":"integer"}`, `{"type":"integer","format":"int32"}`, "TYPE_CHANGED", ""},
		{"a keyword of another type", `{"type":"string"}`, `{"type":"string","minimum":1}`, "TYPE_CHANGED", "TYPE_CHANGED"},
		{"properties that are not evaluated", `{"type":"object"}`, `{"type":"object","unevaluatedProperties":false}`, "", "UNEVALUATED_PROPERTIES_REMOVED"},
		{"items that are not evaluated", `{"type":"array","unevaluatedItems":true}`, `{"type":"array","unevaluatedItems":{"type":"string"}}`, "", "UNEVALUATED_ITEMS_NARROWED"},
		{"a schema of items", `{"type":"array","items":false}`, `{"type":"array","items":{"type":"string"}}`, "", "SCHEMA_ADDED"},
		{"what an array contains", `{"type":"array"}`, `{"type":"array","contains":{"type":"string"}}`, "", "MIN_CONTAINS_ADDED"},
		{"names of other drafts", `{"type":"object"}`, `{"type":"object","dependentRequired":{"a":["b"]}}`, "", "DEPENDENCY_ARRAY_ADDED"},
		{"names of older drafts", `{"type":"object"}`, `{"type":"object","dependencies":{"a":["b"]}}`, "DEPENDENCY_ARRAY_ADDED", ""},
		{"fractions of a fraction", `{"type":"number","multipleOf":0.5}`, `{"type":"number","multipleOf":0.25}`, "", ""},
		{"an exclusive maximum below the inclusive one", `{"type":"number","maximum":9,"exclusiveMaximum":8}`,
			`{"type":"number","maximum":9,"exclusiveMaximum":4}`, "", ""},
		{"an exclusive maximum alone", `{"type":"number","exclusiveMaximum":8}`, `{"type":"number","exclusiveMaximum":4}`,
			"EXCLUSIVE_MAXIMUM_DECREASED", "EXCLUSIVE_MAXIMUM_DECREASED"},
		{"keywords beside a reference", `{"$ref":"#/$defs/a","$defs":{"a":{"type":"string"}}}`,
			`{"$ref":"#/$defs/a","maxLength":3,"$defs":{"a":{"type":"string"}}}`, "MAX_LENGTH_ADDED", "TYPE_CHANGED"},
		{"bytes of Connect", `{"type":"string","connect.type":"bytes"}`, `{"type":"number","connect.type":"bytes"}`, "", ""},
		{"no patterns of properties", `{"type":"object","patternProperties":{},"properties":{"a":{"type":"string"}}}`,
			`{"type":"object","patternProperties":{}}`, "", ""},
		{"parts of parts", `{"anyOf":[{"type":"string","enum":["a"]},{"type":"null"}]}`, `{"anyOf":[{"type":"string"},{"type":"null"}]}`,
			"", "SUM_TYPE_NARROWED"},
	}
	for _, tt := range tests {
		for draft, want := range map[string]string{"http://json-schema.org/draft-07/schema#": tt.older, "https://json-schema.org/draft/2020-12/schema": tt.modern} {
			declared := func(text string) *schema.Set {
				return loadText(t, fmt.Sprintf(`{"$schema":%q,`, draft)+text[1:])
			}
			got := refusals(t, declared(tt.old), declared(tt.new))
			if all := strings.Join(got, "\n"); (want == "") != (all == "") || !strings.Contains(all, want) {
				t.Errorf("%s, %s: got %q, want %q", tt.name, draft, all, want)
			}
		}
	}
}

// TestJSONRecursion holds that schemas which refer to each other are compared in bounded time, and that a
//
//	behind a way back to the beginning is found.
func TestJSONRecursion(t *testing.T) {
	t.Parallel()
	const kinds = 8
	text := func(last string) string {
		var all, definitions []string
		for i := range kinds {
			all = append(all, fmt.Sprintf(`{"$ref":"#/definitions/T%d"}`, i))
		}
		for i := range kinds {
			id := fmt.Sprintf(`{"const":%d}`, i)
			if i == kinds-1 {
				id = last
			}
			definitions = append(definitions, fmt.Sprintf(`"T%d":{"type":"object","additionalProperties":false,"properties":{"id":%s,"inner":{"oneOf":[%s]}}}`,
				i, id, strings.Join(all, ",")))
		}
		return fmt.Sprintf(`{"$schema":"http://json-schema.org/draft-07/schema#","oneOf":[%s],"definitions":{%s}}`,
			strings.Join(all, ","), strings.Join(definitions, ","))
	}
	if got := refusals(t, loadText(t, text(`{"type":"string"}`)), loadText(t, text(`{"type":"string"}`))); len(got) > 0 {
		t.Errorf("a schema and itself: %s", got)
	}
	if got := refusals(t, loadText(t, text(`{"type":"string"}`)), loadText(t, text(`{"type":"boolean"}`))); len(got) == 0 {
		t.Error("a type that changed behind references was passed over")
	}
	around := loadText(t, `{"$schema":"http://json-schema.org/draft-07/schema#","$ref":"#/definitions/a","definitions":{"a":{"$ref":"#/definitions/a"}}}`)
	if got := refusals(t, around, around); len(got) > 0 {
		t.Errorf("a reference to itself: %s", got)
	}
}

// refusals are the kinds of differences for which a registry refuses the new schema as one that reads what the old one wrote.
func refusals(t *testing.T, old, new *schema.Set) []string {
	t.Helper()
	all, err := confluent.Compare(old, new, [][2]*schema.File{{old.Packages[0].Files[0], new.Packages[0].Files[0]}})
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, r := range all {
		if !r.Forward {
			out = append(out, r.Kind)
		}
	}
	return out
}

func loadText(t *testing.T, text string) *schema.Set {
	t.Helper()
	s, err := load.Schemas(t.Context(), load.Files(map[string][]byte{"shop/v1/a.json": []byte(text)}), load.ToCompare())
	if err != nil {
		t.Fatal(err)
	}
	return s
}
