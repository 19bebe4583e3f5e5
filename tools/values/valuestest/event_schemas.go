package valuestest

import (
	"bytes"
	"encoding/json"
	"maps"
	"strings"
)

// EventSchema makes the schema of an event, of keywords that the model of schemas holds, and of those that it does not
// hold beside them where Beside is set.
func (m *Maker) EventSchema() map[string]any {
	out := m.eventObject(2)
	if m.Beside && m.IntN(3) == 0 {
		m.beside(out)
	}
	out["$schema"], out["title"] = "https://json-schema.org/draft/2020-12/schema", "A"
	out["$defs"] = map[string]any{"D": m.eventObject(1), "E": map[string]any{"type": "string", "enum": m.list()}}
	return out
}

// EventSchemaText writes a schema of [Maker.EventSchema] down, without definitions that nothing refers to.
func EventSchemaText(s map[string]any) string {
	all := s["$defs"].(map[string]any)
	used := map[string]any{}
	use := func(by any) {
		text := write(by)
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
	return write(s)
}

func write(v any) string {
	var b strings.Builder
	if err := json.NewEncoder(&b).Encode(v); err != nil {
		panic(err) // it is made of what JSON has
	}
	return b.String()
}

func (m *Maker) eventObject(depth int) map[string]any {
	properties := map[string]any{}
	for _, n := range eventWords.names[:1+m.IntN(len(eventWords.names))] {
		properties[n] = m.eventProperty(depth - 1)
	}
	out := map[string]any{"type": "object", "properties": properties}
	var required []any
	for _, n := range eventWords.names {
		if properties[n] != nil && m.IntN(3) == 0 {
			required = append(required, n)
		}
	}
	if required != nil {
		out["required"] = required
	}
	switch m.IntN(4) {
	case 0:
		out["additionalProperties"] = false
	case 1:
		out["additionalProperties"] = m.eventScalar()
	}
	return out
}

// besides are what may stand beside the keywords that the model holds of an object.
var besides = []string{"minProperties", "maxProperties", "dependentRequired", "dependentSchemas", "patternProperties", "propertyNames", "if", "not", "allOf", "anyOf", "oneOf"}

// beside puts a keyword into an object that the model does not hold, or takes one out.
func (m *Maker) beside(o map[string]any) {
	keyword := pick(m, besides)
	one := func() map[string]any {
		return map[string]any{"properties": map[string]any{pick(m, eventWords.names): m.eventScalar()}}
	}
	if o[keyword] != nil && m.IntN(2) == 0 {
		delete(o, keyword)
		delete(o, "then")
		return
	}
	switch keyword {
	case "minProperties", "maxProperties":
		o[keyword] = 1 + m.IntN(3)
	case "dependentRequired":
		o[keyword] = map[string]any{pick(m, eventWords.names): []any{pick(m, eventWords.names)}}
	case "dependentSchemas":
		o[keyword] = map[string]any{pick(m, eventWords.names): one()}
	case "patternProperties":
		o[keyword] = map[string]any{pick(m, []string{"^a", "^x", "b$"}): m.eventScalar()}
	case "propertyNames":
		o[keyword] = map[string]any{"maxLength": 1 + m.IntN(3)}
	case "if":
		o["if"], o["then"] = one(), one()
	case "not":
		o[keyword] = map[string]any{"required": []any{pick(m, eventWords.names), pick(m, eventWords.names)}}
	default:
		o[keyword] = []any{one(), one()}
	}
}

func (m *Maker) eventProperty(depth int) map[string]any {
	switch n := m.IntN(11); {
	case n == 0 && depth > 0:
		return m.eventObject(depth)
	case n == 1:
		out := m.limited(map[string]any{"type": "array", "items": m.eventItem(depth)}, "minItems", "maxItems", 3)
		if m.IntN(4) == 0 {
			out["uniqueItems"] = true
		}
		return out
	case n == 2:
		return m.limited(map[string]any{"type": "object", "additionalProperties": m.eventItem(depth)}, "minProperties", "maxProperties", 3)
	case n == 3:
		return map[string]any{"$ref": "#/$defs/" + []string{"D", "E"}[m.IntN(2)]}
	}
	out := m.eventScalar()
	switch {
	case m.IntN(6) == 0 && out["enum"] == nil && out["const"] == nil:
		out["type"] = []any{out["type"], "null"}
	case m.IntN(5) == 0:
		m.fill(out)
	}
	return out
}

// item is what lists and maps hold.
func (m *Maker) eventItem(depth int) map[string]any {
	switch n := m.IntN(4); {
	case n == 0 && depth > 0:
		return m.eventObject(depth - 1)
	case n == 1:
		return map[string]any{"$ref": "#/$defs/D"}
	}
	return m.eventScalar()
}

// fill gives a property a default, which its own rules mostly allow.
func (m *Maker) fill(p map[string]any) {
	switch p["type"] {
	case "boolean":
		p["default"] = true
	case "string":
		p["default"] = []string{"a", "ab"}[m.IntN(2)]
		if list, ok := p["enum"].([]any); ok {
			p["default"] = list[0]
		}
	case "integer", "number":
		p["default"] = 2 + m.IntN(2)
	}
}

func (m *Maker) list() []any {
	list := []any{"a", "ab", "b", "1"}
	m.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list[:1+m.IntN(3)]
}

func (m *Maker) eventScalar() map[string]any {
	switch m.IntN(8) {
	case 0:
		return map[string]any{"type": "boolean"}
	case 1:
		return map[string]any{"type": "string", "enum": m.list()}
	case 4:
		return map[string]any{"type": "string", "format": []string{"email", "uuid", "date-time", "ipv4", "uri"}[m.IntN(5)]}
	case 5:
		return map[string]any{"type": "string", "const": []string{"a", "b"}[m.IntN(2)]}
	case 2, 3:
		out := m.limited(map[string]any{"type": "string"}, "minLength", "maxLength", 4)
		if m.IntN(3) == 0 {
			out["pattern"] = []string{"^a", "b$", "^[ab]*$", "^(a|ab)$", "^.{1,2}$", "1"}[m.IntN(6)]
		}
		return out
	}
	out := m.limited(map[string]any{"type": []string{"integer", "number"}[m.IntN(2)]}, "minimum", "maximum", 6)
	if m.IntN(4) == 0 {
		out["multipleOf"] = 1 + m.IntN(3)
	}
	return out
}

func (m *Maker) limited(out map[string]any, low, high string, most int) map[string]any {
	n := m.IntN(most)
	if m.IntN(3) == 0 {
		out[low] = n
	}
	if m.IntN(3) == 0 {
		out[high] = n + m.IntN(most)
	}
	return out
}

// EditEventSchema returns a copy of a schema of [Maker.EventSchema] with one thing changed.
func (m *Maker) EditEventSchema(event map[string]any) map[string]any {
	var out map[string]any
	text, _ := json.Marshal(event)
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if dec.Decode(&out) != nil {
		return event
	}
	fresh := m.EventSchema()
	if m.Beside && m.IntN(3) == 0 {
		m.beside(out)
		return out
	}
	switch m.IntN(8) {
	case 6:
		out["$defs"] = fresh["$defs"]
	case 7:
		d := out["$defs"].(map[string]any)["D"].(map[string]any)
		d["properties"].(map[string]any)[eventWords.names[m.IntN(len(eventWords.names))]] = m.eventProperty(0)
	case 0:
		delete(out, "additionalProperties")
		if v, ok := fresh["additionalProperties"]; ok {
			out["additionalProperties"] = v
		}
	case 1:
		properties := out["properties"].(map[string]any)
		var required []any
		for _, n := range eventWords.names {
			if properties[n] != nil && m.IntN(2) == 0 {
				required = append(required, n)
			}
		}
		if delete(out, "required"); required != nil {
			out["required"] = required
		}
	default:
		properties := out["properties"].(map[string]any)
		n := eventWords.names[m.IntN(len(eventWords.names))]
		if p, ok := properties[n].(map[string]any); ok && m.IntN(2) == 0 {
			for _, k := range []string{"minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "multipleOf", "pattern", "format", "default", "uniqueItems"} {
				if p[k] != nil && m.IntN(2) == 0 {
					delete(p, k)
				}
			}
		} else {
			properties[n] = m.eventProperty(1)
		}
	}
	return out
}
