package event

import (
	"cmp"
	"slices"
	"strconv"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/tools/schema"
)

func decodeProto(r *jsonio.Reader, sm *schema.Message, m protoreflect.Message) {
	if !r.BeginObject() {
		return
	}
	members(r, sm, func(*schema.Field) {}, func(_ int, f *schema.Field) { decodeProtoField(r, f, m) }, r.Skip)
}

// decodeProtoField reads a value that is not null into a field.
func decodeProtoField(r *jsonio.Reader, f *schema.Field, m protoreflect.Message) {
	fd := f.Proto
	switch f.Type.Kind {
	case schema.List:
		m.Clear(fd)
		if !r.BeginArray() {
			return
		}
		list := m.Mutable(fd).List()
		for r.More() {
			v, _ := decodeProtoValue(r, f.Type.Elem, list.NewElement)
			list.Append(v)
		}
	case schema.Map:
		m.Clear(fd)
		if !r.BeginObject() {
			return
		}
		entries := m.Mutable(fd).Map()
		for r.More() {
			key, err := mapKey(f.Type.Key.Kind, r.Key())
			if err != nil {
				r.Skip()
				r.Fault("type", "must have a key that is an integer", nil)
				continue
			}
			v, _ := decodeProtoValue(r, f.Type.Elem, entries.NewValue)
			entries.Set(key, v)
		}
	case schema.MessageKind:
		if v := m.NewField(fd); f.Oneof == nil && !foreign(v.Message()) {
			decodeProto(r, f.Type.Message, m.Mutable(fd).Message())
			return
		}
		v, _ := decodeProtoValue(r, f.Type, func() protoreflect.Value { return m.NewField(fd) })
		m.Set(fd, v)
	default:
		v, ok := decodeProtoValue(r, f.Type, func() protoreflect.Value { return m.NewField(fd) })
		if ok || f.Explicit {
			m.Set(fd, v)
		}
	}
}

func mapKey(kind schema.Kind, text string) (protoreflect.MapKey, error) {
	switch kind {
	case schema.String:
		return protoreflect.ValueOfString(text).MapKey(), nil
	case schema.Int32:
		n, err := strconv.ParseInt(text, 10, 32)
		return protoreflect.ValueOfInt32(int32(n)).MapKey(), err
	case schema.Uint32:
		n, err := strconv.ParseUint(text, 10, 32)
		return protoreflect.ValueOfUint32(uint32(n)).MapKey(), err
	case schema.Uint64:
		n, err := strconv.ParseUint(text, 10, 64)
		return protoreflect.ValueOfUint64(n).MapKey(), err
	case schema.Bool:
		b, err := strconv.ParseBool(text)
		return protoreflect.ValueOfBool(b).MapKey(), err
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return protoreflect.ValueOfInt64(n).MapKey(), err
}

// decodeProtoValue reads one value; empty makes an empty message. ok is false where an enum's value was not known.
func decodeProtoValue(r *jsonio.Reader, t *schema.Type, empty func() protoreflect.Value) (v protoreflect.Value, ok bool) {
	switch t.Kind {
	case schema.Bool:
		return protoreflect.ValueOfBool(r.Bool()), true
	case schema.Int32:
		return protoreflect.ValueOfInt32(r.Int32()), true
	case schema.Int64:
		return protoreflect.ValueOfInt64(r.Int64()), true
	case schema.Uint32:
		return protoreflect.ValueOfUint32(r.Uint32()), true
	case schema.Uint64:
		return protoreflect.ValueOfUint64(r.Uint64()), true
	case schema.Float:
		return protoreflect.ValueOfFloat32(r.Float32()), true
	case schema.Double:
		return protoreflect.ValueOfFloat64(r.Float64()), true
	case schema.Bytes:
		return protoreflect.ValueOfBytes(r.Bytes()), true
	case schema.EnumKind:
		return decodeProtoEnum(r, t.Enum)
	case schema.Timestamp:
		v = empty()
		storeTime(v.Message(), r.Time())
		return v, true
	case schema.JSONObject:
		v = empty()
		v.Message().Set(v.Message().Descriptor().Fields().ByName("json"), protoreflect.ValueOfString(string(r.Object())))
		return v, true
	case schema.MessageKind:
		v = empty()
		if !foreign(v.Message()) {
			decodeProto(r, t.Message, v.Message())
			return v, true
		}
		if text := r.Raw(); r.Err() == nil && protojson.Unmarshal([]byte(text), v.Message().Interface()) != nil {
			r.Fault("type", "must be a "+t.Message.FullName, nil)
			v = empty()
		}
		return v, true
	}
	return protoreflect.ValueOfString(r.String()), true
}

func decodeProtoEnum(r *jsonio.Reader, e *schema.Enum) (protoreflect.Value, bool) {
	if r.Kind() != '"' {
		r.StringView() // the fault is that it is no string
		return protoreflect.ValueOfEnum(0), false
	}
	name := r.StringView()
	for _, v := range e.Values {
		if v.JSONName == name && name != "" {
			return protoreflect.ValueOfEnum(protoreflect.EnumNumber(v.Number)), true
		}
	}
	r.Fault("enum.defined_only", "value must be one of the defined enum values", name)
	return protoreflect.ValueOfEnum(0), false
}

func appendProto(b []byte, sm *schema.Message, m protoreflect.Message) (_ []byte, err error) {
	b = append(b, '{')
	first := true
	for _, f := range sm.Fields {
		if !isWritten(f, m) {
			continue
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		if b, err = jsonio.AppendString(b, f.JSONName); err != nil {
			return b, err
		}
		b = append(b, ':')
		if b, err = appendProtoField(b, f, m.Get(f.Proto)); err != nil {
			return b, jsonio.At(err, f.JSONName)
		}
	}
	return append(b, '}'), nil
}

// isWritten says whether a field has a member in JSON: lists and maps always, and what is zero where zero is a value.
func isWritten(f *schema.Field, m protoreflect.Message) bool {
	switch f.Type.Kind {
	case schema.List, schema.Map:
		return true
	case schema.EnumKind:
		if f.Required || f.Default != "" || !zeroNamed(f.Type.Enum) {
			return m.Has(f.Proto)
		}
	case schema.String:
		if f.Required || f.Default != "" {
			return m.Has(f.Proto)
		}
	}
	return !f.Proto.HasPresence() || m.Has(f.Proto)
}

func zeroNamed(e *schema.Enum) bool {
	return slices.ContainsFunc(e.Values, func(v *schema.EnumValue) bool { return v.Number == 0 && v.JSONName != "" })
}

func appendProtoField(b []byte, f *schema.Field, v protoreflect.Value) (_ []byte, err error) {
	switch f.Type.Kind {
	case schema.List:
		b = append(b, '[')
		for i := range v.List().Len() {
			if i > 0 {
				b = append(b, ',')
			}
			if b, err = appendProtoValue(b, f.Type.Elem, v.List().Get(i)); err != nil {
				return b, jsonio.AtIndex(err, i)
			}
		}
		return append(b, ']'), nil
	case schema.Map:
		b = append(b, '{')
		for i, key := range sortedKeys(v.Map()) {
			if i > 0 {
				b = append(b, ',')
			}
			if b, err = jsonio.AppendString(b, key.String()); err != nil {
				return b, err
			}
			b = append(b, ':')
			if b, err = appendProtoValue(b, f.Type.Elem, v.Map().Get(key)); err != nil {
				return b, jsonio.AtKey(err, key.String())
			}
		}
		return append(b, '}'), nil
	}
	return appendProtoValue(b, f.Type, v)
}

func sortedKeys(m protoreflect.Map) []protoreflect.MapKey {
	var keys []protoreflect.MapKey
	m.Range(func(k protoreflect.MapKey, _ protoreflect.Value) bool {
		keys = append(keys, k)
		return true
	})
	slices.SortFunc(keys, func(a, b protoreflect.MapKey) int {
		switch a.Interface().(type) {
		case int32, int64:
			return cmp.Compare(a.Int(), b.Int())
		case uint32, uint64:
			return cmp.Compare(a.Uint(), b.Uint())
		}
		return cmp.Compare(a.String(), b.String())
	})
	return keys
}

func appendProtoValue(b []byte, t *schema.Type, v protoreflect.Value) ([]byte, error) {
	switch t.Kind {
	case schema.Bool:
		return strconv.AppendBool(b, v.Bool()), nil
	case schema.Int32, schema.Int64:
		return strconv.AppendInt(b, v.Int(), 10), nil
	case schema.Uint32, schema.Uint64:
		return strconv.AppendUint(b, v.Uint(), 10), nil
	case schema.Float:
		return jsonio.AppendFloat32(b, float32(v.Float()))
	case schema.Double:
		return jsonio.AppendFloat64(b, v.Float())
	case schema.Bytes:
		return jsonio.AppendBytes(b, v.Bytes()), nil
	case schema.EnumKind:
		if name := jsonName(t.Enum, v.Enum()); name != "" {
			return jsonio.AppendString(b, name)
		}
		return b, &jsonio.Error{Offset: -1, Message: "enum value " + strconv.Itoa(int(v.Enum())) + " has no JSON name"}
	case schema.Timestamp:
		return jsonio.AppendTime(b, timeOf(v.Message()))
	case schema.JSONObject:
		m := v.Message()
		return jsonio.AppendObject(b, m.Get(m.Descriptor().Fields().ByName("json")).String())
	case schema.MessageKind:
		if !foreign(v.Message()) {
			return appendProto(b, t.Message, v.Message())
		}
		text, err := protojson.Marshal(v.Message().Interface())
		if err != nil {
			return b, &jsonio.Error{Offset: -1, Message: err.Error()}
		}
		return jsonio.AppendRaw(b, jsonio.Raw(text))
	}
	return jsonio.AppendString(b, v.String())
}

// jsonName is the name of an enum's value in JSON, empty when it has none.
func jsonName(e *schema.Enum, number protoreflect.EnumNumber) string {
	for _, v := range e.Values {
		if protoreflect.EnumNumber(v.Number) == number && v.JSONName != "" {
			return v.JSONName
		}
	}
	return ""
}
