package golang

import (
	"encoding/json"
	"fmt"

	"github.com/omninode/trestle/tools/schema"
)

// jsonFormats are JSON Schema's formats: the check in runtime/genapi/format, and what a violation calls the form.
var jsonFormats = map[string]struct{ function, words string }{
	"date":          {"Date", "date"},
	"time":          {"TimeOfDay", "time"},
	"duration":      {"Period", "duration"},
	"email":         {"Mailbox", "email"},
	"hostname":      {"Hostname", "hostname"},
	"ipv4":          {"IPv4", "ipv4"},
	"ipv6":          {"IPv6Bare", "ipv6"},
	"uri":           {"URI", "uri"},
	"uri-reference": {"URIReference", "uri-reference"},
	"uuid":          {"UUID", "UUID"},
	"json-pointer":  {"JSONPointer", "json-pointer"},
	"regex":         {"Regexp", "regex"},
	"iri":           {"IRI", "iri"}, "iri-reference": {"IRIReference", "iri-reference"}, "uri-template": {"URITemplate", "uri-template"},
	"relative-json-pointer": {"RelativeJSONPointer", "relative-json-pointer"},
}

// stringKeywords checks strings. date-time is not among the formats here: it is a type of its own.
func (g *file) stringKeywords(r valueRule, c schema.Constraints) ([]string, error) {
	var lines []string
	add := func(cond, rule, message string) {
		lines = append(lines, g.check(cond, r, finding{rule: rule, text: message, found: g.shown(r)}))
	}
	runes := func() string { return g.std("unicode/utf8", "RuneCountInString") + "(" + r.expr + ")" }
	if c.MinLen != nil && *c.MinLen > 0 {
		add(tooShort(runes, r.expr, *c.MinLen), "minLength", "must be at least "+plural(*c.MinLen, "character"))
	}
	if c.MaxLen != nil {
		add(fmt.Sprintf("len(%s) > %d && %s > %d", r.expr, size(*c.MaxLen), runes(), size(*c.MaxLen)), "maxLength", "must be at most "+plural(*c.MaxLen, "character"))
	}
	if c.Pattern != "" {
		matches, err := g.patterns.matchesECMA(c.Pattern, jsonTypeName(r.field.Message)+camel(r.field.Name), r.expr)
		if err != nil {
			return nil, refuse(c.Pos, fieldName(r.field), "pattern is %v", err)
		}
		add("!"+matches, "pattern", "must match the pattern `"+c.Pattern+"`")
	}
	if f, ok := jsonFormats[c.Format]; ok {
		add("!"+g.format(f.function)+"("+r.expr+")", "format", "must be a valid "+f.words)
	}
	list, err := g.listKeywords(r, c, func(text string) (string, error) {
		var s string
		if err := json.Unmarshal([]byte(text), &s); err != nil {
			return "", refuse(c.Pos, fieldName(r.field), "%s is no string", text)
		}
		return goString(s), nil
	})
	return append(lines, list...), err
}
