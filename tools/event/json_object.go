package event

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/tools/schema"
)

// object is an object of a JSON Schema: its properties in the schema's order, then what the schema does not name.
type object struct {
	message *schema.Message
	// values has one for each field, nil where it is absent: a scalar, time.Time, jsonio.Raw, *object, []any or
	// map[string]any.
	values  []any
	nulls   jsonio.Names // of fields that are null where they could be absent
	rest    map[string]any
	unknown []jsonio.Member
}

func newObject(m *schema.Message) *object {
	return &object{message: m, values: make([]any, len(m.Fields))}
}

func (o *object) get(f *schema.Field) any    { return o.values[slices.Index(o.message.Fields, f)] }
func (o *object) set(f *schema.Field, v any) { o.values[slices.Index(o.message.Fields, f)] = v }

func (o *object) decode(r *jsonio.Reader) {
	if o.message.HoldsSensitive {
		r.Holding()
	}
	if !r.BeginObject() {
		return
	}
	o.unknown, o.rest, o.nulls = nil, nil, nil
	found := members(r, o.message, func(i int, f *schema.Field) {
		if o.values[i] = nil; f.TellsNull() {
			o.nulls = append(o.nulls, f.JSONName)
		}
	}, func(i int, f *schema.Field) {
		if inner, ok := o.values[i].(*object); ok && f.Type.Union == nil {
			inner.decode(r)
			return
		}
		o.values[i] = decodeJSON(r, f.Type)
		if t, ok := o.values[i].(time.Time); o.values[i] == jsonio.Raw("") || ok && f.Required && t.IsZero() {
			o.values[i] = nil // it could not be read, and has no zero value
		}
	}, func() { o.decodeUnknown(r) })
	demand(r, o.message, found)
	r.Distinct(o.unknown)
}

// decodeUnknown reads a member that the schema does not name.
func (o *object) decodeUnknown(r *jsonio.Reader) {
	switch {
	case o.message.Undeclared != nil:
		name := strings.Clone(r.Name())
		if o.rest == nil {
			o.rest = map[string]any{}
		}
		if jsonio.HasKey(o.rest, name) {
			r.Twice()
		}
		o.rest[name] = decodeJSON(r, o.message.Undeclared)
	case o.message.KeepUnknown:
		o.unknown = append(o.unknown, jsonio.Member{Name: strings.Clone(r.Name()), Value: r.Raw()})
	default:
		r.Unknown()
	}
}

// decodeJSON reads one value; what cannot be read is the zero value of its type.
func decodeJSON(r *jsonio.Reader, t *schema.Type) any {
	if t.HoldsSensitive() {
		r.Holding()
	}
	if v, ok := readScalar(r, t.Kind); ok {
		return v
	}
	switch t.Kind {
	case schema.Timestamp:
		return r.Time()
	case schema.JSONObject:
		if m := chosen(r, t.Union); m != nil {
			return decodeJSON(r, &schema.Type{Kind: schema.MessageKind, Message: m})
		}
		return r.Object()
	case schema.JSONValue:
		return r.Raw()
	case schema.MessageKind:
		o := newObject(t.Message)
		o.decode(r)
		return o
	case schema.List:
		list := []any{}
		if r.BeginArray() {
			for r.More() {
				list = append(list, decodeJSON(r, t.Elem))
			}
		}
		return list
	case schema.Map:
		entries := map[string]any{}
		if r.BeginObject() {
			for r.More() {
				key := r.Key()
				if jsonio.HasKey(entries, key) {
					r.Twice()
				}
				entries[key] = decodeJSON(r, t.Elem)
			}
		}
		return entries
	}
	return r.String() // a value of an enum
}

// chosen is the message of a union that comes next; nil where it is none of them, and where there is no union.
func chosen(r *jsonio.Reader, u *schema.Union) *schema.Message {
	if u == nil {
		return nil
	}
	return variantOf(u, r.TextAhead(u.Property))
}

// variantOf is the message that a value of a union's property tells; nil for none.
func variantOf(u *schema.Union, value string) *schema.Message {
	for _, v := range u.Variants {
		if slices.Contains(v.Values, value) {
			return v.Message
		}
	}
	return nil
}

func (o *object) appendJSON(b []byte) ([]byte, error) {
	w := objectWriter{b: b}
	for i, f := range o.message.Fields {
		switch v := o.values[i]; {
		case v != nil:
			w.member(f.JSONName, at(f), func(b []byte) ([]byte, error) { return appendJSON(b, f.Type, v) })
		case f.WritesNull() || o.nulls.Has(f.JSONName):
			w.member(f.JSONName, jsonio.At, func(b []byte) ([]byte, error) { return append(b, "null"...), nil })
		}
	}
	for _, name := range slices.Sorted(maps.Keys(o.rest)) {
		w.member(name, jsonio.At, func(b []byte) ([]byte, error) { return appendJSON(b, o.message.Undeclared, o.rest[name]) })
	}
	for _, m := range o.unknown {
		w.member(m.Name, jsonio.At, func(b []byte) ([]byte, error) { return jsonio.AppendRaw(b, m.Value) })
	}
	return w.end()
}

// at puts a field before the path of an error.
func at(f *schema.Field) func(err error, field string) error {
	if f.Sensitive {
		return jsonio.AtSensitive
	}
	return jsonio.At
}

func appendJSON(b []byte, t *schema.Type, v any) ([]byte, error) {
	if out, ok, err := appendScalar(b, v); ok {
		return out, err
	}
	switch v := v.(type) {
	case time.Time:
		return jsonio.AppendTime(b, v)
	case jsonio.Raw:
		if t.Kind == schema.JSONObject {
			return jsonio.AppendObject(b, string(v))
		}
		return jsonio.AppendRaw(b, v)
	case *object:
		return v.appendJSON(b)
	case []any:
		return appendList(b, len(v), func(b []byte, i int) ([]byte, error) { return appendJSON(b, t.Elem, v[i]) })
	}
	entries, _ := v.(map[string]any)
	w := objectWriter{b: b}
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		w.member(key, jsonio.AtKey, func(b []byte) ([]byte, error) { return appendJSON(b, t.Elem, entries[key]) })
	}
	return w.end()
}
