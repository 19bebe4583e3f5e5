package integration_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"
)

// parseJSON reads one JSON value, its numbers as they are written.
func parseJSON(t testing.TB, text []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

// diffJSON says how two JSON values differ, "" when they are the same. Numbers are the same when they have the same
// value, whatever the notation, and both or none of them are written as floats, which Python tells apart.
//
// Where times is given, a member of one of these paths that is a time in both is compared as a time, in microseconds.
func diffJSON(want, got any, times ...string) string {
	var diffs []string
	compareJSON("", want, got, times, &diffs)
	return strings.Join(diffs, "\n")
}

func compareJSON(path string, want, got any, times []string, diffs *[]string) {
	differ := func(format string, args ...any) {
		*diffs = append(*diffs, fmt.Sprintf("%s: ", strings.TrimPrefix(path, "."))+fmt.Sprintf(format, args...))
	}
	switch want := want.(type) {
	case map[string]any:
		other, ok := got.(map[string]any)
		if !ok {
			differ("want an object, got %v", got)
			return
		}
		for _, name := range slices.Sorted(maps.Keys(want)) {
			if value, ok := other[name]; ok {
				compareJSON(path+"."+name, want[name], value, times, diffs)
			} else {
				differ("%s is missing, want %v", name, want[name])
			}
		}
		for _, name := range slices.Sorted(maps.Keys(other)) {
			if _, ok := want[name]; !ok {
				differ("has %s (%v), which should not be there", name, other[name])
			}
		}
	case []any:
		other, ok := got.([]any)
		if !ok || len(other) != len(want) {
			differ("want %v, got %v", want, got)
			return
		}
		for i := range want {
			compareJSON(fmt.Sprintf("%s[%d]", path, i), want[i], other[i], times, diffs)
		}
	case json.Number:
		other, ok := got.(json.Number)
		if !ok || !sameNumber(string(want), string(other)) {
			differ("want the number %s, got %v", want, got)
		}
	case string:
		if other, ok := got.(string); ok && slices.Contains(times, strings.TrimPrefix(path, ".")) {
			if sameTime(want, other) {
				return
			}
		}
		if got != any(want) {
			differ("want %q, got %v", want, got)
		}
	default:
		if got != want {
			differ("want %v, got %v", want, got)
		}
	}
}

func sameNumber(a, b string) bool {
	x, okX := new(big.Rat).SetString(a)
	y, okY := new(big.Rat).SetString(b)
	return okX && okY && x.Cmp(y) == 0 && isFloat(a) == isFloat(b)
}

func isFloat(number string) bool { return strings.ContainsAny(number, ".eE") }

// sameTime compares times in any of the shapes that Python writes; one without a zone is UTC.
func sameTime(a, b string) bool {
	x, okX := parseTime(a)
	y, okY := parseTime(b)
	return okX && okY && x.Equal(y)
}

func parseTime(s string) (time.Time, bool) {
	for _, layout := range []string{
		"2006-01-02T15:04:05Z07:00", "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05", "2006-01-02 15:04:05",
	} {
		if at, err := time.Parse(layout, s); err == nil {
			return at.Truncate(time.Microsecond), true
		}
	}
	return time.Time{}, false
}

// member returns a part of a JSON value by the names of members.
func member(t testing.TB, v any, names ...string) any {
	t.Helper()
	for _, name := range names {
		object, ok := v.(map[string]any)
		if !ok {
			t.Fatalf("member %s of %v, which is no object", name, v)
		}
		v = object[name]
	}
	return v
}

// compact renders a JSON value that parseJSON read.
func compact(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
