package example

import (
	"encoding/json"
	"fmt"
	"math/big"
	"net/netip"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/omninode/trestle/tools/schema"
)

// formats are texts of the formats that have no better one.
var formats = map[string]string{
	"date-time": instant, "date": "2025-10-16", "time": "12:34:56Z", "duration": "PT1H30M",
	"email": "someone@example.org", "idn-email": "someone@example.org",
	"hostname": "host.example.org", "idn-hostname": "host.example.org", "address": "host.example.org",
	"host_and_port": "host.example.org:8080",
	"ip":            "192.0.2.1", "ipv4": "192.0.2.1", "ipv6": "2001:db8::1",
	"uri": "https://example.org/path", "uri-reference": "/path", "iri": "https://example.org/path", "iri-reference": "/path",
	"tuuid": strings.ReplaceAll(correlationID, "-", ""), "ulid": "01ARZ3NDEKTSV4RRFFQ69G5FAV",
	"json-pointer": "/path", "regex": "^[a-z]+$", "uri-template": "https://example.org/{id}",
}

// text makes a string: of its format, by its pattern, else its field's name in words.
func text(t *schema.Type, name string, nth int) any {
	c := t.Constraints
	words := strings.ReplaceAll(name, "_", " ")
	if nth > 0 {
		words = fmt.Sprintf("%s %d", words, nth+1)
	}
	rules := c.Rules.GetString()
	words = rules.GetPrefix() + words + rules.GetContains() + rules.GetSuffix()
	candidates := []string{}
	if c.Format == "uuid" {
		candidates = append(candidates, uuid(name, nth))
	}
	if s := formats[c.Format]; s != "" {
		candidates = append(candidates, s)
	}
	candidates = append(candidates, textsFor(name)...)
	if c.Pattern != "" {
		candidates = append(candidates, matching(c.Pattern, nth)...)
	}
	candidates = append(candidates, words, sized(c, words))
	for _, s := range candidates {
		if fits(t, quoted(s)) {
			return s
		}
	}
	return nil
}

// textsFor are texts that go with a field's name.
func textsFor(name string) []string {
	switch {
	case name == "trace_id":
		return []string{traceID}
	case strings.HasSuffix(name, "_url") || name == "url":
		return []string{formats["uri"]}
	case strings.HasSuffix(name, "version") && name != "":
		return []string{"1.0.0"}
	}
	return nil
}

// sized cuts or pads a text to the lengths.
func sized(c schema.Constraints, s string) string {
	if c.MaxLen != nil && uint64(utf8.RuneCountInString(s)) > *c.MaxLen {
		s = string([]rune(s)[:*c.MaxLen])
	}
	if c.MinLen != nil && *c.MinLen < 10_000 {
		for uint64(utf8.RuneCountInString(s)) < *c.MinLen {
			s += "x"
		}
	}
	return s
}

// matching returns texts that are likely to match a pattern, short ones first.
func matching(pattern string, nth int) []string {
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil
	}
	var out []string
	for _, repeat := range []int{1, 0, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64} {
		m := matcher{repeat: repeat, nth: nth}
		m.write(tree)
		out = append(out, m.String())
	}
	return out
}

// matcher writes a text that a pattern matches, without look at what stands around an assertion.
type matcher struct {
	strings.Builder
	repeat, nth int
}

func (m *matcher) write(r *syntax.Regexp) {
	times := func(n int) {
		for range n {
			m.write(r.Sub[0])
		}
	}
	switch r.Op {
	case syntax.OpLiteral:
		m.WriteString(string(r.Rune))
	case syntax.OpCharClass:
		m.WriteRune(pick(r.Rune, m.nth))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		m.WriteByte('a')
	case syntax.OpStar:
		times(m.repeat)
	case syntax.OpPlus:
		times(max(m.repeat, 1))
	case syntax.OpQuest:
		times(min(m.repeat, 1))
	case syntax.OpRepeat:
		n := max(r.Min, m.repeat)
		if r.Max >= 0 {
			n = min(n, r.Max)
		}
		times(max(n, r.Min))
	case syntax.OpConcat, syntax.OpCapture:
		for _, sub := range r.Sub {
			m.write(sub)
		}
	case syntax.OpAlternate:
		m.write(r.Sub[m.nth%len(r.Sub)])
	}
}

// pick takes a character of a class, given as pairs of bounds: a familiar one where there is one.
func pick(class []rune, nth int) rune {
	familiar := []rune("a1Ab2B-_ ")
	for i := range familiar {
		c := familiar[(i+nth)%len(familiar)]
		for j := 0; j+1 < len(class); j += 2 {
			if class[j] <= c && c <= class[j+1] {
				return c
			}
		}
	}
	if len(class) == 0 {
		return 'a'
	}
	return class[0]
}

var uuidText = regexp.MustCompile("^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$")

// fits says whether JSON text keeps a type's own constraints; those of what is inside are left to the schema.
func fits(t *schema.Type, text string) bool {
	c := t.Constraints
	if !allowed(c, text) {
		return false
	}
	switch t.Kind {
	case schema.Bool:
		return text == "true" || text == "false"
	case schema.String:
		var s string
		return json.Unmarshal([]byte(text), &s) == nil && stringFits(c, s)
	case schema.EnumKind:
		return slices.ContainsFunc(t.Enum.Values, func(v *schema.EnumValue) bool { return v.JSONName != "" && quoted(v.JSONName) == text })
	case schema.Int32, schema.Int64, schema.Uint32, schema.Uint64, schema.Float, schema.Double:
		return numberFits(t, text)
	case schema.JSONObject, schema.MessageKind, schema.Map:
		return strings.HasPrefix(text, "{")
	case schema.List:
		var items []json.RawMessage
		return json.Unmarshal([]byte(text), &items) == nil &&
			(c.MinItems == nil || uint64(len(items)) >= *c.MinItems) && (c.MaxItems == nil || uint64(len(items)) <= *c.MaxItems) &&
			!slices.ContainsFunc(items, func(item json.RawMessage) bool { return !fits(t.Elem, string(item)) })
	case schema.Timestamp, schema.Bytes:
		return strings.HasPrefix(text, `"`)
	}
	return true
}

// allowed says whether the lists of constraints let a value be.
func allowed(c schema.Constraints, text string) bool {
	return (c.Const == "" || c.Const == text) && (len(c.In) == 0 || slices.Contains(c.In, text)) && !slices.Contains(c.NotIn, text)
}

func stringFits(c schema.Constraints, s string) bool {
	n := uint64(utf8.RuneCountInString(s))
	if c.MinLen != nil && n < *c.MinLen || c.MaxLen != nil && n > *c.MaxLen {
		return false
	}
	if c.Pattern != "" {
		if p, err := regexp.Compile(c.Pattern); err == nil && !p.MatchString(s) {
			return false
		}
	}
	rules := c.Rules.GetString()
	if !strings.HasPrefix(s, rules.GetPrefix()) || !strings.HasSuffix(s, rules.GetSuffix()) || !strings.Contains(s, rules.GetContains()) ||
		rules.GetNotContains() != "" && strings.Contains(s, rules.GetNotContains()) {
		return false
	}
	b := uint64(len(s))
	if rules.HasMinBytes() && b < rules.GetMinBytes() || rules.HasMaxBytes() && b > rules.GetMaxBytes() || rules.HasLenBytes() && b != rules.GetLenBytes() {
		return false
	}
	switch c.Format {
	case "uuid":
		return uuidText.MatchString(s)
	case "ip", "ipv4", "ipv6":
		a, err := netip.ParseAddr(s)
		return err == nil && (c.Format != "ipv4" || a.Is4()) && (c.Format != "ipv6" || a.Is6())
	case "email", "idn-email":
		return strings.Contains(s, "@")
	case "uri", "iri":
		return strings.Contains(s, ":")
	}
	return true
}

func numberFits(t *schema.Type, text string) bool {
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return false
	}
	whole := t.Kind != schema.Float && t.Kind != schema.Double
	if whole && !r.IsInt() || (t.Kind == schema.Uint32 || t.Kind == schema.Uint64) && r.Sign() < 0 {
		return false
	}
	c := t.Constraints
	if low := rat(c.Min); low != nil && (r.Cmp(low) < 0 || c.Min.Exclusive && r.Cmp(low) == 0) {
		return false
	}
	if high := rat(c.Max); high != nil && (r.Cmp(high) > 0 || c.Max.Exclusive && r.Cmp(high) == 0) {
		return false
	}
	if m, ok := new(big.Rat).SetString(c.MultipleOf); ok && m.Sign() != 0 && !new(big.Rat).Quo(r, m).IsInt() {
		return false
	}
	return true
}

// ruleExample is the JSON text of an example among protovalidate's rules, empty for none.
func ruleExample(t *schema.Type) string {
	rules := t.Constraints.Rules
	if rules == nil {
		return ""
	}
	m := rules.ProtoReflect()
	typed := m.WhichOneof(m.Descriptor().Oneofs().ByName("type"))
	if typed == nil || typed.Message() == nil {
		return ""
	}
	field := typed.Message().Fields().ByName("example")
	if field == nil || !field.IsList() {
		return ""
	}
	list := m.Get(typed).Message().Get(field).List()
	for i := range list.Len() {
		if text, err := json.Marshal(list.Get(i).Interface()); err == nil {
			return string(text)
		}
	}
	return ""
}
