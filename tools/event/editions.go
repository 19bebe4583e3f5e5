package event

import (
	"sync"

	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

// editions are descriptors of files in an edition, made anew: those that a compiler gives say less of an edition's features
// than protobuf's codec looks at, such as whether text must be UTF-8.
type editions struct {
	mu    sync.Mutex
	files map[protoreflect.FileDescriptor]*protoregistry.Files
}

// descriptor returns a message as generated code knows it.
func (e *editions) descriptor(m protoreflect.MessageDescriptor) protoreflect.MessageDescriptor {
	file := m.ParentFile()
	if file.Syntax() != protoreflect.Editions {
		return m
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	known, ok := e.files[file]
	if !ok {
		set := &descriptorpb.FileDescriptorSet{}
		addFiles(set, file, map[string]bool{})
		files, err := protodesc.NewFiles(set)
		if err != nil {
			files = nil // what a compiler took is in order; if not, its own descriptors serve
		}
		if e.files == nil {
			e.files = map[protoreflect.FileDescriptor]*protoregistry.Files{}
		}
		known, e.files[file] = files, files
	}
	if found, err := known.FindDescriptorByName(m.FullName()); err == nil {
		return found.(protoreflect.MessageDescriptor)
	}
	return m
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
