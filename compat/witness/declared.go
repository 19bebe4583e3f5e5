package witness

import (
	"encoding/base64"
	"unicode/utf8"

	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
)

// declared is what a message has a name for of an object: readers keep more where the schema says so. Text that is not
// UTF-8 is text here.
func declared(m *schema.Message, object map[string]any) map[string]any {
	out := map[string]any{}
	for _, f := range m.Fields {
		if v, there := object[f.JSONName]; there {
			out[f.JSONName] = declaredIn(f.Type, v)
		}
	}
	return out
}

func declaredIn(t *schema.Type, v any) any {
	switch x := v.(type) {
	case map[string]any:
		switch {
		case t.Kind == schema.MessageKind && !values.OwnForm(t.Message):
			return declared(t.Message, x)
		case t.Kind == schema.Map:
			out := make(map[string]any, len(x))
			for k, e := range x {
				out[k] = declaredIn(t.Elem, e)
			}
			return out
		}
	case []any:
		switch {
		case t.Kind == schema.List:
			out := make([]any, len(x))
			for i, e := range x {
				out[i] = declaredIn(t.Elem, e)
			}
			return out
		case t.Kind == schema.String && len(x) == 1:
			text, _ := x[0].(string)
			if raw, err := base64.StdEncoding.DecodeString(text); err == nil {
				return string(raw)
			}
		}
	}
	return v
}

// rawAsArrays puts text that is not UTF-8 as JSON has it beside the binary form.
func rawAsArrays(v any) any {
	switch x := v.(type) {
	case string:
		if !utf8.ValidString(x) {
			return []any{[]byte(x)}
		}
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = rawAsArrays(e)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(x))
		for k, e := range x {
			out[k] = rawAsArrays(e)
		}
		return out
	}
	return v
}
