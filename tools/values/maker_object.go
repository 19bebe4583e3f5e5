package values

import (
	"maps"

	"github.com/omninode/trestle/tools/schema"
)

// Absent is the value of a field that is left out, for [Maker.With].
type Absent struct{}

// Smallest returns the smallest object of a message: what is required and nothing else; nil for a message that requires
// itself.
func (m *Maker) Smallest(of *schema.Message) map[string]any {
	if out, ok := m.smallest[of]; ok {
		return out
	}
	m.smallest[of] = nil
	out := map[string]any{}
	for _, f := range of.Fields {
		if !m.needed(f) {
			continue
		}
		v := m.Small(f.Type)
		if v == nil {
			return nil
		}
		out[f.JSONName] = v
	}
	for _, o := range of.Oneofs {
		if o.Required && len(o.Fields) > 0 {
			out[o.Fields[0].JSONName] = m.Small(o.Fields[0].Type)
		}
	}
	out = m.repaired(of, out)
	m.smallest[of] = out
	return out
}

// needed says whether an object must have the field.
func (m *Maker) needed(f *schema.Field) bool {
	if f.Language() == schema.JSONSchema {
		return (f.Required || f.JSONRequired) && f.Default == ""
	}
	return f.Oneof == nil && !m.prover.TakesAbsent(f)
}

// Full returns an object with every field set, of a oneof the first; values are small.
func (m *Maker) Full(of *schema.Message) map[string]any {
	if out, ok := m.full[of]; ok {
		return out
	}
	out := map[string]any{}
	for _, f := range of.Fields {
		if f.Oneof != nil && f.Oneof.Fields[0] != f {
			continue
		}
		if v := m.Small(f.Type); v != nil {
			out[f.JSONName] = v
		}
	}
	m.full[of] = m.repaired(of, out)
	return m.full[of]
}

// With returns a copy of an object with a value at the end of a path of fields, through lists and maps of one item, and
// through small objects. [Absent] takes the field out; a last field of nil leaves all as it is. It is not ok where the
// path does not lead through objects.
func (m *Maker) With(object map[string]any, path []*schema.Field, value any) (out map[string]any, ok bool) {
	if out = maps.Clone(object); out == nil {
		out = map[string]any{}
	}
	f := path[0]
	if f == nil {
		return out, len(path) == 1
	}
	if f.Oneof != nil {
		for _, other := range f.Oneof.Fields {
			delete(out, other.JSONName)
		}
	}
	if len(path) == 1 {
		if _, gone := value.(Absent); gone {
			delete(out, f.JSONName)
		} else {
			out[f.JSONName] = value
		}
		return out, true
	}
	inner := Innermost(f.Type)
	if inner == nil {
		return nil, false
	}
	small := m.Smallest(inner)
	if small == nil {
		return nil, false
	}
	child, ok := m.With(small, path[1:], value)
	if !ok {
		return nil, false
	}
	out[f.JSONName] = m.Wrap(f.Type, child)
	return out, true
}

// Innermost returns the message at the bottom of lists and maps, or nil.
func Innermost(t *schema.Type) *schema.Message {
	for t != nil && (t.Kind == schema.List || t.Kind == schema.Map) {
		t = t.Elem
	}
	if t == nil || t.Kind != schema.MessageKind {
		return nil
	}
	return t.Message
}

// Wrap puts a value into the lists and maps of a type around it, each of as many items as there must be at least: others are
// small.
func (m *Maker) Wrap(t *schema.Type, v any) any {
	c := t.Constraints
	switch t.Kind {
	case schema.List:
		out := []any{m.Wrap(t.Elem, v)}
		if n := least(c.MinItems); n > 1 {
			for _, e := range m.distinct(t.Elem, append(m.Candidates(t.Elem, nil), out...), n) {
				if len(out) < n && canonical(e) != canonical(out[0]) {
					out = append(out, e)
				}
			}
			for len(out) < n {
				out = append(out, m.Small(t.Elem))
			}
		}
		return out
	case schema.Map:
		names := m.simpleKeys(t.Key, least(c.MinPairs))
		out := map[string]any{names[0]: m.Wrap(t.Elem, v)}
		for _, name := range names[1:] {
			out[name] = m.Small(t.Elem)
		}
		return out
	}
	return v
}

// least is how many values a list or map has at least, as far as these are made.
func least(n *uint64) int {
	if n == nil || *n > mostMade {
		return 1
	}
	return max(1, int(*n))
}
