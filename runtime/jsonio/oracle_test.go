package jsonio_test

import (
	"bytes"
	"encoding/json"
	"io"
	"math/big"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/omninode/trestle/runtime/jsonio"
)

var (
	otherEscape   = regexp.MustCompile(`\\[^u]`)
	surrogatePair = regexp.MustCompile(`\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}`)
	surrogate     = regexp.MustCompile(`\\u[dD][89a-fA-F]`)
)

// stricter says whether data has what encoding/json lets pass and this package does not.
func stricter(data []byte) bool {
	rest := surrogatePair.ReplaceAll(otherEscape.ReplaceAll(data, []byte(" ")), []byte(" "))
	return !utf8.Valid(data) || surrogate.Match(rest) || bytes.Count(data, []byte("["))+bytes.Count(data, []byte("{")) > jsonio.MaxDepth
}

// oracle decodes as encoding/json does, with numbers as they are written.
func oracle(t *testing.T, data []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil && err != io.EOF {
		t.Fatal(err)
	}
	return numbers(v)
}

func numbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		return number(v)
	case []any:
		for i := range v {
			v[i] = numbers(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = numbers(v[k])
		}
	}
	return v
}

func FuzzDecodeJSON(f *testing.F) {
	for _, s := range []string{
		`{"a":[1,2.5,null,true,{}],"b":"na\u00efve \ud83d\ude00","c":-1e-7}`, `[NaN]`, `"\ud83d"`, "\"\xff\"", `{"a":1,"a":2}`,
		` [ ] `, `{"":""}`, `[1,]`, `{"a":1,}`, "01", "-", "1e5", `"\u0000\/"`, "[[[[]]]]", `{"a":{"b":[{"c":"d"}]}}`,
		`{"envelope_version": "1.0", "timestamp": "2025-10-16 12:34:56.790123", "payload": {"limit": 5}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		r := jsonio.NewReader(data)
		got := walk(r)
		r.End()
		valid := json.Valid(data) && !stricter(data)
		if (r.Err() == nil) != valid && !(json.Valid(data) && r.Err() != nil && stricter(data)) {
			t.Fatalf("reading %q: error = %v, but encoding/json says valid = %v", data, r.Err(), json.Valid(data))
		}
		if r.Err() == nil && len(r.Faults()) > 0 {
			t.Fatalf("faults while reading what is there: %v", r.Faults())
		}
		walked := r.Err()
		r.Reset(data)
		r.Skip()
		r.End()
		if (walked == nil) != (r.Err() == nil) {
			t.Fatalf("walking %q: %v, skipping it: %v", data, walked, r.Err())
		}
		compact, err := jsonio.AppendRaw(nil, jsonio.Raw(data))
		if len(data) > 0 && (err == nil) != (walked == nil) {
			t.Fatalf("walking %q: %v, writing it: %v", data, walked, err)
		}
		readAsEverything(data)
		if !bytes.Equal(before, data) {
			t.Fatal("reading changed the text")
		}
		if walked != nil {
			if e := walked.(*jsonio.Error); e.Offset < 0 || e.Offset > len(data) || strings.Contains(e.Error(), "\n") {
				t.Fatalf("error at %d of %d bytes: %q", e.Offset, len(data), e)
			}
			return
		}
		if diff := cmp.Diff(oracle(t, data), got); diff != "" {
			t.Fatalf("reading %q (-encoding/json +jsonio):\n%s", data, diff)
		}
		var want bytes.Buffer
		if err := json.Compact(&want, data); err != nil || want.String() != string(compact) {
			t.Fatalf("writing %q: %s, want %s", data, compact, want.String())
		}
	})
}

// readAsEverything reads each value as each type, wrong ones too.
func readAsEverything(data []byte) {
	for kind := range 14 {
		r := jsonio.NewReader(data)
		readAs(r, kind)
		r.End()
		_, _, _ = r.Path(), r.Offset(), r.Faults()
	}
}

func readAs(r *jsonio.Reader, kind int) {
	if !r.Null() && kind != 0 {
		switch r.Kind() {
		case '{':
			var seen uint64
			for ok := r.BeginObject(); ok && r.More(); {
				r.Once(&seen, uint(len(r.Key())%64))
				readAs(r, kind)
			}
			r.Missing("x")
			return
		case '[':
			for ok := r.BeginArray(); ok && r.More(); {
				readAs(r, kind)
			}
			return
		}
	}
	switch kind {
	case 1:
		r.Int32()
	case 2:
		r.Int64()
	case 3:
		r.Uint32()
	case 4:
		r.Uint64()
	case 5:
		r.Float32()
	case 6:
		r.Float64()
	case 7:
		r.Time()
	case 8:
		r.Bytes()
	case 9:
		r.Bool()
	case 10:
		r.Fault("rule", "message", r.StringView())
	case 11:
		r.Object()
	case 12:
		r.BeginObject()
	default:
		_ = r.Raw()
	}
}

func FuzzInteger(f *testing.F) {
	for _, s := range []string{"0", "5.0", "-9223372036854775808", "9223372036854775807.000", "1e18", "12345678901234567890e-1", "0.1e1", "1e-1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !json.Valid([]byte(text)) || strings.Trim(text, "0123456789-+.eE") != "" {
			return
		}
		if i := strings.IndexAny(text, "eE"); i >= 0 && len(text)-i > 5 {
			return // big.Rat would take long
		}
		want, ok := new(big.Rat).SetString(text)
		if !ok {
			t.Fatalf("big.Rat does not read %q", text)
		}
		r := jsonio.NewReader([]byte(text))
		got := r.Int64()
		if fits := want.IsInt() && want.Num().IsInt64(); fits != (len(r.Faults()) == 0) || fits && want.Num().Int64() != got {
			t.Errorf("Int64 of %s = %d, %v, want %s", text, got, r.Faults(), want)
		}
		r.Reset([]byte(text))
		unsigned := r.Uint64()
		if fits := want.IsInt() && want.Num().IsUint64(); fits != (len(r.Faults()) == 0) || fits && want.Num().Uint64() != unsigned {
			t.Errorf("Uint64 of %s = %d, %v, want %s", text, unsigned, r.Faults(), want)
		}
	})
}

func FuzzTime(f *testing.F) {
	for _, s := range []string{"2025-10-16 12:34:56.790123", "2025-10-16T12:34:56.789012+00:00", "2025-10-16T12:34:56Z", "0001-01-01T00:00:00-00:01"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text, err := jsonio.AppendString(nil, s)
		if err != nil {
			return
		}
		r := jsonio.NewReader(text)
		v := r.Time()
		if r.Err() != nil {
			t.Fatal(r.Err())
		}
		if len(r.Faults()) > 0 {
			return
		}
		out, err := jsonio.AppendTime(nil, v)
		if err != nil {
			t.Fatalf("%q reads as %s and cannot be written: %v", s, v, err)
		}
		r.Reset(out)
		if back := r.Time(); len(r.Faults()) > 0 || v.Sub(back) < 0 || v.Sub(back) > 999 {
			t.Fatalf("%q is written as %s, which reads as %s, %v", s, out, back, r.Faults())
		}
	})
}
