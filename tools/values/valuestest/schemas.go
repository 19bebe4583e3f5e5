// Package valuestest makes random JSON Schemas, edits of them, values and events, for tests that search for
// contradictions.
package valuestest

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/omninode/trestle/tools/values"
)

var (
	names    = []string{"a", "b", "ab", "c"}
	patterns = []string{"^a", "b$", "^[a-c]+$", "^(a|bb)$", "a.b", "^$", "^.{2}$", "[0-9]"}
	texts    = []string{"", "a", "b", "ab", "abc", "bb", "a1b", "é", "axb", "A", "a@example.com", "127.0.0.1"}
	numbers  = []string{"0", "1", "2", "3", "5", "6", "10", "-1", "-2", "0.5", "1.5", "12", "1e1", "1.0"}
	kinds    = []string{"string", "integer", "number", "boolean", "null", "object", "array"}
)

// words are what values are made of.
type words struct{ names, texts, numbers []string }

// Maker makes what tests need from one source of randomness.
type Maker struct {
	*rand.Rand
	// Draft7 leaves out the keywords that came later.
	Draft7 bool
	// Beside has events' schemas say things that the model of schemas does not hold.
	Beside bool
	values *values.Maker // made when it is needed
}

func pick[T any](m *Maker, list []T) T { return list[m.IntN(len(list))] }

// Schema makes a schema with at most depth schemas nested in it.
func (m *Maker) Schema(depth int) any {
	if m.IntN(14) == 0 {
		return m.IntN(3) != 0
	}
	out := map[string]any{}
	for range 1 + m.IntN(4) {
		m.keyword(out, depth)
	}
	return out
}

// Document makes a whole schema, with definitions that may refer to themselves.
func (m *Maker) Document(depth int) map[string]any {
	out, ok := m.Schema(depth).(map[string]any)
	if !ok || m.IntN(2) == 0 {
		out = m.object(depth)
	}
	out["$defs"] = map[string]any{"d": m.Schema(depth - 1), "r": m.object(depth - 1)}
	out["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	if m.Draft7 {
		out["$schema"] = "http://json-schema.org/draft-07/schema#"
	}
	return out
}

func (m *Maker) object(depth int) map[string]any {
	out := map[string]any{"type": "object"}
	m.add(out, "properties", depth)
	for range m.IntN(3) {
		m.add(out, pick(m, []string{"required", "additionalProperties", "properties"}), depth)
	}
	return out
}

func (m *Maker) keyword(out map[string]any, depth int) {
	flat := []string{
		"type", "type", "enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
		"minLength", "maxLength", "pattern", "format", "minItems", "maxItems", "uniqueItems", "required", "minProperties", "maxProperties",
	}
	deep := []string{
		"properties", "properties", "patternProperties", "additionalProperties", "propertyNames", "items", "contains",
		"allOf", "anyOf", "oneOf", "not", "if", "$ref", "dependent", "prefix", "unevaluatedProperties", "unevaluatedItems",
	}
	if depth > 0 && m.IntN(2) == 0 {
		m.add(out, pick(m, deep), depth)
		return
	}
	m.add(out, pick(m, flat), depth)
}

func (m *Maker) add(out map[string]any, keyword string, depth int) {
	if depth <= 0 && !slices.Contains([]string{"required"}, keyword) && slices.Contains([]string{"properties", "additionalProperties"}, keyword) {
		return
	}
	switch keyword {
	case "type":
		out[keyword] = pick(m, kinds)
		if m.IntN(3) == 0 {
			out[keyword] = []any{pick(m, kinds[:3]), pick(m, kinds[3:])}
		}
	case "enum":
		list := []any{m.Value(1), m.Value(0), pick(m, texts)}
		out[keyword] = slices.CompactFunc(list, func(a, b any) bool { return fmt.Sprint(a) == fmt.Sprint(b) })
	case "const":
		out[keyword] = m.Value(1)
	case "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum":
		out[keyword] = json.Number(pick(m, numbers))
	case "multipleOf":
		out[keyword] = json.Number(pick(m, []string{"1", "2", "3", "0.5", "4", "1.5"}))
	case "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "minContains", "maxContains":
		out[keyword] = json.Number(fmt.Sprint(m.IntN(4)))
	case "pattern":
		out[keyword] = pick(m, patterns)
	case "format":
		out[keyword] = pick(m, []string{"email", "ipv4", "uuid", "date-time"})
	case "uniqueItems":
		out[keyword] = m.IntN(3) != 0
	case "required":
		out[keyword] = []any{pick(m, names)}
	case "properties":
		p := map[string]any{}
		for range 1 + m.IntN(3) {
			p[pick(m, names)] = m.Schema(depth - 1)
		}
		out[keyword] = p
	case "patternProperties":
		out[keyword] = map[string]any{pick(m, patterns): m.Schema(depth - 1)}
	case "propertyNames":
		out[keyword] = map[string]any{pick(m, []string{"maxLength", "minLength"}): json.Number(fmt.Sprint(m.IntN(3)))}
		if m.IntN(2) == 0 {
			out[keyword] = map[string]any{"pattern": pick(m, patterns)}
		}
	case "contains":
		out[keyword] = m.Schema(depth - 1)
		if !m.Draft7 && m.IntN(3) == 0 {
			out[pick(m, []string{"minContains", "maxContains"})] = json.Number(fmt.Sprint(m.IntN(3)))
		}
	case "allOf", "anyOf", "oneOf":
		out[keyword] = []any{m.Schema(depth - 1), m.Schema(depth - 1)}
	case "if":
		out["if"] = m.Schema(depth - 1)
		out[pick(m, []string{"then", "else"})] = m.Schema(depth - 1)
	case "$ref":
		out[keyword] = pick(m, []string{"#/$defs/d", "#/$defs/r"})
	case "dependent":
		name := "dependentRequired"
		if m.Draft7 {
			name = "dependencies"
		}
		out[name] = map[string]any{pick(m, names): []any{pick(m, names)}}
	case "prefix":
		if m.Draft7 {
			out["items"] = []any{m.Schema(depth - 1)}
			out["additionalItems"] = m.Schema(depth - 1)
			return
		}
		out["prefixItems"] = []any{m.Schema(depth - 1)}
	case "unevaluatedProperties", "unevaluatedItems":
		if !m.Draft7 {
			out[keyword] = m.Schema(0)
		}
	default: // additionalProperties, items, not
		out[keyword] = m.Schema(depth - 1)
	}
}

// Edit returns a copy of a schema with something changed.
func (m *Maker) Edit(v any, depth int) any {
	s, ok := v.(map[string]any)
	if !ok {
		return m.Schema(depth)
	}
	out := maps.Clone(s)
	keys := slices.DeleteFunc(slices.Sorted(maps.Keys(out)), func(k string) bool { return k == "$schema" || k == "$defs" })
	if len(keys) == 0 {
		m.keyword(out, depth)
		return out
	}
	k := pick(m, keys)
	switch m.IntN(5) {
	case 0:
		m.keyword(out, depth)
		return out
	case 1:
		if k != "$ref" {
			delete(out, k)
		}
		return out
	}
	switch x := out[k].(type) {
	case map[string]any:
		if k == "properties" || k == "patternProperties" {
			p := maps.Clone(x)
			if name := pick(m, slices.Sorted(maps.Keys(p))); m.IntN(4) == 0 && len(p) > 1 {
				delete(p, name)
			} else {
				p[name] = m.Edit(p[name], depth-1)
			}
			if m.IntN(4) == 0 && k == "properties" {
				p[pick(m, names)] = m.Schema(depth - 1)
			}
			out[k] = p
		} else if k != "dependentRequired" && k != "dependencies" && k != "const" {
			out[k] = m.Edit(x, depth-1)
		}
	case []any:
		if k == "allOf" || k == "anyOf" || k == "oneOf" || k == "prefixItems" {
			list := slices.Clone(x)
			i := m.IntN(len(list))
			list[i] = m.Edit(list[i], depth-1)
			out[k] = list
		} else {
			m.add(out, k, depth)
		}
	default:
		m.add(out, k, depth)
	}
	return out
}

// Value makes a JSON value with numbers as json.Number.
func (m *Maker) Value(depth int) any { return m.value(depth, words{names, texts, numbers}) }

func (m *Maker) value(depth int, w words) any {
	n := 8
	if depth <= 0 {
		n = 5
	}
	switch m.IntN(n) {
	case 0:
		return nil
	case 1:
		return m.IntN(2) == 0
	case 2:
		return json.Number(pick(m, w.numbers))
	case 3, 4:
		return pick(m, w.texts)
	case 5:
		out := []any{}
		for range m.IntN(4) {
			out = append(out, m.value(depth-1, w))
		}
		return out
	}
	out := map[string]any{}
	for range m.IntN(4) {
		out[pick(m, w.names)] = m.value(depth-1, w)
	}
	return out
}
