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

// mergeBinary writes the methods that read the message.
func (g *file) mergeBinary(m *schema.Message, goName string) {
	g.p("// UnmarshalBinary reads x from protobuf's binary form, as proto.Unmarshal does. The strings of x are parts of one copy")
	g.p("// of data.")
	g.p("func (x *%s) UnmarshalBinary(data []byte) error {", goName)
	g.p("x.Reset()")
	g.p("return x.MergeBinary(data, string(data), 0)")
	g.p("}\n")
	g.p("// MergeBinary reads protobuf's binary form over what x has. text is b, for strings to be cut from; depth is how many")
	g.p("// messages are around x.")
	g.p("func (x *%s) MergeBinary(b []byte, text string, depth int) error {", goName)
	g.p("if depth > %s {", g.protobin("MaxDepth"))
	g.p("return %s", g.protobin("ErrDepth"))
	g.p("}")
	g.p("for len(b) > 0 {")
	g.p("tag, n := %s(b)", g.protowire("ConsumeVarint"))
	g.p("if n < 0 {")
	g.p("return %s(n)", g.protowire("ParseError"))
	g.p("}")
	g.p("b = b[n:]")
	g.p("switch tag {")
	for _, f := range byNumber(m) {
		g.mergeBinaryField(g.view(f))
	}
	g.p("default:")
	g.p("number, kind := %s(tag)", g.protowire("DecodeTag"))
	g.p("size := %s(number, kind, b)", g.protowire("ConsumeFieldValue"))
	g.p("if !number.IsValid() || size < 0 {")
	g.p("return %s(min(size, -1))", g.protowire("ParseError"))
	g.p("}")
	g.p("x.unknownFields = append(%s(x.unknownFields, tag), b[:size]...)", g.protowire("AppendVarint"))
	g.p("b = b[size:]")
	g.p("}")
	g.p("}")
	g.p("return nil")
	g.p("}\n")
}

// tagOf is a field's number and wire type as they are read.
func tagOf(number int32, wire protowire.Type) string {
	return fmt.Sprintf("0x%x", protowire.EncodeTag(protowire.Number(number), wire))
}

// consumers read a value by its wire type.
var consumers = map[protowire.Type]string{
	protowire.VarintType: "ConsumeVarint", protowire.Fixed32Type: "ConsumeFixed32",
	protowire.Fixed64Type: "ConsumeFixed64", protowire.BytesType: "ConsumeBytes",
}

// take reads a value of a wire type from a slice of bytes, and what remains of that.
func (g *file) take(wire protowire.Type, name, from string) {
	g.p("%s, n := %s(%s)", name, g.protowire(consumers[wire]), from)
	g.p("if n < 0 {")
	g.p("return %s(n)", g.protowire("ParseError"))
	g.p("}")
	g.p("%s = %s[n:]", from, from)
}

func (g *file) mergeBinaryField(v view) {
	fd := v.Proto
	wire := wireType(fd.Kind())
	switch {
	case fd.IsMap():
		g.p("case %s:", tagOf(v.Number, protowire.BytesType))
		g.mergeBinaryMap(v)
	case fd.IsList():
		g.p("case %s:", tagOf(v.Number, wire))
		g.take(wire, "v", "b")
		g.readBinary(fd, v.Type.Elem, v, "e", true)
		g.p("%s = append(%s, e)", v.expr, v.expr)
		if wire == protowire.BytesType {
			return
		}
		g.p("case %s: // packed", tagOf(v.Number, protowire.BytesType))
		g.take(protowire.BytesType, "packed", "b")
		g.p("for len(packed) > 0 {")
		g.take(wire, "v", "packed")
		g.readBinary(fd, v.Type.Elem, v, "e", true)
		g.p("%s = append(%s, e)", v.expr, v.expr)
		g.p("}")
	default:
		g.p("case %s:", tagOf(v.Number, wire))
		g.take(wire, "v", "b")
		g.setBinary(v)
	}
}

// setBinary sets a field that is there once; a message is read over the one there.
func (g *file) setBinary(v view) {
	fd := v.Proto
	switch {
	case v.wrapper != "" && fd.Kind() == protoreflect.MessageKind:
		goType := strings.TrimPrefix(g.goType(v.Type), "*")
		g.p("o, ok := %s.(*%s)", v.holder, v.wrapper)
		g.p("if !ok || %s == nil {", v.expr)
		g.p("o = &%s{%s: new(%s)}", v.wrapper, strings.TrimPrefix(v.expr, "o."), goType)
		g.p("%s = o", v.holder)
		g.p("}")
		g.readBinary(fd, v.Type, v, v.expr, false)
	case v.wrapper != "":
		g.readBinary(fd, v.Type, v, "e", true)
		g.p("%s = &%s{%s: e}", v.holder, v.wrapper, strings.TrimPrefix(v.expr, "o."))
	case fd.Kind() == protoreflect.MessageKind:
		g.p("if %s == nil {", v.expr)
		g.p("%s = new(%s)", v.expr, strings.TrimPrefix(g.goType(v.Type), "*"))
		g.p("}")
		g.readBinary(fd, v.Type, v, v.expr, false)
	case v.pointer:
		g.readBinary(fd, v.Type, v, "e", true)
		g.p("%s = &e", v.expr)
	case fd.Kind() == protoreflect.BytesKind && !fd.HasPresence():
		g.p("%s = append([]byte(nil), v...)", v.expr)
	default:
		g.readBinary(fd, v.Type, v, v.expr, false)
	}
}

// cut is the part of text that v is: what was taken last from a slice of bytes, which ends where text does.
func cut(from string) string {
	return "text[len(text)-len(" + from + ")-len(v):len(text)-len(" + from + ")]"
}

// readBinary turns what was taken as v into a value; declare says that the target is new.
func (g *file) readBinary(fd protoreflect.FieldDescriptor, t *schema.Type, v view, target string, declare bool) {
	from := "b"
	if v.Proto.IsMap() {
		from = "entry"
	}
	assign := "="
	if declare {
		assign = ":="
	}
	value := ""
	switch fd.Kind() {
	case protoreflect.MessageKind:
		if declare {
			g.p("%s := new(%s)", target, strings.TrimPrefix(g.goType(t), "*"))
		}
		g.readBinaryMessage(t, target, from)
		return
	case protoreflect.StringKind:
		if fd.ParentFile().Syntax() != protoreflect.Proto2 {
			g.p("if !%s(v) {", g.std("unicode/utf8", "Valid"))
			g.p("return %s(%s)", g.protobin("NotUTF8"), goString(fieldName(v.Field)))
			g.p("}")
		}
		value = cut(from)
	case protoreflect.BytesKind:
		value = "append([]byte{}, v...)"
	case protoreflect.BoolKind:
		value = g.protowire("DecodeBool") + "(v)"
	case protoreflect.Sint32Kind:
		value = "int32(" + g.protowire("DecodeZigZag") + "(v & 0xffffffff))"
	case protoreflect.Sint64Kind:
		value = g.protowire("DecodeZigZag") + "(v)"
	case protoreflect.FloatKind:
		value = g.std("math", "Float32frombits") + "(v)"
	case protoreflect.DoubleKind:
		value = g.std("math", "Float64frombits") + "(v)"
	default:
		value = g.goType(t) + "(v)"
	}
	g.p("%s %s %s", target, assign, value)
}

func (g *file) readBinaryMessage(t *schema.Type, target, from string) {
	call := g.protobin("Merge") + "(v, " + target + ")"
	switch {
	case t.Kind == schema.Timestamp:
		call = g.protobin("Timestamp") + "(v, " + target + ")"
	case t.Kind == schema.JSONObject:
		g.p("if json, ok := %s(v, %s); ok && %s.Json == \"\" {", g.protobin("Text"), cut(from), target)
		g.p("%s.Json = json", target)
		g.p("} else if err := %s; err != nil {", call)
		g.p("return err")
		g.p("}")
		return
	case t.Message != nil && hasBinary(t.Message):
		call = target + ".MergeBinary(v, " + cut(from) + ", depth+1)"
	}
	g.p("if err := %s; err != nil {", call)
	g.p("return err")
	g.p("}")
}

// mergeBinaryMap reads an entry; a key or value that it lacks is zero.
func (g *file) mergeBinaryMap(v view) {
	fd := v.Proto
	key, value := g.goType(v.Type.Key), g.goType(v.Type.Elem)
	g.take(protowire.BytesType, "entry", "b")
	g.p("text := text[len(text)-len(b)-len(entry) : len(text)-len(b)]")
	g.p("var k %s", key)
	message := fd.MapValue().Kind() == protoreflect.MessageKind
	if message {
		g.p("e := new(%s)", strings.TrimPrefix(value, "*"))
	} else {
		g.p("var e %s", value)
	}
	g.p("for len(entry) > 0 {")
	g.take(protowire.VarintType, "tag", "entry")
	g.p("switch tag {")
	g.p("case %s:", tagOf(1, wireType(fd.MapKey().Kind())))
	g.take(wireType(fd.MapKey().Kind()), "v", "entry")
	g.readBinary(fd.MapKey(), v.Type.Key, v, "k", false)
	g.p("case %s:", tagOf(2, wireType(fd.MapValue().Kind())))
	g.take(wireType(fd.MapValue().Kind()), "v", "entry")
	g.readBinary(fd.MapValue(), v.Type.Elem, v, "e", false)
	g.p("default:")
	g.p("number, kind := %s(tag)", g.protowire("DecodeTag"))
	g.p("size := %s(number, kind, entry)", g.protowire("ConsumeFieldValue"))
	g.p("if !number.IsValid() || size < 0 {")
	g.p("return %s(min(size, -1))", g.protowire("ParseError"))
	g.p("}")
	g.p("entry = entry[size:]")
	g.p("}")
	g.p("}")
	g.p("if %s == nil {", v.expr)
	g.p("%s = make(map[%s]%s)", v.expr, key, value)
	g.p("}")
	g.p("%s[k] = e", v.expr)
}
