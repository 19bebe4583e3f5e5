package compat_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/omninode/trestle/compat"
)

// TestUnmodelledBelongsToEvents: what is found in what the model does not hold belongs to the event that has it, beside
// what rules find of its topic and key.
func TestUnmodelledBelongsToEvents(t *testing.T) {
	t.Parallel()
	event := func(key, more string) string {
		return `{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"A","x-trestle":{"family":{"envelope":"none"},
			"event":{"type":"a","topic":"shop_a_v1","key":["` + key + `"],"role":"event"}},
			"type":"object","properties":{"id":{"type":"string"},"other":{"type":"string"}},"required":["id","other"]` + more + `}`
	}
	const not = `,"not":{"properties":{"id":{"const":"x"}}}`
	for name, tt := range map[string]struct {
		old, new string
		want     []string
	}{
		"nothing changes":      {event("id", not), event("id", not), nil},
		"a keyword is added":   {event("id", ""), event("id", not), []string{"DOCUMENT_NOT_READ [a]"}},
		"a keyword is removed": {event("id", not), event("id", ""), []string{"DOCUMENT_NOT_READ [a]"}},
		"the key changes":      {event("id", not), event("other", not), []string{"EVENT_KEY_CHANGED [a]"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := compare(t, loadText(t, tt.old), loadText(t, tt.new), compat.Options{})
			var got []string
			for _, f := range r.Findings {
				got = append(got, fmt.Sprintf("%s [%s]", f.Rule, strings.Join(f.Events, " ")))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestUnmodelledPlaces holds that what the model does not hold is judged where it stands: by path and place, with what rules
// find beside it, and with an event that shows it.
func TestUnmodelledPlaces(t *testing.T) {
	t.Parallel()
	const head = `{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"A","type":"object",` + "\n"
	for name, tt := range map[string]struct{ old, new, want string }{
		"in the event": {
			`"properties":{"id":{"type":"string"},"a":{"type":"string"}},` + "\n" + `"minProperties":1}`,
			`"properties":{"id":{"type":"string"},"b":{"type":"string"}},` + "\n" + `"minProperties":2}`,
			"shop/v1/a.json:2:38 FIELD_REMOVED shop.v1.A.a\nshop/v1/a.json:3:1 DOCUMENT_NOT_READ shop.v1.A",
		},
		"two keywords of one message": {
			`"properties":{"id":{"type":"string"}}}`,
			`"properties":{"id":{"type":"string"}},` + "\n" + `"not":{"properties":{"id":{"const":"x"}},"required":["id"]},` + "\n" + `"minProperties":1}`,
			"shop/v1/a.json:3:1 DOCUMENT_NOT_READ shop.v1.A",
		},
		"in a nested object": {
			`"properties":{"in":{"type":"object","properties":{"x":{"type":"string"}}}}}`,
			`"properties":{"in":{"type":"object","properties":{"x":{"type":"string"}},` + "\n" + `"minProperties":1}}}`,
			"shop/v1/a.json:3:1 DOCUMENT_NOT_READ shop.v1.AIn",
		},
		"in a property": {
			`"properties":{"p":{"type":"string"}}}`,
			`"properties":{"p":{"type":"string",` + "\n" + `"not":{"const":"x"}}}}`,
			"shop/v1/a.json:3:1 DOCUMENT_NOT_READ shop.v1.A.p",
		},
		"in the items of a list in a map": {
			`"properties":{"p":{"type":"object","additionalProperties":{"type":"array","items":{"type":"string"}}}}}`,
			`"properties":{"p":{"type":"object","additionalProperties":{"type":"array","items":{"type":"string",` + "\n" + `"not":{"const":"x"}}}}}}`,
			"shop/v1/a.json:3:1 DOCUMENT_NOT_READ shop.v1.A.p{}[]",
		},
		"in what a property refers to, and beside the reference": {
			`"properties":{"p":{"$ref":"#/$defs/x"}},"$defs":{"x":{"type":"string","not":{"const":"x"}}}}`,
			`"properties":{"p":{"$ref":"#/$defs/x","maxLength":3}},"$defs":{"x":{"type":"string",` + "\n" + `"not":{"enum":["x","y"]}}}}`,
			"shop/v1/a.json:2:39 DOCUMENT_NOT_READ shop.v1.A.p\nshop/v1/a.json:3:1 DOCUMENT_NOT_READ shop.v1.A.p",
		},
		"of a union, a message gone and another changed": {
			`"properties":{"p":{"oneOf":[{"$ref":"#/$defs/b"},{"$ref":"#/$defs/c"}]}},"$defs":{` +
				`"b":{"type":"object","properties":{"k":{"const":"b"},"x":{"type":"string"}},"required":["k"]},` + "\n" +
				`"c":{"type":"object","properties":{"k":{"const":"c"}},"required":["k"]},"d":{"type":"object","properties":{"k":{"const":"d"}},"required":["k"]}}}`,
			`"properties":{"p":{"oneOf":[{"$ref":"#/$defs/b"},{"$ref":"#/$defs/d"}]}},"$defs":{` +
				`"b":{"type":"object","properties":{"k":{"const":"b"},"y":{"type":"string"}},"required":["k"]},` + "\n" +
				`"c":{"type":"object","properties":{"k":{"const":"c"}},"required":["k"]},"d":{"type":"object","properties":{"k":{"const":"d"}},"required":["k"]}}}`,
			"shop/v1/a.json:2:15 DOCUMENT_NOT_READ shop.v1.A.p\nshop/v1/a.json:2:136 FIELD_REMOVED shop.v1.B.x",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := compare(t, loadText(t, head+tt.old), loadText(t, head+tt.new), compat.Options{Mode: compat.ModeBackward})
			var got []string
			for _, f := range r.Findings {
				got = append(got, fmt.Sprintf("%s %s %s", f.Pos, f.Rule, f.Path))
				if f.Witness == nil {
					t.Errorf("no witness: %s", f.Message())
				}
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, "\n")); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
