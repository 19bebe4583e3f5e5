package confluent

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/omninode/trestle/runtime/jsonio"
)

// newProtobufSchema reads a file of messages that a registry has compiled, and those that it imports, by their names.
func newProtobufSchema(text string, references map[string]string) (protoreflect.FileDescriptor, error) {
	files := &protoregistry.Files{}
	texts := map[string]string{}
	for name, text := range references {
		texts[name] = text
	}
	var add func(name, text string) (protoreflect.FileDescriptor, error)
	adding := map[string]bool{}
	add = func(name, text string) (protoreflect.FileDescriptor, error) {
		raw, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, fmt.Errorf("%s: the registry does not give compiled schemas (format=serialized): does it know how to?", name)
		}
		var file descriptorpb.FileDescriptorProto
		if err := proto.Unmarshal(raw, &file); err != nil {
			return nil, fmt.Errorf("%s: it is no compiled schema: %w", name, err)
		}
		file.Name = &name
		if adding[name] {
			return nil, fmt.Errorf("%s imports itself", name)
		}
		adding[name] = true
		for _, imported := range file.Dependency {
			if _, err := files.FindFileByPath(imported); err != nil && texts[imported] != "" {
				if _, err := add(imported, texts[imported]); err != nil {
					return nil, err
				}
			}
		}
		// What is not among the references is of protobuf itself, or of Confluent: it has no tags.
		made, err := protodesc.FileOptions{AllowUnresolvable: true}.New(&file, resolver{files})
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return made, files.RegisterFile(made)
	}
	return add("default", text)
}

// resolver finds what a schema refers to: in its references, or in protobuf's own files.
type resolver struct{ files *protoregistry.Files }

// FindFileByPath implements [protodesc.Resolver].
func (r resolver) FindFileByPath(path string) (protoreflect.FileDescriptor, error) {
	if file, err := r.files.FindFileByPath(path); err == nil {
		return file, nil
	}
	return protoregistry.GlobalFiles.FindFileByPath(path)
}

// FindDescriptorByName implements [protodesc.Resolver].
func (r resolver) FindDescriptorByName(name protoreflect.FullName) (protoreflect.Descriptor, error) {
	if d, err := r.files.FindDescriptorByName(name); err == nil {
		return d, nil
	}
	return protoregistry.GlobalFiles.FindDescriptorByName(name)
}

// messageAt is the message that indexes lead to.
func messageAt(file protoreflect.FileDescriptor, indexes []int) (protoreflect.MessageDescriptor, error) {
	messages := file.Messages()
	var found protoreflect.MessageDescriptor
	for _, i := range indexes {
		if i >= messages.Len() {
			return nil, fmt.Errorf("the message indexes %v lead to none in the schema", indexes)
		}
		found = messages.Get(i)
		messages = found.Messages()
	}
	return found, nil
}

// The option confluent.field_meta, and the tags in it: confluent/meta.proto.
const (
	fieldMeta = 1088
	metaTags  = 3
)

// tagsOf are the tags of a field's option, whether or not a program has compiled in what declares it.
func tagsOf(fd protoreflect.FieldDescriptor) []string {
	raw, err := proto.Marshal(fd.Options())
	if err != nil {
		return nil
	}
	var out []string
	eachField(raw, func(number protowire.Number, kind protowire.Type, meta []byte) {
		if number == fieldMeta && kind == protowire.BytesType {
			eachField(meta, func(number protowire.Number, kind protowire.Type, tag []byte) {
				if number == metaTags && kind == protowire.BytesType {
					out = append(out, string(tag))
				}
			})
		}
	})
	return out
}

// fieldTags are the tags of fields, each looked up once.
type fieldTags struct {
	paths pathTags
	known sync.Map // by full name
}

// of are the tags of a field.
func (t *fieldTags) of(fd protoreflect.FieldDescriptor) []string {
	if found, ok := t.known.Load(fd.FullName()); ok {
		return found.([]string)
	}
	tags := t.paths.of(string(fd.FullName()), tagsOf(fd))
	t.known.Store(fd.FullName(), tags)
	return tags
}

// eachField calls do for each field of a message with its value, that of bytes without its length.
func eachField(b []byte, do func(number protowire.Number, kind protowire.Type, value []byte)) {
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return
		}
		b = b[n:]
		if n = protowire.ConsumeFieldValue(number, kind, b); n < 0 {
			return
		}
		value := b[:n]
		if kind == protowire.BytesType {
			value, _ = protowire.ConsumeBytes(b)
		}
		do(number, kind, value)
		b = b[n:]
	}
}

// protobufFields walks a message by its schema, the way that Confluent's clients do, and changes the fields of a step. All else stays byte for byte.
type protobufFields struct {
	tags   *fieldTags
	step   *step
	change func(value []byte, isText bool) ([]byte, error)
	write  bool
	failed []fieldFailure
}

// leaves are the messages that Confluent's clients take as one value.
var leaves = []protoreflect.FullName{"confluent.type.Decimal", "google.protobuf.Timestamp"}

// message appends a message with its fields changed. It stops at an error of keys.
func (w *protobufFields) message(b, raw []byte, of protoreflect.MessageDescriptor, path string, depth int) ([]byte, error) {
	if depth > protowire.DefaultRecursionLimit {
		return b, errors.New("messages stand in one another without end")
	}
	counts := map[protowire.Number]int{}
	for len(raw) > 0 {
		number, kind, n := protowire.ConsumeTag(raw)
		if n < 0 {
			return b, protowire.ParseError(n)
		}
		size := protowire.ConsumeFieldValue(number, kind, raw[n:])
		if size < 0 {
			return b, protowire.ParseError(size)
		}
		fd := of.Fields().ByNumber(number)
		at := ""
		if fd != nil {
			at = jsonio.JoinPath(path, jsonio.MemberPath(string(fd.Name())))
			if fd.IsList() {
				at += "[" + strconv.Itoa(counts[number]) + "]"
			}
			counts[number]++
		}
		changed, ok, err := w.field(raw[n:n+size], kind, fd, at, depth)
		if err != nil {
			return b, err
		}
		if ok {
			b = protowire.AppendBytes(protowire.AppendTag(b, number, kind), changed)
		} else {
			b = append(b, raw[:n+size]...)
		}
		raw = raw[n+size:]
	}
	if !w.write {
		return b, nil
	}
	// A text without presence that is empty is not written, and those who read it decrypt it all the same.
	for i := range of.Fields().Len() {
		fd := of.Fields().Get(i)
		if counts[fd.Number()] > 0 || fd.HasPresence() || fd.IsList() || fd.IsMap() || !isSealable(fd) || !w.isTagged(fd) {
			continue
		}
		changed, ok, err := w.leaf(nil, fd, jsonio.JoinPath(path, jsonio.MemberPath(string(fd.Name()))))
		if err != nil {
			return b, err
		}
		if ok {
			b = protowire.AppendBytes(protowire.AppendTag(b, fd.Number(), protowire.BytesType), changed)
		}
	}
	return b, nil
}

func isSealable(fd protoreflect.FieldDescriptor) bool {
	return fd.Kind() == protoreflect.StringKind || fd.Kind() == protoreflect.BytesKind
}

func (w *protobufFields) isTagged(fd protoreflect.FieldDescriptor) bool {
	return w.step.has(w.tags.of(fd))
}

// field returns what stands in place of a field's value, or false: it stays as it is.
func (w *protobufFields) field(raw []byte, kind protowire.Type, fd protoreflect.FieldDescriptor, at string, depth int) ([]byte, bool, error) {
	switch {
	case fd == nil:
		return nil, false, nil
	case fd.IsMap():
		return w.entry(raw, kind, fd, at, depth)
	case fd.Kind() == protoreflect.MessageKind && !slices.Contains(leaves, fd.Message().FullName()):
		if kind != protowire.BytesType || fd.Message().IsPlaceholder() {
			return nil, false, nil
		}
		inner, _ := protowire.ConsumeBytes(raw)
		out, err := w.message(nil, inner, fd.Message(), at, depth+1)
		return out, true, err
	case !w.isTagged(fd):
		return nil, false, nil
	case !isSealable(fd):
		if w.write {
			w.failed = append(w.failed, fieldFailure{at, errKind})
		}
		return nil, false, nil
	case kind != protowire.BytesType:
		return nil, false, nil
	}
	inner, _ := protowire.ConsumeBytes(raw)
	return w.leaf(inner, fd, at)
}

// entry is field for the entry of a map, of which only messages can be looked into.
func (w *protobufFields) entry(raw []byte, kind protowire.Type, fd protoreflect.FieldDescriptor, at string, depth int) ([]byte, bool, error) {
	held := fd.MapValue()
	if held.Kind() != protoreflect.MessageKind || slices.Contains(leaves, held.Message().FullName()) {
		if w.write && w.isTagged(fd) {
			w.failed = append(w.failed, fieldFailure{at, errKind})
		}
		return nil, false, nil
	}
	if kind != protowire.BytesType {
		return nil, false, nil
	}
	inner, _ := protowire.ConsumeBytes(raw)
	var out []byte
	for len(inner) > 0 {
		number, kind, n := protowire.ConsumeTag(inner)
		if n < 0 {
			return nil, false, protowire.ParseError(n)
		}
		size := protowire.ConsumeFieldValue(number, kind, inner[n:])
		if size < 0 {
			return nil, false, protowire.ParseError(size)
		}
		if changed, ok, err := w.value(inner[n:n+size], number, kind, held, at, depth); err != nil {
			return nil, false, err
		} else if ok {
			out = protowire.AppendBytes(protowire.AppendTag(out, number, kind), changed)
		} else {
			out = append(out, inner[:n+size]...)
		}
		inner = inner[n+size:]
	}
	return out, true, nil
}

// value is field for a field of a map's entry.
func (w *protobufFields) value(raw []byte, number protowire.Number, kind protowire.Type, held protoreflect.FieldDescriptor, at string, depth int) ([]byte, bool, error) {
	if number != held.Number() {
		return nil, false, nil
	}
	return w.field(raw, kind, held, at, depth)
}

// leaf changes a text, or bytes.
func (w *protobufFields) leaf(plain []byte, fd protoreflect.FieldDescriptor, at string) ([]byte, bool, error) {
	changed, err := w.change(plain, fd.Kind() == protoreflect.StringKind)
	switch {
	case err != nil && isKeyError(err):
		return nil, false, fmt.Errorf("%s: %w", at, err)
	case err != nil:
		w.failed = append(w.failed, fieldFailure{at, err})
		return nil, false, nil
	}
	return changed, true, nil
}
