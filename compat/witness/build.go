package witness

import (
	"bytes"
	"encoding/json"
	"iter"
	"maps"
	"slices"
	"strconv"

	"github.com/omninode/trestle/tools/schema"
)

// minimal returns the smallest object of a message: what is required and nothing else; nil for a message that requires
// itself.
func (b *builder) minimal(m *schema.Message) map[string]any {
	if out, ok := b.smallest[m]; ok {
		return out
	}
	b.smallest[m] = nil
	out := map[string]any{}
	for _, f := range m.Fields {
		if !b.demanded(f) {
			continue
		}
		v := b.sample(f.Type)
		if v == nil {
			return nil
		}
		out[f.JSONName] = v
	}
	for _, o := range m.Oneofs {
		if o.Required && len(o.Fields) > 0 {
			out[o.Fields[0].JSONName] = b.sample(o.Fields[0].Type)
		}
	}
	b.smallest[m] = out
	return out
}

// demanded says whether an object must have the field.
func (b *builder) demanded(f *schema.Field) bool {
	if f.Language() == schema.JSONSchema {
		return (f.Required || f.JSONRequired) && f.Default == ""
	}
	return f.Oneof == nil && !b.space.TakesAbsent(f)
}

// full returns an object with every field set, fields of messages as small as they can be.
func (b *builder) full(m *schema.Message) map[string]any {
	out := map[string]any{}
	for _, f := range m.Fields {
		if f.Oneof != nil && f.Oneof.Fields[0] != f {
			continue
		}
		if v := b.sample(f.Type); v != nil {
			out[f.JSONName] = v
		}
	}
	return out
}

// set returns a copy of an object with a value at the end of the steps.
func (b *builder) set(base map[string]any, steps []way, value any) (map[string]any, bool) {
	out := make(map[string]any, len(base)+1)
	for k, v := range base {
		out[k] = v
	}
	f := steps[0].writer
	if f == nil {
		return out, len(steps) == 1 // the writer has no such field: its event is as it is
	}
	if f.Oneof != nil {
		for _, other := range f.Oneof.Fields {
			delete(out, other.JSONName)
		}
	}
	if len(steps) == 1 {
		if _, gone := value.(absent); gone {
			delete(out, f.JSONName)
		} else {
			out[f.JSONName] = value
		}
		return out, true
	}
	inner := record(f.Type)
	if inner == nil {
		return nil, false
	}
	small := b.minimal(inner)
	if small == nil {
		return nil, false
	}
	child, ok := b.set(small, steps[1:], value)
	if !ok {
		return nil, false
	}
	out[f.JSONName] = wrap(f.Type, child)
	return out, true
}

// record returns the message at the bottom of lists and maps, or nil.
func record(t *schema.Type) *schema.Message {
	for t != nil && (t.Kind == schema.List || t.Kind == schema.Map) {
		t = t.Elem
	}
	if t == nil || t.Kind != schema.MessageKind {
		return nil
	}
	return t.Message
}

// wrap puts an object into the lists and maps of a type around it.
func wrap(t *schema.Type, v any) any {
	switch t.Kind {
	case schema.List:
		return []any{wrap(t.Elem, v)}
	case schema.Map:
		return map[string]any{someKeys(t, 1)[0]: wrap(t.Elem, v)}
	}
	return v
}

// someKeys returns n different keys of a map, fewer where there are no more.
func someKeys(t *schema.Type, n int) []string {
	kind := schema.String
	if t.Key != nil {
		kind = t.Key.Kind
	}
	var out []string
	for i := range n {
		switch {
		case kind == schema.Bool && i < 2:
			out = append(out, strconv.FormatBool(i == 0))
		case kind == schema.String:
			out = append(out, "k"+strconv.Itoa(i))
		case kind != schema.Bool:
			out = append(out, strconv.Itoa(i+1))
		}
	}
	if kind == schema.String && n == 1 {
		return []string{"a"}
	}
	return out
}

// pairsAlong yields the objects at the end of some steps, as written and as read.
func pairsAlong(steps []way, written, got map[string]any) iter.Seq2[map[string]any, map[string]any] {
	return func(yield func(w, g map[string]any) bool) { walkPairs(steps, written, got, yield) }
}

func walkPairs(steps []way, written, got map[string]any, yield func(w, g map[string]any) bool) bool {
	if len(steps) == 0 {
		return yield(written, got)
	}
	s := steps[0]
	if s.writer == nil || s.reader == nil {
		return true
	}
	return within(s.writer.Type, s.reader.Type, written[s.writer.JSONName], got[s.reader.JSONName], func(w, g map[string]any) bool {
		return walkPairs(steps[1:], w, g, yield)
	})
}

// within calls f with the objects in two values, through the lists and maps that both have.
func within(w, r *schema.Type, written, got any, f func(w, g map[string]any) bool) bool {
	switch x := written.(type) {
	case []any:
		y, ok := got.([]any)
		for i := 0; ok && i < min(len(x), len(y)) && w.Kind == schema.List && r.Kind == schema.List; i++ {
			if !within(w.Elem, r.Elem, x[i], y[i], f) {
				return false
			}
		}
	case map[string]any:
		y, ok := got.(map[string]any)
		switch {
		case ok && w.Kind == schema.Map && r.Kind == schema.Map:
			for _, k := range slices.Sorted(maps.Keys(x)) {
				if !within(w.Elem, r.Elem, x[k], y[k], f) {
					return false
				}
			}
		case ok && w.Kind != schema.Map && r.Kind != schema.Map:
			return f(x, y)
		}
	}
	return true
}

// render writes an object compactly, its members in the order of the schema, others after them by name.
func render(m *schema.Message, v map[string]any) ([]byte, error) {
	var b bytes.Buffer
	err := renderObject(&b, m, v)
	return b.Bytes(), err
}

func renderObject(b *bytes.Buffer, m *schema.Message, v map[string]any) error {
	left := make(map[string]bool, len(v))
	for k := range v {
		left[k] = true
	}
	b.WriteByte('{')
	first := true
	member := func(name string, t *schema.Type) error {
		if !first {
			b.WriteByte(',')
		}
		first = false
		key, err := json.Marshal(name)
		if err != nil {
			return err
		}
		b.Write(key)
		b.WriteByte(':')
		delete(left, name)
		return renderValue(b, t, v[name])
	}
	if m != nil {
		for _, f := range m.Fields {
			if left[f.JSONName] {
				if err := member(f.JSONName, f.Type); err != nil {
					return err
				}
			}
		}
	}
	rest := make([]string, 0, len(left))
	for k := range left {
		rest = append(rest, k)
	}
	slices.Sort(rest)
	for _, k := range rest {
		if err := member(k, nil); err != nil {
			return err
		}
	}
	b.WriteByte('}')
	return nil
}

func renderValue(b *bytes.Buffer, t *schema.Type, v any) error {
	switch x := v.(type) {
	case map[string]any:
		if t != nil && t.Kind == schema.MessageKind {
			return renderObject(b, t.Message, x)
		}
	case []any:
		if t != nil && t.Kind == schema.List {
			b.WriteByte('[')
			for i, e := range x {
				if i > 0 {
					b.WriteByte(',')
				}
				if err := renderValue(b, t.Elem, e); err != nil {
					return err
				}
			}
			b.WriteByte(']')
			return nil
		}
	}
	text, err := json.Marshal(v)
	b.Write(text)
	return err
}

// parse reads one JSON value, numbers as json.Number.
func parse(text []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var v any
	err := dec.Decode(&v)
	return v, err
}
