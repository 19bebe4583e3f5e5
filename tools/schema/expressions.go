package schema

import (
	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// HasExpressions says that rules have some that only protovalidate can check: expressions in CEL, also those that a schema
// predefines, of the value itself or of its items, keys or values.
func HasExpressions(rules *validate.FieldRules) bool {
	if rules == nil || rules.GetIgnore() == validate.Ignore_IGNORE_ALWAYS {
		return false
	}
	if len(rules.GetCel())+len(rules.GetCelExpression()) > 0 {
		return true
	}
	msg := rules.ProtoReflect()
	typed := msg.WhichOneof(msg.Descriptor().Oneofs().ByName("type"))
	if typed == nil {
		return false
	}
	inner := msg.Get(typed).Message()
	if len(inner.GetUnknown()) > 0 {
		return true
	}
	predefined := false
	inner.Range(func(fd protoreflect.FieldDescriptor, _ protoreflect.Value) bool {
		predefined = predefined || fd.IsExtension()
		return !predefined
	})
	return predefined || HasExpressions(rules.GetRepeated().GetItems()) || HasExpressions(rules.GetMap().GetKeys()) ||
		HasExpressions(rules.GetMap().GetValues())
}

// HasExpressions says that a rule of the message, or of one of its fields, is one.
func (m *Message) HasExpressions() bool {
	if len(m.Rules.GetCel())+len(m.Rules.GetCelExpression()) > 0 {
		return true
	}
	for _, f := range m.Fields {
		if HasExpressions(f.Type.Constraints.Rules) {
			return true
		}
	}
	return false
}
