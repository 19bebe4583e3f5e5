package event

import (
	"errors"
	"fmt"
	"time"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	trestle "github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/genapi/celvalidate"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/tools/schema"
)

// protoValue is a message of a protobuf schema.
type protoValue struct {
	*dynamicpb.Message
	t      *Type
	unread violations
}

func newProtoValue(t *Type) *protoValue {
	return &protoValue{Message: dynamicpb.NewMessage(t.desc), t: t}
}

// UnmarshalBinary reads x as generated code does, which writes the tags of unknown fields as short as they go.
func (x *protoValue) UnmarshalBinary(data []byte) error {
	if err := unmarshal(data, x.Message); err != nil {
		return err
	}
	shortenTags(x.Message)
	return nil
}

// unmarshal is proto.Unmarshal. That panics for messages that are made of their descriptors where an entry of a map has a
// second key that is of another wire type; such a key counts as unknown, as generated code has it.
func unmarshal(data []byte, m proto.Message) (err error) {
	defer func() {
		if recover() != nil {
			err = proto.Unmarshal(withoutOddKeys(data, m.ProtoReflect().Descriptor()), m)
		}
	}()
	return proto.Unmarshal(data, m)
}

// withoutOddKeys leaves out of a message, and of those in it, the keys of maps that are not of their field's wire type. Bytes
// that are no message are kept as they are.
func withoutOddKeys(data []byte, md protoreflect.MessageDescriptor) []byte {
	var out []byte
	for len(data) > 0 {
		number, kind, n := protowire.ConsumeTag(data)
		size := protowire.ConsumeFieldValue(number, kind, data[max(n, 0):])
		if n < 0 || size < 0 {
			return append(out, data...)
		}
		whole, value := data[:n+size], data[n:n+size]
		data = data[n+size:]
		fd := md.Fields().ByNumber(number)
		switch {
		case fd == nil || md.IsMapEntry() && number == 1 && kind == wireTypes[fd.Kind()]:
			out = append(out, whole...)
		case md.IsMapEntry() && number == 1:
		case fd.Message() != nil && kind == protowire.BytesType:
			inner, _ := protowire.ConsumeBytes(value)
			out = protowire.AppendBytes(append(out, whole[:n]...), withoutOddKeys(inner, fd.Message()))
		case fd.Message() != nil && kind == protowire.StartGroupType:
			inner, _ := protowire.ConsumeGroup(number, value)
			out = protowire.AppendGroup(append(out, whole[:n]...), number, withoutOddKeys(inner, fd.Message()))
		default:
			out = append(out, whole...)
		}
	}
	return out
}

// wireTypes are those of the kinds that keys of maps may be of.
var wireTypes = map[protoreflect.Kind]protowire.Type{
	protoreflect.BoolKind: protowire.VarintType, protoreflect.StringKind: protowire.BytesType,
	protoreflect.Int32Kind: protowire.VarintType, protoreflect.Sint32Kind: protowire.VarintType, protoreflect.Uint32Kind: protowire.VarintType,
	protoreflect.Int64Kind: protowire.VarintType, protoreflect.Sint64Kind: protowire.VarintType, protoreflect.Uint64Kind: protowire.VarintType,
	protoreflect.Fixed32Kind: protowire.Fixed32Type, protoreflect.Sfixed32Kind: protowire.Fixed32Type,
	protoreflect.Fixed64Kind: protowire.Fixed64Type, protoreflect.Sfixed64Kind: protowire.Fixed64Type,
}

func shortenTags(m protoreflect.Message) {
	var short []byte
	for rest := m.GetUnknown(); len(rest) > 0; {
		number, kind, n := protowire.ConsumeTag(rest)
		size := n + protowire.ConsumeFieldValue(number, kind, rest[n:])
		short = append(protowire.AppendTag(short, number, kind), rest[n:size]...)
		rest = rest[size:]
	}
	if len(short) < len(m.GetUnknown()) {
		m.SetUnknown(short)
	}
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.IsMap() && fd.MapValue().Message() != nil:
			v.Map().Range(func(_ protoreflect.MapKey, entry protoreflect.Value) bool {
				shortenTags(entry.Message())
				return true
			})
		case fd.IsMap() || fd.Message() == nil:
		case fd.IsList():
			for i := range v.List().Len() {
				shortenTags(v.List().Get(i).Message())
			}
		default:
			shortenTags(v.Message())
		}
		return true
	})
}

func (x *protoValue) form(binary bool) protoForm {
	return protoForm{binary: binary, types: x.t.schemas.anyTypes()}
}

func (x *protoValue) AppendJSON(b []byte) ([]byte, error) {
	return x.form(false).append(b, x.t.message, x.Message)
}

func (x *protoValue) AppendBinaryJSON(b []byte) ([]byte, error) {
	return x.form(true).append(b, x.t.message, x.Message)
}

func (x *protoValue) DecodeJSON(r *jsonio.Reader) { x.form(false).decode(r, x.t.message, x.Message) }

func (x *protoValue) DecodeBinaryJSON(r *jsonio.Reader) {
	x.form(true).decode(r, x.t.message, x.Message)
}

func (x *protoValue) SetDefaults(now time.Time) {
	x.unread = x.form(false).defaults(x.t.message, x.Message, now)
}

func (x *protoValue) Validate() error {
	return x.validate()
}

// validate validates what the options leave of the message.
func (x *protoValue) validate(opts ...protovalidate.ValidationOption) error {
	validator, err := x.t.schemas.validator()
	if err != nil {
		return fmt.Errorf("validate %s: %w", x.t.message.FullName, err)
	}
	missed := x.unread
	if x.t.schemas.sizedWrappers() {
		missed = append(missed[:len(missed):len(missed)], wrapperLists(x.t.message, x.Message)...)
	}
	err = validator.Validate(x.Message, opts...)
	if err == nil {
		return missed.err(x.t.message.FullName, nil)
	}
	invalid, ok := errors.AsType[*protovalidate.ValidationError](err)
	if !ok {
		return fmt.Errorf("validate %s: %w", x.t.message.FullName, err)
	}
	var v trestle.Violations
	for _, each := range invalid.Violations {
		p := each.Proto
		at := placeOf(x.t.message, p.GetField().GetElements())
		violation := trestle.Violation{
			Path:     protovalidate.FieldPathString(&validate.FieldPath{Elements: at.shown}),
			Rule:     p.GetRuleId(),
			RulePath: protovalidate.FieldPathString(p.GetRule()),
			Message:  at.message(each),
			ForKey:   p.GetForKey(),
		}
		if violation.Rule != "required" && !at.sensitive {
			violation.Found = found(each.FieldValue, at.typ, violation.Rule)
		}
		v.Report(violation)
	}
	return missed.err(x.t.message.FullName, v.List())
}

// message is what a violation says without what an expression may quote of what is sensitive.
func (p place) message(v *protovalidate.Violation) string {
	m := (*schema.Message)(nil)
	if p.typ != nil && p.typ.Message != nil {
		m = p.typ.Message
	}
	if !p.sensitive && (m == nil || !m.HoldsSensitive && !m.InSensitive) {
		return v.Proto.GetMessage()
	}
	var texts []string
	if p.field != nil {
		texts = celvalidate.FieldTexts(p.field.Type.Constraints.Rules)
	}
	if m != nil && m.Rules != nil {
		texts = append(texts, celvalidate.Texts(m.Rules)...)
	}
	return celvalidate.Unquoted(v, texts)
}

// found renders a scalar; bytes, a message, list or map are not shown. An enum's value is its name in JSON, or its
// number where the rule is that it has a name.
func found(value protoreflect.Value, t *schema.Type, rule string) string {
	switch x := value.Interface().(type) {
	case nil, []byte, protoreflect.Message, protoreflect.List, protoreflect.Map:
		return ""
	case protoreflect.EnumNumber:
		if t != nil && t.Enum != nil && rule != "enum.defined_only" {
			return jsonio.Excerpt(jsonName(t.Enum, x))
		}
		return jsonio.Excerpt(int32(x))
	default:
		return jsonio.Excerpt(x)
	}
}

func (x *protoValue) text(path []string) (string, bool) {
	m, message := protoreflect.Message(x.Message), x.t.message
	for i, name := range path {
		f := message.Field(name)
		if f == nil || f.Oneof != nil || !m.Has(fieldOf(m, f)) {
			return "", false
		}
		switch {
		case i == len(path)-1 && f.Type.Kind == schema.String:
			return m.Get(fieldOf(m, f)).String(), true
		case f.Type.Kind != schema.MessageKind:
			return "", false
		}
		m, message = m.Get(fieldOf(m, f)).Message(), f.Type.Message
	}
	return "", false
}

func (x *protoValue) setText(f *schema.Field, s string) {
	x.Set(fieldOf(x, f), protoreflect.ValueOfString(s))
}

func (x *protoValue) time(f *schema.Field) (time.Time, bool) {
	if !x.Has(fieldOf(x, f)) {
		return time.Time{}, false
	}
	return timeOf(x.Get(fieldOf(x, f)).Message()), true
}

func (x *protoValue) setTime(f *schema.Field, t time.Time) {
	v := x.NewField(fieldOf(x, f))
	storeTime(v.Message(), t)
	x.Set(fieldOf(x, f), v)
}

// timeOf reads a google.protobuf.Timestamp.
func timeOf(m protoreflect.Message) time.Time {
	fields := m.Descriptor().Fields()
	return time.Unix(m.Get(fields.ByName("seconds")).Int(), m.Get(fields.ByName("nanos")).Int()).UTC()
}

func storeTime(m protoreflect.Message, t time.Time) {
	fields := m.Descriptor().Fields()
	m.Set(fields.ByName("seconds"), protoreflect.ValueOfInt64(t.Unix()))
	m.Set(fields.ByName("nanos"), protoreflect.ValueOfInt32(int32(t.Nanosecond())))
}

// foreign says that a message's JSON is protobuf's own.
func foreign(m *schema.Message) bool {
	return m.WellKnown() != "" || m.HasBinary() && m.Package != nil && m.Package.Name == "buf.validate"
}
