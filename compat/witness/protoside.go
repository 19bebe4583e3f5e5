package witness

import (
	"errors"
	"fmt"

	"buf.build/go/protovalidate"
	"github.com/omninode/trestle/tools/schema"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// protoSide reads events into dynamic messages and validates these by protovalidate.
type protoSide struct {
	msg *schema.Message
	// desc is the message as generated code knows it. It is not the model's where that comes from a compiler whose
	// descriptors say less of an edition's features than readers look at.
	desc      protoreflect.MessageDescriptor
	validator protovalidate.Validator
}

func newProtoSide(m *schema.Message, v protovalidate.Validator) (*protoSide, error) {
	desc := m.Proto
	if file := desc.ParentFile(); file.Syntax() == protoreflect.Editions {
		set := &descriptorpb.FileDescriptorSet{}
		addFiles(set, file, map[string]bool{})
		files, err := protodesc.NewFiles(set)
		if err != nil {
			return nil, err
		}
		found, err := files.FindDescriptorByName(desc.FullName())
		if err != nil {
			return nil, err
		}
		desc = found.(protoreflect.MessageDescriptor)
	}
	return &protoSide{m, desc, v}, nil
}

// addFiles adds a file after those that it imports.
func addFiles(set *descriptorpb.FileDescriptorSet, file protoreflect.FileDescriptor, added map[string]bool) {
	if added[file.Path()] {
		return
	}
	added[file.Path()] = true
	for i := range file.Imports().Len() {
		addFiles(set, file.Imports().Get(i).FileDescriptor, added)
	}
	set.File = append(set.File, protodesc.ToFileDescriptorProto(file))
}

// descriptorOf returns the descriptor of a field that a message of these descriptors has; nil where it has none.
func descriptorOf(m protoreflect.Message, f *schema.Field) protoreflect.FieldDescriptor {
	return m.Descriptor().Fields().ByNumber(protoreflect.FieldNumber(f.Number))
}

func (s *protoSide) read(event map[string]any) (map[string]any, error) {
	m, err := s.decode(event, decoder{})
	if err != nil {
		return nil, &rejection{[]string{err.Error()}}
	}
	return s.finish(m)
}

func (s *protoSide) write(event map[string]any) ([]byte, error) {
	m, err := s.decode(event, decoder{binary: true})
	if err != nil {
		return nil, err
	}
	return proto.MarshalOptions{Deterministic: true}.Marshal(m.Interface())
}

func (s *protoSide) readBytes(data []byte) (map[string]any, error) {
	m := dynamicpb.NewMessage(s.desc)
	if err := proto.Unmarshal(data, m); err != nil {
		return nil, err
	}
	if err := (decoder{}).within(s.msg, m); err != nil {
		return nil, err
	}
	return s.finish(m)
}

func (s *protoSide) decode(event map[string]any, d decoder) (protoreflect.Message, error) {
	m := dynamicpb.NewMessage(s.desc)
	if err := d.message(s.msg, m, event); err != nil {
		return nil, err
	}
	return m, nil
}

// finish validates a message and renders what was read.
func (s *protoSide) finish(m protoreflect.Message) (map[string]any, error) {
	if err := proto.CheckInitialized(m.Interface()); err != nil {
		return nil, err
	}
	if err := s.validator.Validate(m.Interface()); err != nil {
		invalid, ok := errors.AsType[*protovalidate.ValidationError](err)
		if !ok || len(invalid.Violations) == 0 {
			return nil, err
		}
		r := &rejection{}
		for _, v := range invalid.Violations {
			p := v.Proto
			cause := fmt.Sprintf("%s [%s]", violationText(p.GetMessage(), p.GetRuleId()), p.GetRuleId())
			if path := protovalidate.FieldPathString(p.GetField()); path != "" {
				cause = path + ": " + cause
			}
			r.causes = append(r.causes, cause)
		}
		return nil, r
	}
	return encodeMessage(s.msg, m), nil
}

func violationText(message, rule string) string {
	if message != "" {
		return message
	}
	return "breaks rule " + rule
}
