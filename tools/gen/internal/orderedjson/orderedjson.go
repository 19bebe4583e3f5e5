// Package orderedjson writes JSON objects whose members keep the order they were given in.
package orderedjson

import (
	"bytes"
	"encoding/json"
	"slices"
)

// Object is a JSON object. The zero value is empty.
type Object struct {
	names  []string
	values map[string]any
}

// Set adds a member, or replaces its value in place. A value is anything encoding/json takes, an *Object, or a
// json.RawMessage.
func (o *Object) Set(name string, value any) {
	if o.values == nil {
		o.values = map[string]any{}
	}
	if _, ok := o.values[name]; !ok {
		o.names = append(o.names, name)
	}
	o.values[name] = value
}

// SetText adds a member unless its text is empty.
func (o *Object) SetText(name, value string) {
	if value != "" {
		o.Set(name, value)
	}
}

// Has reports whether there is a member of that name.
func (o *Object) Has(name string) bool { _, ok := o.values[name]; return ok }

// Get returns a member's value, nil when there is none.
func (o *Object) Get(name string) any { return o.values[name] }

// Names lists the members' names, in their order.
func (o *Object) Names() []string { return slices.Clone(o.names) }

// Len is the number of members.
func (o *Object) Len() int { return len(o.names) }

// MarshalJSON writes the members in their order.
func (o *Object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, name := range o.names {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := encode(&b, name); err != nil {
			return nil, err
		}
		b.WriteByte(':')
		if err := encode(&b, o.values[name]); err != nil {
			return nil, err
		}
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func encode(b *bytes.Buffer, v any) error {
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	b.Truncate(b.Len() - 1) // the encoder ends with a newline
	return nil
}

// Indent writes v for people to read: two spaces a level, a newline at the end, nothing escaped for HTML.
func Indent(v any) ([]byte, error) {
	var compact, out bytes.Buffer
	if err := encode(&compact, v); err != nil {
		return nil, err
	}
	if err := json.Indent(&out, compact.Bytes(), "", "  "); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}
