package valuestest

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
)

// Loosen returns a copy of a schema of [Maker.EventSchema] that takes all that the schema takes, and more: with a
// keyword less, a bound further out, another value of an enum, or a property more that may be absent. It also says what
// it did; empty where it found nothing to loosen.
func (m *Maker) Loosen(event map[string]any) (out map[string]any, what string) {
	out = decoded(event)
	for range 10 {
		objects := []map[string]any{out}
		if d, ok := out["$defs"].(map[string]any)["D"].(map[string]any); ok {
			objects = append(objects, d)
		}
		if what := m.loosenObject(pick(m, objects)); what != "" {
			return out, what
		}
	}
	return out, ""
}

func decoded(v map[string]any) map[string]any {
	var out map[string]any
	if err := json.Unmarshal([]byte(write(v)), &out); err != nil {
		panic(err) // it was written a line ago
	}
	return out
}

func (m *Maker) loosenObject(o map[string]any) string {
	properties, _ := o["properties"].(map[string]any)
	switch m.IntN(5) {
	case 0:
		if required, ok := o["required"].([]any); ok {
			if o["required"] = required[1:]; len(required) == 1 {
				delete(o, "required")
			}
			return "a property is not required any more"
		}
	case 1:
		if o["additionalProperties"] == false {
			delete(o, "additionalProperties")
			return "an object is not closed any more"
		}
	case 2:
		if rest := o["additionalProperties"]; (rest == nil || rest == false) && properties["d"] == nil {
			properties["d"] = m.eventProperty(0)
			return "a property more"
		}
	default:
		names := slices.Sorted(maps.Keys(properties))
		if p, ok := properties[pick(m, names)].(map[string]any); ok {
			return m.loosenProperty(p)
		}
	}
	return ""
}

func (m *Maker) loosenProperty(p map[string]any) string {
	if items, ok := p["items"].(map[string]any); ok && m.IntN(2) == 0 {
		p = items
	}
	switch m.IntN(3) {
	case 0:
		if list, ok := p["enum"].([]any); ok {
			p["enum"] = append(list, "z")
			return "a value more of an enum"
		}
	case 1:
		for _, keyword := range []string{"minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"} {
			n, ok := p[keyword].(float64)
			if !ok {
				continue
			}
			if keyword[:3] == "max" {
				n++
			} else if n--; n < 0 && keyword != "minimum" {
				continue
			}
			p[keyword] = json.RawMessage(strconv.Itoa(int(n)))
			return keyword + " further out"
		}
	default:
		for _, keyword := range []string{"pattern", "format", "multipleOf", "uniqueItems", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"} {
			if p[keyword] != nil {
				delete(p, keyword)
				return "no " + keyword + " any more"
			}
		}
	}
	return ""
}
