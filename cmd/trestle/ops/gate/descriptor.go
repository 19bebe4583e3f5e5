package gate

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jhump/protoreflect/v2/protoprint"
	devregistry "github.com/omninode/trestle/cmd/trestle/dev/registry"
	"github.com/omninode/trestle/runtime/registry"
	"github.com/omninode/trestle/tools/load"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"
)

// Descriptor compiles a protobuf schema, without comments.
func (Checker) Descriptor(ctx context.Context, c devregistry.Candidate) (*descriptorpb.FileDescriptorProto, error) {
	f, err := compile(ctx, c.Subject, c.Schema, c.Texts)
	if err != nil {
		return nil, err
	}
	file := protodesc.ToFileDescriptorProto(f)
	file.SourceCodeInfo = nil
	return file, nil
}

// Source prints a protobuf schema that was compiled elsewhere, once its references are linked.
func (Checker) Source(ctx context.Context, serialized []byte, texts map[string]string) (string, error) {
	var file descriptorpb.FileDescriptorProto
	if err := proto.Unmarshal(serialized, &file); err != nil {
		return "", err
	}
	var imports strings.Builder
	imports.WriteString("syntax = \"proto3\";\n")
	for _, name := range file.Dependency {
		fmt.Fprintf(&imports, "import %q;\n", name)
	}
	referred, err := compile(ctx, "references", imports.String(), texts)
	if err != nil {
		return "", err
	}
	files := new(protoregistry.Files)
	if err := addImports(files, referred); err != nil {
		return "", err
	}
	file.Reset() // now that options can be read
	if err := (proto.UnmarshalOptions{Resolver: dynamicpb.NewTypes(files)}).Unmarshal(serialized, &file); err != nil {
		return "", err
	}
	linked, err := protodesc.NewFile(&file, files)
	if err != nil {
		return "", err
	}
	return (&protoprint.Printer{}).PrintProtoToString(linked)
}

// compile returns a schema's descriptor, linked with those of its references.
func compile(ctx context.Context, name, text string, texts map[string]string) (protoreflect.FileDescriptor, error) {
	set, err := load.Schemas(ctx, registered(name, string(registry.Protobuf), text, texts), load.ToCompare())
	if err != nil {
		return nil, err
	}
	for _, p := range set.Packages {
		for _, f := range p.Files {
			if _, referred := texts[f.Path]; !referred && f.Proto != nil {
				return f.Proto, nil
			}
		}
	}
	return nil, errors.New("no protobuf schema")
}

func addImports(files *protoregistry.Files, of protoreflect.FileDescriptor) error {
	for i := range of.Imports().Len() {
		f := of.Imports().Get(i).FileDescriptor
		if _, err := files.FindFileByPath(f.Path()); err == nil {
			continue
		}
		if err := addImports(files, f); err != nil {
			return err
		}
		if err := files.RegisterFile(f); err != nil {
			return err
		}
	}
	return nil
}
