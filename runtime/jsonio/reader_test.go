package jsonio_test

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/omninode/trestle/runtime/jsonio"
)

func TestReaderRefusesWhatIsNotJSON(t *testing.T) {
	t.Parallel()
	const python = " is not JSON (Python's json.dumps writes it unless told allow_nan=False)"
	for _, tt := range []struct{ in, want string }{
		{"", "the text ends where a value should be at byte 0"},
		{"  ", "the text ends where a value should be at byte 2"},
		{"x", "'x' instead of a value at byte 0"},
		{"nul", "'n' instead of a value at byte 0"},
		{"truE", "'t' instead of a value at byte 0"},
		{"\uFEFF{}", "a byte order mark instead of a value at byte 0"},
		{"\xff", "byte 0xff instead of a value at byte 0"},
		{"NaN", "NaN" + python + " at byte 0"},
		{`{"a":[0,Infinity]}`, "a[1]: Infinity" + python + " at byte 8"},
		{`{"a":-Infinity}`, "a: -Infinity" + python + " at byte 5"},
		{"-", "the text ends inside a number at byte 1"},
		{"-x", "'x' instead of a digit in a number at byte 1"},
		{"01", "a number has a leading zero at byte 0"},
		{"-00", "a number has a leading zero at byte 1"},
		{"1.", "the text ends inside a number at byte 2"},
		{"1.e5", "'e' instead of a digit after the decimal point at byte 2"},
		{"1e", "the text ends inside a number at byte 2"},
		{"1e+ ", "' ' instead of a digit in an exponent at byte 3"},
		{".5", "'.' instead of a value at byte 0"},
		{"+1", "'+' instead of a value at byte 0"},
		{"1 2", "'2' instead of the end of the text at byte 2"},
		{`"a`, "the text ends inside a string at byte 2"},
		{`"a\`, "the text ends inside a string at byte 3"},
		{`"\x"`, `"\\x" is no escape at byte 1`},
		{`"\u12g4"`, `\u needs four hexadecimal digits at byte 1`},
		{`"\u12`, `\u needs four hexadecimal digits at byte 1`},
		{"\"a\nb\"", "control character 0x0a in a string is not escaped at byte 2"},
		{"\"12345678\x00\"", "control character 0x00 in a string is not escaped at byte 9"},
		{"\"ab\xffcd\"", "byte 0xff in a string is not UTF-8 at byte 3"},
		{"\"\xed\xa0\x80\"", "byte 0xed in a string is not UTF-8 at byte 1"},
		{`"x\ud83d"`, `\ud83d is half of a surrogate pair, which has no UTF-8 at byte 2`},
		{`"\ud83d\u0041"`, `\ud83d is half of a surrogate pair, which has no UTF-8 at byte 1`},
		{`"\ud83dxx"`, `\ud83d is half of a surrogate pair, which has no UTF-8 at byte 1`},
		{`"\uDE00\ud83d"`, `\uDE00 is half of a surrogate pair, which has no UTF-8 at byte 1`},
		{"{", "the text ends where a member name in quotes should be at byte 1"},
		{`{"a"}`, "'}' instead of the ':' after a member name at byte 4"},
		{`{"a":}`, "a: '}' instead of a value at byte 5"},
		{`{"a":1,}`, "'}' instead of a member name in quotes at byte 7"},
		{`{"a":1 "b":2}`, "'\"' instead of ',' or '}' at byte 7"},
		{`{a:1}`, "'a' instead of a member name in quotes at byte 1"},
		{"{'a':1}", `'\'' instead of a member name in quotes at byte 1`},
		{`{"a":1`, "the text ends where ',' or '}' should be at byte 6"},
		{"[", "[0]: the text ends where a value should be at byte 1"},
		{"[1,]", "[1]: ']' instead of a value at byte 3"},
		{"[,1]", "[0]: ',' instead of a value at byte 1"},
		{"[1 2]", "'2' instead of ',' or ']' at byte 3"},
		{"[1", "the text ends where ',' or ']' should be at byte 2"},
		{`{"items":[{},{"a b":{"x":tru}}]}`, `items[1]["a b"].x: 't' instead of a value at byte 25`},
	} {
		r := jsonio.NewReader([]byte(tt.in))
		r.Skip()
		r.End()
		if err := r.Err(); err == nil || err.Error() != tt.want {
			t.Errorf("Skip(%q): error = %v, want %s", tt.in, err, tt.want)
		}
		r.Reset([]byte(tt.in))
		walk(r)
		r.End()
		if err := r.Err(); err == nil || err.Error() != tt.want {
			t.Errorf("walk(%q): error = %v, want %s", tt.in, err, tt.want)
		}
		if r.More() || r.Kind() != 0 || r.Int64() != 0 || r.String() != "" || r.Raw() != "" || r.Object() != "" || r.Null() ||
			r.Bool() || r.Float64() != 0 || r.Bytes() != nil || !r.Time().IsZero() || r.BeginObject() || r.BeginArray() || r.Name() != "" {
			t.Errorf("%q: a value was read behind the error", tt.in)
		}
		r.Fault("rule", "message", nil)
		r.Missing("a")
		if len(r.Faults()) != 0 {
			t.Errorf("%q: faults behind the error: %v", tt.in, r.Faults())
		}
	}
}

// walk reads a value member by member, and returns it as encoding/json's decoder with UseNumber does.
func walk(r *jsonio.Reader) any {
	switch r.Kind() {
	case '{':
		m := map[string]any{}
		for ok := r.BeginObject(); ok && r.More(); {
			name := strings.Clone(r.Name())
			m[name] = walk(r)
		}
		return m
	case '[':
		s := []any{}
		for ok := r.BeginArray(); ok && r.More(); {
			s = append(s, walk(r))
		}
		return s
	case '"':
		return r.String()
	case 't', 'f':
		return r.Bool()
	case 'n':
		r.Null()
		return nil
	case '0':
		return number(r.Raw())
	default:
		r.Skip() // reports what is not a value
		return nil
	}
}

type number string

func TestReaderIntegers(t *testing.T) {
	t.Parallel()
	const (
		notInteger = "must be an integer"
		not64      = "must be a 64-bit integer"
		not32      = "must be a 32-bit integer"
		notU64     = "must be an unsigned 64-bit integer"
		notU32     = "must be an unsigned 32-bit integer"
	)
	for _, tt := range []struct {
		in                 string
		want               int64
		e64, e32, eu64, u3 string
	}{
		{in: "0"}, {in: "-0"}, {in: "0.0"}, {in: "-0e9"}, {in: "0e-999999999999999999999"}, {in: "0.000e5"},
		{in: "5", want: 5}, {in: "5.0", want: 5}, {in: "5e0", want: 5}, {in: "5.000e+0", want: 5}, {in: "50e-1", want: 5},
		{in: "0.05e2", want: 5}, {in: "1.5e1", want: 15}, {in: "1500E-2", want: 15},
		{in: "-5", want: -5, eu64: notU64, u3: notU32},
		{in: "-5.0", want: -5, eu64: notU64, u3: notU32},
		{in: "2147483647", want: math.MaxInt32},
		{in: "2147483648", want: 1 << 31, e32: not32},
		{in: "-2147483648", want: math.MinInt32, eu64: notU64, u3: notU32},
		{in: "-2147483649", want: math.MinInt32 - 1, e32: not32, eu64: notU64, u3: notU32},
		{in: "4294967295", want: math.MaxUint32, e32: not32},
		{in: "4294967296", want: 1 << 32, e32: not32, u3: notU32},
		{in: "999999999999999999", want: 999999999999999999, e32: not32, u3: notU32},
		{in: "9007199254740993.0", want: 9007199254740993, e32: not32, u3: notU32},
		{in: "9223372036854775807", want: math.MaxInt64, e32: not32, u3: notU32},
		{in: "9223372036854775807.00", want: math.MaxInt64, e32: not32, u3: notU32},
		{in: "92233720368547758.07e2", want: math.MaxInt64, e32: not32, u3: notU32},
		{in: "-9223372036854775808", want: math.MinInt64, e32: not32, eu64: notU64, u3: notU32},
		{in: "9223372036854775808", e64: not64, e32: not32, u3: notU32},
		{in: "-9223372036854775809", e64: not64, e32: not32, eu64: notU64, u3: notU32},
		{in: "18446744073709551615", e64: not64, e32: not32, u3: notU32},
		{in: "18446744073709551616", e64: not64, e32: not32, eu64: notU64, u3: notU32},
		{in: "1e400", e64: not64, e32: not32, eu64: notU64, u3: notU32},
		{in: "1e99999999999999999999", e64: not64, e32: not32, eu64: notU64, u3: notU32},
		{in: "1.5", e64: notInteger, e32: notInteger, eu64: notInteger, u3: notInteger},
		{in: "5e-1", e64: notInteger, e32: notInteger, eu64: notInteger, u3: notInteger},
		{in: "123456789012345678901234567890.5", e64: notInteger, e32: notInteger, eu64: notInteger, u3: notInteger},
		{in: "1e-99999999999999999999", e64: notInteger, e32: notInteger, eu64: notInteger, u3: notInteger},
		{in: `"5"`, e64: notInteger, e32: notInteger, eu64: notInteger, u3: notInteger},
		{in: "true", e64: notInteger, e32: notInteger, eu64: notInteger, u3: notInteger},
		{in: "null", e64: notInteger, e32: notInteger, eu64: notInteger, u3: notInteger},
	} {
		for name, read := range map[string]struct {
			fn   func(*jsonio.Reader) string
			want string
			err  string
		}{
			"Int64":  {func(r *jsonio.Reader) string { return fmt.Sprint(r.Int64()) }, fmt.Sprint(tt.want), tt.e64},
			"Int32":  {func(r *jsonio.Reader) string { return fmt.Sprint(r.Int32()) }, fmt.Sprint(tt.want), tt.e32},
			"Uint32": {func(r *jsonio.Reader) string { return fmt.Sprint(r.Uint32()) }, fmt.Sprint(tt.want), tt.u3},
			"Uint64": {func(r *jsonio.Reader) string {
				v := r.Uint64()
				if tt.e64 == not64 && v > math.MaxInt64 {
					return "big"
				}
				return fmt.Sprint(v)
			}, fmt.Sprint(tt.want), tt.eu64},
		} {
			r := jsonio.NewReader([]byte(`{"a":` + tt.in + `,"b":7}`))
			r.BeginObject()
			r.More()
			got := read.fn(r)
			switch faults := r.Faults(); {
			case read.err != "":
				want := []jsonio.Fault{{Path: "a", Rule: "type", Message: read.err, Found: tt.in, Offset: 5}}
				if diff := cmp.Diff(want, faults); diff != "" || got != "0" {
					t.Errorf("%s of %s = %s, faults (-want +got):\n%s", name, tt.in, got, diff)
				}
			case len(faults) > 0:
				t.Errorf("%s of %s: %v", name, tt.in, faults)
			case got != read.want && got != "big":
				t.Errorf("%s of %s = %s, want %s", name, tt.in, got, read.want)
			}
			if !r.More() || r.Name() != "b" || r.Int64() != 7 || r.More() || r.Err() != nil {
				t.Errorf("%s of %s: reading did not go on: %v", name, tt.in, r.Err())
			}
		}
	}
}

func TestReaderFloats(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]float64{"1": 1, "-0.0": 0, "1.0": 1, "1e-07": 1e-7, "0.93": 0.93, "1e-999": 0, "9007199254740993": 9007199254740992} {
		r := jsonio.NewReader([]byte(in))
		if got := r.Float64(); got != want || r.Err() != nil || r.Faults() != nil {
			t.Errorf("Float64 of %s = %g, %v, %v, want %g", in, got, r.Err(), r.Faults(), want)
		}
	}
	r := jsonio.NewReader([]byte(`[1e999, "1.5", 1e39, null]`))
	r.BeginArray()
	r.More()
	r.Float64()
	r.More()
	r.Float64()
	r.More()
	r.Float32()
	r.More()
	r.Float32()
	want := []jsonio.Fault{
		{Path: "[0]", Rule: "type", Message: "must be a number in the range of a double", Found: "1e999", Offset: 1},
		{Path: "[1]", Rule: "type", Message: "must be a number", Found: `"1.5"`, Offset: 8},
		{Path: "[2]", Rule: "type", Message: "must be a number in the range of a float", Found: "1e39", Offset: 15},
		{Path: "[3]", Rule: "type", Message: "must be a number", Found: "null", Offset: 21},
	}
	if diff := cmp.Diff(want, r.Faults()); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

func TestReaderTimes(t *testing.T) {
	t.Parallel()
	micro := time.Date(2025, 10, 16, 12, 34, 56, 789012000, time.UTC)
	for _, tt := range []struct {
		in       string
		want     time.Time
		zoneless bool
	}{
		{"2025-10-16 12:34:56.789012", micro, true},
		{"2025-10-16 12:34:57", time.Date(2025, 10, 16, 12, 34, 57, 0, time.UTC), true},
		{"2025-10-16 12:34:56.789012+00:00", micro, false},
		{"2025-10-16T12:34:56.789012+00:00", micro, false},
		{"2025-10-16T12:34:56.789012", micro, true},
		{"2025-10-16T12:34:56.789012Z", micro, false},
		{"2025-10-16t12:34:56.789012z", micro, false},
		{"2025-10-16T18:04:56.789012+05:30", micro, false},
		{"2025-10-15T23:34:56.789012-13:00", micro, false},
		{"2025-10-16T12:34:56.789012345Z", micro.Add(345), false},
		{"2025-10-16T12:34:56.7890123456789Z", micro.Add(345), false},
		{"2024-02-29T00:00:00Z", time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC), false},
		{"0001-01-01T00:00:00Z", time.Time{}, false},
		{"9999-12-31T23:59:59.999999Z", time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC), false},
	} {
		text := []byte(`"` + tt.in + `"`)
		r := jsonio.NewReader(text)
		got := r.Time()
		if !got.Equal(tt.want) || got.Location() != time.UTC || len(r.Faults()) > 0 || r.Err() != nil {
			t.Errorf("Time(%s) = %s, %v, %v, want %s", tt.in, got, r.Faults(), r.Err(), tt.want)
		}
		if (r.ZonelessTimes() == 1) != tt.zoneless {
			t.Errorf("Time(%s): %d times without a zone", tt.in, r.ZonelessTimes())
		}
		r.StrictTime(true)
		r.Reset(text)
		r.Time()
		if tt.zoneless != (len(r.Faults()) == 1) {
			t.Errorf("strict Time(%s): faults = %v", tt.in, r.Faults())
		}
		if tt.zoneless {
			want := []jsonio.Fault{{Rule: "format", Message: "must be a time with a zone", Found: `"` + tt.in + `"`}}
			if diff := cmp.Diff(want, r.Faults()); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		}
	}
	for _, in := range []string{
		"", "2025-10-16", "2025-10-16T12:34", "2025-10-16T12:34:56.", "2025-10-16T12:34:56.Z", "2025-10-16T12:34:60Z",
		"2025-10-16T24:00:00Z", "2025-10-16T12:60:00Z", "2025-02-29T00:00:00Z", "2025-13-01T00:00:00Z", "2025-00-01T00:00:00Z",
		"2025-01-00T00:00:00Z", "2025-04-31T00:00:00Z", "2025-10-16T12:34:56+24:00", "2025-10-16T12:34:56+00:60",
		"2025-10-16T12:34:56+0000", "2025-10-16T12:34:56+00", "2025-10-16T12:34:56 Z", "2025-10-16_12:34:56Z",
		"2025-1-16T12:34:56.00Z", "x025-10-16T12:34:56Z", "2025-10-16T12:34:5xZ", "2025-10-16T12:34:56,5Z", "1697459696",
		"0000-01-01T00:00:00Z", "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "2025-10-16T12:34:56ZZ",
	} {
		r := jsonio.NewReader([]byte(`"` + in + `"`))
		r.Time()
		want := []jsonio.Fault{{Rule: "format", Message: "must be an RFC 3339 time", Found: `"` + in + `"`}}
		if diff := cmp.Diff(want, r.Faults()); diff != "" {
			t.Errorf("Time(%s): faults (-want +got):\n%s", in, diff)
		}
	}
}

func TestReaderBytes(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"": "", "YQ==": "a", "YQ": "a", "+/+/": "\xfb\xff\xbf", "-_-_": "\xfb\xff\xbf", `Y\u0051==`: "a"} {
		r := jsonio.NewReader([]byte(`"` + in + `"`))
		if got := r.Bytes(); string(got) != want || len(r.Faults()) > 0 {
			t.Errorf("Bytes(%s) = %q, %v, want %q", in, got, r.Faults(), want)
		}
	}
	for _, in := range []string{"Y", "Y Q=", "+_", "é"} {
		r := jsonio.NewReader([]byte(`"` + in + `"`))
		r.Bytes()
		want := []jsonio.Fault{{Rule: "format", Message: "must be base64", Found: `"` + in + `"`}}
		if diff := cmp.Diff(want, r.Faults()); diff != "" {
			t.Errorf("Bytes(%s): faults (-want +got):\n%s", in, diff)
		}
	}
}

func TestReaderGoesOnBehindFaults(t *testing.T) {
	t.Parallel()
	const text = `{"name": 5, "list": {"a": [1]}, "map": [], "on": "yes", "at": 17, "blob": {}, "free": [1],
		"items": [{"n": 1}, {"n": "x"}, 3], "labels": {"a.b": 1, "c\u0064": false}, "kind": "other", "last": "ok"}`
	r := jsonio.NewReader([]byte(text))
	var last string
	for ok := r.BeginObject(); ok && r.More(); {
		switch r.Name() {
		case "name":
			_ = r.String()
		case "list":
			r.BeginArray()
		case "map":
			r.BeginObject()
		case "on":
			r.Bool()
		case "at":
			r.Time()
		case "blob":
			r.Bytes()
		case "free":
			r.Object()
		case "items":
			for ok := r.BeginArray(); ok && r.More(); {
				for ok := r.BeginObject(); ok && r.More(); {
					r.Int64()
				}
				r.Missing("id")
			}
		case "labels":
			for ok := r.BeginObject(); ok && r.More(); {
				r.Key()
				_ = r.String()
			}
		case "kind":
			r.Fault("enum.defined_only", "value must be one of the defined enum values", r.StringView())
		case "last":
			last = r.String()
		}
	}
	r.Missing("gone")
	r.End()
	if r.Err() != nil || last != "ok" {
		t.Fatalf("last = %q, err = %v", last, r.Err())
	}
	var got []string
	for _, f := range r.Faults() {
		got = append(got, fmt.Sprintf("%s: %s, got %s [%s]", f.Path, f.Message, f.Found, f.Rule))
		if f.Found != "" && f.Path != "kind" && !strings.HasPrefix(text[f.Offset:], f.Found) {
			t.Errorf("%s: the offset %d is not that of the value", f.Path, f.Offset)
		}
	}
	want := []string{
		"name: must be a string, got 5 [type]",
		`list: must be an array, got {"a": [1]} [type]`,
		"map: must be an object, got [] [type]",
		`on: must be a boolean, got "yes" [type]`,
		"at: must be a string with a time, got 17 [type]",
		"blob: must be a string in base64, got {} [type]",
		"free: must be an object, got [1] [type]",
		"items[0].id: value is required, got  [required]",
		`items[1].n: must be an integer, got "x" [type]`,
		"items[1].id: value is required, got  [required]",
		"items[2]: must be an object, got 3 [type]",
		"items[2].id: value is required, got  [required]",
		`labels["a.b"]: must be a string, got 1 [type]`,
		`labels["cd"]: must be a string, got false [type]`,
		`kind: value must be one of the defined enum values, got "other" [enum.defined_only]`,
		"gone: value is required, got  [required]",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

func TestReaderBoundsFaults(t *testing.T) {
	t.Parallel()
	r := jsonio.NewReader([]byte("[" + strings.Repeat("1,", 1000) + "1]"))
	n := 0
	if !r.BeginArray() {
		t.Fatal("no array")
	}
	for ; r.More(); n++ {
		_ = r.String()
		r.Missing("x")
	}
	if r.End(); r.Err() != nil || n != 1001 || len(r.Faults()) != 100 {
		t.Errorf("read %d elements with %d faults, %v", n, len(r.Faults()), r.Err())
	}
}

func TestReaderHidesSensitiveValues(t *testing.T) {
	t.Parallel()
	r := jsonio.NewReader([]byte(`{"secret": {"a": [5]}, "open": 6}`))
	r.BeginObject()
	r.More()
	r.Sensitive()
	for ok := r.BeginObject(); ok && r.More(); {
		for ok := r.BeginArray(); ok && r.More(); {
			_ = r.String()
		}
	}
	r.Fault("rule", "message", "secret")
	r.More()
	_ = r.String()
	want := []jsonio.Fault{
		{Path: "secret", Rule: "type", Message: "must be a string", Offset: 18},
		{Path: "secret", Rule: "rule", Message: "message", Offset: 18},
		{Path: "open", Rule: "type", Message: "must be a string", Found: "6", Offset: 31},
	}
	if diff := cmp.Diff(want, r.Faults()); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

// TestReaderHidesWhereSecretsBreak tells nothing of a text that stops being JSON inside a sensitive value or right behind it.
func TestReaderHidesWhereSecretsBreak(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"secret": {"MARKER": x}}`, `{"secret": "\qMARKER"}`, `{"secret": 12M}`, `{"secret": "a"M}`, `{"secret": ["a"]M}`, `{"secret": M}`,
		`{"secret": {"MARKER": 1, "MARKER": 1}}`, `{"secret": {"M": {"MARKER"`,
	} {
		r := jsonio.NewReader([]byte(text))
		r.BeginObject()
		for r.More() {
			r.Sensitive()
			for ok := r.Kind() == '{' && r.BeginObject(); ok && r.More(); {
				_ = r.Key()
				var seen uint64 = 1
				if text[13] == 'M' && text[19] == '1' {
					r.Once(&seen, 0)
				}
				r.Skip()
			}
			if r.Kind() != 0 && r.Kind() != '}' {
				r.Skip()
			}
		}
		r.End()
		if err := r.Err(); err == nil || strings.ContainsAny(err.Error(), "MRq") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestReaderHidesWhatStandsForAHolder(t *testing.T) {
	t.Parallel()
	r := jsonio.NewReader([]byte(`["MARKER", "MARKER", 7, {"x": 8}]`))
	r.BeginArray()
	r.More()
	r.Holding()
	r.BeginObject()
	r.More()
	r.Holding()
	r.BeginArray()
	r.More()
	r.BeginObject()
	r.More()
	r.Holding()
	r.BeginObject()
	r.More()
	_ = r.String()
	var got []string
	for _, f := range r.Faults() {
		got = append(got, f.Path+" "+f.Found)
	}
	if diff := cmp.Diff([]string{"[0] ", "[1] ", "[2] 7", "[3].x 8"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestReaderRefusesADuplicate(t *testing.T) {
	t.Parallel()
	r := jsonio.NewReader([]byte(`{"a": {"limit": 1, "x": 2, "l\u0069mit": 3}}`))
	r.BeginObject()
	r.More()
	var seen uint64
	for ok := r.BeginObject(); ok && r.More(); {
		if r.Name() == "limit" {
			r.Once(&seen, 63)
		}
		r.Skip()
	}
	if err, want := r.Err(), "a.limit: the member stands twice in its object at byte 27"; err == nil || err.Error() != want {
		t.Errorf("error = %v, want %s", err, want)
	}
	if r.Offset() != 27 {
		t.Errorf("Offset = %d, want 27", r.Offset())
	}
}

func TestReaderSpan(t *testing.T) {
	t.Parallel()
	data := []byte(`{"payload": {"n": "x"} , "z": 1}`)
	r := jsonio.NewReader(data)
	r.BeginObject()
	r.More()
	start, end := r.Span()
	if got := string(data[start:end]); got != `{"n": "x"}` {
		t.Fatalf("Span is %s", got)
	}
	var inner jsonio.Reader
	inner.ResetSpan(data, start, end)
	inner.BeginObject()
	inner.More()
	inner.Int64()
	if inner.More() {
		t.Error("More is true at the end")
	}
	inner.End()
	want := []jsonio.Fault{{Path: "n", Rule: "type", Message: "must be an integer", Found: `"x"`, Offset: 18}}
	if diff := cmp.Diff(want, inner.Faults()); diff != "" || inner.Err() != nil {
		t.Errorf("%v, faults (-want +got):\n%s", inner.Err(), diff)
	}
}

func TestReaderRawIsACopyAsWritten(t *testing.T) {
	t.Parallel()
	data := []byte(`[ {"a" : 1.0} , "x" ]`)
	r := jsonio.NewReader(data)
	r.BeginArray()
	r.More()
	raw := r.Object()
	r.More()
	s := r.String()
	clear(data)
	if raw != `{"a" : 1.0}` || s != "x" {
		t.Errorf("raw = %q, string = %q", raw, s)
	}
}

func TestTextAhead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"kind":"a"}`:                          "a",
		` {"x":{"kind":"b"},"kind":"\u0061\n"}`: "a\n",
		`{"x":[1,{"kind":"b"}]}`:                "",
		`{"kind":1}`:                            "",
		`["kind"]`:                              "",
		`{"x":`:                                 "",
		``:                                      "",
	} {
		r := jsonio.NewReader([]byte(text))
		if got := r.TextAhead("kind"); got != want {
			t.Errorf("TextAhead in %s = %q, want %q", text, got, want)
		}
		if r.Err() != nil || len(r.Faults()) > 0 || strings.HasPrefix(text, "{") && r.Offset() != 0 {
			t.Errorf("%s: looking ahead moved or failed: offset %d, %v", text, r.Offset(), r.Err())
		}
	}
}

// TestDistinct finds a name that is there twice, among few members and among many.
func TestDistinct(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 7, 8, 500} {
		var members []jsonio.Member
		for i := range n {
			members = append(members, jsonio.Member{Name: strconv.Itoa(i), Value: "1"})
		}
		r := jsonio.NewReader([]byte("{}"))
		if r.Distinct(members); r.Err() != nil {
			t.Errorf("%d members: %v", n, r.Err())
		}
		r.Reset([]byte("{}"))
		if r.Distinct(append(members, members[n/2])); r.Err() == nil {
			t.Errorf("%d members, one of them twice: no error", n)
		}
	}
}
