package protobuf

import (
	"encoding/base64"
	"fmt"
	"math"
	"slices"
	"strconv"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"github.com/bufbuild/protocompile/protoutil"
	trestlev1 "github.com/omninode/trestle/gen/trestle/v1"
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/schema/jsontree"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
)

const fieldTypeNumber, fieldTypeName = 5, 6

// fieldsOf returns the fields of a message, and does not add them to it. Those of a message that is the same in another
// load are read once.
func (l *loader) fieldsOf(f *protoFile, m *schema.Message, path []int32) []*schema.Field {
	shared, key := l.sharedOf(f), fieldsKey{m.Proto}
	if kept, ok := shared.readBefore(key).([]schema.Field); ok {
		return l.takeFields(m, kept)
	}
	faults := len(l.Errs)
	fields := make([]*schema.Field, m.Proto.Fields().Len())
	for i := range fields {
		fields[i] = l.newField(f, m, m.Proto.Fields().Get(i), below(path, messageField, int32(i)))
	}
	if f.sources != nil {
		l.CheckFields(fields)
	}
	if shared != nil && len(l.Errs) == faults { // whoever takes them does not look for faults
		shared.keep(key, keepFields(fields))
	}
	return fields
}

// keepFields copies fields, without what belongs to the set that they are in: other messages and enums stand in them as
// their descriptors.
func keepFields(fields []*schema.Field) []schema.Field {
	kept := make([]schema.Field, len(fields))
	for i, field := range fields {
		kept[i] = *field
		kept[i].Message = nil
		kept[i].Type = relinked(field.Type,
			func(m *schema.Message) *schema.Message { return &schema.Message{Proto: m.Proto} },
			func(e *schema.Enum) *schema.Enum { return &schema.Enum{Proto: e.Proto} })
	}
	return kept
}

// takeFields makes the fields of a message of those that were kept.
func (l *loader) takeFields(m *schema.Message, kept []schema.Field) []*schema.Field {
	all := slices.Clone(kept)
	fields := make([]*schema.Field, len(all))
	for i := range all {
		all[i].Message = m
		all[i].Type = relinked(all[i].Type,
			func(m *schema.Message) *schema.Message { return l.messageOf(m.Proto) },
			func(e *schema.Enum) *schema.Enum { return l.enumOf(e.Proto) })
		fields[i] = &all[i]
	}
	return fields
}

// relinked returns a type with other messages and enums in place of its own; the same type where it has none.
func relinked(t *schema.Type, message func(*schema.Message) *schema.Message, enum func(*schema.Enum) *schema.Enum) *schema.Type {
	if t == nil {
		return nil
	}
	elem := relinked(t.Elem, message, enum)
	if elem == t.Elem && t.Message == nil && t.Enum == nil {
		return t
	}
	other := *t
	other.Elem = elem
	if t.Message != nil {
		other.Message = message(t.Message)
	}
	if t.Enum != nil {
		other.Enum = enum(t.Enum)
	}
	return &other
}

// newField makes the model of a field; it does not add it to the message.
func (l *loader) newField(f *protoFile, m *schema.Message, fd protoreflect.FieldDescriptor, path []int32) *schema.Field {
	typePath := below(path, fieldTypeName)
	if !f.sources.has(typePath) {
		typePath = below(path, fieldTypeNumber)
	}
	field := &schema.Field{
		Name: string(fd.Name()), Number: int32(fd.Number()), Doc: f.sources.doc(path), Message: m,
		Explicit: fd.HasPresence(), Proto: fd, Pos: f.sources.pos(path),
	}
	field.JSONName = field.Name
	if fd.JSONName() != lowerCamel(field.Name) || f.sources.has(below(path, fieldJSONName)) {
		field.JSONName = fd.JSONName()
	}
	field.Type = l.newType(fd, f.sources.pos(typePath))
	options := fd.Options().(*descriptorpb.FieldOptions)
	if options.GetDeprecated() {
		field.Deprecated = &schema.Deprecation{}
	}
	if rules, ok := readOption[*validate.FieldRules](options, validate.E_Field.TypeDescriptor()); ok {
		field.Required = rules.GetRequired() && rules.GetIgnore() != validate.Ignore_IGNORE_ALWAYS
		at := f.sources.pos(below(path, fieldOptions, int32(validate.E_Field.TypeDescriptor().Number())))
		l.constrain(field.Type, rules, at)
		// What a rule on the message makes one of several is validated only where it is set, and what has presence is set
		// when it is zero, too.
		c := &field.Type.Constraints
		c.SkipZero = !field.Explicit && (c.SkipZero || !rules.HasIgnore() && inMessageOneof(m, field.Name))
	}
	at := field.Pos
	if option, ok := readOption[*trestlev1.Field](options, trestlev1.E_Field.TypeDescriptor()); ok {
		places := f.sources.locate(below(path, fieldOptions, int32(trestlev1.E_Field.TypeDescriptor().Number())), option.ProtoReflect().Descriptor())
		at = places("", -1)
		l.DescribeField(field, option, places)
	}
	if field.Default == "" && fd.HasDefault() {
		field.Default = protoDefault(fd, field.Type.Enum)
	}
	if f.sources != nil {
		l.CheckDefault(field, at)
	}
	return field
}

func inMessageOneof(m *schema.Message, field string) bool {
	return slices.ContainsFunc(m.Rules.GetOneof(), func(r *validate.MessageOneofRule) bool {
		return slices.Contains(r.GetFields(), field)
	})
}

// lowerCamel is the JSON name that protobuf gives a field that names none.
func lowerCamel(name string) string {
	b := make([]byte, 0, len(name))
	upper := false
	for i := range len(name) {
		c := name[i]
		if c == '_' {
			upper = true
			continue
		}
		if upper && 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		b, upper = append(b, c), false
	}
	return string(b)
}

func (l *loader) newType(fd protoreflect.FieldDescriptor, at schema.Position) *schema.Type {
	switch {
	case fd.IsMap():
		return &schema.Type{
			Kind: schema.Map, Key: l.singular(fd.MapKey(), at), Elem: l.singular(fd.MapValue(), at), Proto: fd.Kind(), Pos: at,
		}
	case fd.IsList():
		return &schema.Type{Kind: schema.List, Elem: l.singular(fd, at), Proto: fd.Kind(), Pos: at}
	}
	return l.singular(fd, at)
}

// scalarKinds maps protobuf's scalar types to kinds.
var scalarKinds = map[protoreflect.Kind]schema.Kind{
	protoreflect.BoolKind:     schema.Bool,
	protoreflect.Int32Kind:    schema.Int32,
	protoreflect.Sint32Kind:   schema.Int32,
	protoreflect.Sfixed32Kind: schema.Int32,
	protoreflect.Int64Kind:    schema.Int64,
	protoreflect.Sint64Kind:   schema.Int64,
	protoreflect.Sfixed64Kind: schema.Int64,
	protoreflect.Uint32Kind:   schema.Uint32,
	protoreflect.Fixed32Kind:  schema.Uint32,
	protoreflect.Uint64Kind:   schema.Uint64,
	protoreflect.Fixed64Kind:  schema.Uint64,
	protoreflect.FloatKind:    schema.Float,
	protoreflect.DoubleKind:   schema.Double,
	protoreflect.StringKind:   schema.String,
	protoreflect.BytesKind:    schema.Bytes,
}

func (l *loader) singular(fd protoreflect.FieldDescriptor, at schema.Position) *schema.Type {
	t := &schema.Type{Kind: scalarKinds[fd.Kind()], Proto: fd.Kind(), Pos: at}
	switch fd.Kind() {
	case protoreflect.StringKind:
		t.RawText = !verifiesUTF8(fd)
	case protoreflect.EnumKind:
		t.Kind, t.Enum = schema.EnumKind, l.enumOf(fd.Enum())
	case protoreflect.MessageKind, protoreflect.GroupKind:
		switch fd.Message().FullName() {
		case "google.protobuf.Timestamp":
			t.Kind = schema.Timestamp
		case "trestle.v1.JsonObject":
			t.Kind = schema.JSONObject
		default:
			t.Kind, t.Message = schema.MessageKind, l.messageOf(fd.Message())
		}
	}
	return t
}

var utf8Feature = (*descriptorpb.FeatureSet)(nil).ProtoReflect().Descriptor().Fields().ByName("utf8_validation")

// verifiesUTF8 says whether readers and writers refuse text in a string field that is not UTF-8.
func verifiesUTF8(fd protoreflect.FieldDescriptor) bool {
	if syntax := fd.ParentFile().Syntax(); syntax != protoreflect.Editions {
		return syntax == protoreflect.Proto3
	}
	v, err := protoutil.ResolveFeature(fd, utf8Feature)
	return err != nil || v.Enum() != descriptorpb.FeatureSet_NONE.Number()
}

// protoDefault is the JSON text of a default declared in proto2 or an edition.
func protoDefault(fd protoreflect.FieldDescriptor, enum *schema.Enum) string {
	v := fd.Default()
	switch fd.Kind() {
	case protoreflect.StringKind:
		return jsontree.Quote(v.String())
	case protoreflect.BytesKind:
		return jsontree.Quote(base64.StdEncoding.EncodeToString(v.Bytes()))
	case protoreflect.EnumKind:
		for _, value := range enum.Values {
			if value.Number == int32(v.Enum()) && value.JSONName != "" {
				return jsontree.Quote(value.JSONName)
			}
		}
		return ""
	case protoreflect.FloatKind:
		return floatDefault(v.Float(), 32)
	case protoreflect.DoubleKind:
		return floatDefault(v.Float(), 64)
	}
	return fmt.Sprint(v.Interface())
}

// floatDefault has no JSON text for infinities and NaN: none is given for them.
func floatDefault(f float64, bits int) string {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return ""
	}
	return strconv.FormatFloat(f, 'g', -1, bits)
}
