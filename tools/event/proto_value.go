package event

import (
	"errors"
	"fmt"
	"time"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	trestle "github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/tools/schema"
)

// protoValue is a message of a protobuf schema.
type protoValue struct {
	*dynamicpb.Message
	t      *Type
	unread unread
}

func newProtoValue(t *Type) *protoValue {
	return &protoValue{Message: dynamicpb.NewMessage(t.desc), t: t}
}

func (x *protoValue) AppendJSON(b []byte) ([]byte, error) {
	return protoForm{}.append(b, x.t.message, x.Message)
}

func (x *protoValue) AppendBinaryJSON(b []byte) ([]byte, error) {
	return protoForm{binary: true}.append(b, x.t.message, x.Message)
}

func (x *protoValue) DecodeJSON(r *jsonio.Reader) { protoForm{}.decode(r, x.t.message, x.Message) }

func (x *protoValue) DecodeBinaryJSON(r *jsonio.Reader) {
	protoForm{binary: true}.decode(r, x.t.message, x.Message)
}

func (x *protoValue) SetDefaults(now time.Time) {
	x.unread = protoDefaults(x.t.message, x.Message, now)
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
	err = validator.Validate(x.Message, opts...)
	if err == nil {
		return x.unread.err(x.t.message.FullName, nil)
	}
	invalid, ok := errors.AsType[*protovalidate.ValidationError](err)
	if !ok {
		return fmt.Errorf("validate %s: %w", x.t.message.FullName, err)
	}
	var v trestle.Violations
	for _, each := range invalid.Violations {
		p := each.Proto
		path := p.GetField()
		violation := trestle.Violation{
			Path:     protovalidate.FieldPathString(path),
			Rule:     p.GetRuleId(),
			RulePath: protovalidate.FieldPathString(p.GetRule()),
			Message:  p.GetMessage(),
			ForKey:   p.GetForKey(),
		}
		if t, sensitive := typeAt(x.t.message, path.GetElements()); violation.Rule != "required" && !sensitive {
			violation.Found = found(each.FieldValue, t, violation.Rule)
		}
		v.Report(violation)
	}
	return x.unread.err(x.t.message.FullName, v.List())
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
