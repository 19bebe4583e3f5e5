package celvalidate

import (
	"errors"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"
)

// Compiler says for a generator whether the validators that it writes will be able to compile their expressions.
type Compiler struct{ validator protovalidate.Validator }

// NewCompiler returns a compiler for schemas whose predefined rules are extensions among types.
func NewCompiler(types *protoregistry.Types) (*Compiler, error) {
	validator, err := protovalidate.New(protovalidate.WithExtensionTypeResolver(types))
	if err != nil {
		return nil, err
	}
	return &Compiler{validator}, nil
}

// Compile returns what is wrong with the expressions of a rule: of one on the message m itself, or on the field or oneof
// of m that desc is.
func (c *Compiler) Compile(m protoreflect.MessageDescriptor, desc protoreflect.Descriptor) error {
	empty := dynamicpb.NewMessage(m)
	err := c.validator.Validate(empty, protovalidate.WithFilter(only(empty, desc)))
	if wrong, ok := errors.AsType[*protovalidate.CompilationError](err); ok {
		return wrong
	}
	return nil // whether the empty message is valid is of no matter
}
