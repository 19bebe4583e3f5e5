package values

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/omninode/trestle/tools/schema"
)

func TestMatches(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]string{
		`^\d+\.\d+\.\d+`: "1.1.1", `^(success|failed)$`: "success", `^[A-Z]{3}$`: "AAA", `a*b+c?`: "b", `^[^a]$`: "1",
		`(`: "",
	} {
		got := ""
		if all := borderMatches(patternTree(schema.Constraints{Pattern: pattern})); len(all) > 0 {
			got = all[0]
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", pattern, got, want)
		}
	}
}

func TestSmall(t *testing.T) {
	t.Parallel()
	list := typeOf(schema.List, schema.Constraints{MinItems: count(2), Unique: true})
	list.Elem = typeOf(schema.String, schema.Constraints{MinLen: count(1)})
	for _, tt := range []struct {
		name string
		t    *schema.Type
		want any
	}{
		{"at the bound", typeOf(schema.Int64, schema.Constraints{Min: &schema.Bound{Value: "5"}}), json.Number("5")},
		{"beside all bounds", typeOf(schema.Int64, schema.Constraints{
			Min: &schema.Bound{Value: "100"}, Max: &schema.Bound{Value: "110"}, MultipleOf: "7",
		}), json.Number("105")},
		{"a pattern and a length", typeOf(schema.String, schema.Constraints{Pattern: "^(ab|c)*d$", MinLen: count(4), MaxLen: count(4)}), "abcd"},
		{"a format", typeOf(schema.String, schema.Constraints{Format: "ipv6"}), "::1"},
		{"different items", list, []any{"a", "aa"}},
	} {
		m := NewMaker()
		got := m.Small(tt.t)
		if diff := cmp.Diff(tt.want, got); diff != "" || !m.Fits(tt.t, got) {
			t.Errorf("%s: differs (-want +got):\n%s", tt.name, diff)
		}
	}
}

// TestRender holds that members stand in the order of the schema, in lists, maps and unions as well.
func TestRender(t *testing.T) {
	t.Parallel()
	part := &schema.Message{Fields: []*schema.Field{
		{JSONName: "kind", Type: &schema.Type{Kind: schema.String}}, {JSONName: "b", Type: &schema.Type{Kind: schema.Int64}},
		{JSONName: "a", Type: &schema.Type{Kind: schema.JSONObject}},
	}}
	of := &schema.Type{Kind: schema.MessageKind, Message: part}
	union := &schema.Type{Kind: schema.JSONObject, Union: &schema.Union{
		Property: "kind", Variants: []*schema.Variant{{Message: part, Values: []string{"x"}}},
	}}
	m := &schema.Message{Fields: []*schema.Field{
		{JSONName: "map", Type: &schema.Type{Kind: schema.Map, Elem: of}}, {JSONName: "list", Type: &schema.Type{Kind: schema.List, Elem: union}},
	}}
	value := map[string]any{"kind": "x", "b": json.Number("1"), "a": json.RawMessage(`{"z":1,"y":2}`), "other": "<&>"}
	got, err := Render(m, map[string]any{"list": []any{value}, "map": map[string]any{"k": value}, "rest": nil})
	const text = `{"kind":"x","b":1,"a":{"z":1,"y":2},"other":"<&>"}`
	if want := `{"map":{"k":` + text + `},"list":[` + text + `],"rest":null}`; err != nil || string(got) != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}
