package jsonio_test

import (
	"strings"
	"testing"

	"github.com/omninode/trestle/runtime/jsonio"
)

var masks = jsonio.Masks{
	"Order": {Members: map[string]string{
		"card": jsonio.Hidden, "lines": "[]Line", "grid": "[][]Line", "by": "Customer", "paid": "Payment", "any": "google.protobuf.Any",
	}},
	"Line":     {Members: map[string]string{"note": jsonio.Hidden, "of": "Order"}},
	"Customer": {Members: map[string]string{"name": ""}, Others: jsonio.Hidden},
	"Payment":  {Choice: "kind", Variants: map[string]string{"card": "Card", "bank": "Bank"}},
	"Card":     {Members: map[string]string{"number": jsonio.Hidden}},
	"Bank":     {Members: map[string]string{"iban": jsonio.Hidden}},
}

func TestMasksHide(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		`{}`: `{}`,
		`{ "a" : 1.0, "card" :"4111" , "b": 1e-07}`:    `{ "a" : 1.0, "card" :"***" , "b": 1e-07}`,
		`{"\u0063ard":{"x":[1]}}`:                      `{"\u0063ard":"***"}`,
		`{"card":null}`:                                `{"card":null}`,
		`{"card":1,"card":2}`:                          `{"card":"***","card":"***"}`,
		`{"lines":[{"note":"a","n":1},null,{"n":2}]}`:  `{"lines":[{"note":"***","n":1},null,{"n":2}]}`,
		`{"lines":{"x":{"note":"a"}}}`:                 `{"lines":{"x":{"note":"***"}}}`,
		`{"grid":[[{"note":"a"}],[]]}`:                 `{"grid":[[{"note":"***"}],[]]}`,
		`{"lines":[{"of":{"card":1,"a":2}}]}`:          `{"lines":[{"of":{"card":"***","a":2}}]}`,
		`{"by":{"name":"Ann","mail":"ann@x","z":[]}}`:  `{"by":{"name":"Ann","mail":"***","z":"***"}}`,
		`{"paid":{"number":1,"iban":2,"kind":"card"}}`: `{"paid":{"number":"***","iban":2,"kind":"card"}}`,
		`{"paid":{"number":1,"iban":2,"kind":"cash"}}`: `{"paid":{"number":"***","iban":"***","kind":"cash"}}`,
		`{"any":{"@type":"x/Card","number":1}}`:        `{"any":{"@type":"x/Card","number":"***"}}`,
		// What is not of its type may hold anything.
		`{"lines":"[{\"note\":1}]","by":7}`: `{"lines":"***","by":"***"}`,
		`{"by":[{"mail":1}]}`:               `{"by":"***"}`,
		`"{\"card\":1}"`:                    `"***"`,
		`[{"card":1}]`:                      `"***"`,
		`null`:                              `null`,
	}
	for text, want := range tests {
		got, err := masks.Hide([]byte(text), "Order")
		if err != nil || string(got) != want {
			t.Errorf("%s is shown as %s, %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{``, `{"card":4111`, `{"card":"4111"} x`, `{"lines":` + strings.Repeat("[", 2000)} {
		if got, err := masks.Hide([]byte(text), "Order"); err == nil {
			t.Errorf("%.20s is shown as %.20s", text, got)
		}
	}
}

// TestMasksHideByAnyType has a value be of one of several types, of which it is not known which.
func TestMasksHideByAnyType(t *testing.T) {
	t.Parallel()
	const text, want = `{"number":1,"iban":2,"note":3,"a":4}`, `{"number":"***","iban":"***","note":3,"a":4}`
	if got, err := masks.Hide([]byte(text), "Card", "Bank"); err != nil || string(got) != want {
		t.Errorf("shown as %s, %v, want %s", got, err, want)
	}
	if got, err := masks.Hide([]byte(text)); err != nil || string(got) != text {
		t.Errorf("shown as %s, %v, want all of it", got, err)
	}
}
