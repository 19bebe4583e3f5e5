package event

import (
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/omninode/trestle/tools/schema"
)

// anyTypes are the messages that a google.protobuf.Any may hold: those of the set, as where their generated code is linked
// in, and protobuf's own.
type anyTypes struct {
	*protoregistry.Types
	set *dynamicpb.Types
}

func (s *Schemas) newAnyTypes() anyTypes {
	files := &protoregistry.Files{}
	for _, pkg := range s.set.Packages {
		for _, f := range pkg.Files {
			if f.Language() != schema.JSONSchema {
				_ = files.RegisterFile(f.Proto) // a set has no name twice
			}
		}
	}
	return anyTypes{protoregistry.GlobalTypes, dynamicpb.NewTypes(files)}
}

// FindMessageByName finds a message by its full name.
func (a anyTypes) FindMessageByName(name protoreflect.FullName) (protoreflect.MessageType, error) {
	if t, err := a.set.FindMessageByName(name); err == nil {
		return t, nil
	}
	return a.Types.FindMessageByName(name)
}

// FindMessageByURL finds a message by what stands in an Any.
func (a anyTypes) FindMessageByURL(url string) (protoreflect.MessageType, error) {
	if t, err := a.set.FindMessageByURL(url); err == nil {
		return t, nil
	}
	return a.Types.FindMessageByURL(url)
}
