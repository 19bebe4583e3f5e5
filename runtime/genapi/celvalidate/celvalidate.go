// Package celvalidate checks the rules of protovalidate that are expressions in CEL, for generated validators. Only
// packages whose schemas have such rules import it, and with it CEL.
package celvalidate

import (
	"errors"
	"sync"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/omninode/trestle/runtime/event"
)

// validator is shared: it compiles a message's expressions once. What is expressions it runs in CEL, standard rules too: those
// that protovalidate has in Go panic for lists and maps of wrappers (Int32Value and the like), and one of them says otherwise.
var validator = sync.OnceValues(func() (protovalidate.Validator, error) {
	return protovalidate.New(protovalidate.WithDisableNativeRules())
})

// Field checks all rules of one field of m, but not those of the messages in it. It says whether to stop.
func Field(v *event.Violations, m proto.Message, name protoreflect.Name) (stop bool) {
	return check(v, m, m.ProtoReflect().Descriptor().Fields().ByName(name), nil)
}

// SensitiveField is [Field] for one that is sensitive: what expressions write of it is not told.
func SensitiveField(v *event.Violations, m proto.Message, name protoreflect.Name) (stop bool) {
	field := m.ProtoReflect().Descriptor().Fields().ByName(name)
	return check(v, m, field, func() []string {
		rules, err := protovalidate.ResolveFieldRules(field)
		if err != nil {
			return nil
		}
		return FieldTexts(rules)
	})
}

// Message checks the rules of m itself, but not those of its fields and oneofs. It says whether to stop.
func Message(v *event.Violations, m proto.Message) (stop bool) {
	return check(v, m, m.ProtoReflect().Descriptor(), nil)
}

// SensitiveMessage is [Message] for one that holds what is sensitive: what expressions write of it is not told.
func SensitiveMessage(v *event.Violations, m proto.Message) (stop bool) {
	return check(v, m, m.ProtoReflect().Descriptor(), func() []string {
		rules, err := protovalidate.ResolveMessageRules(m.ProtoReflect().Descriptor())
		if err != nil {
			return nil
		}
		return Texts(rules)
	})
}

// check runs the rules that belong to one descriptor. Where what they are about is sensitive, texts are what their
// expressions may say.
func check(v *event.Violations, m proto.Message, desc protoreflect.Descriptor, texts func() []string) (stop bool) {
	validator, err := validator()
	if err != nil {
		return v.Fail(err)
	}
	err = validator.Validate(m, protovalidate.WithFilter(only(m, desc)))
	if err == nil {
		return false
	}
	invalid, ok := errors.AsType[*protovalidate.ValidationError](err)
	if !ok {
		return v.Fail(err)
	}
	for _, violation := range invalid.Violations {
		p := violation.Proto
		message := p.GetMessage()
		if texts != nil {
			message = Unquoted(violation, texts())
		}
		if v.Report(event.Violation{
			Path:     protovalidate.FieldPathString(p.GetField()),
			Rule:     p.GetRuleId(),
			RulePath: protovalidate.FieldPathString(p.GetRule()),
			Message:  message,
			ForKey:   p.GetForKey(),
		}) {
			return true
		}
	}
	return false
}

// only has the rules checked that belong to one descriptor of this very message, not of one of its type inside it.
func only(m proto.Message, desc protoreflect.Descriptor) protovalidate.Filter {
	return protovalidate.FilterFunc(func(at protoreflect.Message, d protoreflect.Descriptor) bool {
		return d == desc && at.Interface() == m
	})
}
