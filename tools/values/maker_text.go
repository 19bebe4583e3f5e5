package values

import (
	"bytes"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"github.com/omninode/trestle/runtime/genapi/ecma"
	"github.com/omninode/trestle/tools/schema"
)

// mostShown limits the length of texts, so that they can be shown.
const mostShown = 4096

// borderTexts returns strings for both types: of their formats and patterns, of the lengths beside their bounds, and
// with the parts that rules name.
func borderTexts(t, other *schema.Type) []any {
	var out []any
	add := func(all ...string) {
		for _, s := range all {
			out = append(out, s)
		}
	}
	for _, x := range []*schema.Type{t, other} {
		if x == nil {
			continue
		}
		out = append(out, formatted(x, append(borderLengths(t, other), borderBytes(rulesOf(t).GetString(), rulesOf(other).GetString())...))...)
		for _, s := range borderMatches(patternTree(x.Constraints)) {
			add(s)
			for _, n := range borderLengths(t, other) { // unanchored patterns take what follows
				if n > len(s) {
					add(s + strings.Repeat("a", n-len(s)))
				}
			}
		}
		if x.Kind == schema.EnumKind {
			add(jsonNames(x.Enum)...)
		}
		if r := x.Constraints.Rules.GetString(); r != nil {
			add(r.GetPrefix() + r.GetContains() + r.GetSuffix())
			for _, n := range borderBytes(r) {
				add(strings.Repeat("a", n))
			}
			if r.HasNotContains() {
				add(r.GetNotContains())
			}
		}
	}
	for _, n := range borderLengths(t, other) {
		add(strings.Repeat("a", n))
	}
	add("A", "1", "é", " ", "(", "%")
	if t.RawText {
		add("\xff")
	}
	return out
}

// borderLengths returns the lengths on and beside the bounds of both types, small enough to print.
func borderLengths(t, other *schema.Type) []int {
	out := []int{1, 0}
	for _, x := range []*schema.Type{t, other} {
		if x == nil {
			continue
		}
		for _, n := range []*uint64{x.Constraints.MinLen, x.Constraints.MaxLen} {
			if n != nil && *n < mostShown {
				out = append(out, int(*n), int(*n)+1)
				if *n > 0 {
					out = append(out, int(*n)-1)
				}
			}
		}
	}
	return out
}

// formatted returns texts of the formats that a type demands, and such as they begin with more to be of some lengths.
func formatted(t *schema.Type, lengths []int) []any {
	samples := formatSamples[t.Constraints.Format]
	for name := range Rules(t) {
		if rule, ok := strings.CutPrefix(name, "string."); ok {
			samples = append(samples[:len(samples):len(samples)], formatSamples[rule]...)
		}
	}
	out := slices.Clone(samples)
	for _, v := range samples {
		sample := v.(string)
		before, after, hasHost := strings.Cut(sample, "@")
		for _, n := range lengths {
			more := n - len(sample)
			if more <= 0 {
				continue
			}
			labels := strings.Repeat("a", more%2) + strings.Repeat("a.", more/2) // of host names
			out = append(out, strings.Repeat("a", more)+sample, labels+sample)
			if hasHost {
				out = append(out, before+"@"+labels+after)
			}
			if name := max(0, 64-len(before)); hasHost && more > name { // no longer one is taken everywhere
				out = append(out, strings.Repeat("a", name)+before+"@"+strings.Repeat("a", (more-name)%2)+strings.Repeat("a.", (more-name)/2)+after)
			}
		}
	}
	return out
}

func borderBytes(all ...*validate.StringRules) []int {
	var out []int
	for _, r := range all {
		for _, n := range []uint64{r.GetMinBytes(), r.GetMaxBytes(), r.GetLenBytes()} {
			if n > 0 && n < mostShown {
				out = append(out, int(n)-1, int(n), int(n)+1)
			}
		}
	}
	return out
}

// borderBytesOf returns bytes of the lengths beside the bounds of both types, and with the parts that rules name.
func borderBytesOf(t, other *schema.Type) [][]byte {
	var out [][]byte
	lengths := append(borderLengths(t, other), 4, 16) // those of addresses, too
	for _, x := range []*schema.Type{t, other} {
		r := rulesOf(x).GetBytes()
		if r == nil {
			continue
		}
		if tree, err := syntax.Parse(r.GetPattern(), syntax.Perl); err == nil && r.HasPattern() {
			for _, s := range borderMatches(fromRE2(tree)) {
				out = append(out, []byte(s))
			}
		}
		if r.HasPrefix() || r.HasSuffix() || r.HasContains() {
			for _, n := range append([]int{0}, lengths...) {
				filled := max(0, n-len(r.GetPrefix())-len(r.GetContains())-len(r.GetSuffix()))
				out = append(out, slices.Concat(r.GetPrefix(), r.GetContains(), bytes.Repeat([]byte("a"), filled), r.GetSuffix()))
			}
		}
	}
	for _, n := range lengths {
		out = append(out, bytes.Repeat([]byte("a"), n))
	}
	return out
}

func jsonNames(e *schema.Enum) []string {
	var out []string
	for _, v := range e.Values {
		if v.JSONName != "" {
			out = append(out, v.JSONName)
		}
	}
	return out
}

func rulesOf(t *schema.Type) *validate.FieldRules {
	if t == nil {
		return nil
	}
	return t.Constraints.Rules
}

// borderMatches returns short strings that are likely to match a pattern: the shortest, one for each of some
// alternatives, and those with all repetitions. None for no pattern.
func borderMatches(pattern *ecma.Node) []string {
	var out []string
	for choice := range 4 {
		m := matcher{repeat: min(choice, 1), most: choice > 0, choice: choice}
		if s, ok := m.match(pattern); ok && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// matcher writes a string that is likely to match a pattern, without a look at what stands around an assertion.
type matcher struct {
	b      strings.Builder
	repeat int  // how often is repeated what may be, as far as the pattern allows
	most   bool // as often as is allowed, where there is a limit
	choice int  // among alternatives and characters
	groups map[int]string
}

// match is not ok for no pattern.
func (m *matcher) match(pattern *ecma.Node) (s string, ok bool) {
	if pattern == nil {
		return "", false
	}
	m.groups = map[int]string{}
	m.write(pattern)
	return m.b.String(), true
}

func (m *matcher) write(n *ecma.Node) {
	switch n.Op {
	case ecma.OpClass:
		if isAny(n.Class) {
			m.b.WriteByte('a')
		} else {
			m.b.WriteRune(pick(n.Class, m.choice))
		}
	case ecma.OpRepeat:
		times := max(n.Min, m.repeat)
		if n.Max >= 0 && (m.most || times > n.Max) {
			times = n.Max
		}
		for range times {
			if m.write(n.Sub[0]); m.b.Len() > mostShown {
				return
			}
		}
	case ecma.OpConcat:
		for _, sub := range n.Sub {
			m.write(sub)
		}
	case ecma.OpGroup:
		from := m.b.Len()
		m.write(n.Sub[0])
		m.groups[n.Group] = m.b.String()[from:]
	case ecma.OpBackref:
		for _, group := range n.Groups {
			m.b.WriteString(m.groups[group])
		}
	case ecma.OpAlternate:
		m.write(n.Sub[m.choice%len(n.Sub)])
	}
}

// isAny says whether a class is that of a dot.
func isAny(class []rune) bool {
	return len(class) > 0 && class[0] == 0 && class[len(class)-1] == unicode.MaxRune && (len(class) == 2 || class[1] == '\n'-1)
}

// pick takes a character of a class, given as pairs of bounds: a familiar one where there is one.
func pick(class []rune, choice int) rune {
	familiar := []rune("a1Ab2B-_ ")
	for i := range familiar {
		c := familiar[(i+choice)%len(familiar)]
		for j := 0; j+1 < len(class); j += 2 {
			if class[j] <= c && c <= class[j+1] {
				return c
			}
		}
	}
	if len(class) == 0 {
		return 'a'
	}
	return class[2*(choice%(len(class)/2))]
}
