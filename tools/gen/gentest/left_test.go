package gentest

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/genapi/jsoncompile"
	"github.com/omninode/trestle/runtime/jsonio"
	leftv1 "github.com/omninode/trestle/tools/gen/golang/testdata/left/want/acme/left/v1"
)

// leftSchema compiles the schema in a file by its source.
func leftSchema(t *testing.T, file string) *jsonschema.Schema {
	t.Helper()
	root := filepath.Join("..", "golang", "testdata", "left", "in")
	texts := map[string][]byte{}
	for _, name := range []string{"parcel", "stop", "payment", "returned"} {
		path := "acme/left/v1/" + name + ".json"
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(path)))
		if err != nil {
			t.Fatal(err)
		}
		texts[path] = text
	}
	compiled, err := jsoncompile.New(texts).Compile("acme/left/v1/"+file, "")
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

// registeredSchema compiles the schema that is generated for registries.
func registeredSchema(t *testing.T, eventType string) *jsonschema.Schema {
	t.Helper()
	path := "acme/left/v1/" + eventType + ".json"
	text, err := os.ReadFile(filepath.Join("..", "golang", "testdata", "left", "want", "jsonschema", filepath.FromSlash(path)))
	if err != nil {
		t.Fatal(err)
	}
	compiled, err := jsoncompile.New(map[string][]byte{path: text}).Compile(path, "")
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

// exchanged are what every property is given in turn: most of it is of another type than it wants.
var exchanged = []string{
	`true`, `0`, `1`, `-1`, `1.5`, `19.99`, `19.999`, `1e2`, `""`, `"a"`, `"ab"`, `"blue"`, `"open"`, `"me@example.com"`, `"me@"`,
	`"http://a/b"`, `"/b"`, `"2024-02-29"`, `"2023-02-29"`, `"12345678901"`, `[]`, `[0]`, `[[]]`, `[[0,1],[2]]`, `[[0,1,2,3]]`, `[[-1]]`, `[["a"]]`,
	`["a"]`, `["b"]`, `["a",1]`, `["a","b"]`, `["a",1,2]`, `["a",null]`, `[null]`, `[1,"a"]`, `{}`, `{"n":1}`, `{"n":"a"}`, `{"x":1}`,
	`{"city":"Bonn"}`, `{"city":""}`, `{"city":"Bonn","left":true}`, `{"city":"Bonn","left":true,"a":1,"b":2,"c":3}`, `{"city":"Bonn","floor":null,"note":null}`, `{"city":"Bonn","floor":0,"note":[null]}`, `{"first":"a"}`,
	`{"first":1}`, `{"first":"a","x":{"city":"Bonn"}}`, `{"x":{"city":""}}`, `{"additional":"a"}`, `{"mon":{"a":1}}`, `{"mon":{"a":-1}}`,
	`{"sun":{}}`, `{"tue":{"a":1,"b":2,"c":3}}`, `{"a":[{"city":"Bonn"}]}`, `{"a":[{"city":"Bonn"},{"city":"Bonn"}]}`, `{"a":[{}]}`,
	`{"method":"card","number":"1234"}`, `{"method":"card","number":"123"}`, `{"number":"1234","method":"card","more":1}`, `{"method":"card"}`,
	`{"method":"sepa","iban":"DE123"}`, `{"method":"swift","iban":"D"}`, `{"method":"cash"}`, `{"method":1}`, `{"number":"1234"}`,
	`[{"method":"card","number":"1234"},{"method":"sepa","iban":"DE123"}]`, `[{"method":"cash"}]`, `[1]`,
	`{"a":{"kind":"person","name":"Ann"},"b":{"kind":"firm","number":1}}`, `{"a":{"kind":"person"}}`, `{"a":{"kind":"cat"}}`,
}

// TestLeftGoesWithLibrary holds validators that leave something to the library against the library on the schema as a
// whole, and what is valid against what it is written as again.
func TestLeftGoesWithLibrary(t *testing.T) {
	t.Parallel()
	properties := []string{
		"id", "grid", "stops", "counts", "colour", "price", "size", "weight", "tuple", "tags", "limits", "last", "notes", "payment",
		"paid_before", "parties", "either", "tree", "words", "secret", "mail", "site", "day", "undeclared",
	}
	texts := []string{
		`{"id":"a","price":1}`, `{"id":"a","price":1,"colour":"red"}`, `{"id":"a","mail":"a@b"}`, `{"id":"a","mail":"a@b","day":"2024-01-01"}`,
		`{}`, `{"id":"a","weight":null}`, `[]`, `1`,
	}
	for _, property := range properties {
		for _, value := range exchanged {
			texts = append(texts, `{"id":"p","colour":"red","day":"2024-01-01","`+property+`":`+value+`}`)
		}
	}
	held(t, "parcel.json", "parcel.sent", func() event.Event { return new(leftv1.ParcelSent) }, texts, 100, 500)
	texts = []string{`{}`, `{"id":"a"}`, `{"reason":"refused"}`, `{"id":"a","reason":"refused"}`}
	for n := range 1 << 7 {
		text := `{"id":"a","reason":"unknown"`
		for i, member := range []string{
			`,"last":{"city":"Bonn"}`, `,"fee":1`, `,"waived":true`, `,"note":null`, `,"reason":"refused"`, `,"waived":false`, `,"note":"late"`,
		} {
			if n&(1<<i) != 0 {
				text += member
			}
		}
		texts = append(texts, text+"}")
	}
	for _, property := range []string{"id", "last", "reason", "fee", "undeclared"} {
		for _, value := range append(exchanged, `"unknown"`) {
			texts = append(texts, `{"id":"p","reason":"refused","`+property+`":`+value+`}`)
		}
	}
	held(t, "returned.json", "parcel.returned", func() event.Event { return new(leftv1.ParcelReturned) }, texts, 10, 100)
}

// held holds what is generated for a schema against the library on its source and on what is registered for it.
func held(t *testing.T, file, eventType string, event func() event.Event, texts []string, leastValid, leastInvalid int) {
	t.Helper()
	compiled, registered := leftSchema(t, file), registeredSchema(t, eventType)
	count := map[bool]int{}
	for _, text := range texts {
		text = onlyLast(t, text)
		want := accepts(t, compiled, []byte(text)) == nil
		if err := accepts(t, registered, []byte(text)); (err == nil) != want {
			t.Errorf("the library says %t, and of what is registered %v: %s", want, err, text)
		}
		x := event()
		got, again := readBack(t, x, text)
		if got != want {
			t.Errorf("valid is %t, the library says %t: %s: %v", got, want, text, x.Validate())
		}
		if want {
			if diff := cmp.Diff(untyped(t, text), untyped(t, again)); diff != "" {
				t.Errorf("%s is written again as %s", text, again)
			}
		}
		count[want]++
	}
	if count[true] < leastValid || count[false] < leastInvalid {
		t.Errorf("%s: %d valid and %d invalid texts are too few", file, count[true], count[false])
	}
}

// readBack says whether a text is valid, and how what it holds is written.
func readBack(t *testing.T, x event.Event, text string) (valid bool, again string) {
	t.Helper()
	r := jsonio.NewReader([]byte(text))
	x.DecodeJSON(r)
	r.End()
	if r.Err() != nil || len(r.Faults()) > 0 {
		return false, ""
	}
	if x.Validate() != nil {
		return false, ""
	}
	b, err := x.AppendJSON(nil)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return true, string(b)
}

// onlyLast leaves the last of members of one name.
func onlyLast(t *testing.T, text string) string {
	t.Helper()
	var members map[string]json.RawMessage
	if json.Unmarshal([]byte(text), &members) != nil {
		return text
	}
	out, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// untyped is a text's value.
func untyped(t *testing.T, text string) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}
