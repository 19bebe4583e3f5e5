package event

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/tools/schema"
)

// protoForm is a JSON form of protobuf messages: that of events, or with binary the one that holds all that the binary form
// does.
type protoForm struct {
	binary bool
	types  anyTypes
}

// fieldOf is the field as the message has it: descriptors of editions are made anew.
func fieldOf(m protoreflect.Message, f *schema.Field) protoreflect.FieldDescriptor {
	if f.Proto.Parent() == m.Descriptor() {
		return f.Proto
	}
	return m.Descriptor().Fields().ByNumber(f.Proto.Number())
}

func (p protoForm) decode(r *jsonio.Reader, sm *schema.Message, m protoreflect.Message) {
	if sm.HoldsSensitive {
		r.Holding()
	}
	if !r.BeginObject() {
		return
	}
	found := members(r, sm, func(int, *schema.Field) {}, func(_ int, f *schema.Field) { p.decodeField(r, f, m) }, r.Unknown)
	if !p.binary { // which knows no keys that must be there
		demand(r, sm, found)
	}
}

// decodeField reads a value that is not null into a field.
func (p protoForm) decodeField(r *jsonio.Reader, f *schema.Field, m protoreflect.Message) {
	fd := fieldOf(m, f)
	if f.Type.HoldsSensitive() {
		r.Holding()
	}
	switch f.Type.Kind {
	case schema.List:
		m.Clear(fd)
		if !r.BeginArray() {
			return
		}
		list := m.Mutable(fd).List()
		for r.More() {
			v, _ := p.decodeValue(r, f.Type.Elem, list.NewElement)
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
			if entries.Has(key) {
				r.Twice()
			}
			v, _ := p.decodeValue(r, f.Type.Elem, entries.NewValue)
			entries.Set(key, v)
		}
	case schema.MessageKind:
		if f.Oneof == nil && !foreign(f.Type.Message) {
			p.decode(r, f.Type.Message, m.Mutable(fd).Message())
			return
		}
		v, _ := p.decodeValue(r, f.Type, func() protoreflect.Value { return m.NewField(fd) })
		m.Set(fd, v)
	default:
		v, ok := p.decodeValue(r, f.Type, func() protoreflect.Value { return m.NewField(fd) })
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

// decodeValue reads one value; empty makes an empty message. ok is false where an enum's value was not known.
func (p protoForm) decodeValue(r *jsonio.Reader, t *schema.Type, empty func() protoreflect.Value) (v protoreflect.Value, ok bool) {
	switch {
	case !p.binary:
	case r.Kind() == '"' && (t.Kind == schema.Float || t.Kind == schema.Double):
		return decodeNamedFloat(r, t), true
	case r.Kind() == '[' && t.Kind == schema.String:
		return decodeRawText(r), true
	}
	if v, ok := readScalar(r, t.Kind); ok {
		return protoreflect.ValueOf(v), true
	}
	switch t.Kind {
	case schema.EnumKind:
		if p.binary && r.Kind() == '0' {
			return protoreflect.ValueOfEnum(protoreflect.EnumNumber(r.Int32())), true
		}
		return decodeProtoEnum(r, t.Enum)
	case schema.Timestamp:
		v = empty()
		storeTime(v.Message(), r.Time())
		return v, true
	case schema.JSONObject:
		v = empty()
		v.Message().Set(v.Message().Descriptor().Fields().ByName("json"), protoreflect.ValueOfString(string(r.Object())))
		return v, true
	}
	v = empty()
	if !foreign(t.Message) {
		p.decode(r, t.Message, v.Message())
		return v, true
	}
	if text := r.Raw(); r.Err() == nil && (protojson.UnmarshalOptions{Resolver: p.types}).Unmarshal([]byte(text), v.Message().Interface()) != nil {
		r.Fault("type", "must be a "+t.Message.FullName, nil)
		v = empty()
	}
	return v, true
}

// floatNames are the floats that are no numbers in JSON, as protobuf's own JSON names them.
var floatNames = map[string]float64{"NaN": math.NaN(), "Infinity": math.Inf(1), "-Infinity": math.Inf(-1)}

func decodeNamedFloat(r *jsonio.Reader, t *schema.Type) protoreflect.Value {
	f, ok := floatNames[r.StringView()]
	if !ok {
		r.Fault("type", "must be a number", nil)
	}
	if t.Kind == schema.Float {
		return protoreflect.ValueOfFloat32(float32(f))
	}
	return protoreflect.ValueOfFloat64(f)
}

// decodeRawText reads text that is not UTF-8: its bytes, in an array.
func decodeRawText(r *jsonio.Reader) protoreflect.Value {
	var text string
	r.BeginArray()
	for r.More() {
		text = string(r.Bytes())
	}
	return protoreflect.ValueOfString(text)
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

func (p protoForm) append(b []byte, sm *schema.Message, m protoreflect.Message) ([]byte, error) {
	w := objectWriter{b: b}
	for _, f := range sm.Fields {
		if isWritten(f, m) {
			w.member(f.JSONName, at(f), func(b []byte) ([]byte, error) { return p.appendField(b, f, m.Get(fieldOf(m, f))) })
		}
	}
	return w.end()
}

// isWritten says whether a field has a member in JSON: lists and maps always, and what is zero where zero is a value.
func isWritten(f *schema.Field, m protoreflect.Message) bool {
	fd := fieldOf(m, f)
	switch f.Type.Kind {
	case schema.List, schema.Map:
		return true
	case schema.EnumKind:
		if f.Required || f.Default != "" || !zeroNamed(f.Type.Enum) {
			return m.Has(fd)
		}
	case schema.String:
		if f.Required || f.Default != "" {
			return m.Has(fd)
		}
	}
	return !fd.HasPresence() || m.Has(fd)
}

func zeroNamed(e *schema.Enum) bool {
	return slices.ContainsFunc(e.Values, func(v *schema.EnumValue) bool { return v.Number == 0 && v.JSONName != "" })
}

func (p protoForm) appendField(b []byte, f *schema.Field, v protoreflect.Value) (_ []byte, err error) {
	switch f.Type.Kind {
	case schema.List:
		return appendList(b, v.List().Len(), func(b []byte, i int) ([]byte, error) { return p.appendValue(b, f.Type.Elem, v.List().Get(i)) })
	case schema.Map:
		w := objectWriter{b: b}
		for _, key := range sortedKeys(v.Map()) {
			w.member(key.String(), jsonio.AtKey, func(b []byte) ([]byte, error) { return p.appendValue(b, f.Type.Elem, v.Map().Get(key)) })
		}
		return w.end()
	}
	return p.appendValue(b, f.Type, v)
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

func (p protoForm) appendValue(b []byte, t *schema.Type, v protoreflect.Value) ([]byte, error) {
	out, err := p.appendForm(b, t, v)
	if m, ok := v.Interface().(protoreflect.Message); ok && err != nil && p.binary {
		// A time beyond the years that JSON has, or the like: the binary form holds it, so it is told apart by its bytes.
		data, err := proto.MarshalOptions{AllowPartial: true, Deterministic: true}.Marshal(m.Interface())
		return jsonio.AppendBytes(b, data), err
	}
	return out, err
}

func (p protoForm) appendForm(b []byte, t *schema.Type, v protoreflect.Value) ([]byte, error) {
	switch {
	case !p.binary:
	case t.Kind == schema.Float || t.Kind == schema.Double:
		for name, named := range floatNames {
			if f := v.Float(); f == named || math.IsNaN(f) && math.IsNaN(named) {
				return jsonio.AppendString(b, name)
			}
		}
	case t.Kind == schema.String && !utf8.ValidString(v.String()):
		return append(jsonio.AppendBytes(append(b, '['), []byte(v.String())), ']'), nil
	}
	if out, ok, err := appendScalar(b, v.Interface()); ok {
		return out, err
	}
	switch t.Kind {
	case schema.EnumKind:
		name := jsonName(t.Enum, v.Enum())
		switch {
		case name != "":
			return jsonio.AppendString(b, name)
		case p.binary:
			return strconv.AppendInt(b, int64(v.Enum()), 10), nil
		}
		return b, &jsonio.Error{Offset: -1, Message: "enum value " + strconv.Itoa(int(v.Enum())) + " has no JSON name"}
	case schema.Timestamp:
		return jsonio.AppendTime(b, timeOf(v.Message()))
	case schema.JSONObject:
		m := v.Message()
		return jsonio.AppendObject(b, m.Get(m.Descriptor().Fields().ByName("json")).String())
	}
	if !foreign(t.Message) {
		return p.append(b, t.Message, v.Message())
	}
	text, err := protojson.MarshalOptions{Resolver: p.types}.Marshal(v.Message().Interface())
	if err != nil {
		return b, &jsonio.Error{Offset: -1, Message: err.Error()}
	}
	return jsonio.AppendRaw(b, jsonio.Raw(text))
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
