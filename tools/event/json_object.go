package event

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/tools/schema"
)

// object is an object of a JSON Schema: its properties in the schema's order, then what the schema does not name.
type object struct {
	message *schema.Message
	// values has one for each field, nil where it is absent: bool, int64 and its like, float64, string, time.Time,
	// jsonio.Raw, *object, []any or map[string]any.
	values  []any
	nulls   jsonio.Names // of fields that are null where they could be absent
	unknown []jsonio.Member
}

func newObject(m *schema.Message) *object {
	return &object{message: m, values: make([]any, len(m.Fields))}
}

func (o *object) get(f *schema.Field) any    { return o.values[slices.Index(o.message.Fields, f)] }
func (o *object) set(f *schema.Field, v any) { o.values[slices.Index(o.message.Fields, f)] = v }

func (o *object) decode(r *jsonio.Reader) {
	if !r.BeginObject() {
		return
	}
	o.unknown, o.nulls = nil, nil
	members(r, o.message, func(f *schema.Field) {
		if f.Nullable && !f.JSONRequired {
			o.nulls = append(o.nulls, f.JSONName)
		}
	}, func(i int, f *schema.Field) {
		if inner, ok := o.values[i].(*object); ok {
			inner.decode(r)
			return
		}
		o.values[i] = decodeJSON(r, f.Type)
		if t, ok := o.values[i].(time.Time); o.values[i] == jsonio.Raw("") || ok && f.Required && t.IsZero() {
			o.values[i] = nil // it could not be read, and has no zero value
		}
	}, func() {
		if !o.message.KeepUnknown {
			r.Skip()
			return
		}
		o.unknown = append(o.unknown, jsonio.Member{Name: strings.Clone(r.Name()), Value: r.Raw()})
	})
}

// decodeJSON reads one value; what cannot be read is the zero value of its type.
func decodeJSON(r *jsonio.Reader, t *schema.Type) any {
	switch t.Kind {
	case schema.Bool:
		return r.Bool()
	case schema.Int32, schema.Int64:
		return r.Int64()
	case schema.Uint32, schema.Uint64:
		return r.Uint64()
	case schema.Float, schema.Double:
		return r.Float64()
	case schema.Timestamp:
		return r.Time()
	case schema.JSONObject:
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
				entries[key] = decodeJSON(r, t.Elem)
			}
		}
		return entries
	}
	return r.String()
}

// setDefaults fills properties that are absent and have a default.
func (o *object) setDefaults(now time.Time) {
	for i, f := range o.message.Fields {
		if o.values[i] == nil && f.Default != "" && !o.nulls.Has(f.JSONName) {
			if f.Default != "now" {
				o.values[i] = decodeJSON(jsonio.NewReader([]byte(f.Default)), f.Type)
			} else if f.Type.Kind == schema.Timestamp {
				o.values[i] = now
			}
		}
		defaultsWithin(o.values[i], now)
	}
}

func defaultsWithin(v any, now time.Time) {
	switch v := v.(type) {
	case *object:
		v.setDefaults(now)
	case []any:
		for _, e := range v {
			defaultsWithin(e, now)
		}
	case map[string]any:
		for _, e := range v {
			defaultsWithin(e, now)
		}
	}
}

func (o *object) appendJSON(b []byte) (_ []byte, err error) {
	b = append(b, '{')
	first := true
	member := func(name string) {
		if !first {
			b = append(b, ',')
		}
		first = false
		if b, err = jsonio.AppendString(b, name); err == nil {
			b = append(b, ':')
		}
	}
	for i, f := range o.message.Fields {
		if o.values[i] == nil && !(f.JSONRequired && f.Nullable) && !o.nulls.Has(f.JSONName) {
			continue
		}
		if member(f.JSONName); err == nil && o.values[i] == nil {
			b = append(b, "null"...)
		} else if err == nil {
			b, err = appendJSON(b, f.Type, o.values[i])
		}
		if err != nil {
			return b, jsonio.At(err, f.JSONName)
		}
	}
	for _, m := range o.unknown {
		if member(m.Name); err == nil {
			b, err = jsonio.AppendRaw(b, m.Value)
		}
		if err != nil {
			return b, jsonio.At(err, m.Name)
		}
	}
	return append(b, '}'), nil
}

func appendJSON(b []byte, t *schema.Type, v any) (_ []byte, err error) {
	switch v := v.(type) {
	case bool:
		return strconv.AppendBool(b, v), nil
	case int64:
		return strconv.AppendInt(b, v, 10), nil
	case uint64:
		return strconv.AppendUint(b, v, 10), nil
	case float64:
		return jsonio.AppendFloat64(b, v)
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
		b = append(b, '[')
		for i, e := range v {
			if i > 0 {
				b = append(b, ',')
			}
			if b, err = appendJSON(b, t.Elem, e); err != nil {
				return b, jsonio.AtIndex(err, i)
			}
		}
		return append(b, ']'), nil
	case map[string]any:
		b = append(b, '{')
		for i, key := range slices.Sorted(maps.Keys(v)) {
			if i > 0 {
				b = append(b, ',')
			}
			if b, err = jsonio.AppendString(b, key); err != nil {
				return b, err
			}
			b = append(b, ':')
			if b, err = appendJSON(b, t.Elem, v[key]); err != nil {
				return b, jsonio.AtKey(err, key)
			}
		}
		return append(b, '}'), nil
	}
	text, _ := v.(string)
	return jsonio.AppendString(b, text)
}
