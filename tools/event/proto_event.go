package event

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	trestle "github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/tools/schema"
)

// protoEvent is an event of a protobuf schema.
type protoEvent struct {
	info      *trestle.EventInfo
	event     *schema.Event
	validator func() (protovalidate.Validator, error)
	m         *dynamicpb.Message
}

func newProtoEvent(info *trestle.EventInfo, e *schema.Event, validator func() (protovalidate.Validator, error)) *protoEvent {
	return &protoEvent{info, e, validator, dynamicpb.NewMessage(e.Message.Proto)}
}

// ProtoReflect makes the event a message, for its binary form.
func (x *protoEvent) ProtoReflect() protoreflect.Message { return x.m }

func (x *protoEvent) EventInfo() *trestle.EventInfo { return x.info }

func (x *protoEvent) ShareEnvelope(env *trestle.Envelope, v *trestle.Violations) {
	shareEnvelope(x, x.event.Message, x.info.Envelope, env, v)
}

func (x *protoEvent) PartitionKey(env *trestle.Envelope) string { return partitionKey(x, x.event, env) }

func (x *protoEvent) AppendJSON(b []byte) ([]byte, error) {
	return appendProto(b, x.event.Message, x.m)
}

func (x *protoEvent) DecodeJSON(r *jsonio.Reader) { decodeProto(r, x.event.Message, x.m) }

func (x *protoEvent) SetDefaults(now time.Time) { protoDefaults(x.event.Message, x.m, now) }

func (x *protoEvent) Validate() error {
	validator, err := x.validator()
	if err != nil {
		return fmt.Errorf("validate %s: %w", x.info.FullName, err)
	}
	err = validator.Validate(x.m)
	if err == nil {
		return nil
	}
	invalid, ok := errors.AsType[*protovalidate.ValidationError](err)
	if !ok {
		return fmt.Errorf("validate %s: %w", x.info.FullName, err)
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
		if t, sensitive := typeAt(x.event.Message, path.GetElements()); violation.Rule != "required" && !sensitive {
			violation.Found = found(each.FieldValue, t, violation.Rule)
		}
		v.Report(violation)
	}
	return v.Err(x.info.FullName)
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

func (x *protoEvent) text(path []string) (string, bool) {
	m, message := protoreflect.Message(x.m), x.event.Message
	for i, name := range path {
		f := message.Field(name)
		if f == nil || f.Oneof != nil || !m.Has(f.Proto) {
			return "", false
		}
		switch {
		case i == len(path)-1 && f.Type.Kind == schema.String:
			return m.Get(f.Proto).String(), true
		case f.Type.Kind != schema.MessageKind:
			return "", false
		}
		m, message = m.Get(f.Proto).Message(), f.Type.Message
	}
	return "", false
}

func (x *protoEvent) setText(f *schema.Field, s string) {
	x.m.Set(f.Proto, protoreflect.ValueOfString(s))
}

func (x *protoEvent) time(f *schema.Field) (time.Time, bool) {
	if !x.m.Has(f.Proto) {
		return time.Time{}, false
	}
	return timeOf(x.m.Get(f.Proto).Message()), true
}

func (x *protoEvent) setTime(f *schema.Field, t time.Time) {
	v := x.m.NewField(f.Proto)
	storeTime(v.Message(), t)
	x.m.Set(f.Proto, v)
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

// protoDefaults fills fields that are absent and have a default.
func protoDefaults(sm *schema.Message, m protoreflect.Message, now time.Time) {
	for _, f := range sm.Fields {
		if f.Default != "" && f.Oneof == nil && !m.Has(f.Proto) {
			if f.Default == "now" {
				if f.Type.Kind == schema.Timestamp {
					v := m.NewField(f.Proto)
					storeTime(v.Message(), now)
					m.Set(f.Proto, v)
				}
			} else {
				decodeProtoField(jsonio.NewReader([]byte(f.Default)), f, m)
			}
		}
		switch t := f.Type; {
		case t.Kind == schema.MessageKind && m.Has(f.Proto):
			recordDefaults(t, m.Mutable(f.Proto).Message(), now)
		case t.Kind == schema.List && t.Elem.Kind == schema.MessageKind:
			list := m.Get(f.Proto).List()
			for i := range list.Len() {
				recordDefaults(t.Elem, list.Get(i).Message(), now)
			}
		case t.Kind == schema.Map && t.Elem.Kind == schema.MessageKind:
			m.Get(f.Proto).Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool {
				recordDefaults(t.Elem, v.Message(), now)
				return true
			})
		}
	}
}

func recordDefaults(t *schema.Type, m protoreflect.Message, now time.Time) {
	if !foreign(m) {
		protoDefaults(t.Message, m, now)
	}
}

// foreign says that a message's JSON is protobuf's own.
func foreign(m protoreflect.Message) bool {
	name := string(m.Descriptor().FullName())
	return strings.HasPrefix(name, "google.") || strings.HasPrefix(name, "buf.")
}
