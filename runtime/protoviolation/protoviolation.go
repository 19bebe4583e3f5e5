// Package protoviolation turns what generated validators report into protovalidate's own message, buf.validate.Violations,
// for services that answer with it. It links the message's Go package, but no CEL.
package protoviolation

import (
	"fmt"
	"strconv"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/omninode/trestle/runtime/event"
)

// fieldRules is what paths of rules begin in.
var fieldRules = (*validate.FieldRules)(nil).ProtoReflect().Descriptor()

// From returns the violations of a message of that type. It fails for a path that the type does not have.
func From(invalid *event.ValidationError, message protoreflect.MessageDescriptor) (*validate.Violations, error) {
	out := &validate.Violations{}
	for _, v := range invalid.Violations {
		p := &validate.Violation{RuleId: new(v.Rule), Message: new(v.Message)}
		if v.ForKey {
			p.ForKey = new(true)
		}
		var err error
		if p.Field, err = parse(v.Path, message); err != nil {
			return nil, fmt.Errorf("path of a violation of %s: %w", message.FullName(), err)
		}
		if p.Rule, err = parse(v.RulePath, fieldRules); err != nil {
			return nil, fmt.Errorf("path of rule %s: %w", v.Rule, err)
		}
		out.Violations = append(out.Violations, p)
	}
	return out, nil
}

// parse reads a path such as `items[2].labels["a"]`; an empty one is nil.
func parse(path string, in protoreflect.MessageDescriptor) (*validate.FieldPath, error) {
	if path == "" {
		return nil, nil
	}
	out := &validate.FieldPath{}
	for rest := path; rest != ""; {
		if in == nil {
			return nil, fmt.Errorf("%s: nothing is below what stands before %q", path, rest)
		}
		name := rest[:nameEnd(rest)]
		rest = rest[len(name):]
		element, field, err := named(name, in)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if strings.HasPrefix(rest, "[") {
			if rest, err = subscript(element, field, rest[1:]); err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
		}
		out.Elements = append(out.Elements, element)
		in = below(field)
		if rest = strings.TrimPrefix(rest, "."); strings.HasPrefix(rest, ".") {
			return nil, fmt.Errorf("%s: a name is missing", path)
		}
	}
	return out, nil
}

// nameEnd is where a path's first name ends; that of an extension stands in brackets, with dots inside.
func nameEnd(path string) int {
	if strings.HasPrefix(path, "[") {
		return strings.IndexByte(path, ']') + 1
	}
	if end := strings.IndexAny(path, ".["); end >= 0 {
		return end
	}
	return len(path)
}

// named is the element of a field or a oneof; of the latter protovalidate gives the name alone.
func named(name string, in protoreflect.MessageDescriptor) (*validate.FieldPathElement, protoreflect.FieldDescriptor, error) {
	field := in.Fields().ByName(protoreflect.Name(name))
	if extension, ok := strings.CutPrefix(name, "["); ok {
		found, err := protoregistry.GlobalTypes.FindExtensionByName(protoreflect.FullName(strings.TrimSuffix(extension, "]")))
		if err != nil {
			return nil, nil, fmt.Errorf("extension %s: %w", name, err)
		}
		field = found.TypeDescriptor()
	}
	if field == nil {
		if in.Oneofs().ByName(protoreflect.Name(name)) == nil {
			return nil, nil, fmt.Errorf("%s has no field %q", in.FullName(), name)
		}
		return &validate.FieldPathElement{FieldName: new(name)}, nil, nil
	}
	return &validate.FieldPathElement{
		FieldNumber: new(int32(field.Number())), FieldName: new(name),
		FieldType: descriptorpb.FieldDescriptorProto_Type(field.Kind()).Enum(),
	}, field, nil
}

// below is the message that a field's value, item or entry is, nil when it is none.
func below(field protoreflect.FieldDescriptor) protoreflect.MessageDescriptor {
	switch {
	case field == nil:
		return nil
	case field.IsMap():
		return field.MapValue().Message()
	default:
		return field.Message()
	}
}

// subscript reads an index or key up to its bracket and returns what follows.
func subscript(e *validate.FieldPathElement, field protoreflect.FieldDescriptor, text string) (rest string, err error) {
	var inside string
	if quoted, err := strconv.QuotedPrefix(text); err == nil {
		inside, rest = quoted, text[len(quoted):]
	} else if end := strings.IndexByte(text, ']'); end >= 0 {
		inside, rest = text[:end], text[end:]
	}
	rest, ok := strings.CutPrefix(rest, "]")
	if !ok || field == nil {
		return "", fmt.Errorf("subscript %q does not fit", text)
	}
	if !field.IsMap() {
		var index uint64
		index, err = strconv.ParseUint(inside, 10, 64)
		e.Subscript = &validate.FieldPathElement_Index{Index: index}
		return rest, err
	}
	e.KeyType = descriptorpb.FieldDescriptorProto_Type(field.MapKey().Kind()).Enum()
	e.ValueType = descriptorpb.FieldDescriptorProto_Type(field.MapValue().Kind()).Enum()
	switch field.MapKey().Kind() {
	case protoreflect.StringKind:
		var key string
		key, err = strconv.Unquote(inside)
		e.Subscript = &validate.FieldPathElement_StringKey{StringKey: key}
	case protoreflect.BoolKind:
		var key bool
		key, err = strconv.ParseBool(inside)
		e.Subscript = &validate.FieldPathElement_BoolKey{BoolKey: key}
	case protoreflect.Uint32Kind, protoreflect.Uint64Kind, protoreflect.Fixed32Kind, protoreflect.Fixed64Kind:
		var key uint64
		key, err = strconv.ParseUint(inside, 10, 64)
		e.Subscript = &validate.FieldPathElement_UintKey{UintKey: key}
	default:
		var key int64
		key, err = strconv.ParseInt(inside, 10, 64)
		e.Subscript = &validate.FieldPathElement_IntKey{IntKey: key}
	}
	return rest, err
}
