// Package protobuf compiles .proto files and turns their descriptors, options and comments into the model: it is what
// package load knows of protobuf's syntax.
//
// It parses all files that are asked for or imported, links each after its imports, and reads protovalidate's rules and
// the vocabulary's options into types and constraints. [Shared] keeps what versions of the same schemas have in common.
package protobuf

import (
	"context"
	"path"
	"slices"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	trestlev1 "github.com/omninode/trestle/gen/trestle/v1"
	"github.com/omninode/trestle/tools/load/internal/draft"
	"github.com/omninode/trestle/tools/schema"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

// Options are what loading protobuf files depends on beside their text.
type Options struct {
	// Image holds compiled files; those whose name is among the targets were asked for.
	Image []*descriptorpb.FileDescriptorProto
	// Lean leaves comments out of the model and the descriptors, and places out of the descriptors.
	Lean bool
	// Shared is what other loads have compiled; nil for nothing.
	Shared *Shared
}

// loader turns protobuf files into the model.
type loader struct {
	*draft.Draft
	options  Options
	messages map[protoreflect.FullName]*schema.Message
	enums    map[protoreflect.FullName]*schema.Enum
}

// protoFile is a protobuf file while it is turned into the model.
type protoFile struct {
	desc    protoreflect.FileDescriptor
	file    *schema.File
	pkg     *schema.Package
	sources *protoSources // nil for libraries
}

// Load compiles the protobuf files among the targets and adds them, with those they import, to the draft.
func Load(ctx context.Context, d *draft.Draft, options Options) error {
	l := &loader{
		Draft: d, options: options,
		messages: map[protoreflect.FullName]*schema.Message{}, enums: map[protoreflect.FullName]*schema.Enum{},
	}
	names := slices.DeleteFunc(slices.Clone(d.Targets), func(name string) bool { return !strings.HasSuffix(name, ".proto") })
	units, err := l.compile(ctx, names)
	if err != nil || len(l.Errs) > 0 {
		return err
	}
	asked := map[string]bool{}
	for _, name := range names {
		asked[name] = true
	}
	var list []*protoUnit
	seen := map[string]bool{}
	var add func(u *protoUnit)
	add = func(u *protoUnit) {
		if seen[u.name] || IsLibrary(u.name) || isVocabulary(u.name) && !asked[u.name] {
			return
		}
		seen[u.name] = true
		list = append(list, u)
		for _, other := range u.imports {
			add(other)
		}
	}
	for _, u := range units {
		add(u)
	}
	slices.SortFunc(list, func(a, b *protoUnit) int { return strings.Compare(a.name, b.name) })

	declared := make([]*protoFile, len(list))
	for i, u := range list {
		declared[i] = l.declareFile(u.file, u.text, u.sources)
	}
	for _, f := range declared {
		l.fillFile(f)
	}
	l.checkDefaultLoops(declared)
	return nil
}

// declareFile adds a file's package, messages and enums, the messages still without fields. A file without sources is
// that of a library, which the Set does not list.
func (l *loader) declareFile(fd protoreflect.FileDescriptor, text []byte, sources *protoSources) *protoFile {
	f := &protoFile{desc: fd, file: &schema.File{Path: fd.Path(), Proto: fd, Source: text}, sources: sources}
	f.pkg = l.AddPackage(string(fd.Package()), path.Dir(fd.Path()), schema.Protobuf, sources != nil, schema.Position{File: fd.Path()})
	f.pkg.Files = append(f.pkg.Files, f.file)
	if f.pkg.Doc == "" {
		f.pkg.Doc = f.packageDoc()
	}
	if f.pkg.GoImport == "" {
		l.NameGoPackage(f.pkg, fd.Options().(*descriptorpb.FileOptions).GetGoPackage())
	}
	for i := range fd.Messages().Len() {
		f.pkg.Messages = append(f.pkg.Messages, l.declareMessage(f, fd.Messages().Get(i), nil, []int32{fileMessage, int32(i)}))
	}
	for i := range fd.Enums().Len() {
		f.pkg.Enums = append(f.pkg.Enums, l.addProtoEnum(f, fd.Enums().Get(i), nil, []int32{fileEnum, int32(i)}))
	}
	return f
}

// packageDoc is the comment above the package statement, else that above the syntax or edition.
func (f *protoFile) packageDoc() string {
	if doc := f.sources.doc([]int32{filePackage}); doc != "" {
		return doc
	}
	if doc := f.sources.doc([]int32{fileSyntax}); doc != "" {
		return doc
	}
	return f.sources.doc([]int32{fileEdition})
}

const fileEdition = 14

func (l *loader) declareMessage(f *protoFile, md protoreflect.MessageDescriptor, parent *schema.Message, path []int32) *schema.Message {
	m := &schema.Message{
		Name: string(md.Name()), FullName: string(md.FullName()), Package: f.pkg, File: f.file, Parent: parent, Proto: md,
		Doc: f.sources.doc(path), Pos: f.sources.pos(path),
	}
	l.messages[md.FullName()] = m
	for i := range md.Messages().Len() {
		if nested := md.Messages().Get(i); !nested.IsMapEntry() {
			m.Messages = append(m.Messages, l.declareMessage(f, nested, m, below(path, messageNested, int32(i))))
		}
	}
	for i := range md.Enums().Len() {
		m.Enums = append(m.Enums, l.addProtoEnum(f, md.Enums().Get(i), m, below(path, messageEnum, int32(i))))
	}
	return m
}

// messageOf returns the model of a message. One of a library is made when it is first asked for.
func (l *loader) messageOf(md protoreflect.MessageDescriptor) *schema.Message {
	if _, ok := l.messages[md.FullName()]; !ok {
		l.addLibrary(md.ParentFile())
	}
	return l.messages[md.FullName()]
}

func (l *loader) enumOf(ed protoreflect.EnumDescriptor) *schema.Enum {
	if _, ok := l.enums[ed.FullName()]; !ok {
		l.addLibrary(ed.ParentFile())
	}
	return l.enums[ed.FullName()]
}

func (l *loader) addLibrary(fd protoreflect.FileDescriptor) {
	l.fillFile(l.declareFile(fd, nil, nil))
}

// sharedOf is what may be known of a file's elements, nil for nothing. Elements of a library have no places, and may have
// them in another load, which asks for the file itself.
func (l *loader) sharedOf(f *protoFile) *Shared {
	if f.sources == nil {
		return nil
	}
	return l.options.Shared
}

// fillFile fills what declareFile declared. Nested elements of the model and of the descriptor go in step.
func (l *loader) fillFile(f *protoFile) {
	if option, ok := typed[*trestlev1.Family](l.options.Shared, f.desc.Options(), trestlev1.E_Family.TypeDescriptor()); ok && f.sources != nil {
		at := f.sources.locate([]int32{fileOptions, int32(trestlev1.E_Family.TypeDescriptor().Number())}, option.ProtoReflect().Descriptor())
		l.Families = append(l.Families, draft.Family{Package: f.pkg, Option: option, At: at})
	}
	for i := range f.desc.Messages().Len() {
		md := f.desc.Messages().Get(i)
		l.fillMessage(f, l.messages[md.FullName()], []int32{fileMessage, int32(i)})
	}
}

func (l *loader) fillMessage(f *protoFile, m *schema.Message, path []int32) {
	md := m.Proto
	options := md.Options().(*descriptorpb.MessageOptions)
	if options.GetDeprecated() {
		m.Deprecated = &schema.Deprecation{}
	}
	m.Rules, _ = typed[*validate.MessageRules](l.options.Shared, options, validate.E_Message.TypeDescriptor())
	for i := range md.ReservedRanges().Len() {
		r := md.ReservedRanges().Get(i) // its end is exclusive
		m.ReservedNumbers = append(m.ReservedNumbers, [2]int32{int32(r[0]), int32(r[1]) - 1})
	}
	for i := range md.ReservedNames().Len() {
		m.ReservedNames = append(m.ReservedNames, string(md.ReservedNames().Get(i)))
	}
	m.Fields = l.fieldsOf(f, m, path)
	oneofs := l.fillOneofs(f, m, path)
	for _, field := range m.Fields {
		if o := oneofs[field.Proto.ContainingOneof()]; o != nil {
			field.Oneof = o
			o.Fields = append(o.Fields, field)
		}
	}
	if f.sources != nil && options.GetMessageSetWireFormat() {
		l.Fault(m.Pos, "%s has the wire format of message sets, which no reader here knows: declare fields", m.Name)
	}
	// The event stands before those of nested messages, as in the source.
	l.addProtoEvent(f, m, options, path)
	for i := range md.Messages().Len() {
		if nested := md.Messages().Get(i); !nested.IsMapEntry() {
			l.fillMessage(f, l.messages[nested.FullName()], below(path, messageNested, int32(i)))
		}
	}
}

func (l *loader) addProtoEvent(f *protoFile, m *schema.Message, options *descriptorpb.MessageOptions, path []int32) {
	option, ok := typed[*trestlev1.Event](l.options.Shared, options, trestlev1.E_Event.TypeDescriptor())
	if !ok || f.sources == nil {
		return
	}
	number := int32(trestlev1.E_Event.TypeDescriptor().Number())
	at := f.sources.locate(below(path, messageOptions, number), option.ProtoReflect().Descriptor())
	l.AddEvent(m, option, at)
}

func (l *loader) fillOneofs(f *protoFile, m *schema.Message, path []int32) map[protoreflect.OneofDescriptor]*schema.Oneof {
	list := m.Proto.Oneofs()
	if list.Len() == 0 {
		return nil
	}
	byDesc := map[protoreflect.OneofDescriptor]*schema.Oneof{}
	for i := range list.Len() {
		od := list.Get(i)
		if od.IsSynthetic() {
			continue
		}
		rules, _ := typed[*validate.OneofRules](l.options.Shared, od.Options(), validate.E_Oneof.TypeDescriptor())
		o := &schema.Oneof{
			Name: string(od.Name()), Required: rules.GetRequired(), Proto: od,
			Pos: f.sources.pos(below(path, messageOneof, int32(i))),
		}
		m.Oneofs = append(m.Oneofs, o)
		byDesc[od] = o
	}
	return byDesc
}

func (l *loader) addProtoEnum(f *protoFile, ed protoreflect.EnumDescriptor, parent *schema.Message, path []int32) *schema.Enum {
	e := &schema.Enum{
		Name: string(ed.Name()), FullName: string(ed.FullName()), Package: f.pkg, File: f.file, Parent: parent,
		Closed: ed.IsClosed(), Proto: ed, Doc: f.sources.doc(path), Pos: f.sources.pos(path),
	}
	l.enums[ed.FullName()] = e
	shared, key := l.sharedOf(f), valuesKey{ed}
	if e.Values, _ = shared.readBefore(key).([]*schema.EnumValue); e.Values == nil {
		e.Values = enumValues(f, ed, path)
		shared.keep(key, e.Values)
	}
	if f.sources != nil {
		l.CheckEnum(e)
	}
	return e
}

func enumValues(f *protoFile, ed protoreflect.EnumDescriptor, path []int32) []*schema.EnumValue {
	values := make([]*schema.EnumValue, ed.Values().Len())
	for i := range values {
		vd, at := ed.Values().Get(i), below(path, enumValue, int32(i))
		v := &schema.EnumValue{
			Name: string(vd.Name()), Number: int32(vd.Number()), Doc: f.sources.doc(at), Pos: f.sources.pos(at),
		}
		options := vd.Options().(*descriptorpb.EnumValueOptions)
		if options.GetDeprecated() {
			v.Deprecated = &schema.Deprecation{}
		}
		// A value that says nothing is written by its own name, unless its name is that of "not set".
		if v.Number != 0 || !strings.HasSuffix(v.Name, "UNSPECIFIED") {
			v.JSONName = v.Name
		}
		if option, ok := readOption[*trestlev1.EnumValue](options, trestlev1.E_EnumValue.TypeDescriptor()); ok {
			v.JSONName = option.GetJsonName()
		}
		values[i] = v
	}
	return values
}

// typed returns an option's value as [readOption] does, and reads it once for all loads that share it.
func typed[T proto.Message](shared *Shared, options protoreflect.ProtoMessage, option protoreflect.ExtensionTypeDescriptor) (T, bool) {
	key := optionKey{options, option.FullName()}
	if known, ok := shared.readBefore(key).(foundOption[T]); ok {
		return known.value, known.found
	}
	value, found := readOption[T](options, option)
	shared.keep(key, foundOption[T]{value, found})
	return value, found
}

// readOption returns an option's value as its Go type. What the compiler read is of the type that the source tree
// declares, so it goes through its encoding; what an image held is of the Go type already.
func readOption[T proto.Message](options protoreflect.ProtoMessage, option protoreflect.ExtensionTypeDescriptor) (value T, found bool) {
	if options == nil || !options.ProtoReflect().IsValid() {
		return value, false
	}
	options.ProtoReflect().Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		if !fd.IsExtension() || fd.FullName() != option.FullName() || fd.Message() == nil || fd.IsList() {
			return true
		}
		if t, ok := v.Message().Interface().(T); ok {
			value, found = t, true
			return false
		}
		text, err := proto.MarshalOptions{AllowPartial: true}.Marshal(v.Message().Interface())
		if err != nil {
			return false
		}
		t := value.ProtoReflect().New().Interface().(T)
		if err := (proto.UnmarshalOptions{AllowPartial: true}).Unmarshal(text, t); err == nil {
			value, found = t, true
		}
		return false
	})
	return value, found
}

// IsLibrary says whether a file is part of what every schema may import, and none declares.
func IsLibrary(name string) bool {
	return strings.HasPrefix(name, "google/protobuf/") || name == "buf/validate/validate.proto"
}

// isVocabulary says whether a file is of Trestle's own vocabulary.
func isVocabulary(name string) bool { return strings.HasPrefix(name, "trestle/v1/") }
