package witness

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/big"
	"strconv"
	"strings"
	"time"

	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// decoder fills messages with JSON values. With binary it takes what only the binary form can hold, too: an enum's
// number that has no name, and a number that is none.
type decoder struct{ binary bool }

// notANumber stands for NaN, as in protobuf's own JSON.
const notANumber = "NaN"

// at puts a field's name before an error.
func at(name string, err error) error {
	if err == nil {
		return nil
	}
	if text := err.Error(); strings.HasPrefix(text, "[") {
		return errors.New(name + text)
	}
	return fmt.Errorf("%s: %w", name, err)
}

func (d decoder) message(sm *schema.Message, m protoreflect.Message, v map[string]any) error {
	for _, f := range sm.Fields {
		x := v[f.JSONName]
		if x == nil {
			if f.JSONRequired && f.Default == "" {
				return fmt.Errorf("%s: value is required", f.JSONName)
			}
			continue
		}
		if descriptorOf(m, f) == nil {
			return fmt.Errorf("%s has no descriptor", f.Name)
		}
		if err := d.field(f, m, x); err != nil {
			return at(f.JSONName, err)
		}
	}
	return d.defaults(sm, m)
}

func (d decoder) field(f *schema.Field, m protoreflect.Message, x any) error {
	fd := descriptorOf(m, f)
	switch {
	case fd.IsMap():
		object, ok := x.(map[string]any)
		if !ok {
			return mismatch(f.Type, x)
		}
		dst := m.Mutable(fd).Map()
		for k, e := range object {
			key, err := mapKey(fd.MapKey(), k)
			if err != nil {
				return fmt.Errorf("[%q]: must be %s", k, fd.MapKey().Kind())
			}
			v, err := d.value(f.Type.Elem, e, dst.NewValue)
			if err != nil {
				return at(fmt.Sprintf("[%q]", k), err)
			}
			dst.Set(key, v)
		}
		return nil
	case fd.IsList():
		list, ok := x.([]any)
		if !ok {
			return mismatch(f.Type, x)
		}
		dst := m.Mutable(fd).List()
		for i, e := range list {
			v, err := d.value(f.Type.Elem, e, dst.NewElement)
			if err != nil {
				return at(fmt.Sprintf("[%d]", i), err)
			}
			dst.Append(v)
		}
		return nil
	}
	v, err := d.value(f.Type, x, func() protoreflect.Value { return m.NewField(fd) })
	if err == nil {
		m.Set(fd, v)
	}
	return err
}

func mapKey(fd protoreflect.FieldDescriptor, text string) (protoreflect.MapKey, error) {
	switch fd.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(text).MapKey(), nil
	case protoreflect.BoolKind:
		b, err := strconv.ParseBool(text)
		return protoreflect.ValueOfBool(b).MapKey(), err
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		n, err := strconv.ParseInt(text, 10, 32)
		return protoreflect.ValueOfInt32(int32(n)).MapKey(), err
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		n, err := strconv.ParseUint(text, 10, 32)
		return protoreflect.ValueOfUint32(uint32(n)).MapKey(), err
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		n, err := strconv.ParseUint(text, 10, 64)
		return protoreflect.ValueOfUint64(n).MapKey(), err
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return protoreflect.ValueOfInt64(n).MapKey(), err
}

func mismatch(t *schema.Type, x any) error {
	text, err := json.Marshal(x)
	if err != nil || len(text) > 40 {
		return fmt.Errorf("must be %s", t.Kind)
	}
	return fmt.Errorf("must be %s, got %s", t.Kind, text)
}

// decodeValue reads one value; fresh makes an empty message where one is needed.
func (d decoder) value(t *schema.Type, x any, fresh func() protoreflect.Value) (protoreflect.Value, error) {
	var none protoreflect.Value
	switch t.Kind {
	case schema.Bool:
		if b, ok := x.(bool); ok {
			return protoreflect.ValueOfBool(b), nil
		}
	case schema.Int32, schema.Int64, schema.Uint32, schema.Uint64:
		if n, ok := x.(json.Number); ok {
			return integer(t, n)
		}
	case schema.Float, schema.Double:
		if s, ok := x.(string); ok && d.binary && s == notANumber {
			x = json.Number(s)
		}
		if n, ok := x.(json.Number); ok {
			f, err := n.Float64()
			if t.Kind == schema.Float {
				if math.Abs(f) > math.MaxFloat32 {
					return none, fmt.Errorf("%s does not fit a float", n)
				}
				return protoreflect.ValueOfFloat32(float32(f)), err
			}
			return protoreflect.ValueOfFloat64(f), err
		}
	case schema.String:
		if s, ok := x.(string); ok {
			return protoreflect.ValueOfString(s), nil
		}
	case schema.Bytes:
		if s, ok := x.(string); ok {
			b, err := base64.StdEncoding.DecodeString(s)
			if err != nil {
				return none, fmt.Errorf("must be base64, got %q", s)
			}
			return protoreflect.ValueOfBytes(b), nil
		}
	case schema.EnumKind:
		for _, v := range t.Enum.Values {
			if s, ok := x.(string); ok && v.JSONName == s && s != "" {
				return protoreflect.ValueOfEnum(protoreflect.EnumNumber(v.Number)), nil
			}
		}
		if n, ok := x.(json.Number); ok && d.binary {
			i, err := strconv.ParseInt(n.String(), 10, 32)
			return protoreflect.ValueOfEnum(protoreflect.EnumNumber(i)), err
		}
		if s, ok := x.(string); ok {
			return none, fmt.Errorf("must be a defined value, got %q [enum.defined_only]", s)
		}
	case schema.Timestamp:
		if s, ok := x.(string); ok {
			return timestamp(s, fresh())
		}
	case schema.JSONObject:
		if o, ok := x.(map[string]any); ok {
			text, err := json.Marshal(o)
			v := fresh()
			v.Message().Set(v.Message().Descriptor().Fields().ByName("json"), protoreflect.ValueOfString(string(text)))
			return v, err
		}
	case schema.MessageKind:
		v := fresh()
		if wellKnown(v.Message()) {
			text, err := json.Marshal(x)
			if err != nil {
				return none, err
			}
			return v, protojson.Unmarshal(text, v.Message().Interface())
		}
		if o, ok := x.(map[string]any); ok {
			return v, d.message(t.Message, v.Message(), o)
		}
	}
	return none, mismatch(t, x)
}

func integer(t *schema.Type, n json.Number) (protoreflect.Value, error) {
	r, ok := new(big.Rat).SetString(n.String())
	if !ok || !r.IsInt() {
		return protoreflect.Value{}, fmt.Errorf("must be %s, got %s", t.Kind, n)
	}
	i := r.Num()
	switch {
	case t.Kind == schema.Int32 && i.IsInt64() && int64(int32(i.Int64())) == i.Int64():
		return protoreflect.ValueOfInt32(int32(i.Int64())), nil
	case t.Kind == schema.Int64 && i.IsInt64():
		return protoreflect.ValueOfInt64(i.Int64()), nil
	case t.Kind == schema.Uint32 && i.IsUint64() && i.Uint64() <= math.MaxUint32:
		return protoreflect.ValueOfUint32(uint32(i.Uint64())), nil
	case t.Kind == schema.Uint64 && i.IsUint64():
		return protoreflect.ValueOfUint64(i.Uint64()), nil
	}
	return protoreflect.Value{}, fmt.Errorf("%s does not fit %s", n, t.Kind)
}

func timestamp(s string, v protoreflect.Value) (protoreflect.Value, error) {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return v, fmt.Errorf("must be a time, got %q", s)
	}
	fields := v.Message().Descriptor().Fields()
	v.Message().Set(fields.ByName("seconds"), protoreflect.ValueOfInt64(t.Unix()))
	v.Message().Set(fields.ByName("nanos"), protoreflect.ValueOfInt32(int32(t.Nanosecond())))
	return v, nil
}

// wellKnown says whether a message has a JSON form of its own.
func wellKnown(m protoreflect.Message) bool {
	return values.HasOwnForm(m.Descriptor())
}

// within fills in the defaults of a message and of those in it.
func (d decoder) within(sm *schema.Message, m protoreflect.Message) error {
	for _, f := range sm.Fields {
		t, fd := f.Type, descriptorOf(m, f)
		if t.Kind == schema.List || t.Kind == schema.Map {
			t = t.Elem
		}
		if t.Kind != schema.MessageKind || fd == nil || !m.Has(fd) {
			continue
		}
		v := m.Get(fd)
		var err error
		fill := func(v protoreflect.Value) bool {
			err = d.within(t.Message, v.Message())
			return err == nil
		}
		switch {
		case fd.IsMap():
			v.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool { return fill(v) })
		case fd.IsList():
			for i := 0; i < v.List().Len() && fill(v.List().Get(i)); i++ {
			}
		default:
			fill(v)
		}
		if err != nil {
			return at(f.JSONName, err)
		}
	}
	return d.defaults(sm, m)
}

// defaults sets fields that are not set and have a default.
func (d decoder) defaults(sm *schema.Message, m protoreflect.Message) error {
	for _, f := range sm.Fields {
		fd := descriptorOf(m, f)
		if fd == nil || m.Has(fd) {
			continue
		}
		if f.Oneof != nil && m.WhichOneof(fd.ContainingOneof()) != nil {
			continue
		}
		v, ok := defaultOf(f)
		if !ok {
			continue
		}
		if err := d.field(f, m, v); err != nil {
			return at(f.JSONName, err)
		}
	}
	return nil
}
