package jsonschema

import (
	"encoding/json"

	"github.com/omninode/trestle/tools/schema"
)

// constInto adds the only value, and null where that is another.
func constInto(o *object, c schema.Constraints, null bool) {
	switch {
	case c.Const == "" || !json.Valid([]byte(c.Const)):
	case null && len(c.In) > 0 && !contains(c.In, c.Const):
		o.Set("enum", []json.RawMessage{json.RawMessage("null")})
	case null:
		o.Set("enum", []json.RawMessage{json.RawMessage(c.Const), json.RawMessage("null")})
	default:
		o.Set("const", json.RawMessage(c.Const))
	}
}

func listsInto(o *object, c schema.Constraints, null bool) {
	raw := func(texts []string) []json.RawMessage {
		var out []json.RawMessage
		for _, text := range texts {
			if json.Valid([]byte(text)) {
				out = append(out, json.RawMessage(text))
			}
		}
		return out
	}
	constInto(o, c, null)
	if in := raw(c.In); len(in) > 0 && !o.Has("enum") {
		if null {
			in = append(in, json.RawMessage("null"))
		}
		o.Set("enum", in)
	}
	if notIn := raw(c.NotIn); len(notIn) > 0 {
		not := &object{}
		not.Set("enum", notIn)
		o.Set("not", not)
	}
}
