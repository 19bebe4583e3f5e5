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
	w := newWriter()
	err := w.value(o)
	return w.b.Bytes(), err
}

// writer writes values one after the other: objects in objects are written in place, and not by encoding/json, which
// would read again at every level what stands below it.
type writer struct {
	b     bytes.Buffer
	other *json.Encoder // of all that is no object and no list of them
}

func newWriter() *writer {
	w := &writer{}
	w.other = json.NewEncoder(&w.b)
	w.other.SetEscapeHTML(false)
	return w
}

func (w *writer) value(v any) error {
	switch v := v.(type) {
	case *Object:
		if v == nil {
			break
		}
		return w.list('{', len(v.names), '}', func(i int) error {
			if err := w.value(v.names[i]); err != nil {
				return err
			}
			w.b.WriteByte(':')
			return w.value(v.values[v.names[i]])
		})
	case []*Object:
		if v == nil {
			break
		}
		return w.list('[', len(v), ']', func(i int) error { return w.value(v[i]) })
	case []any:
		if v == nil {
			break
		}
		return w.list('[', len(v), ']', func(i int) error { return w.value(v[i]) })
	}
	if err := w.other.Encode(v); err != nil {
		return err
	}
	w.b.Truncate(w.b.Len() - 1) // the encoder ends with a newline
	return nil
}

func (w *writer) list(begin byte, n int, end byte, item func(int) error) error {
	w.b.WriteByte(begin)
	for i := range n {
		if i > 0 {
			w.b.WriteByte(',')
		}
		if err := item(i); err != nil {
			return err
		}
	}
	w.b.WriteByte(end)
	return nil
}

// Indent writes v for people to read: two spaces a level, a newline at the end, nothing escaped for HTML.
func Indent(v any) ([]byte, error) {
	w := newWriter()
	if err := w.value(v); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := json.Indent(&out, w.b.Bytes(), "", "  "); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}
