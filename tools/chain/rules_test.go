package chain

import (
	"slices"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// ruleName is the rule that a violation is of: "string.min_len", "required", "cel".
func ruleName(v *validate.Violation) string {
	path := strings.Split(protovalidate.FieldPathString(v.GetRule()), ".")
	name := path[len(path)-1]
	if i := strings.IndexByte(name, '['); i >= 0 {
		name = name[:i]
	}
	if len(path) > 1 && name != "cel" && name != "cel_expression" && name != "required" {
		name = path[len(path)-2] + "." + name
	}
	fields := v.GetField().GetElements()
	switch {
	case v.GetRuleId() == "message.oneof":
		return v.GetRuleId()
	case path[0] == "" && v.GetRuleId() == "required" && len(fields) > 0 && !fields[len(fields)-1].HasFieldNumber():
		return "oneof.required"
	case path[0] == "":
		return "message.cel"
	}
	return name
}

// eachRule visits the rules that a message's values meet.
func eachRule(m protoreflect.Message, visit func(string)) {
	if rules, err := protovalidate.ResolveMessageRules(m.Descriptor()); err == nil && rules != nil {
		if len(rules.GetCel())+len(rules.GetCelExpression()) > 0 {
			visit("message.cel")
		}
		if len(rules.GetOneof()) > 0 {
			visit("message.oneof")
		}
	}
	oneofs := m.Descriptor().Oneofs()
	for i := range oneofs.Len() {
		if rules, err := protovalidate.ResolveOneofRules(oneofs.Get(i)); err == nil && rules.GetRequired() {
			visit("oneof.required")
		}
	}
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		rules, err := protovalidate.ResolveFieldRules(fd)
		if err != nil || rules.GetIgnore() == validate.Ignore_IGNORE_ALWAYS {
			continue
		}
		if rules.GetRequired() {
			visit("required")
		}
		if fd.HasPresence() && !m.Has(fd) {
			continue
		}
		eachRuleOf(fd, rules, visit)
		value := m.Get(fd)
		switch {
		case fd.IsList():
			for n := range value.List().Len() {
				within(fd, value.List().Get(n), visit)
			}
		case fd.IsMap():
			value.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool {
				within(fd.MapValue(), v, visit)
				return true
			})
		default:
			within(fd, value, visit)
		}
	}
}

func within(fd protoreflect.FieldDescriptor, v protoreflect.Value, visit func(string)) {
	if fd.Message() != nil && !strings.HasPrefix(string(fd.Message().FullName()), "google.protobuf.") {
		eachRule(v.Message(), visit)
	}
}

func eachRuleOf(fd protoreflect.FieldDescriptor, rules *validate.FieldRules, visit func(string)) {
	if rules == nil {
		return
	}
	if len(rules.GetCel()) > 0 {
		visit("cel")
	}
	if len(rules.GetCelExpression()) > 0 {
		visit("cel_expression")
	}
	r := rules.ProtoReflect()
	typed := r.WhichOneof(r.Descriptor().Oneofs().ByName("type"))
	if typed == nil {
		return
	}
	r.Get(typed).Message().Range(func(rule protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if inner, ok := v.Interface().(protoreflect.Message); ok {
			if items, ok := inner.Interface().(*validate.FieldRules); ok {
				eachRuleOf(fd, items, visit)
				return true
			}
		}
		if rule.Name() != "strict" { // it says how another is meant
			visit(string(typed.Name()) + "." + string(rule.Name()))
		}
		return true
	})
}

// keywords are those of JSON Schema that values can break.
var keywords = []string{
	"additionalProperties", "allOf", "anyOf", "const", "contains", "dependentRequired", "dependentSchemas", "enum", "exclusiveMaximum",
	"exclusiveMinimum", "if", "items", "maxContains", "maxItems", "maxLength", "maxProperties", "maximum", "minContains", "minItems",
	"minLength", "minProperties", "minimum", "multipleOf", "not", "oneOf", "pattern", "patternProperties", "prefixItems", "properties",
	"propertyNames", "required", "type", "unevaluatedItems", "unevaluatedProperties", "uniqueItems", "$ref",
}

// allNames are the keywords and rules that have to be met by values on both sides of them.
func allNames() []string {
	all := append(slices.Clone(keywords), "required", "cel", "cel_expression", "message.cel", "message.oneof", "oneof.required")
	for _, name := range formatNames {
		all = append(all, "format "+name)
	}
	types := (&validate.FieldRules{}).ProtoReflect().Descriptor().Oneofs().ByName("type").Fields()
	for i := range types.Len() {
		for _, rule := range standardRules {
			if rule.Parent() == types.Get(i).Message() {
				all = append(all, string(types.Get(i).Name())+"."+string(rule.Name()))
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
