package jsontree_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/omninode/trestle/tools/schema/jsontree"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, want string }{
		{"scalars", ` [ null , true,false, "a" ] `, `[null,true,false,"a"]`},
		{"numbers as written", `[0,-0,1.50,1e-07,1E+16,123456789012345678901234567890]`, `[0,-0,1.50,1e-07,1E+16,123456789012345678901234567890]`},
		{"members in order", `{"b":{},"a":[[]]}`, `{"b":{},"a":[[]]}`},
		{"escapes", `"\"\\\/\b\f\n\r\t\u0041\u00e9\ud83d\ude00é"`, "\"\\\"\\\\/\\u0008\\u000c\\n\\r\\tAé😀é\""},
		{"an escape after text beyond ASCII", `"é\n"`, "\"é\\n\""},
		{"the replacement character itself", `"` + "\ufffd" + `"`, `"` + "\ufffd" + `"`},
		{"deep at the limit", strings.Repeat("[", jsontree.MaxDepth) + strings.Repeat("]", jsontree.MaxDepth), strings.Repeat("[", jsontree.MaxDepth) + strings.Repeat("]", jsontree.MaxDepth)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			v, err := jsontree.Parse([]byte(tt.text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, v.JSON()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, want string }{
		{"nothing", "", "1:1: end of file where a JSON value should be"},
		{"two values", "1\n 2", "2:2: '2' after the JSON value"},
		{"a duplicate", "{\"a\":1,\n \"b\":1, \"\\u0061\":2}", `2:9: "a" is here twice, first at line 1`},
		{"a trailing comma", `{"a":1,}`, "1:8: '}' where a member name should be"},
		{"a trailing comma in a list", `[1,]`, "1:4: ']' where a JSON value should be"},
		{"no colon", `{"a" 1}`, "1:6: '1' where a ':' should be"},
		{"no comma", `[1 2]`, "1:4: '2' where a ',' or ']' should be"},
		{"no comma in an object", `{"a":1 "b"`, "1:8: '\"' where a ',' or '}' should be"},
		{"an unclosed object", `{`, "1:2: end of file where a member name should be"},
		{"an unclosed string", `"a`, "1:3: end of file in a string"},
		{"an unclosed escape", `"\`, "1:2: end of file in a string"},
		{"a literal", "nul", "1:1: 'n' where a JSON value should be"},
		{"a leading zero", "01", "1:2: '1' after the JSON value"},
		{"a bare minus", "-", "1:2: end of file where a digit should be"},
		{"a bare point", "1.", "1:3: end of file where a digit should be"},
		{"a bare exponent", "1e+", "1:4: end of file where a digit should be"},
		{"NaN", "[NaN]", "1:2: 'N' where a JSON value should be"},
		{"a control character", "\"a\tb\"", "1:3: a control character in a string: write it as an escape"},
		{"a control character after an escape", "\"\\n\tb\"", "1:4: a control character in a string: write it as an escape"},
		{"an unknown escape", `"\x"`, "1:2: an unknown escape in a string"},
		{"a short escape", `"\u12"`, `1:2: \u without four hexadecimal digits`},
		{"half a pair", `"\ud83d"`, "1:2: half a surrogate pair in a string"},
		{"the other half", `"\ude00"`, "1:2: half a surrogate pair in a string"},
		{"a pair that is none", `"\ud83d\u0041"`, "1:2: half a surrogate pair in a string"},
		{"not UTF-8", "\"é\xff\"", "1:3: a byte that is not UTF-8"},
		{"not UTF-8 outside a string", "\xff", "1:1: a byte that is not UTF-8 where a JSON value should be"},
		{"a byte order mark", "\ufeff{}", "1:1: a byte order mark: save the file as UTF-8 without it"},
		{"too deep", strings.Repeat(`{"a":`, 201), "1:1001: nested more than 200 deep"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := jsontree.Parse([]byte(tt.text))
			if err == nil || err.Error() != tt.want {
				t.Errorf("error %v, want %s", err, tt.want)
			}
		})
	}
}

// Columns are characters, whatever stands before them on the line, and whatever was asked for before.
func TestPlaces(t *testing.T) {
	t.Parallel()
	v, err := jsontree.Parse([]byte("{\n  \"é😀\": [1, \"ö\",\r\n\ttrue], \"b\": {\"c\": null}\n}"))
	if err != nil {
		t.Fatal(err)
	}
	type place = jsontree.Place
	got := map[string]place{
		"name":  v.Members[0].Place,
		"array": v.Members[0].Value.Place,
		"first": v.Members[0].Value.Items[0].Place,
		"third": v.Members[0].Value.Items[2].Place,
		"b":     v.Members[1].Place,
		"null":  v.Find("/b/c").Place,
		"root":  v.Place,
	}
	want := map[string]place{
		"root": {1, 1}, "name": {2, 3}, "array": {2, 9}, "first": {2, 10}, "third": {3, 2}, "b": {3, 9}, "null": {3, 20},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	v, err := jsontree.Parse([]byte(`{"a/b":{"m~n":[10,20]},"":1}`))
	if err != nil {
		t.Fatal(err)
	}
	for pointer, want := range map[string]string{
		"/a~1b/m~0n/1":  "20",
		"/":             "1",
		"/a~1b/m~0n/2":  "",
		"/a~1b/m~0n/01": "",
		"/a~1b/m~0n/-":  "",
		"/none/x":       "",
		"//x":           "",
		"a":             "",
	} {
		got := ""
		if found := v.Find(pointer); found != nil {
			got = found.JSON()
		}
		if got != want {
			t.Errorf("%s leads to %q, want %q", pointer, got, want)
		}
	}
	if v.Find("") != v {
		t.Error("the empty pointer does not lead to the root")
	}
}

// What the parser takes, the standard library takes and reads as the same.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,2.5e-3,"x\u00e9\ud83d\ude00",true,null]}`, `[`, `"\ud800"`, "\ufeff1", "{\"a\":1,\"a\":2}", "\"\xff\"", "-0.0E+1",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := jsontree.Parse(text)
		if err != nil {
			return
		}
		var want, got any
		if err := json.Unmarshal(text, &want); err != nil {
			if strings.Contains(err.Error(), "cannot unmarshal number") {
				return // beyond float64
			}
			t.Fatalf("encoding/json refuses %q: %v", text, err)
		}
		if err := json.Unmarshal([]byte(v.JSON()), &got); err != nil {
			t.Fatalf("written again %q is no JSON: %v", v.JSON(), err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%q (-encoding/json +jsontree):\n%s", text, diff)
		}
	})
}
