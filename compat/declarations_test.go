package compat_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/omninode/trestle/compat"
)

// TestDeclarations holds where findings stand that are about properties in branches, and the events that show them: at the
// property itself, in the innermost message, and once for all events that have it.
func TestDeclarations(t *testing.T) {
	t.Parallel()
	side := func(coupon, quantity string) map[string][]byte {
		event := func(name string) []byte {
			return fmt.Appendf(nil, `{"$schema":"https://json-schema.org/draft/2020-12/schema","title":%q,"type":"object",
"x-trestle":{"event":{"topic":"orders","key":["id"]}},
"properties":{"id":{"type":"string"},"lines":{"type":"array","items":{"$ref":"line.json"}}},"required":["id"]}`, name)
		}
		return map[string][]byte{
			"shop/v1/placed.json": event("Placed"), "shop/v1/paid.json": event("Paid"),
			"shop/v1/line.json": fmt.Appendf(nil, `{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"Line","type":"object",
"properties":{"kind":{"enum":["a","b"]}},"required":["kind"],
"if":{"properties":{"kind":{"const":"a"}}},
"then":{"properties":{%s}},
"else":{"properties":{"extra":{"type":"object",
  "anyOf":[{"properties":{%s}},{"minProperties":9}]}}}}`, coupon, quantity),
		}
	}
	old := loadFiles(t, side(`"coupon":{"type":"string","minLength":3}`, `"quantity":{"default":1}`))
	new := loadFiles(t, side(`"voucher":{"type":"string"}`, `"quantity":{"default":7}`))
	r := compare(t, old, new, compat.Options{})
	var got []string
	for _, f := range r.Findings {
		line := fmt.Sprintf("%s %s %s %v: %s", f.Pos, f.Rule, f.Path, f.Events, f.Change)
		if f.Witness != nil {
			line += fmt.Sprintf(" | %s %s: %s", f.Witness.Event, f.Witness.Outcome, f.Witness.Detail)
		}
		got = append(got, line)
	}
	for _, n := range r.Notes {
		if n.Kind == compat.Added {
			got = append(got, fmt.Sprintf("%s note %s: %s", n.Pos, n.Path, n.Text))
		}
	}
	want := []string{
		`shop/v1/line.json:4:23 FIELD_REMOVED shop.v1.Line.coupon [Paid Placed]: coupon was removed | ` +
			`{"id":"","lines":[{"coupon":"aaa","kind":"a"}]} dropped: lines[0].coupon is "aaa" as written, and the reader's schema declares no such property`,
		`shop/v1/line.json:6:27 FIELD_DEFAULT_CHANGED shop.v1.Line.extra.quantity [Paid Placed]: default of quantity changed from 1 to 7`,
		`shop/v1/line.json:4:23 note shop.v1.Line.voucher: property voucher was added`,
	}
	if diff := cmp.Diff(strings.Join(want, "\n"), strings.Join(got, "\n")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
