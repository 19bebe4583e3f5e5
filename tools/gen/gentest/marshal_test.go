package gentest

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/omninode/trestle/runtime/jsonio"
	leftv1 "github.com/omninode/trestle/tools/gen/golang/testdata/left/want/acme/left/v1"
	objectsv1 "github.com/omninode/trestle/tools/gen/golang/testdata/objects/want/acme/objects/v1"
)

// TestMarshal has encoding/json write and read generated types of JSON Schemas, alone and inside others.
func TestMarshal(t *testing.T) {
	t.Parallel()
	number := int64(7)
	firm := leftv1.Party{Firm: &leftv1.Firm{Kind: "firm", Number: &number}}
	const firmText = `{"kind":"firm","number":7}`
	order := objectsv1.OrderPlaced{}
	const orderText = `{"order_id":"ord_1","state":"new","placed_at":"2025-10-16T12:34:56Z","paid_at":null,"total":5,"refund":null,` +
		`"lines":[{"sku":"a","quantity":1}],"context":{"n":12345678901234567890,"s":"\u003c"},"later":[1.50]}`
	if err := json.Unmarshal([]byte(orderText), &order); err != nil {
		t.Fatal(err)
	}
	if !order.Nulls.Has("paid_at") || order.Gift != nil || order.Address != nil || len(order.Unknown) != 1 {
		t.Errorf("absent, null and unknown are not kept apart: %+v", order)
	}
	for name, tt := range map[string]struct {
		value any
		want  string
	}{
		"a union":                         {firm, firmText},
		"a pointer to one":                {&firm, firmText},
		"a union of nothing":              {leftv1.Party{}, `null`},
		"a union that is other":           {leftv1.Party{Other: `{"kind":"club"}`}, `{"kind":"club"}`},
		"in a list":                       {[]leftv1.Party{firm}, `[` + firmText + `]`},
		"in a map":                        {map[string]leftv1.Party{"a": firm}, `{"a":` + firmText + `}`},
		"in a struct":                     {struct{ Movement leftv1.Party }{firm}, `{"Movement":` + firmText + `}`},
		"no pointer":                      {(*objectsv1.OrderLine)(nil), `null`},
		"an object":                       {objectsv1.OrderLine{Sku: "a", Quantity: 2}, `{"sku":"a","quantity":2}`},
		"what is null and what is absent": {order, orderText},
	} {
		got, err := json.Marshal(tt.value)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(tt.want, string(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	var parties struct{ A, B *leftv1.Party }
	if err := json.Unmarshal([]byte(`{"A":`+firmText+`,"B":null}`), &parties); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&firm, parties.A); diff != "" || parties.B != nil {
		t.Errorf("B is %v, A (-want +got):\n%s", parties.B, diff)
	}
}

// TestUnmarshalFaults says what is wrong with a text that is no JSON, or not what the schema wants.
func TestUnmarshalFaults(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"sku":1,"quantity":2}`:     "sku: must be a string at byte 7",
		`{"sku":1,"quantity":"two"}`: "sku: must be a string, and 1 more at byte 7",
		`{"sku":"a"}`:                "quantity: value is required at byte 11",
		`[]`:                         "must be an object at byte 0",
	} {
		var line objectsv1.OrderLine
		err := json.Unmarshal([]byte(text), &line)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
		if _, ok := errors.AsType[*jsonio.Error](err); !ok {
			t.Errorf("%s: %T", text, err)
		}
	}
}
