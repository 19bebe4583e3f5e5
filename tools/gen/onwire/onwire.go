// Package onwire makes of protobuf files what registries hold of them: the messages as they are on the wire, where some fields are encrypted.
//
// Where a field is encrypted that is neither a text nor bytes, the field with its text stands behind it, a string with the number that schema.SealedNumbers leads to.
// Rules that speak of encrypted values are not there: they hold for what was encrypted. A file in which nothing is encrypted is registered as it is. Of JSON Schema,
// package jsonschema makes what is registered.
package onwire

import (
	"fmt"
	"regexp"
	"slices"
	"sync"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/omninode/trestle/tools/schema"
)

// Files are those of a set, as they are registered. They may be used by many goroutines.
type Files struct {
	messages func() map[protoreflect.FullName]*schema.Message // that hold what is encrypted

	mu    sync.Mutex
	files map[string]protoreflect.FileDescriptor
}

// New returns the files of a set.
func New(set *schema.Set) *Files {
	return &Files{files: map[string]protoreflect.FileDescriptor{}, messages: sync.OnceValue(func() map[protoreflect.FullName]*schema.Message {
		out := map[protoreflect.FullName]*schema.Message{}
		set.EachMessage(func(m *schema.Message) {
			if m.HoldsEncrypted && m.Proto != nil {
				out[m.Proto.FullName()] = m
			}
		})
		return out
	})}
}

// File returns what is registered of a file: the file itself where nothing in it is otherwise on the wire.
func (f *Files) File(of protoreflect.FileDescriptor) (protoreflect.FileDescriptor, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if known := f.files[of.Path()]; known != nil {
		return known, nil
	}
	made, err := f.make(of)
	if err != nil {
		return nil, fmt.Errorf("%s as it is on the wire: %w", of.Path(), err)
	}
	f.files[of.Path()] = made
	return made, nil
}

func (f *Files) make(of protoreflect.FileDescriptor) (protoreflect.FileDescriptor, error) {
	e := editor{messages: f.messages()}
	if !e.concerns(of.Messages()) {
		return of, nil
	}
	imports := &protoregistry.Files{}
	if err := addImports(imports, of); err != nil {
		return nil, err
	}
	file, err := Descriptor(of)
	if err != nil {
		return nil, err
	}
	for i, m := range file.MessageType {
		e.message(m, of.Messages().Get(i), []int32{fileMessages, int32(i)})
	}
	e.moveSources(file.GetSourceCodeInfo())
	return protodesc.NewFile(file, imports)
}

// Descriptor is a file's descriptor in which all options are known by the files that declare them, and not by what this program has linked in.
func Descriptor(f protoreflect.FileDescriptor) (*descriptorpb.FileDescriptorProto, error) {
	known := &protoregistry.Files{}
	if err := addImports(known, f); err != nil {
		return nil, err
	}
	if err := known.RegisterFile(f); err != nil {
		return nil, err
	}
	serialized, err := proto.Marshal(protodesc.ToFileDescriptorProto(f))
	if err != nil {
		return nil, err
	}
	file := &descriptorpb.FileDescriptorProto{}
	return file, proto.UnmarshalOptions{Resolver: dynamicpb.NewTypes(known)}.Unmarshal(serialized, file)
}

// addImports adds all that a file imports.
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

// editor makes the messages of one file what they are on the wire.
type editor struct {
	messages map[protoreflect.FullName]*schema.Message
	moved    []movedFields
}

// concerns says whether any of the messages holds what is encrypted.
func (e *editor) concerns(list protoreflect.MessageDescriptors) bool {
	for i := range list.Len() {
		if m := list.Get(i); e.messages[m.FullName()] != nil || e.concerns(m.Messages()) {
			return true
		}
	}
	return false
}

// Numbers of fields in descriptor.proto, which make up the paths of source locations.
const fileMessages, messageFields, messageMessages = 4, 2, 3

func (e *editor) message(m *descriptorpb.DescriptorProto, desc protoreflect.MessageDescriptor, path []int32) {
	for i, inner := range m.NestedType {
		e.message(inner, desc.Messages().Get(i), append(slices.Clone(path), messageMessages, int32(i)))
	}
	model := e.messages[desc.FullName()]
	if model == nil {
		return
	}
	byNumber := map[int32]*schema.Field{}
	secret := map[string]bool{} // names of what expressions cannot look at
	gone := map[string]bool{}   // names of fields that are not there once they are encrypted
	for _, f := range model.Fields {
		byNumber[f.Number] = f
		if f.EncryptionKey != "" || f.Type.HoldsEncrypted() {
			secret[f.Name] = true
		}
		if f.EncryptionKey != "" && f.SealedBesideInBinary() {
			gone[f.Name] = true
		}
	}
	editMessageRules(m.Options, secret, gone)
	if m.Options != nil && isEmpty(m.Options.ProtoReflect()) {
		m.Options = nil
	}
	moved := movedFields{path: path, texts: map[int32]string{}}
	var fields []*descriptorpb.FieldDescriptorProto
	for _, fd := range m.Field {
		f := byNumber[fd.GetNumber()]
		moved.to = append(moved.to, int32(len(fields)))
		fields = append(fields, fd)
		if f.EncryptionKey == "" {
			if f.Type.HoldsEncrypted() {
				editRules(fd.Options, "buf.validate.field", withoutExpressions)
			}
			if fd.Options != nil && isEmpty(fd.Options.ProtoReflect()) {
				fd.Options = nil
			}
			continue
		}
		editRules(fd.Options, "buf.validate.field", nil)
		nameKey(fd.Options, f)
		if f.SealedBesideInBinary() {
			moved.texts[int32(len(fields))] = " The text of " + f.Name + ", where that is encrypted.\n"
			fields = append(fields, textOf(fd))
		}
	}
	if len(fields) > len(m.Field) {
		m.Field = fields
		e.moved = append(e.moved, moved)
	}
}

// textOf is the field with the text of another.
func textOf(fd *descriptorpb.FieldDescriptorProto) *descriptorpb.FieldDescriptorProto {
	text := &descriptorpb.FieldDescriptorProto{
		Name: proto.String(fd.GetName() + schema.SealedSuffix), Number: proto.Int32(fd.GetNumber() + schema.SealedNumbers),
		Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(), Type: descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum(),
	}
	if !fd.GetProto3Optional() {
		text.OneofIndex = fd.OneofIndex
	}
	return text
}

// nameKey has a field name the class of its keys, which may be that of a family in another file.
func nameKey(options *descriptorpb.FieldOptions, f *schema.Field) {
	editRules(options, "trestle.v1.field", func(option protoreflect.Message) {
		if fd := option.Descriptor().Fields().ByName("encryption_key"); fd != nil {
			option.Set(fd, protoreflect.ValueOfString(f.EncryptionKey))
		}
	})
}

// editRules edits the value of an option; without edit it takes it away.
func editRules(options proto.Message, name protoreflect.FullName, edit func(protoreflect.Message)) {
	m := options.ProtoReflect()
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if !fd.IsExtension() || fd.FullName() != name || fd.Message() == nil {
			return true
		}
		if edit != nil {
			edit(v.Message())
		}
		if edit == nil || isEmpty(v.Message()) {
			m.Clear(fd)
		}
		return false
	})
}

// isEmpty says that a message has no fields.
func isEmpty(m protoreflect.Message) bool {
	empty := len(m.GetUnknown()) == 0
	m.Range(func(protoreflect.FieldDescriptor, protoreflect.Value) bool {
		empty = false
		return false
	})
	return empty
}

// withoutExpressions takes the expressions from the rules of a value, and of what is in it.
func withoutExpressions(rules protoreflect.Message) {
	rules.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch name := fd.Name(); {
		case name == "cel" || name == "cel_expression":
			rules.Clear(fd)
		case name == "repeated" || name == "map":
			withoutExpressions(v.Message())
		case name == "items" || name == "values":
			withoutExpressions(v.Message())
		}
		return true
	})
}

// editMessageRules takes from a message the rules that look at what is encrypted, or at all of it, and those that say which fields are there.
func editMessageRules(options *descriptorpb.MessageOptions, secret, gone map[string]bool) {
	editRules(options, "buf.validate.message", func(rules protoreflect.Message) {
		keep := func(name protoreflect.Name, keeps func(protoreflect.Value) bool) {
			fd := rules.Descriptor().Fields().ByName(name)
			if fd == nil || !rules.Has(fd) {
				return
			}
			list, kept := rules.Get(fd).List(), rules.NewField(fd).List()
			for i := range list.Len() {
				if keeps(list.Get(i)) {
					kept.Append(list.Get(i))
				}
			}
			if kept.Len() == 0 {
				rules.Clear(fd)
			} else {
				rules.Set(fd, protoreflect.ValueOfList(kept))
			}
		}
		keep("cel", func(v protoreflect.Value) bool { return !looksAt(textIn(v.Message(), "expression"), secret) })
		keep("cel_expression", func(v protoreflect.Value) bool { return !looksAt(v.String(), secret) })
		keep("oneof", func(v protoreflect.Value) bool {
			fd := v.Message().Descriptor().Fields().ByName("fields")
			names := v.Message().Get(fd).List()
			for i := range names.Len() {
				if gone[names.Get(i).String()] {
					return false
				}
			}
			return true
		})
	})
}

func textIn(m protoreflect.Message, name protoreflect.Name) string {
	if fd := m.Descriptor().Fields().ByName(name); fd != nil {
		return m.Get(fd).String()
	}
	return ""
}

var (
	word = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_]*`)
	// whole is a message as a whole, and not a field of it.
	whole = regexp.MustCompile(`\bthis\b\s*([^.\[\sA-Za-z0-9_]|$)`)
)

// looksAt says whether an expression may look at fields of those names.
func looksAt(expression string, names map[string]bool) bool {
	return whole.MatchString(expression) || slices.ContainsFunc(word.FindAllString(expression, -1), func(w string) bool { return names[w] })
}

// movedFields says where the fields of a message stand among others that were added, and the comments of these.
type movedFields struct {
	path  []int32 // of the message
	to    []int32
	texts map[int32]string
}

// moveSources has places and comments follow the fields. A field that was added stands where the one does whose text it has.
func (e *editor) moveSources(info *descriptorpb.SourceCodeInfo) {
	var added []*descriptorpb.SourceCodeInfo_Location
	for _, at := range info.GetLocation() {
		for _, m := range e.moved {
			n := len(m.path)
			if len(at.Path) < n+2 || !slices.Equal(at.Path[:n], m.path) || at.Path[n] != messageFields {
				continue
			}
			index := m.to[at.Path[n+1]]
			at.Path[n+1] = index
			if text := m.texts[index+1]; text != "" && len(at.Path) == n+2 {
				path := slices.Clone(at.Path)
				path[n+1]++
				added = append(added, &descriptorpb.SourceCodeInfo_Location{Path: path, Span: at.Span, LeadingComments: &text})
			}
			break
		}
	}
	if info != nil {
		info.Location = append(info.Location, added...)
	}
}
