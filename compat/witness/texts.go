package witness

import (
	"regexp/syntax"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"github.com/omninode/trestle/tools/schema"
)

// formats are readable values of each format, one of each kind that it holds.
var formats = map[string][]string{
	"uuid": {"123e4567-e89b-42d3-a456-426614174000"}, "tuuid": {"123e4567e89b42d3a456426614174000"},
	"ulid":      {"01ARZ3NDEKTSV4RRFFQ69G5FAV"},
	"date-time": {"2025-10-16T12:34:56Z"}, "date": {"2025-10-16"}, "time": {"12:34:56Z"}, "duration": {"P1D"},
	"email": {"a@example.org"}, "idn-email": {"a@example.org"}, "hostname": {"example.org"}, "idn-hostname": {"example.org"},
	"ip": {"10.0.0.1", "::1"}, "ipv4": {"10.0.0.1"}, "ipv6": {"::1"}, "address": {"example.org", "10.0.0.1"},
	"uri": {"https://example.org/"}, "uri-reference": {"/a"}, "iri": {"https://example.org/"}, "iri-reference": {"/a"},
	"json-pointer": {"/a"}, "relative-json-pointer": {"0"}, "regex": {"a"}, "uri-template": {"/{a}"},
}

// texts returns strings for both types: of their formats and patterns, of the lengths beside their bounds, and with
// the parts that rules name.
func texts(t, other *schema.Type) []any {
	var out []any
	add := func(s string) { out = append(out, s) }
	for _, x := range []*schema.Type{t, other} {
		if x == nil {
			continue
		}
		for _, s := range formats[x.Constraints.Format] {
			add(s)
		}
		for _, s := range matches(x.Constraints.Pattern) {
			add(s)
			for _, n := range lengths(t, other) { // unanchored patterns take what follows
				if n > len(s) {
					add(s + strings.Repeat("a", n-len(s)))
				}
			}
		}
		if x.Kind == schema.EnumKind {
			for _, v := range x.Enum.Values {
				if v.JSONName != "" {
					add(v.JSONName)
				}
			}
		}
		if r := x.Constraints.Rules.GetString(); r != nil {
			add(r.GetPrefix() + r.GetContains() + r.GetSuffix())
			for _, n := range lengthsOf(r) {
				add(strings.Repeat("a", n))
			}
			if r.HasNotContains() {
				add(r.GetNotContains())
			}
		}
	}
	for _, n := range lengths(t, other) {
		add(strings.Repeat("a", n))
	}
	add("A")
	add("1")
	add("é")
	add(" ")
	add("(")
	add("%")
	if t.RawText {
		add("\xff")
	}
	return out
}

func lengthsOf(r *validate.StringRules) []int {
	var out []int
	for _, n := range []uint64{r.GetMinBytes(), r.GetMaxBytes(), r.GetLenBytes()} {
		if n > 0 && n < 4096 {
			out = append(out, int(n)-1, int(n), int(n)+1)
		}
	}
	return out
}

// matches returns short strings that a pattern matches: one for each alternative at its top, and one with its
// repetitions taken once more. None for a pattern that does not parse.
func matches(pattern string) []string {
	if pattern == "" {
		return nil
	}
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil
	}
	re = re.Simplify()
	var out []string
	for choice := range 4 {
		var b strings.Builder
		write(&b, re, choice)
		if s := b.String(); len(out) == 0 || !contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

// write appends a string that re matches; choice picks among alternatives and characters.
func write(b *strings.Builder, re *syntax.Regexp, choice int) {
	switch re.Op {
	case syntax.OpLiteral:
		b.WriteString(string(re.Rune))
	case syntax.OpCharClass:
		if len(re.Rune) > 0 {
			i := 2 * (choice % (len(re.Rune) / 2))
			b.WriteRune(printable(re.Rune[i], re.Rune[i+1]))
		}
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		b.WriteByte('a')
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			write(b, sub, choice)
		}
	case syntax.OpAlternate:
		write(b, re.Sub[choice%len(re.Sub)], choice)
	case syntax.OpCapture, syntax.OpPlus:
		write(b, re.Sub[0], choice)
	case syntax.OpStar, syntax.OpQuest:
		if choice > 0 {
			write(b, re.Sub[0], choice)
		}
	case syntax.OpRepeat:
		for range re.Min {
			write(b, re.Sub[0], choice)
		}
	}
}

// printable picks a readable character of a range.
func printable(low, high rune) rune {
	for _, r := range "a1A -" {
		if low <= r && r <= high {
			return r
		}
	}
	if low < ' ' && high >= ' ' {
		return ' '
	}
	return low
}
