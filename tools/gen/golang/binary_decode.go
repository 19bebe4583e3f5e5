package golang

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/omninode/trestle/tools/schema"
)

// byNumber returns the fields in the order in which proto.Marshal writes them: by number, members of oneofs at the end.
func byNumber(m *schema.Message) []*schema.Field {
	oneof := func(f *schema.Field) int {
		if f.Oneof == nil {
			return -1
		}
		return f.Oneof.Proto.Index()
	}
	fields := slices.Clone(m.Fields)
	slices.SortFunc(fields, func(a, b *schema.Field) int {
		return cmp.Or(cmp.Compare(oneof(a), oneof(b)), cmp.Compare(a.Number, b.Number))
	})
	return fields
}

// decodeBinary writes the methods that read the message.
func (g *file) decodeBinary(m *schema.Message, goName string) {
	g.p("// UnmarshalBinary reads x from protobuf's binary form, as proto.Unmarshal does. The strings of x are parts of one copy")
	g.p("// of data.")
	g.p("func (x *%s) UnmarshalBinary(data []byte) error {", goName)
	g.p("*x = %s{}", goName)
	g.p("r := %s(string(data))", g.protobin("NewReader"))
	g.p("x.DecodeBinary(&r)")
	if mayLack(m.Proto, map[protoreflect.FullName]bool{}) {
		g.p("if err := r.Err(); err != nil {")
		g.p("return err")
		g.p("}")
		g.p("return %s.CheckInitialized(x)", g.pkg("google.golang.org/protobuf/proto", "proto"))
	} else {
		g.p("return r.Err()")
	}
	g.p("}\n")
	g.p("// DecodeBinary reads protobuf's binary form over what x has. What is wrong stays in r.")
	g.p("func (x *%s) DecodeBinary(r *%s) {", goName, g.protobin("Reader"))
	rooms := g.rooms(m)
	if len(rooms) > 0 {
		g.p("type fields struct { // what x points to is allocated in one piece")
		for _, v := range rooms {
			g.p("%s %s", v.goName(), strings.TrimPrefix(g.goType(v.Type), "*"))
		}
		g.p("}")
		g.p("var room *fields")
	}
	g.p("for tag := r.Next(); tag != 0; tag = r.Next() {")
	g.p("switch tag {")
	for _, f := range byNumber(m) {
		v := g.view(f)
		g.decodeBinaryField(v, slices.ContainsFunc(rooms, func(r view) bool { return r.Field == v.Field }))
	}
	g.p("default:")
	g.p("x.unknownFields = r.Unknown(x.unknownFields, tag)")
	g.p("}")
	g.p("}")
	g.p("}\n")
}

// mayLack says whether there may be required fields in a message, or in one of those it may hold.
func mayLack(md protoreflect.MessageDescriptor, seen map[protoreflect.FullName]bool) bool {
	if seen[md.FullName()] {
		return false
	}
	seen[md.FullName()] = true
	if md.ExtensionRanges().Len() > 0 {
		return true
	}
	for i := range md.Fields().Len() {
		fd := md.Fields().Get(i)
		if fd.Cardinality() == protoreflect.Required || fd.Message() != nil && mayLack(fd.Message(), seen) {
			return true
		}
	}
	return false
}

// maxRooms bounds what a message may allocate for fields that it turns out to lack.
const maxRooms = 8

// rooms are the small fields that a message points to, when there are several.
func (g *file) rooms(m *schema.Message) []view {
	var rooms []view
	for _, f := range byNumber(m) {
		v := g.view(f)
		small := v.pointer && f.Proto.Kind() != protoreflect.MessageKind || f.Type.Kind == schema.Timestamp || f.Type.Kind == schema.JSONObject
		if small && v.wrapper == "" && len(rooms) < maxRooms {
			rooms = append(rooms, v)
		}
	}
	if len(rooms) < 2 {
		return nil
	}
	return rooms
}

// goName is the name of the field in Go.
func (v view) goName() string { return v.expr[strings.IndexByte(v.expr, '.')+1:] }

// tagOf is a field's number and wire type as they are read.
func tagOf(number int32, wire protowire.Type) string {
	return fmt.Sprintf("0x%x", protowire.EncodeTag(protowire.Number(number), wire))
}

func (g *file) decodeBinaryField(v view, room bool) {
	fd := v.Proto
	wire := wireType(fd.Kind())
	tag := tagOf(v.Number, wire)
	switch {
	case fd.IsMap():
		g.p("case %s:", tag)
		g.decodeBinaryMap(v)
	case fd.IsList() && wire == protowire.BytesType:
		g.p("case %s:", tag)
		g.decodeBinaryRun(v, tag)
	case fd.IsList():
		value := g.readBinary(fd, v.Type.Elem, v)
		g.p("case %s:", tag)
		g.p("%s = append(%s, %s)", v.expr, v.expr, value)
		g.p("case %s: // packed", tagOf(v.Number, protowire.BytesType))
		g.p("outer := r.Open()")
		g.p("for r.More() {")
		g.p("%s = append(%s, %s)", v.expr, v.expr, value)
		g.p("}")
		g.p("r.Close(outer)")
	default:
		g.p("case %s:", tag)
		g.setBinary(v, room)
	}
}

// decodeBinaryRun reads items of a list that follow one another: there is room for all of them at once.
func (g *file) decodeBinaryRun(v view, tag string) {
	message := v.Proto.Kind() == protoreflect.MessageKind
	g.p("n := r.Run(%s)", tag)
	g.p("%s = %s(%s, n)", v.expr, g.std("slices", "Grow"), v.expr)
	if message {
		g.p("items := make([]%s, n)", strings.TrimPrefix(g.goType(v.Type.Elem), "*"))
	}
	g.p("for i := range n {")
	g.p("if i > 0 {")
	g.p("r.Next()")
	g.p("}")
	if message {
		g.p("e := &items[i]")
		g.readBinaryMessage(v.Type.Elem, "e")
		g.p("%s = append(%s, e)", v.expr, v.expr)
	} else {
		g.p("%s = append(%s, %s)", v.expr, v.expr, g.readBinary(v.Proto, v.Type.Elem, v))
	}
	g.p("}")
}

// setBinary sets a field that is there once; a message is read over the one there. What is pointed to may have its place
// in room.
func (g *file) setBinary(v view, room bool) {
	fd := v.Proto
	if room {
		g.p("if room == nil {")
		g.p("room = new(fields)")
		g.p("}")
	}
	switch {
	case v.wrapper != "" && fd.Kind() == protoreflect.MessageKind:
		g.p("o, ok := %s.(*%s)", v.holder, v.wrapper)
		g.p("if !ok || %s == nil {", v.expr)
		g.p("o = &%s{%s: new(%s)}", v.wrapper, v.goName(), strings.TrimPrefix(g.goType(v.Type), "*"))
		g.p("%s = o", v.holder)
		g.p("}")
		g.readBinaryMessage(v.Type, v.expr)
	case v.wrapper != "":
		g.p("%s = &%s{%s: %s}", v.holder, v.wrapper, v.goName(), g.readBinary(fd, v.Type, v))
	case fd.Kind() == protoreflect.MessageKind:
		g.p("if %s == nil {", v.expr)
		if room {
			g.p("%s = &room.%s", v.expr, v.goName())
		} else {
			g.p("%s = new(%s)", v.expr, strings.TrimPrefix(g.goType(v.Type), "*"))
		}
		g.p("}")
		g.readBinaryMessage(v.Type, v.expr)
	case room:
		g.p("room.%s = %s", v.goName(), g.readBinary(fd, v.Type, v))
		g.p("%s = &room.%s", v.expr, v.goName())
	case v.pointer:
		g.p("%s = new(%s)", v.expr, g.readBinary(fd, v.Type, v))
	case fd.Kind() == protoreflect.BytesKind && !fd.HasPresence():
		g.p("%s = append([]byte(nil), r.Text()...)", v.expr)
	default:
		g.p("%s = %s", v.expr, g.readBinary(fd, v.Type, v))
	}
}

// readBinary is the expression that reads a value that is no message.
func (g *file) readBinary(fd protoreflect.FieldDescriptor, t *schema.Type, v view) string {
	switch fd.Kind() {
	case protoreflect.StringKind:
		if fd.ParentFile().Syntax() == protoreflect.Proto2 {
			return "r.Text()"
		}
		return "r.String(" + goString(fieldName(v.Field)) + ")"
	case protoreflect.BytesKind:
		return "r.Bytes()"
	case protoreflect.BoolKind:
		return "r.Varint() != 0"
	case protoreflect.Sint32Kind:
		return "int32(" + g.protowire("DecodeZigZag") + "(r.Varint() & 0xffffffff))"
	case protoreflect.Sint64Kind:
		return g.protowire("DecodeZigZag") + "(r.Varint())"
	case protoreflect.FloatKind:
		return g.std("math", "Float32frombits") + "(r.Fixed32())"
	case protoreflect.DoubleKind:
		return g.std("math", "Float64frombits") + "(r.Fixed64())"
	case protoreflect.Fixed32Kind:
		return "r.Fixed32()"
	case protoreflect.Fixed64Kind:
		return "r.Fixed64()"
	case protoreflect.Sfixed32Kind:
		return g.goType(t) + "(r.Fixed32())"
	case protoreflect.Sfixed64Kind:
		return g.goType(t) + "(r.Fixed64())"
	case protoreflect.Uint64Kind:
		return "r.Varint()"
	}
	return g.goType(t) + "(r.Varint())"
}

// readBinaryMessage reads a message over the one that target points to.
func (g *file) readBinaryMessage(t *schema.Type, target string) {
	switch {
	case t.Kind == schema.Timestamp:
		g.p("r.Timestamp(%s)", target)
	case t.Kind == schema.JSONObject:
		g.p("if text, ok := r.JSON(); ok {")
		g.p("%s.Json = text", target)
		g.p("} else {")
		g.p("r.Merge(%s)", target)
		g.p("}")
	case t.Message != nil && hasBinary(t.Message):
		g.p("outer := r.Enter()")
		g.p("%s.DecodeBinary(r)", target)
		g.p("r.Leave(outer)")
	default:
		g.p("r.Merge(%s)", target)
	}
}

// decodeBinaryMap reads an entry; a key or value that it lacks is zero.
func (g *file) decodeBinaryMap(v view) {
	fd := v.Proto
	key, value := g.goType(v.Type.Key), g.goType(v.Type.Elem)
	message := fd.MapValue().Kind() == protoreflect.MessageKind
	g.p("var k %s", key)
	if message {
		g.p("e := new(%s)", strings.TrimPrefix(value, "*"))
	} else {
		g.p("var e %s", value)
	}
	g.p("entry := r.Open()")
	g.p("for tag := r.Next(); tag != 0; tag = r.Next() {")
	g.p("switch tag {")
	g.p("case %s:", tagOf(1, wireType(fd.MapKey().Kind())))
	g.p("k = %s", g.readBinary(fd.MapKey(), v.Type.Key, v))
	g.p("case %s:", tagOf(2, wireType(fd.MapValue().Kind())))
	if message {
		g.readBinaryMessage(v.Type.Elem, "e")
	} else {
		g.p("e = %s", g.readBinary(fd.MapValue(), v.Type.Elem, v))
	}
	g.p("default:")
	g.p("r.Skip(tag)")
	g.p("}")
	g.p("}")
	g.p("r.Close(entry)")
	g.p("if %s == nil {", v.expr)
	g.p("%s = make(map[%s]%s)", v.expr, key, value)
	g.p("}")
	g.p("%s[k] = e", v.expr)
}
