package lint

import (
	"encoding/base64"
	"errors"
	"strconv"
	"time"

	"buf.build/go/protovalidate"
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/schema/jsontree"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// protoRefusal says which rule of a protobuf field a value breaks, by running protovalidate: it knows the rules that
// the model has no member for (prefixes, CEL expressions). It is empty where none is broken or that cannot be told.
func (r *run) protoRefusal(f *schema.Field, v *jsontree.Value) string {
	if f.Type.Constraints.Rules == nil {
		return ""
	}
	m := dynamicpb.NewMessage(f.Proto.ContainingMessage())
	if !setValue(m, f, v) {
		return ""
	}
	only := protovalidate.FilterFunc(func(_ protoreflect.Message, d protoreflect.Descriptor) bool {
		return d.FullName() == f.Proto.FullName()
	})
	if r.validator == nil {
		validator, err := protovalidate.New()
		if err != nil {
			return ""
		}
		r.validator = validator
	}
	invalid, ok := errors.AsType[*protovalidate.ValidationError](r.validator.Validate(m, protovalidate.WithFilter(only)))
	if !ok {
		return ""
	}
	first := invalid.Violations[0].Proto
	words := first.GetMessage()
	if words == "" {
		words = "is refused"
	}
	return "breaks " + first.GetRuleId() + ": " + words
}

// setValue sets a field to a value given as JSON, and says whether that could be done.
func setValue(m protoreflect.Message, f *schema.Field, v *jsontree.Value) bool {
	if f.Type.Kind != schema.List {
		value, ok := protoValue(m, f.Proto, f.Type, v)
		if ok {
			m.Set(f.Proto, value)
		}
		return ok
	}
	list := m.NewField(f.Proto).List()
	for _, item := range v.Items {
		value, ok := protoValue(m, f.Proto, f.Type.Elem, item)
		if !ok {
			return false
		}
		list.Append(value)
	}
	m.Set(f.Proto, protoreflect.ValueOfList(list))
	return true
}

// protoValue is a scalar, enum value or timestamp; messages, maps and free-form JSON are not converted.
func protoValue(m protoreflect.Message, fd protoreflect.FieldDescriptor, t *schema.Type, v *jsontree.Value) (protoreflect.Value, bool) {
	var none protoreflect.Value
	switch t.Kind {
	case schema.Bool:
		return protoreflect.ValueOfBool(v.IsTrue()), true
	case schema.String:
		return protoreflect.ValueOfString(v.Text), true
	case schema.Bytes:
		b, err := base64.StdEncoding.DecodeString(v.Text)
		return protoreflect.ValueOfBytes(b), err == nil
	case schema.Float:
		n, err := strconv.ParseFloat(v.Text, 32)
		return protoreflect.ValueOfFloat32(float32(n)), err == nil
	case schema.Double:
		n, err := strconv.ParseFloat(v.Text, 64)
		return protoreflect.ValueOfFloat64(n), err == nil
	case schema.EnumKind:
		for _, value := range t.Enum.Values {
			if value.JSONName == v.Text {
				return protoreflect.ValueOfEnum(protoreflect.EnumNumber(value.Number)), true
			}
		}
		return none, false
	case schema.Timestamp:
		return timestampValue(m, fd, v.Text)
	}
	return integerValue(t.Kind, v.Text)
}

func integerValue(kind schema.Kind, text string) (protoreflect.Value, bool) {
	var none protoreflect.Value
	n := rational(text)
	if n == nil || !n.IsInt() {
		return none, false
	}
	i := n.Num()
	switch kind {
	case schema.Int32:
		return protoreflect.ValueOfInt32(int32(i.Int64())), i.IsInt64()
	case schema.Int64:
		return protoreflect.ValueOfInt64(i.Int64()), i.IsInt64()
	case schema.Uint32:
		return protoreflect.ValueOfUint32(uint32(i.Uint64())), i.IsUint64()
	case schema.Uint64:
		return protoreflect.ValueOfUint64(i.Uint64()), i.IsUint64()
	}
	return none, false
}

func timestampValue(m protoreflect.Message, fd protoreflect.FieldDescriptor, text string) (protoreflect.Value, bool) {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return protoreflect.Value{}, false
	}
	var ts protoreflect.Message
	if fd.IsList() {
		ts = m.NewField(fd).List().NewElement().Message()
	} else {
		ts = m.NewField(fd).Message()
	}
	fields := ts.Descriptor().Fields()
	ts.Set(fields.ByName("seconds"), protoreflect.ValueOfInt64(at.Unix()))
	ts.Set(fields.ByName("nanos"), protoreflect.ValueOfInt32(int32(at.Nanosecond())))
	return protoreflect.ValueOfMessage(ts), true
}
