package golang

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/omninode/trestle/tools/schema"
)

const (
	protobinPath  = "github.com/omninode/trestle/runtime/genapi/protobin"
	protowirePath = "google.golang.org/protobuf/encoding/protowire"
)

func (w *writer) protobin(member string) string {
	return w.pkg(protobinPath, "protobin") + "." + member
}
func (w *writer) protowire(member string) string {
	return w.pkg(protowirePath, "protowire") + "." + member
}

// hasBinary says whether a message has a generated protobuf codec. What is rare goes through protobuf's own: groups,
// extensions, required fields and closed enums.
func hasBinary(m *schema.Message) bool {
	if !m.HasBinary() || foreign(m) || m.Package.Name == vocabulary || m.Proto.ExtensionRanges().Len() > 0 {
		return false
	}
	for _, f := range m.Fields {
		fd := f.Proto
		if fd.Kind() == protoreflect.GroupKind || fd.Cardinality() == protoreflect.Required || closed(fd) {
			return false
		}
		if fd.IsMap() && closed(fd.MapValue()) {
			return false
		}
	}
	return true
}

func closed(fd protoreflect.FieldDescriptor) bool { return fd.Enum() != nil && fd.Enum().IsClosed() }

// binary writes the message's protobuf codec.
func (g *file) binary(m *schema.Message, goName string) {
	if hasBinary(m) {
		g.appendBinary(m, goName)
		g.decodeBinary(m, goName)
	}
}

// tagBytes are a field's number and wire type as arguments of append.
func tagBytes(number int32, wire protowire.Type) string {
	var parts []string
	for _, c := range protowire.AppendTag(nil, protowire.Number(number), wire) {
		parts = append(parts, fmt.Sprintf("0x%02x", c))
	}
	return strings.Join(parts, ", ")
}

// wireType is how a value of a kind is written.
func wireType(kind protoreflect.Kind) protowire.Type {
	switch kind {
	case protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind, protoreflect.FloatKind:
		return protowire.Fixed32Type
	case protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind, protoreflect.DoubleKind:
		return protowire.Fixed64Type
	case protoreflect.StringKind, protoreflect.BytesKind, protoreflect.MessageKind:
		return protowire.BytesType
	}
	return protowire.VarintType
}

// appendBinary writes the method that appends the message.
func (g *file) appendBinary(m *schema.Message, goName string) {
	g.p("// AppendBinary appends x in protobuf's binary form, as proto.Marshal does with its Deterministic option.")
	g.p("func (x *%s) AppendBinary(b []byte) ([]byte, error) {", goName)
	g.p("if x == nil {")
	g.p("return b, nil")
	g.p("}")
	var body []string
	for _, f := range byNumber(m) {
		body = append(body, g.appendBinaryField(g.view(f))...)
	}
	text := strings.Join(body, "\n")
	if needsErr(text) {
		g.p("var err error")
	}
	if text != "" {
		g.p("%s", text)
	}
	g.p("return append(b, x.unknownFields...), nil")
	g.p("}\n")
}

func (g *file) appendBinaryField(v view) []string {
	fd := v.Proto
	switch {
	case fd.IsMap():
		return g.appendBinaryMap(v)
	case fd.IsList() && fd.IsPacked():
		lines := []string{"if len(" + v.expr + ") > 0 {", "b = append(b, " + tagBytes(v.Number, protowire.BytesType) + ", 0)", "at := len(b) - 1", "for _, e := range " + v.expr + " {"}
		lines = append(lines, g.appendBinaryValue(fd, v.Type.Elem, "e", v)...)
		return append(lines, "}", "b = "+g.protobin("Close")+"(b, at)", "}")
	case fd.IsList():
		lines := []string{"for _, e := range " + v.expr + " {", "b = append(b, " + tagBytes(v.Number, wireType(fd.Kind())) + ")"}
		return append(append(lines, g.appendBinaryValue(fd, v.Type.Elem, "e", v)...), "}")
	}
	lines := append([]string{"b = append(b, " + tagBytes(v.Number, wireType(fd.Kind())) + ")"}, g.appendBinaryValue(fd, v.Type, v.value, v)...)
	if v.wrapper != "" {
		return guarded("if o, ok := "+v.holder+".(*"+v.wrapper+"); ok {", lines)
	}
	return guarded("if "+v.has+" {", lines)
}

func (g *file) appendBinaryMap(v view) []string {
	fd := v.Proto
	key := g.goType(v.Type.Key)
	lines := []string{"if len(" + v.expr + ") > 0 {"}
	if v.Type.Key.Kind == schema.Bool {
		lines = append(lines, "for _, k := range [...]bool{false, true} {", "e, ok := "+v.expr+"[k]", "if !ok {", "continue", "}")
	} else {
		lines = append(lines, "var room [8]"+key, "keys := room[:0]", "for k := range "+v.expr+" {", "keys = append(keys, k)", "}",
			g.std("slices", "Sort")+"(keys)", "for _, k := range keys {", "e := "+v.expr+"[k]")
	}
	lines = append(lines, "b = append(b, "+tagBytes(v.Number, protowire.BytesType)+", 0)", "entry := len(b) - 1")
	lines = append(lines, "b = append(b, "+tagBytes(1, wireType(fd.MapKey().Kind()))+")")
	lines = append(lines, g.appendBinaryValue(fd.MapKey(), v.Type.Key, "k", v)...)
	lines = append(lines, "b = append(b, "+tagBytes(2, wireType(fd.MapValue().Kind()))+")")
	lines = append(lines, g.appendBinaryValue(fd.MapValue(), v.Type.Elem, "e", v)...)
	return append(lines, "b = "+g.protobin("Close")+"(b, entry)", "}", "}")
}

// appendBinaryValue appends a value after its tag.
func (g *file) appendBinaryValue(fd protoreflect.FieldDescriptor, t *schema.Type, expr string, v view) []string {
	appends := func(function, value string) []string {
		return []string{"b = " + function + "(b, " + value + ")"}
	}
	switch fd.Kind() {
	case protoreflect.BoolKind:
		return appends(g.protobin("AppendVarint"), g.protowire("EncodeBool")+"("+expr+")")
	case protoreflect.Sint32Kind, protoreflect.Sint64Kind:
		return appends(g.protobin("AppendVarint"), g.protowire("EncodeZigZag")+"(int64("+expr+"))")
	case protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind:
		return appends(g.protowire("AppendFixed32"), "uint32("+expr+")")
	case protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind:
		return appends(g.protowire("AppendFixed64"), "uint64("+expr+")")
	case protoreflect.FloatKind:
		return appends(g.protowire("AppendFixed32"), g.std("math", "Float32bits")+"("+expr+")")
	case protoreflect.DoubleKind:
		return appends(g.protowire("AppendFixed64"), g.std("math", "Float64bits")+"("+expr+")")
	case protoreflect.StringKind:
		if fd.ParentFile().Syntax() == protoreflect.Proto2 {
			return appends(g.protobin("AppendString"), expr)
		}
		return append([]string{"if !" + g.protobin("Valid") + "(" + expr + ") {", "return b, " + g.protobin("NotUTF8") + "(" + goString(fieldName(v.Field)) + ")", "}"},
			appends(g.protobin("AppendString"), expr)...)
	case protoreflect.BytesKind:
		return appends(g.protowire("AppendBytes"), expr)
	case protoreflect.MessageKind:
		return g.appendBinaryMessage(t, expr)
	}
	return appends(g.protobin("AppendVarint"), "uint64("+expr+")")
}

func (g *file) appendBinaryMessage(t *schema.Type, expr string) []string {
	failed := []string{"return b, err", "}"}
	switch {
	case t.Kind == schema.Timestamp:
		return []string{"b = " + g.protobin("AppendTimestamp") + "(b, " + expr + ")"}
	case t.Kind == schema.JSONObject:
		return []string{"b = " + g.protobin("AppendText") + "(b, " + expr + ".GetJson())"}
	case t.Message != nil && hasBinary(t.Message):
		return append(append([]string{"{", "b = append(b, 0)", "at := len(b) - 1", "if b, err = " + expr + ".AppendBinary(b); err != nil {"}, failed...),
			"b = "+g.protobin("Close")+"(b, at)", "}")
	}
	return append([]string{"if b, err = " + g.protobin("AppendMessage") + "(b, " + expr + "); err != nil {"}, failed...)
}
