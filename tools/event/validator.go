package event

import (
	"slices"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/omninode/trestle/tools/schema"
)

// newValidator returns protovalidate that knows the rules which the set's schemas predefine.
func (s *Schemas) newValidator() (protovalidate.Validator, error) {
	types := &protoregistry.Types{}
	for _, pkg := range s.set.Packages {
		for _, f := range pkg.Files {
			if f.Language() == schema.JSONSchema {
				continue
			}
			if err := registerExtensions(types, f.Proto.Extensions(), f.Proto.Messages()); err != nil {
				return nil, err
			}
		}
	}
	opts := []protovalidate.ValidatorOption{protovalidate.WithExtensionTypeResolver(types)}
	if s.now != nil {
		opts = append(opts, protovalidate.WithNowFunc(func() *timestamppb.Timestamp { return timestamppb.New(s.now()) }))
	}
	if s.hasField(differsNatively) {
		opts = append(opts, protovalidate.WithDisableNativeRules())
	}
	return protovalidate.New(opts...)
}

// hasField says whether some field of the set's messages is of a kind.
func (s *Schemas) hasField(kind func(*schema.Field) bool) bool {
	var in func([]*schema.Message) bool
	in = func(all []*schema.Message) bool {
		for _, m := range all {
			if slices.ContainsFunc(m.Fields, kind) || in(m.Messages) {
				return true
			}
		}
		return false
	}
	return slices.ContainsFunc(s.set.Packages, func(p *schema.Package) bool { return in(p.Messages) })
}

// differsNatively says whether protovalidate's native rules are not what the rules' definitions in CEL say of a field. They
// take wrappers (Int32Value and the like) in lists or maps for bare numbers, and panic; and they do not take the empty
// text for the value of an HTTP header that is not strict.
func differsNatively(f *schema.Field) bool {
	for t := f.Type; t != nil; t = t.Elem {
		for _, each := range []*schema.Type{t, t.Key} {
			if each == nil || each.Constraints.Rules == nil {
				continue
			}
			text := each.Constraints.Rules.GetString()
			loose := text.GetWellKnownRegex() == validate.KnownRegex_KNOWN_REGEX_HTTP_HEADER_VALUE && text.HasStrict() && !text.GetStrict()
			if loose || each != f.Type && isWrapper(each) {
				return true
			}
		}
	}
	return false
}

func isWrapper(t *schema.Type) bool {
	return t.Kind == schema.MessageKind && strings.HasSuffix(t.Message.WellKnown(), "Value") && t.Message.Proto.Fields().ByName("value") != nil
}

func registerExtensions(types *protoregistry.Types, extensions protoreflect.ExtensionDescriptors, messages protoreflect.MessageDescriptors) error {
	for i := range extensions.Len() {
		if err := types.RegisterExtension(dynamicpb.NewExtensionType(extensions.Get(i))); err != nil {
			return err
		}
	}
	for i := range messages.Len() {
		if err := registerExtensions(types, messages.Get(i).Extensions(), messages.Get(i).Messages()); err != nil {
			return err
		}
	}
	return nil
}
