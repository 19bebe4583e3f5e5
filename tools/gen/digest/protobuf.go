package digest

import (
	"cmp"
	"slices"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/omninode/trestle/tools/gen/onwire"
	"github.com/omninode/trestle/tools/schema/jsontree"
)

// protobufSum digests a file by its descriptor in protobuf's JSON.
func protobufSum(f protoreflect.FileDescriptor) (string, error) {
	file, err := onwire.Descriptor(f)
	if err != nil {
		return "", err
	}
	file.Name, file.SourceCodeInfo = nil, nil
	sortImports(file)
	nameInJSON(file.MessageType, f.Messages())
	for _, e := range file.Extension {
		e.JsonName = nil
	}
	text, err := protojson.Marshal(file)
	if err != nil {
		return "", err
	}
	root, err := jsontree.Parse(text)
	if err != nil {
		return "", err
	}
	sortMembers(root)
	return sumOf(root.AppendJSON(nil)), nil
}

// sortImports sorts what a file imports, to which two lists of indexes lead.
func sortImports(file *descriptorpb.FileDescriptorProto) {
	names := file.Dependency
	file.Dependency = slices.Sorted(slices.Values(names))
	for _, indexes := range [][]int32{file.PublicDependency, file.WeakDependency} {
		for i, index := range indexes {
			at, _ := slices.BinarySearch(file.Dependency, names[index])
			indexes[i] = int32(at)
		}
		slices.Sort(indexes)
	}
}

// nameInJSON gives every field its name in JSON, which some compilers leave out where it follows from the field's own. Extensions have none of their own.
func nameInJSON(messages []*descriptorpb.DescriptorProto, of protoreflect.MessageDescriptors) {
	for i, m := range messages {
		desc := of.Get(i)
		for j, f := range m.Field {
			f.JsonName = cmp.Or(f.JsonName, proto.String(desc.Fields().Get(j).JSONName()))
		}
		for _, e := range m.Extension {
			e.JsonName = nil
		}
		nameInJSON(m.NestedType, desc.Messages())
	}
}
