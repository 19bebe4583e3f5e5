package compat_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
)

// jsonMaker makes random JSON Schemas of events that the model holds, edits of them, and events.
type jsonMaker struct{ *rand.Rand }

var names = []string{"a", "b", "c"}

func (g *jsonMaker) schema() map[string]any {
	out := g.object(2)
	out["$schema"], out["title"] = "https://json-schema.org/draft/2020-12/schema", "A"
	out["$defs"] = map[string]any{"D": g.object(1), "E": map[string]any{"type": "string", "enum": g.list()}}
	return out
}

// text writes a schema down, without definitions that nothing refers to.
func (g *jsonMaker) text(t *testing.T, s map[string]any) string {
	t.Helper()
	all := s["$defs"].(map[string]any)
	used := map[string]any{}
	use := func(by any) {
		text := write(t, by)
		for name, d := range all {
			if strings.Contains(text, "#/$defs/"+name) {
				used[name] = d
			}
		}
	}
	use([]any{s["properties"], s["additionalProperties"]})
	if d := used["D"]; d != nil {
		use(d)
	}
	s = maps.Clone(s)
	s["$defs"] = used
	return write(t, s)
}

func (g *jsonMaker) object(depth int) map[string]any {
	properties := map[string]any{}
	for _, n := range names[:1+g.IntN(len(names))] {
		properties[n] = g.property(depth - 1)
	}
	out := map[string]any{"type": "object", "properties": properties}
	var required []any
	for _, n := range names {
		if properties[n] != nil && g.IntN(3) == 0 {
			required = append(required, n)
		}
	}
	if required != nil {
		out["required"] = required
	}
	switch g.IntN(4) {
	case 0:
		out["additionalProperties"] = false
	case 1:
		out["additionalProperties"] = g.scalar()
	}
	return out
}

func (g *jsonMaker) property(depth int) map[string]any {
	switch n := g.IntN(11); {
	case n == 0 && depth > 0:
		return g.object(depth)
	case n == 1:
		out := g.limited(map[string]any{"type": "array", "items": g.item(depth)}, "minItems", "maxItems", 3)
		if g.IntN(4) == 0 {
			out["uniqueItems"] = true
		}
		return out
	case n == 2:
		return g.limited(map[string]any{"type": "object", "additionalProperties": g.item(depth)}, "minProperties", "maxProperties", 3)
	case n == 3:
		return map[string]any{"$ref": "#/$defs/" + []string{"D", "E"}[g.IntN(2)]}
	}
	out := g.scalar()
	switch {
	case g.IntN(6) == 0 && out["enum"] == nil && out["const"] == nil:
		out["type"] = []any{out["type"], "null"}
	case g.IntN(5) == 0:
		g.fill(out)
	}
	return out
}

// item is what lists and maps hold.
func (g *jsonMaker) item(depth int) map[string]any {
	switch n := g.IntN(4); {
	case n == 0 && depth > 0:
		return g.object(depth - 1)
	case n == 1:
		return map[string]any{"$ref": "#/$defs/D"}
	}
	return g.scalar()
}

// fill gives a property a default, which its own rules mostly allow.
func (g *jsonMaker) fill(p map[string]any) {
	switch p["type"] {
	case "boolean":
		p["default"] = true
	case "string":
		p["default"] = []string{"a", "ab"}[g.IntN(2)]
		if list, ok := p["enum"].([]any); ok {
			p["default"] = list[0]
		}
	case "integer", "number":
		p["default"] = 2 + g.IntN(2)
	}
}

func (g *jsonMaker) list() []any {
	list := []any{"a", "ab", "b", "1"}
	g.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list[:1+g.IntN(3)]
}

func (g *jsonMaker) scalar() map[string]any {
	switch g.IntN(8) {
	case 0:
		return map[string]any{"type": "boolean"}
	case 1:
		return map[string]any{"type": "string", "enum": g.list()}
	case 4:
		return map[string]any{"type": "string", "format": []string{"email", "uuid", "date-time", "ipv4", "uri"}[g.IntN(5)]}
	case 5:
		return map[string]any{"type": "string", "const": []string{"a", "b"}[g.IntN(2)]}
	case 2, 3:
		out := g.limited(map[string]any{"type": "string"}, "minLength", "maxLength", 4)
		if g.IntN(3) == 0 {
			out["pattern"] = []string{"^a", "b$", "^[ab]*$", "^(a|ab)$", "^.{1,2}$", "1"}[g.IntN(6)]
		}
		return out
	}
	out := g.limited(map[string]any{"type": []string{"integer", "number"}[g.IntN(2)]}, "minimum", "maximum", 6)
	if g.IntN(4) == 0 {
		out["multipleOf"] = 1 + g.IntN(3)
	}
	return out
}

func (g *jsonMaker) limited(out map[string]any, low, high string, most int) map[string]any {
	n := g.IntN(most)
	if g.IntN(3) == 0 {
		out[low] = n
	}
	if g.IntN(3) == 0 {
		out[high] = n + g.IntN(most)
	}
	return out
}

// edit changes one thing.
func (g *jsonMaker) edit(event map[string]any) map[string]any {
	var out map[string]any
	text, _ := json.Marshal(event)
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if dec.Decode(&out) != nil {
		return event
	}
	fresh := g.schema()
	switch g.IntN(8) {
	case 6:
		out["$defs"] = fresh["$defs"]
	case 7:
		d := out["$defs"].(map[string]any)["D"].(map[string]any)
		d["properties"].(map[string]any)[names[g.IntN(len(names))]] = g.property(0)
	case 0:
		delete(out, "additionalProperties")
		if v, ok := fresh["additionalProperties"]; ok {
			out["additionalProperties"] = v
		}
	case 1:
		properties := out["properties"].(map[string]any)
		var required []any
		for _, n := range names {
			if properties[n] != nil && g.IntN(2) == 0 {
				required = append(required, n)
			}
		}
		if delete(out, "required"); required != nil {
			out["required"] = required
		}
	default:
		properties := out["properties"].(map[string]any)
		n := names[g.IntN(len(names))]
		if p, ok := properties[n].(map[string]any); ok && g.IntN(2) == 0 {
			for _, k := range []string{"minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "multipleOf", "pattern", "format", "default", "uniqueItems"} {
				if p[k] != nil && g.IntN(2) == 0 {
					delete(p, k)
				}
			}
		} else {
			properties[n] = g.property(1)
		}
	}
	return out
}

func (g *jsonMaker) value() map[string]any {
	out := map[string]any{}
	for _, n := range append([]string{"d"}, names...) {
		if g.IntN(2) == 0 {
			out[n] = g.inner(2)
		}
	}
	return out
}

func (g *jsonMaker) inner(depth int) any {
	switch n := g.IntN(9); {
	case n == 0:
		return g.IntN(2) == 0
	case n == 1:
		return nil
	case n < 5:
		return []string{"", "a", "b", "ab", "1", "abb", "bbbbb", "a@example.com", "123e4567-e89b-42d3-a456-426614174000",
			"2025-10-16T12:34:56Z", "127.0.0.1", "https://example.com/"}[g.IntN(12)]
	case n == 5 && depth > 0:
		list := []any{}
		for range g.IntN(3) {
			list = append(list, g.inner(depth-1))
		}
		return list
	case n == 6 && depth > 0:
		out := map[string]any{}
		for _, k := range names {
			if g.IntN(2) == 0 {
				out[k] = g.inner(depth - 1)
			}
		}
		return out
	}
	return json.Number(fmt.Sprint([]any{0, 1, 2, 3, 4, 6, 0.5, 2.5, -1, 12}[g.IntN(10)]))
}
