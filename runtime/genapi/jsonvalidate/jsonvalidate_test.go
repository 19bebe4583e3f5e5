package jsonvalidate_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/genapi/jsonvalidate"
)

var order = jsonvalidate.New(map[string]string{"order.json": `{
	"properties": {
		"tags": { "minItems": 2, "contains": { "const": "a" } },
		"lines": { "items": { "properties": { "a b": { "type": "integer" } }, "required": ["sku"] } }
	},
	"dependentRequired": { "mail": ["day"] },
	"patternProperties": { "^x": { "type": "string" } },
	"additionalProperties": false,
	"propertyNames": { "maxLength": 5 }
}`})

func Example() {
	part := jsonvalidate.New(map[string]string{"tags.json": `{"contains": {"const": "urgent"}}`}).Part("tags.json", "", "contains")
	var v event.Violations
	part.Check(&v, "tags", []byte(`["late"]`), nil)
	fmt.Println(v.Err("acme.v1.Order"))
	// Output: acme.v1.Order: tags: must contain an item of the kind that the schema wants [contains]
}

func TestCheck(t *testing.T) {
	t.Parallel()
	whole := order.Part("order.json", "")
	tests := map[string][]string{
		`{"tags":["a","b"],"x":"1"}`:        nil,
		`{"tags":["b"]}`:                    {"in.tags: must contain at least 2 items [minItems]", "in.tags: must contain an item of the kind that the schema wants [contains]"},
		`{"lines":[{"sku":1},{"a b":"1"}]}`: {`in.lines[1].sku: value is required [required]`, `in.lines[1]["a b"]: must be integer [type]`},
		`{"y":1}`:                           {"in.y: must not be present: the schema has no such field [additionalProperties]"},
		`{"x":1}`:                           {"in.x: must be string [type]"},
		`{"xxxxxx":"1"}`:                    {"in.xxxxxx: must be at most 5 characters [maxLength]"},
	}
	for text, want := range tests {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			var v event.Violations
			if stop := whole.Check(&v, "in", []byte(text), nil); stop {
				t.Error("told to stop")
			}
			var got []string
			if invalid, ok := errors.AsType[*event.ValidationError](v.Err("A")); ok {
				for _, violation := range invalid.Violations {
					got = append(got, violation.String())
				}
			}
			slices.Sort(want)
			slices.Sort(got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestCheckAddsNothingTwice(t *testing.T) {
	t.Parallel()
	var v event.Violations
	v.Add("tags", "minItems", "must contain at least 2 items", nil)
	order.Part("order.json", "/properties/tags").Check(&v, "tags", []byte(`["a"]`), nil)
	if v.Len() != 1 {
		t.Errorf("%d violations: %v", v.Len(), v.Err("A"))
	}
	first := event.FirstOnly()
	if !order.Part("order.json", "").Check(&first, "", []byte(`{"tags":[],"y":1}`), nil) || first.Len() != 1 {
		t.Errorf("%d violations where the first was asked for", first.Len())
	}
}

func TestCheckFails(t *testing.T) {
	t.Parallel()
	broken := errors.New("no JSON form")
	for name, check := range map[string]func(*event.Violations) bool{
		"no JSON form": func(v *event.Violations) bool { return order.Part("order.json", "").Check(v, "", nil, broken) },
		"no JSON":      func(v *event.Violations) bool { return order.Part("order.json", "").Check(v, "", []byte("{"), nil) },
		"no schema":    func(v *event.Violations) bool { return order.Part("none.json", "").Check(v, "", []byte("{}"), nil) },
	} {
		var v event.Violations
		stop := check(&v)
		_, invalid := errors.AsType[*event.ValidationError](v.Err("A"))
		if !stop || invalid || v.Err("A") == nil {
			t.Errorf("%s: stop %t, %v", name, stop, v.Err("A"))
		}
	}
}
