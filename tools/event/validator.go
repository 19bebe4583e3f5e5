package event

import (
	"slices"

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
	if s.hasRuledWrappers() {
		opts = append(opts, protovalidate.WithDisableNativeRules())
	}
	return protovalidate.New(opts...)
}

// hasRuledWrappers says whether there are rules for wrappers (Int32Value and the like) in lists or maps. protovalidate's
// native rules take those for bare numbers, and panic; its rules in CEL do not.
func (s *Schemas) hasRuledWrappers() bool {
	var in func([]*schema.Message) bool
	in = func(all []*schema.Message) bool {
		for _, m := range all {
			if slices.ContainsFunc(m.Fields, hasRuledWrappers) || in(m.Messages) {
				return true
			}
		}
		return false
	}
	return slices.ContainsFunc(s.set.Packages, func(p *schema.Package) bool { return in(p.Messages) })
}

func hasRuledWrappers(f *schema.Field) bool {
	t := f.Type
	return (t.Kind == schema.List || t.Kind == schema.Map) && t.Elem.Kind == schema.MessageKind && t.Elem.Constraints.Rules != nil &&
		t.Elem.Message.WellKnown() != ""
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
