package jsonedit_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/omninode/trestle/tools/jsonedit"
)

func parsed(t testing.TB, text string) *jsonedit.Value {
	t.Helper()
	v, err := jsonedit.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// TestMerge holds merge patches to the cases of RFC 7386, appendix A, and to what the RFC does not say: order and spelling stay.
func TestMerge(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ target, patch, want string }{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`["a","b"]`, `["c","d"]`, `["c","d"]`},
		{`{"a":"b"}`, `["c"]`, `["c"]`},
		{`{"a":"foo"}`, `null`, `null`},
		{`{"a":"foo"}`, `"bar"`, `"bar"`},
		{`{"e":null}`, `{"a":1}`, `{"e":null,"a":1}`},
		{`[1,2]`, `{"a":"b","c":null}`, `{"a":"b"}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},

		{`{"z":1.0,"a":123456789012345678901234567890,"m":"\u00e9"}`, `{"a":null,"n":1e-07}`, `{"z":1.0,"m":"\u00e9","n":1e-07}`},
		{`{"z":{"b":1,"a":2}}`, `{"z":{"b":3}}`, `{"z":{"b":3,"a":2}}`},
	} {
		target := parsed(t, tt.target)
		if got := string(jsonedit.Merge(target, parsed(t, tt.patch)).Append(nil)); got != tt.want {
			t.Errorf("%s with %s: %s, want %s", tt.target, tt.patch, got, tt.want)
		}
		if got := string(target.Append(nil)); got != tt.target {
			t.Errorf("%s with %s changed its target to %s", tt.target, tt.patch, got)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	const text = "{ \"a\" : [1, {\"b\\\"c\": \"\\u0041\"}], \"\\\\\": null,\n\t\"d\": {} }"
	v := parsed(t, text)
	if got, want := string(v.Append(nil)), `{"a":[1,{"b\"c":"\u0041"}],"\\":null,"d":{}}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for name, at := range map[string]int{"a": v.Members[0].Start, `b\"c`: v.Members[0].Value.Elements[1].Members[0].Start, `\\`: v.Members[1].Start, "d": v.Members[2].Start} {
		if !strings.HasPrefix(text[at:], `"`+name+`"`) {
			t.Errorf("the member %s is said to stand at %q", name, text[at:])
		}
	}
	if line, column := jsonedit.LineColumn([]byte(text), v.Member("d").Start); line != 2 || column != 7 {
		t.Errorf("%d:%d", line, column)
	}
	for text, says := range map[string]string{
		`{"a":1,"a":2}`: "stands twice", `{"a":NaN}`: "at byte 5", `{`: "at byte", `[1] 2`: "at byte 4", strings.Repeat("[", 10_000): "deep",
	} {
		if _, err := jsonedit.Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.20s: %v, want %q in it", text, err, says)
		}
	}
}

func TestAt(t *testing.T) {
	t.Parallel()
	v := parsed(t, `{"items":[{"n":1},{"n":2}],"labels":{"a.b":"c","]":3}}`)
	for path, want := range map[string]string{
		"": `{"items":[{"n":1},{"n":2}],"labels":{"a.b":"c","]":3}}`, "items[1].n": "2", `labels["a.b"]`: `"c"`, `labels["]"]`: "3",
		"items[1].missing": `{"n":2}`, "items[7].n": `[{"n":1},{"n":2}]`, "nothing": `{"items":[{"n":1},{"n":2}],"labels":{"a.b":"c","]":3}}`,
	} {
		if got := string(v.At(path).Append(nil)); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	for path, want := range map[string]string{"items[12].n": "items[].n", `[0]["a[3]"][4]`: `[]["a[3]"][]`, "a.b": "a.b", "": ""} {
		if got := jsonedit.AnyIndex(path); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
}

func TestDifferences(t *testing.T) {
	t.Parallel()
	type d = jsonedit.Difference
	for name, tt := range map[string]struct {
		from, to, shownFrom, shownTo string
		want                         []d
	}{
		"order alone": {from: `{"a":1,"b":2}`, to: `{"b":2,"a":1}`},
		"members": {from: `{"a":"x","gone":1,"in":{"b":1,"c":2}}`, to: `{"a":"y","in":{"b":1,"c":[]},"new":{"d":1}}`, want: []d{
			{"a", `"x"`, `"y"`}, {"gone", "1", ""}, {"in.c", "2", "[]"}, {"new", "", `{"d":1}`},
		}},
		"elements":         {from: `{"a":[{"n":1},{"n":2}]}`, to: `{"a":[{"n":1},{"n":3}]}`, want: []d{{"a[].n", "2", "3"}}},
		"another length":   {from: `{"a":[1]}`, to: `{"a":[1,2]}`, want: []d{{"a", "[1]", "[1,2]"}}},
		"spelling":         {from: `{"a":1.0}`, to: `{"a":1}`, want: []d{{"a", "1.0", "1"}}},
		"a hidden value":   {from: `{"a":"x"}`, to: `{"a":"y"}`, shownFrom: `{"a":"***"}`, shownTo: `{"a":"***"}`, want: []d{{"a", `"***"`, `"***"`}}},
		"inside of hidden": {from: `{"a":{"secret":1}}`, to: `{"a":{"secret":2}}`, shownFrom: `{"a":"***"}`, shownTo: `{"a":"***"}`, want: []d{{"a", `"***"`, `"***"`}}},
		"hidden before alone": {
			from: `{"a":{"secret":1}}`, to: `{"a":{"secret":2}}`, shownFrom: `{"a":"***"}`, shownTo: `{"a":{"secret":2}}`,
			want: []d{{"a", `"***"`, `{"secret":2}`}},
		},
		"moved": {
			from: `{"a":"secret"}`, to: `{"b":"secret"}`, shownFrom: `{"a":"***"}`, shownTo: `{"b":"***"}`,
			want: []d{{"a", `"***"`, ""}, {"b", "", `"***"`}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from, to := parsed(t, tt.from), parsed(t, tt.to)
			shownFrom, shownTo := from, to
			if tt.shownFrom != "" {
				shownFrom, shownTo = parsed(t, tt.shownFrom), parsed(t, tt.shownTo)
			}
			if diff := cmp.Diff(tt.want, jsonedit.Differences(from, to, shownFrom, shownTo)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestUnhide(t *testing.T) {
	t.Parallel()
	const original, shown = `{"a":"x","pin":"secret","in":{"pin":12},"list":[{"n":1,"pin":"p"},{"n":2,"pin":"q"}]}`, `{"a":"x","pin":"***","in":{"pin":"***"},"list":[{"n":1,"pin":"***"},{"n":2,"pin":"***"}]}`
	for name, tt := range map[string]struct{ edited, want, stray string }{
		"as it was":                  {shown, original, ""},
		"another field":              {strings.Replace(shown, `"x"`, `"***"`, 1), "", `"***","pin"`},
		"beside it":                  {strings.Replace(shown, `"x"`, `"y"`, 1), strings.Replace(original, `"x"`, `"y"`, 1), ""},
		"instead of it":              {strings.Replace(shown, `"***"`, `"new"`, 1), strings.Replace(original, `"secret"`, `"new"`, 1), ""},
		"taken away":                 {`{"a":"x"}`, `{"a":"x"}`, ""},
		"renamed":                    {`{"b":"***"}`, "", `"***"}`},
		"another order of members":   {`{"pin":"***","a":"z"}`, `{"pin":"secret","a":"z"}`, ""},
		"an element is edited":       {strings.Replace(shown, `"n":2`, `"n":3`, 1), "", `"***"}]}`},
		"an element is taken away":   {`{"list":[{"n":2,"pin":"***"}]}`, "", `"***"}]}`},
		"one behind it is taken":     {`{"list":[{"n":1,"pin":"***"}]}`, `{"list":[{"n":1,"pin":"p"}]}`, ""},
		"what holds it is no object": {`{"in":"***"}`, "", `"***"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, stray := jsonedit.Unhide(parsed(t, tt.edited), parsed(t, original), parsed(t, shown))
			switch {
			case stray == nil && tt.stray == "" && string(got.Append(nil)) == tt.want:
			case stray != nil && tt.stray != "" && strings.HasPrefix(tt.edited[stray.Start:], tt.stray):
			default:
				t.Errorf("%s, stray %+v", got.Append(nil), stray)
			}
		})
	}
	edited := parsed(t, `{"a":"***"}`)
	if got, stray := jsonedit.Unhide(edited, parsed(t, `{"a":1}`), parsed(t, `{"a":1}`)); got != edited || stray != nil {
		t.Errorf("where nothing is hidden: %s, stray %+v", got.Append(nil), stray)
	}
}
