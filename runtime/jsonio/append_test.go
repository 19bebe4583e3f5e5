package jsonio_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/omninode/trestle/runtime/jsonio"
)

func TestAppendStringEscapesOnlyWhatMustBe(t *testing.T) {
	t.Parallel()
	for c := range rune(0x180) {
		// At each place of the eight bytes that are looked at together, and behind them.
		for pad := range 17 {
			s := strings.Repeat("a", pad) + string(c) + strings.Repeat("b", 16-pad)
			got, err := jsonio.AppendString(nil, s)
			if err != nil {
				t.Fatalf("AppendString(%q): %v", s, err)
			}
			var back string
			if err := json.Unmarshal(got, &back); err != nil || back != s {
				t.Fatalf("AppendString(%q) = %s, which reads as %q, %v", s, got, back, err)
			}
			escaped := len(got) != len(s)+2
			if want := c < 0x20 || c == '"' || c == '\\'; escaped != want {
				t.Fatalf("AppendString(%q) = %s: escaped = %v, want %v", s, got, escaped, want)
			}
		}
	}
}

func TestAppendString(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ in, want string }{
		{"", `""`},
		{"\b\f\n\r\t\x00\x1f\x7f", `"\b\f\n\r\t\u0000\u001f` + "\x7f" + `"`},
		{"naïve 😀 \u2028 \"q\" </script>", "\"naïve 😀 \u2028 \\\"q\\\" </script>\""},
		{"é\né", "\"é\\né\""},
		{"\uFFFD", "\"\uFFFD\""}, // written out, it is UTF-8
	} {
		got, err := jsonio.AppendString([]byte("x"), tt.in)
		if err != nil || string(got) != "x"+tt.want {
			t.Errorf("AppendString(%q) = %s, %v, want %s", tt.in, got, err, tt.want)
		}
	}
}

func TestAppendStringRefusesWhatIsNotUTF8(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"\xff", "abc\x80", "12345678\xc3", "\xed\xa0\x80", "é\xff", "\xf4\x90\x80\x80", "\xc0\xaf"} {
		if got, err := jsonio.AppendString(nil, s); err == nil {
			t.Errorf("AppendString(%q) = %s, want an error", s, got)
		}
	}
	_, err := jsonio.AppendString(nil, "12345678é\xff")
	if got, want := err.Error(), "byte 10 of the string is not UTF-8"; got != want {
		t.Errorf("error = %q, want %q", got, want)
	}
}

func TestAppendFloatIsPythonsRepr(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in   float64
		want string
	}{
		{0, "0.0"},
		{math.Copysign(0, -1), "-0.0"},
		{1, "1.0"},
		{0.93, "0.93"},
		{45.5, "45.5"},
		{-2.5, "-2.5"},
		{1e-07, "1e-07"},
		{0.0001, "0.0001"},
		{0.00009999, "9.999e-05"},
		{1e15, "1000000000000000.0"},
		{9999999999999998, "9999999999999998.0"},
		{1e16, "1e+16"},
		{-1.5e16, "-1.5e+16"},
		{123456789012345680, "1.2345678901234568e+17"},
		{1e22, "1e+22"},
		{1e100, "1e+100"},
		{5e-324, "5e-324"},
		{math.MaxFloat64, "1.7976931348623157e+308"},
		{9007199254740993, "9007199254740992.0"},
		{-100, "-100.0"},
		{16777215, "16777215.0"},
		{-16777216, "-16777216.0"},
		{16777215.5, "16777215.5"},
	} {
		if got, err := jsonio.AppendFloat64(nil, tt.in); err != nil || string(got) != tt.want {
			t.Errorf("AppendFloat64(%g) = %s, %v, want %s", tt.in, got, err, tt.want)
		}
	}
	for _, tt := range []struct {
		in   float32
		want string
	}{
		{0, "0.0"}, {0.1, "0.1"}, {1e-4, "0.0001"}, {-16777215, "-16777215.0"}, {16777216, "16777216.0"}, {1e16, "1e+16"}, {1e-7, "1e-07"},
		{math.MaxFloat32, "3.4028235e+38"},
	} {
		if got, err := jsonio.AppendFloat32(nil, tt.in); err != nil || string(got) != tt.want {
			t.Errorf("AppendFloat32(%g) = %s, %v, want %s", tt.in, got, err, tt.want)
		}
	}
}

func TestAppendFloatReadsBackExactly(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 50_000 {
		f := math.Float64frombits(rnd.Uint64())
		if math.IsNaN(f) || math.IsInf(f, 0) {
			continue
		}
		text, err := jsonio.AppendFloat64(nil, f)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.ContainsAny(string(text), ".e") {
			t.Fatalf("AppendFloat64(%g) = %s, which looks like an integer", f, text)
		}
		if got := jsonio.NewReader(text).Float64(); math.Float64bits(got) != math.Float64bits(f) {
			t.Fatalf("%s reads as %g, want %g", text, got, f)
		}
		f32 := math.Float32frombits(rnd.Uint32())
		if f32 != f32 || math.IsInf(float64(f32), 0) {
			continue
		}
		if text, err = jsonio.AppendFloat32(nil, f32); err != nil {
			t.Fatal(err)
		}
		if got := jsonio.NewReader(text).Float32(); math.Float32bits(got) != math.Float32bits(f32) {
			t.Fatalf("%s reads as %g, want %g", text, got, f32)
		}
	}
}

func TestAppendFloatRefusesWhatJSONLacks(t *testing.T) {
	t.Parallel()
	for f, want := range map[float64]string{
		math.NaN():   "NaN has no JSON form",
		math.Inf(1):  "infinity has no JSON form",
		math.Inf(-1): "infinity has no JSON form",
	} {
		if _, err := jsonio.AppendFloat64(nil, f); err == nil || err.Error() != want {
			t.Errorf("AppendFloat64(%g): error = %v, want %q", f, err, want)
		}
		if _, err := jsonio.AppendFloat32(nil, float32(f)); err == nil || err.Error() != want {
			t.Errorf("AppendFloat32(%g): error = %v, want %q", f, err, want)
		}
	}
}

func TestAppendBytes(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"": `""`, "a": `"YQ=="`, "\xfb\xff\xbf": `"+/+/"`} {
		got := jsonio.AppendBytes(nil, []byte(in))
		if string(got) != want {
			t.Errorf("AppendBytes(%q) = %s, want %s", in, got, want)
		}
		if back := jsonio.NewReader(got).Bytes(); string(back) != in {
			t.Errorf("%s reads as %q, want %q", got, back, in)
		}
	}
}

func TestAppendRaw(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ in, want string }{
		{"", "null"},
		{" null\n", "null"},
		{"1.0", "1.0"},
		{"-0", "-0"},
		{"1e-07", "1e-07"},
		{"1E+400", "1E+400"},
		{"123456789012345678901234567890", "123456789012345678901234567890"},
		{` { "a" : [ 1 , 2.50 , "b c" ] , "a" : { } } `, `{"a":[1,2.50,"b c"],"a":{}}`},
		{`"na\u00efve \ud83d\ude00  \" : , "`, `"na\u00efve \ud83d\ude00  \" : , "`},
		{"[\r\n\t]", "[]"},
		{"\"\\\\\" ", `"\\"`},
	} {
		got, err := jsonio.AppendRaw([]byte("x"), jsonio.Raw(tt.in))
		if err != nil || string(got) != "x"+tt.want {
			t.Errorf("AppendRaw(%q) = %s, %v, want %s", tt.in, got, err, tt.want)
		}
	}
}

func TestAppendRawRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ in, want string }{
		{" ", "the text ends where a value should be at byte 1 of its text"},
		{"{} {}", `'{' instead of the end of the text at byte 3 of its text`},
		{`{"a":[1,NaN]}`, `a[1]: NaN is not JSON (Python's json.dumps writes it unless told allow_nan=False) at byte 8 of its text`},
		{`{"a b":[{"x":"\ud800"}]}`, `["a b"][0].x: \ud800 is half of a surrogate pair, which has no UTF-8 at byte 14 of its text`},
	} {
		b, err := jsonio.AppendRaw([]byte("x"), jsonio.Raw(tt.in))
		if err == nil || err.Error() != tt.want {
			t.Errorf("AppendRaw(%q): error = %v, want %s", tt.in, err, tt.want)
		}
		if string(b) != "x" {
			t.Errorf("AppendRaw(%q) left %q in the buffer", tt.in, b)
		}
	}
}

func TestAppendObject(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ in, want, err string }{
		{in: "", want: "{}"},
		{in: ` {"a": 1} `, want: `{"a":1}`},
		{in: "[1]", err: "must be a JSON object, got [1]"},
		{in: "null", err: "must be a JSON object, got null"},
		{in: "nul", err: "'n' instead of a value at byte 0 of its text"},
		{in: "{", err: "the text ends where a member name in quotes should be at byte 1 of its text"},
	} {
		got, err := jsonio.AppendObject(nil, tt.in)
		if tt.err != "" {
			if err == nil || err.Error() != tt.err {
				t.Errorf("AppendObject(%q): error = %v, want %s", tt.in, err, tt.err)
			}
			continue
		}
		if err != nil || string(got) != tt.want {
			t.Errorf("AppendObject(%q) = %s, %v, want %s", tt.in, got, err, tt.want)
		}
	}
}

// Whatever nesting can be written can be read, at any place of a typed value.
func TestDepthWrittenIsDepthRead(t *testing.T) {
	t.Parallel()
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	if _, err := jsonio.AppendRaw(nil, jsonio.Raw(deep(jsonio.MaxDepth+1))); err == nil {
		t.Error("AppendRaw took a text that is nested too deeply")
	}
	text, err := jsonio.AppendRaw(nil, jsonio.Raw(deep(jsonio.MaxDepth)))
	if err != nil {
		t.Fatal(err)
	}
	inner := string(text)
	for range 20 {
		text = []byte(`{"a":` + string(text) + `}`)
	}
	r := jsonio.NewReader(text)
	for range 20 {
		if !r.BeginObject() || !r.More() {
			t.Fatal(r.Err())
		}
	}
	if got := r.Raw(); string(got) != inner {
		t.Fatalf("read %d bytes, %v, want %d", len(got), r.Err(), len(inner))
	}
	r.Reset(text)
	if r.Skip(); r.Err() != nil {
		t.Errorf("Skip: %v", r.Err())
	}
	r.Reset([]byte(deep(jsonio.MaxDepth + 1)))
	for r.BeginArray() && r.More() {
	}
	if r.Err() == nil || !strings.Contains(r.Err().Error(), "nested too deeply") {
		t.Errorf("error = %v, want that it is nested too deeply", r.Err())
	}
}

func TestErrorPaths(t *testing.T) {
	t.Parallel()
	base := &jsonio.Error{Offset: -1, Message: "NaN has no JSON form"}
	err := jsonio.At(jsonio.AtIndex(jsonio.At(jsonio.AtKey(base, "a.b"), "labels"), 2), "items")
	if got, want := err.Error(), `items[2].labels["a.b"]: NaN has no JSON form`; got != want {
		t.Errorf("error = %s, want %s", got, want)
	}
	if base.Path != "" {
		t.Errorf("the original's path became %q", base.Path)
	}
	if jsonio.At(nil, "a") != nil || jsonio.AtIndex(nil, 1) != nil || jsonio.AtKey(nil, "k") != nil {
		t.Error("nil did not stay nil")
	}
}

func TestAppendTime(t *testing.T) {
	t.Parallel()
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for in, want := range map[string]string{
		"2025-10-16T12:34:56Z":                `"2025-10-16T12:34:56Z"`,
		"2025-10-16T12:34:56.789Z":            `"2025-10-16T12:34:56.789Z"`,
		"2025-10-16T12:34:56.789012Z":         `"2025-10-16T12:34:56.789012Z"`,
		"2025-10-16T12:34:56.000001999Z":      `"2025-10-16T12:34:56.000001Z"`,
		"2025-10-16T12:34:56.000000999Z":      `"2025-10-16T12:34:56Z"`,
		"2025-10-16T12:34:56.1Z":              `"2025-10-16T12:34:56.1Z"`,
		"2025-10-16T12:34:56.100200Z":         `"2025-10-16T12:34:56.1002Z"`,
		"2025-10-16T23:34:56.5-05:30":         `"2025-10-17T05:04:56.5Z"`,
		"1969-12-31T23:59:59.999999999Z":      `"1969-12-31T23:59:59.999999Z"`,
		"0001-01-01T00:00:00Z":                `"0001-01-01T00:00:00Z"`,
		"9999-12-31T23:59:59.999999999+00:00": `"9999-12-31T23:59:59.999999Z"`,
	} {
		if got, err := jsonio.AppendTime(nil, at(in)); err != nil || string(got) != want {
			t.Errorf("AppendTime(%s) = %s, %v, want %s", in, got, err, want)
		}
	}
	for _, bad := range []time.Time{at("9999-12-31T23:59:59-00:01"), at("0001-01-01T00:00:00+00:01")} {
		if got, err := jsonio.AppendTime(nil, bad); err == nil {
			t.Errorf("AppendTime(%s) = %s, want an error", bad, got)
		}
	}
}

func TestFromAndDecode(t *testing.T) {
	t.Parallel()
	type step struct {
		Name string `json:"name"`
		N    int    `json:"n,omitempty"`
	}
	for _, tt := range []struct {
		in   any
		want jsonio.Raw
	}{
		{nil, "null"},
		{true, "true"},
		{"<é>", `"<é>"`},
		{1.0, "1.0"},
		{float32(0.5), "0.5"},
		{int64(9007199254740993), "9007199254740993"},
		{uint64(math.MaxUint64), "18446744073709551615"},
		{json.Number("123456789012345678901234567890"), "123456789012345678901234567890"},
		{map[string]any{"b": 1.0, "a": []any{nil, "x", 1e-7}, "c": jsonio.Raw(" {} ")}, `{"a":[null,"x",1e-07],"b":1.0,"c":{}}`},
		{map[string]string{"k": "<v>"}, `{"k":"<v>"}`},
		{step{Name: "a"}, `{"name":"a"}`},
		{[]step{{"a", 1}}, `[{"name":"a","n":1}]`},
		{map[string]any(nil), "null"},
		{json.RawMessage(`[ 1 ]`), "[1]"},
		{time.Date(2025, 10, 16, 12, 0, 0, 0, time.UTC), `"2025-10-16T12:00:00Z"`},
	} {
		if got, err := jsonio.From(tt.in); err != nil || got != tt.want {
			t.Errorf("From(%#v) = %s, %v, want %s", tt.in, got, err, tt.want)
		}
	}
	for in, want := range map[any]string{
		json.Number("1x"): `"1x" is not a JSON number`,
		math.NaN():        "NaN has no JSON form",
		"\xff":            "byte 0 of the string is not UTF-8",
	} {
		if _, err := jsonio.From(map[string]any{"a": []any{in}}); err == nil || err.Error() != "a[0]: "+want {
			t.Errorf("From(%v): error = %v, want a[0]: %s", in, err, want)
		}
	}
	if _, err := jsonio.From(make(chan int)); err == nil {
		t.Error("From(chan) succeeded")
	}
}

func TestRawKeepsNumbersThroughGo(t *testing.T) {
	t.Parallel()
	const text = jsonio.Raw(`{"big":9007199254740993,"bigger":123456789012345678901234567890,"float":1.0,"nested":{"a":[1,2.5,null,true,{}]},"tiny":1e-07}`)
	var v any
	if err := text.Decode(&v); err != nil {
		t.Fatal(err)
	}
	if got := jsonio.Must(v); got != text {
		t.Errorf("came back as %s, want %s", got, text)
	}
	var s struct{ Big json.Number }
	if err := text.Decode(&s); err != nil || s.Big != "9007199254740993" {
		t.Errorf("Decode into a struct: %v, %v", s, err)
	}
	for _, bad := range []jsonio.Raw{"", "{", "{}x", "{} 1"} {
		if err := bad.Decode(&v); err == nil {
			t.Errorf("Decode of %q succeeded", bad)
		}
	}
	b, err := json.Marshal(struct{ A, B jsonio.Raw }{A: ` {"x": 1.0}`})
	if err != nil || string(b) != `{"A":{"x":1.0},"B":null}` {
		t.Errorf("Marshal = %s, %v", b, err)
	}
	var back struct{ A jsonio.Raw }
	if err := json.Unmarshal([]byte(`{"A":[1.0]}`), &back); err != nil || back.A != "[1.0]" {
		t.Errorf("Unmarshal = %q, %v", back.A, err)
	}
}

func TestExcerpt(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		in   any
		want string
	}{
		{nil, ""},
		{21, "21"},
		{int64(21), "21"},
		{1.5, "1.5"},
		{1.0, "1.0"},
		{math.Inf(1), "+Inf"},
		{"a\"b\n", `"a\"b\n"`},
		{"\xff", "\"\uFFFD\""},
		{jsonio.Raw(`{"a":1}`), `{"a":1}`},
		{[]string{"a"}, `["a"]`},
		{strings.Repeat("x", 100), `"` + strings.Repeat("x", 63) + "…"},
	} {
		if got := jsonio.Excerpt(tt.in); got != tt.want {
			t.Errorf("Excerpt(%#v) = %s, want %s", tt.in, got, tt.want)
		}
	}
	for n := range 80 {
		for _, filler := range []string{"é", "😀", "\n"} {
			got := jsonio.Excerpt(strings.Repeat("x", n) + strings.Repeat(filler, 40))
			if !utf8.ValidString(got) || len(got) > 64+len("…") {
				t.Errorf("Excerpt is %q (%s bytes)", got, strconv.Itoa(len(got)))
			}
		}
	}
}

func TestPlainPath(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"":                        "",
		"a.b[3].c":                "a.b[3].c",
		`a["b"]`:                  "a.b",
		`["a"]["b-c"][0]`:         "a.b-c[0]",
		`a["x\"]y"].z["k"].d`:     `a["x\"]y"].z.k.d`,
		`a[""]["b.c"]["[\"d\"]"]`: `a[""]["b.c"]["[\"d\"]"]`,
	} {
		if got := jsonio.PlainPath(path); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}
