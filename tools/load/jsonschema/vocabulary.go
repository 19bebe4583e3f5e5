package jsonschema

import (
	"math"
	"strconv"
	"strings"

	"github.com/omninode/trestle/tools/load/internal/draft"
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/schema/jsontree"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// decodeOption reads what stands under x-trestle in a JSON Schema into a message of the vocabulary: members by the
// vocabulary's own names, enum values by their short ones (`onex_v1` for ENVELOPE_ONEX_V1).
func (j *jsonLoader) decodeOption(file string, v *jsontree.Value, option proto.Message) draft.Places {
	d := optionDecoder{j: j, file: file, places: map[string]schema.Position{"": jsonPos(file, v.Place)}}
	d.message(v, option.ProtoReflect(), "")
	return func(member string, index int) schema.Position {
		if index >= 0 {
			if pos, ok := d.places[member+"/"+strconv.Itoa(index)]; ok {
				return pos
			}
		}
		if pos, ok := d.places[member]; ok {
			return pos
		}
		return d.places[""]
	}
}

func jsonPos(file string, at jsontree.Place) schema.Position {
	return schema.Position{File: file, Line: at.Line, Col: at.Col}
}

type optionDecoder struct {
	j      *jsonLoader
	file   string
	places map[string]schema.Position // by path of members from the option
}

func (d *optionDecoder) fault(at jsontree.Place, format string, args ...any) {
	d.j.Fault(jsonPos(d.file, at), format, args...)
}

func (d *optionDecoder) message(v *jsontree.Value, m protoreflect.Message, path string) {
	if v.Kind != jsontree.Object {
		d.fault(v.Place, "%s where the vocabulary's %s should be, an object", v.Kind, m.Descriptor().Name())
		return
	}
	for _, member := range v.Members {
		fd := m.Descriptor().Fields().ByName(protoreflect.Name(member.Name))
		if fd == nil {
			d.fault(member.Place, "the vocabulary's %s has no %q: it has %s", m.Descriptor().Name(), member.Name, fieldNames(m.Descriptor()))
			continue
		}
		at := path + member.Name
		d.places[at] = jsonPos(d.file, member.Place)
		switch {
		case fd.IsList():
			d.list(member.Value, m, fd, at)
		case fd.Message() != nil:
			d.message(member.Value, m.Mutable(fd).Message(), at+"/")
		default:
			if value, ok := d.scalar(member.Value, fd); ok {
				m.Set(fd, value)
			}
		}
	}
}

func (d *optionDecoder) list(v *jsontree.Value, m protoreflect.Message, fd protoreflect.FieldDescriptor, path string) {
	if v.Kind != jsontree.Array {
		d.fault(v.Place, "%s where %s should be a list", v.Kind, fd.Name())
		return
	}
	list := m.Mutable(fd).List()
	for i, item := range v.Items {
		at := path + "/" + strconv.Itoa(i)
		d.places[at] = jsonPos(d.file, item.Place)
		if fd.Message() != nil {
			element := list.NewElement()
			d.message(item, element.Message(), at+"/")
			list.Append(element)
		} else if value, ok := d.scalar(item, fd); ok {
			list.Append(value)
		}
	}
}

func (d *optionDecoder) scalar(v *jsontree.Value, fd protoreflect.FieldDescriptor) (protoreflect.Value, bool) {
	wrong := func(want string) (protoreflect.Value, bool) {
		d.fault(v.Place, "%s where %s should be %s", v.Kind, fd.Name(), want)
		return protoreflect.Value{}, false
	}
	switch fd.Kind() {
	case protoreflect.BoolKind:
		if v.Kind != jsontree.Bool {
			return wrong("true or false")
		}
		return protoreflect.ValueOfBool(v.IsTrue()), true
	case protoreflect.StringKind:
		if v.Kind != jsontree.String {
			return wrong("a string")
		}
		return protoreflect.ValueOfString(v.Text), true
	case protoreflect.Int32Kind, protoreflect.Int64Kind:
		n, err := strconv.ParseInt(v.Text, 10, 64)
		if v.Kind != jsontree.Number || err != nil || fd.Kind() == protoreflect.Int32Kind && (n < math.MinInt32 || n > math.MaxInt32) {
			return wrong("an integer of its range")
		}
		if fd.Kind() == protoreflect.Int32Kind {
			return protoreflect.ValueOfInt32(int32(n)), true
		}
		return protoreflect.ValueOfInt64(n), true
	case protoreflect.EnumKind:
		prefix := draft.EnumPrefix(fd.Enum())
		if v.Kind == jsontree.String && v.Text == strings.ToLower(v.Text) {
			if value := fd.Enum().Values().ByName(protoreflect.Name(prefix + strings.ToUpper(v.Text))); value != nil && value.Number() != 0 {
				return protoreflect.ValueOfEnum(value.Number()), true
			}
		}
		return wrong("one of " + strings.Join(shortNames(fd.Enum()), ", "))
	}
	return wrong("of a type that JSON Schema has")
}

// shortNames are the names of an enum's values as JSON Schema writes them.
func shortNames(ed protoreflect.EnumDescriptor) []string {
	var out []string
	for i := range ed.Values().Len() {
		if v := ed.Values().Get(i); v.Number() != 0 {
			out = append(out, draft.ShortName(ed, v.Number()))
		}
	}
	return out
}

func fieldNames(md protoreflect.MessageDescriptor) string {
	var names []string
	for i := range md.Fields().Len() {
		names = append(names, string(md.Fields().Get(i).Name()))
	}
	return strings.Join(names, ", ")
}
