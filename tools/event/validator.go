package event

import (
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
	return protovalidate.New(opts...)
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
