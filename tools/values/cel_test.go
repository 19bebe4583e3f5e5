package values

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/omninode/trestle/tools/cel"
	"github.com/omninode/trestle/tools/schema"
)

// celAbout are expressions about values of a type, in which @ is a value's literal and # a small number.
var celAbout = map[schema.Kind][]string{
	schema.String: {
		"this == @", "this != @", "@ == this", "this in [@, @]", "size(this) > #", "this.size() <= #", "# == this.size()", "this.startsWith(@)",
		"this.endsWith(@)", "this.contains(@)", "this.matches(@)", "this.matches('^[a-c]*$')", "this.isHostname()", "this.isIp(4)",
		"this.isUriRef()", "this > @", "this.lowerAscii() == this", "this + 'a' == @",
	},
	schema.Int32:  {"this > #", "# >= this", "this < #", "this == #", "this != #", "this in [#, #, -#]", "this % # == 0", "10 / this > #", "this > #.5", "this * 2 > #"},
	schema.Int64:  {"this > #", "# >= this", "this != #", "this in [#, -#]", "this % # == 0", "this * 2 > #"},
	schema.Uint64: {"this > #u", "#u >= this", "this <= #", "this == #u", "this in [#u]", "this % 2u == 0u", "this - 1u < #u"},
	schema.Double: {"this > #.5", "#.0 >= this", "this < #", "this == #.0", "this != #.5", "this in [#.0, #.5]"},
	schema.Bool:   {"this", "this == true", "this != true", "this == false"},
	schema.Bytes:  {"this == b'ab'", "this.size() < #", "size(this) >= #", "this.startsWith(b'a')", "this in [b'', b'a']"},
	schema.List: {
		"this.size() > #", "size(this) == #", "this.unique()", "this.all(x, x.size() < #)", "this.all(x, x == @ || x != @)", "this.exists(x, x == @)",
		"this.all(x, x.lowerAscii() == x)", "this[0] == @",
	},
}

// celMembers are values of those types.
var celMembers = map[schema.Kind][]any{
	schema.String: {"", "a", "b", "ab", "abc", "B", "é", "éa", "1", "a.b", "127.0.0.1", "\U0001F600", " ", "a b"},
	schema.Int32:  numbers("0", "1", "2", "3", "4", "5", "-1", "-2", "-3", "6"),
	schema.Uint64: numbers("0", "1", "2", "3", "4", "5", "18446744073709551615"),
	schema.Int64:  append(numbers("0", "1", "2", "3", "-1"), "0", "1", "2", "3", "4"), // as messages have it that wrap one
	schema.Double: append(numbers("0", "1", "1.5", "2", "2.5", "-0.5", "3", "3.5", "100"), "NaN", "Infinity", "-Infinity"),
	schema.Bool:   {true, false},
	schema.Bytes:  {"", "YQ==", "YWI=", "YWJj", "YWJjZA=="},
	schema.List:   {[]any{}, []any{"a"}, []any{"a", "a"}, []any{"a", "b"}, []any{"abc", ""}, []any{"A", "b", "é"}},
}

func numbers(all ...string) []any {
	var out []any
	for _, n := range all {
		out = append(out, json.Number(n))
	}
	return out
}

func randomCEL(rng *rand.Rand, all []string, depth int) string {
	if depth > 0 && rng.IntN(2) == 0 {
		a, b := randomCEL(rng, all, depth-1), randomCEL(rng, all, depth-1)
		return fmt.Sprintf([]string{"%s && %s", "(%s) || (%s)", "!(%s) && %s", "!((%s) || %s)", "((%s) ? (%s) : false)"}[rng.IntN(5)], a, b)
	}
	e := all[rng.IntN(len(all))]
	for strings.Contains(e, "#") {
		e = strings.Replace(e, "#", fmt.Sprint(1+rng.IntN(3)), 1)
	}
	for strings.Contains(e, "@") {
		e = strings.Replace(e, "@", []string{"''", "'a'", "'ab'", "'b'", "'é'"}[rng.IntN(5)], 1)
	}
	return e
}

// TestCEL holds the shape of an expression to what CEL says of values, in both forms.
func TestCEL(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for kind, all := range celAbout {
		typ := &schema.Type{Kind: kind}
		if kind == schema.List {
			typ.Elem = &schema.Type{Kind: schema.String}
		}
		s, valid, invalid := NewSpace(), 0, 0
		for range 60 {
			expr := randomCEL(rng, all, 2)
			for _, binary := range []bool{false, true} {
				run := celProgram(t, s, typ, expr, binary)
				shape := s.celRule(typ, expr, binary)
				for _, v := range celMembers[kind] {
					if v = (form{Space: s, binary: binary}).inForm(typ, v); run(v) == yes {
						valid++
					} else {
						invalid++
					}
					if got := shape.contains(v, 0); got != run(v) {
						t.Errorf("%s (binary: %t) of %#v: %v, CEL says %v", expr, binary, v, got, run(v))
					}
				}
			}
		}
		if valid < 20 || invalid < 20 {
			t.Errorf("%s: %d valid, %d invalid", kind, valid, invalid)
		}
	}
}

func celProgram(t *testing.T, s *Space, typ *schema.Type, expr string, binary bool) func(any) truth {
	t.Helper()
	tree, err := cel.Parse(expr)
	if err != nil {
		t.Fatal(err)
	}
	run := celSubject{s, typ, binary, "this"}.celProgram(&cel.Condition{Expr: tree})
	if run == nil {
		t.Fatalf("%s cannot be run", expr)
	}
	return run
}
