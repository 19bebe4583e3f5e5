package values_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/omninode/trestle/tools/schema/jsontree"
	"github.com/omninode/trestle/tools/values"
)

func lower(t testing.TB, p *values.Prover, name, text string, role values.Role) *values.Shape {
	t.Helper()
	v, err := jsontree.Parse([]byte(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	s, err := p.FromJSONSchema(&values.Documents{Files: map[string]*jsontree.Value{"a.json": v}}, name, "a.json", "", role)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return s
}

// TestIncludes holds each pair in both directions; a difference is the member that is shown, "" for inclusion and "?"
// for what cannot be decided.
func TestIncludes(t *testing.T) {
	t.Parallel()
	const list = `{"$ref":"#/$defs/l","$defs":{"l":{"type":["object","null"],"properties":{"v":{"type":"%"},"n":{"$ref":"#/$defs/l"}},"required":["v","n"],"additionalProperties":false}}}`
	tests := []struct{ name, a, b, ab, ba string }{
		{"the same", `{"type":"string"}`, `{"type":"string"}`, "", ""},
		{"integers are numbers", `{"type":"integer"}`, `{"type":"number"}`, "", "0.5"},
		{"ranges", `{"type":"integer","minimum":1,"maximum":20}`, `{"type":"integer","minimum":1,"maximum":10}`, "11", ""},
		{"open ends of integers", `{"type":"integer","exclusiveMinimum":0}`, `{"type":"integer","minimum":1}`, "", ""},
		{"open ends of numbers", `{"type":"number","exclusiveMinimum":0}`, `{"type":"number","minimum":1}`, "0.5", ""},
		{"multiples", `{"type":"integer","multipleOf":6}`, `{"type":"integer","multipleOf":4}`, "6", "4"},
		{"multiples of both", `{"allOf":[{"type":"number","multipleOf":6},{"multipleOf":4}]}`, `{"type":"number","multipleOf":12}`, "", ""},
		{"fractions", `{"type":"number","multipleOf":0.5}`, `{"type":"number","multipleOf":0.25}`, "", "0.25"},
		{"lengths", `{"type":"string","maxLength":3}`, `{"type":"string","maxLength":2}`, `"aaa"`, ""},
		{"a pattern within another", `{"type":"string","pattern":"^[a-c]+$"}`, `{"type":"string","pattern":"^[a-z]*$"}`, "", `""`},
		{"a pattern is a length", `{"type":"string","pattern":"^(?s:.{2,3})$"}`, `{"type":"string","minLength":2,"maxLength":3}`, "", ""},
		{"unanchored", `{"type":"string","pattern":"ab"}`, `{"type":"string","pattern":"b"}`, "", `"b"`},
		{"a pattern that lists", `{"type":"string","pattern":"^(red|green)$"}`, `{"enum":["red","green"]}`, "", ""},
		{"values", `{"enum":["a",1,null,true]}`, `{"enum":["a",1,true]}`, "null", ""},
		{"composite values", `{"const":{"a":[1]}}`, `{"type":"object","properties":{"a":{"type":"array"}}}`, "", "{}"},
		{"a required member", `{"type":"object","required":["a"]}`, `{"type":"object"}`, "", "{}"},
		{"closed", `{"type":"object","properties":{"a":{"type":"string"}}}`, `{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":false}`, `{"1":""}`, ""},
		{"a member's type", `{"type":"object","properties":{"a":{"type":"string"}}}`, `{"type":"object","properties":{"a":{"type":["string","null"]}}}`, "", `{"a":null}`},
		{"a member that cannot be", `{"type":"object","properties":{"a":false}}`, `{"type":"object","not":{"required":["a"]}}`, "", ""},
		{"patterns of names", `{"type":"object","patternProperties":{"^x":{"type":"string"}},"additionalProperties":false}`, `{"type":"object","patternProperties":{"^xy":{"type":"string"}}}`, "", `{"x":0}`},
		{"names", `{"type":"object","propertyNames":{"pattern":"^a+$"}}`, `{"type":"object","propertyNames":{"maxLength":2}}`, `{"aaa":""}`, `{"1":""}`},
		{"names are no numbers", `{"type":"object","propertyNames":{"multipleOf":2,"minItems":1,"type":["string","null"]}}`, `{"type":"object"}`, "", ""},
		{"names are strings", `{"type":"object","propertyNames":{"type":"integer"}}`, `{"const":{}}`, "", ""},
		{"numbers of members", `{"type":"object","properties":{"a":{},"b":{}},"additionalProperties":false}`, `{"type":"object","maxProperties":2}`, "", `{"1":""}`},
		{"alternatives together", `{"anyOf":[{"type":"string"},{"type":"integer"}]}`, `{"type":["string","integer"]}`, "", ""},
		{"split in two", `{"type":"integer"}`, `{"anyOf":[{"type":"integer","minimum":0},{"type":"integer","maximum":-1}]}`, "", ""},
		{"exactly one", `{"oneOf":[{"type":"integer"},{"type":"number","minimum":5}]}`, `{"anyOf":[{"type":"integer"},{"type":"number","minimum":5}]}`, "", "5"},
		{"a condition", `{"if":{"required":["a"]},"then":{"required":["b"]},"type":"object"}`, `{"type":"object","dependentRequired":{"a":["b"]}}`, "", ""},
		{"unevaluated", `{"allOf":[{"properties":{"a":{"type":"string"}}}],"type":"object","unevaluatedProperties":false}`, `{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":false}`, "", ""},
		{"unevaluated by a choice", `{"anyOf":[{"properties":{"k":{"const":1},"a":{}},"required":["k"]},{"properties":{"k":{"const":2}},"required":["k"]}],"type":"object","unevaluatedProperties":false}`,
			`{"type":"object","properties":{"k":{"enum":[1,2]},"a":{}},"required":["k"],"additionalProperties":false}`, "", `{"a":"","k":2}`},
		{"tuples", `{"type":"array","prefixItems":[{"type":"string"}],"items":false}`, `{"type":"array","items":{"type":"string"},"maxItems":1}`, "", ""},
		{"contains", `{"type":"array","contains":{"const":1}}`, `{"type":"array","minItems":1}`, "", `[""]`},
		{"contains and all others", `{"type":"array","contains":{"type":"string"},"items":{"type":"integer"}}`, `false`, "", ""},
		{"what contains has found is evaluated", `{"type":"array","contains":{"const":1},"unevaluatedItems":{"type":"string"}}`, `{"type":"array","items":{"anyOf":[{"const":1},{"type":"string"}]},"contains":{"const":1}}`, "", ""},
		{"what contains has found in a branch", `{"type":"array","anyOf":[{"contains":{"const":1}},true],"unevaluatedItems":{"type":"string"}}`, `{"type":"array","items":{"anyOf":[{"const":1},{"type":"string"}]}}`, "", ""},
		{"unique", `{"type":"array","uniqueItems":true}`, `{"type":"array"}`, "", `["",""]`},
		{"unique of two", `{"type":"array","items":{"type":"boolean"},"uniqueItems":true}`, `{"type":"array","items":{"type":"boolean"},"maxItems":5}`, "", `[true,true]`},
		{"recursive", list, `{"$ref":"#/$defs/m","$defs":{"m":{"type":["object","null"],"properties":{"v":{"type":["%","integer"]},"n":{"$ref":"#/$defs/m"}},"required":["v","n"],"additionalProperties":false}}}`, "", `{"n":null,"v":0}`},
		{"without an end", `{"$ref":"#/$defs/l","$defs":{"l":{"type":"object","properties":{"n":{"$ref":"#/$defs/l"}},"required":["n"]}}}`, `false`, "", ""},
		{"a format", `{"type":"string","format":"email"}`, `{"type":"string"}`, "", `"a"`},
		{"the same format", `{"type":"string","format":"email","maxLength":9}`, `{"type":"string","format":"email","maxLength":10}`, "", `"aaaaaaaa@a"`},
		{"another format", `{"type":"string","format":"email"}`, `{"type":"string","format":"ipv4"}`, `"a@a"`, `"0.0.0.0"`},
		{"a format that is a pattern", `{"type":"string","format":"date"}`, `{"type":"string","pattern":"^\\d{4}-\\d{2}-\\d{2}$"}`, "", `"0000-00-00"`},
		{"a value of a format", `{"enum":["/orders/{id}"]}`, `{"type":"string","format":"uri-reference"}`, `"/orders/{id}"`, `"a"`},
		{"a value of a URI", `{"enum":["https://example.com/café"]}`, `{"type":"string","format":"uri"}`, `"https://example.com/café"`, `"a:"`},
		{"a value of a duration", `{"enum":["P1Y2D"]}`, `{"type":"string","format":"duration"}`, `"P1Y2D"`, `"P0D"`},
		{"a time without a zone", `{"enum":["2025-10-16T12:34:56"]}`, `{"type":"string","format":"date-time"}`, "", `"0002-01-01T00:00:00Z"`},
		{"URIs are references", `{"type":"string","format":"uri"}`, `{"type":"string","format":"uri-reference"}`, "", `"a"`},
		{"times and leap seconds", `{"type":"string","format":"time"}`, `{"type":"string","pattern":"^[0-9:.+-]+[Zz]?$"}`, "", `"1"`},
		{"a form within a format", `{"type":"string","pattern":"^[a-z]{1,9}$"}`, `{"type":"string","format":"hostname"}`, "", `"A"`},
		{"a format and a length", `{"type":"string","format":"hostname"}`, `{"type":"string","maxLength":254}`, "", `""`},
		{"word boundaries", `{"type":"string","pattern":"\\ba"}`, `{"type":"string","pattern":"\\bab"}`, `"a"`, ""},
		{"characters of blanks", `{"type":"string","pattern":"^\\s$"}`, `{"type":"string","pattern":"^[ \\t\\n\\r\\f\\v]$"}`, "\"\u00a0\"", ""},
		{"a look ahead at the start", `{"type":"string","pattern":"^(?=.*[0-9])[a-z0-9]{2,4}$"}`, `{"type":"string","pattern":"^[a-z0-9]{2,4}$"}`, "", `"aa"`},
		{"a look ahead that excludes", `{"type":"string","pattern":"^(?!ab)[a-c]+$"}`, `{"type":"string","pattern":"^[a-c]+$"}`, "", `"ab"`},
		{"not to begin with", `{"type":"string","pattern":"^(?!ab)"}`, `{"type":"string","not":{"pattern":"^ab"}}`, "", ""},
		{"a look ahead within a loop", `{"type":"string","pattern":"^(?:(?!--)[a-])*$"}`, `{"allOf":[{"type":"string","pattern":"^[a-]*$"},{"not":{"pattern":"--"}}]}`, "", ""},
		{"a look behind", `{"type":"string","pattern":"(?<!-)$"}`, `{"type":"string","not":{"pattern":"-$"}}`, "", ""},
		{"a long repetition", `{"type":"string","pattern":"^[^]{0,2000}$"}`, `{"type":"string","maxLength":2000}`, "", ""},
		{"a reference back", `{"type":"string","pattern":"^(a|b)\\1$"}`, `{"type":"string","pattern":"^[ab]{2}$"}`, "?", `"ab"`},
		{"a reference back and a list", `{"type":"string","pattern":"^(?:aa|bb)$"}`, `{"type":"string","pattern":"^(a|b)\\1$"}`, "", "?"},
		{"other words for a character", `{"type":"string","pattern":"^\\u0041\\x42$"}`, `{"const":"AB"}`, "", ""},
		{"names by a look ahead", `{"type":"object","patternProperties":{"^(?!x-)":{"type":"string"}}}`, `{"type":"object","patternProperties":{"^a":{"type":"string"}}}`, "", `{"b":0}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := values.NewProver()
			for i := range 2 {
				first, second, want := tt.a, tt.b, tt.ab
				if i == 1 {
					first, second, want = second, first, tt.ba
				}
				first, second = fill(first), fill(second)
				if got := difference(p.Includes(lower(t, p, first, first, values.Strict), lower(t, p, second, second, values.Strict))); got != want {
					t.Errorf("%s in %s: got %s, want %s", first, second, got, want)
				}
			}
		})
	}
}

// TestTypedWriter holds what writers write whose integers are of 64 bits: of a choice no more than is valid by it.
func TestTypedWriter(t *testing.T) {
	t.Parallel()
	const beyond = "-9223372036854775812"
	for text, written := range map[string]map[string]bool{
		`{"type":"integer"}`:                                              {"1": true, beyond: false},
		`{"anyOf":[{"type":"integer"},true]}`:                             {"1": true, beyond: true},
		`{"oneOf":[{"type":"integer"},true]}`:                             {"1": false, beyond: false},
		`{"oneOf":[{"type":"integer"},false]}`:                            {"1": true, beyond: false},
		`{"contains":{"type":"integer"},"minContains":0,"maxContains":0}`: {"[1]": false, "[" + beyond + "]": false},
	} {
		shape := lower(t, values.NewProver(), text, text, values.TypedWriter)
		for value, want := range written {
			if in, sure := shape.Contains(decode(t, value)); in != want || !sure {
				t.Errorf("%s of %s: got %v, sure %v, want %v", value, text, in, sure, want)
			}
		}
	}
}

// TestManyAlternatives asks about objects of which each requires a member of its own, and which share a number: a writer's is of 64
// bits, and still seen to be one that readers take.
func TestManyAlternatives(t *testing.T) {
	t.Parallel()
	const n, tightened = 40, 20
	oneOf := func(most int) string {
		alternatives := make([]string, n)
		for i := range alternatives {
			high := 100
			if i == tightened {
				high = most
			}
			alternatives[i] = fmt.Sprintf(`{"type":"object","required":["r%[1]d"],"properties":{"r%[1]d":{"type":"string"},"a":{"type":"integer","maximum":%[2]d}}}`, i, high)
		}
		return `{"oneOf":[` + strings.Join(alternatives, ",") + `]}`
	}
	loose, tight := oneOf(100), oneOf(50)
	for _, tt := range []struct{ written, read, want string }{
		{loose, loose, ""},
		{loose, tight, `{"a":51,"r20":""}`},
		{tight, loose, `{"a":51,"r0":"","r20":""}`}, // one alternative for the writer, two for the reader
	} {
		p := values.NewProver()
		got := difference(p.Includes(lower(t, p, "written", tt.written, values.TypedWriter), lower(t, p, "read", tt.read, values.Reader)))
		if got != tt.want {
			t.Errorf("%s in %s: got %s, want %s", tt.written, tt.read, got, tt.want)
		}
	}
}

func fill(s string) string {
	out := []byte{}
	for i := range len(s) {
		if s[i] == '%' {
			out = append(out, "string"...)
			continue
		}
		out = append(out, s[i])
	}
	return string(out)
}

func difference(a values.Answer) string {
	switch a.Inclusion {
	case values.Included:
		return ""
	case values.Unknown:
		return "?"
	}
	text, _ := json.Marshal(a.Member)
	return string(text)
}
