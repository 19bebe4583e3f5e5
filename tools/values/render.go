package values

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"github.com/omninode/trestle/tools/schema"
)

// Render writes an object of a message compactly, members in the order of the schema, others after them by name.
func Render(m *schema.Message, object map[string]any) ([]byte, error) {
	var b bytes.Buffer
	err := renderObject(&b, m, nil, object)
	return b.Bytes(), err
}

// renderObject writes an object of a message, or a map of a type.
func renderObject(b *bytes.Buffer, m *schema.Message, rest *schema.Type, object map[string]any) error {
	left := make(map[string]*schema.Type, len(object))
	for name := range object {
		left[name] = rest
	}
	var names []string
	if m != nil {
		for _, f := range m.Fields {
			if _, there := left[f.JSONName]; there {
				left[f.JSONName] = f.Type
				names = append(names, f.JSONName)
			}
		}
	}
	declared := len(names)
	for name := range left {
		if !slices.Contains(names[:declared], name) {
			names = append(names, name)
		}
	}
	slices.Sort(names[declared:])
	b.WriteByte('{')
	for i, name := range names {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := renderText(b, name); err != nil {
			return err
		}
		b.WriteByte(':')
		if err := renderValue(b, left[name], object[name]); err != nil {
			return err
		}
	}
	b.WriteByte('}')
	return nil
}

func renderValue(b *bytes.Buffer, t *schema.Type, v any) error {
	switch x := v.(type) {
	case map[string]any:
		switch {
		case t == nil:
		case t.Kind == schema.MessageKind:
			return renderObject(b, t.Message, nil, x)
		case t.Kind == schema.Map:
			return renderObject(b, nil, t.Elem, x)
		case t.Union != nil:
			return renderObject(b, variantOf(t.Union, x), nil, x)
		}
		return renderObject(b, nil, nil, x)
	case []any:
		var elem *schema.Type
		if t != nil && t.Kind == schema.List {
			elem = t.Elem
		}
		b.WriteByte('[')
		for i, e := range x {
			if i > 0 {
				b.WriteByte(',')
			}
			if err := renderValue(b, elem, e); err != nil {
				return err
			}
		}
		b.WriteByte(']')
		return nil
	}
	return renderText(b, v)
}

// variantOf is the message of a union that an object is of, nil for none.
func variantOf(u *schema.Union, object map[string]any) *schema.Message {
	value, ok := object[u.Property].(string)
	for _, v := range u.Variants {
		if ok && slices.Contains(v.Values, value) {
			return v.Message
		}
	}
	return nil
}

func renderText(b *bytes.Buffer, v any) error {
	var text strings.Builder
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	b.WriteString(strings.TrimSuffix(text.String(), "\n"))
	return err
}
