package golang

import (
	"fmt"
	"slices"
	"strings"

	"github.com/omninode/trestle/tools/schema"
)

// decodeJSON writes the message's DecodeJSON method.
func (g *file) decodeJSON(m *schema.Message, goName string) error {
	g.p("// DecodeJSON reads x from a JSON object. What is wrong with the object stays in r; fields that it lacks keep their")
	switch {
	case m.Closed:
		g.p("// values, and a field that the schema does not have is a fault.")
	case m.Undeclared != nil:
		g.p("// values, and fields that the schema does not name are kept in Additional.")
	case m.KeepUnknown:
		g.p("// values, and fields that the schema does not have are kept in Unknown.")
	default:
		g.p("// values, and fields that the schema does not have are passed over.")
	}
	g.p("func (x *%s) DecodeJSON(r *%s) {", goName, g.jsonio("Reader"))
	if m.HoldsSensitive {
		g.p("r.Holding()")
	}
	g.p("if !r.BeginObject() {")
	g.p("return")
	g.p("}")
	if len(m.Fields) > 0 {
		g.p("var seen %s", g.bitset(len(m.Fields)))
	}
	if needsGot(m) {
		g.p("var got %s", g.bitset(len(m.Fields)))
	}
	for _, o := range m.Oneofs {
		g.p("var %s bool // a member of %s has been read", oneofName(m, o), o.Name)
	}
	if anyTellsNull(m) {
		g.p("x.Nulls = nil")
	}
	switch {
	case m.Undeclared != nil:
		g.p("%s = nil", restExpr)
	case m.KeepUnknown:
		g.p("x.Unknown = nil")
	}
	g.p("for r.More() {")
	g.p("switch r.Name() {")
	for i, f := range m.Fields {
		g.p("case %s:", goString(f.JSONName))
		g.p("r.Once(&%s, %d)", bit("seen", i, len(m.Fields)), i%64)
		lines, err := g.decodeField(g.view(f))
		if err != nil {
			return err
		}
		if mustBeGot(m, f) {
			lines = append(lines, fmt.Sprintf("%s |= 1 << %d", bit("got", i, len(m.Fields)), i%64))
		}
		if f.Oneof != nil {
			lines = append(g.alone(f.Oneof), lines...)
		}
		switch {
		case !f.KnowsNull():
			g.p("if !r.Null() {")
		case f.Nullable:
			g.p("if r.Null() {")
			g.p("%s", g.setNull(g.view(f)))
			g.p("} else {")
		}
		if f.Sensitive {
			g.p("r.Sensitive()")
		}
		g.p("%s", strings.Join(lines, "\n"))
		if f.Nullable || !f.KnowsNull() {
			g.p("}")
		}
	}
	g.p("default:")
	switch {
	case m.Closed:
		g.p("r.Skip()")
		g.p("r.Fault(\"additionalProperties\", \"must not be present: the schema has no such field\", nil)")
	case m.Undeclared != nil:
		text, err := g.readRest(m)
		if err != nil {
			return err
		}
		g.p("%s", text)
	case m.KeepUnknown:
		g.p("x.Unknown = append(x.Unknown, %s{Name: %s(r.Name()), Value: r.Raw()})", g.jsonio("Member"), g.std("strings", "Clone"))
	default:
		g.p("r.Unknown()")
	}
	g.p("}")
	g.p("}")
	if m.KeepUnknown && !m.Closed && m.Undeclared == nil {
		g.p("r.Distinct(x.Unknown)")
	}
	for i, f := range m.Fields {
		if f.NeedsKey() {
			set := "got"
			if !mustBeGot(m, f) {
				set = "seen"
			}
			g.p("if %s&(1<<%d) == 0 {", bit(set, i, len(m.Fields)), i%64)
			g.p("r.Missing(%s)", goString(f.JSONName))
			g.p("}")
		}
	}
	g.p("}\n")
	return nil
}

// mustBeGot says whether a field must have a value in the JSON: where null is a value, it must only be there.
func mustBeGot(m *schema.Message, f *schema.Field) bool {
	return f.NeedsKey() && !f.KnowsNull()
}

func needsGot(m *schema.Message) bool {
	return slices.ContainsFunc(m.Fields, func(f *schema.Field) bool { return mustBeGot(m, f) })
}

// oneofName is the variable that says whether a member of a oneof has been read.
func oneofName(m *schema.Message, o *schema.Oneof) string {
	name := "one" + camel(o.Name)
	for _, other := range m.Oneofs[:slices.Index(m.Oneofs, o)] {
		if camel(other.Name) == camel(o.Name) {
			name += "_"
		}
	}
	return name
}

// alone finds fault with the second member of a oneof that has a value.
func (g *file) alone(o *schema.Oneof) []string {
	name := oneofName(o.Fields[0].Message, o)
	return []string{
		"if " + name + " {",
		"r.Fault(\"oneof\", " + goString("must be the only one of "+o.Name+" in the object") + ", nil)",
		"}",
		name + " = true",
	}
}

// bitset is a type with room for n bits.
func (g *file) bitset(n int) string {
	if n <= 64 {
		return "uint64"
	}
	return fmt.Sprintf("[%d]uint64", (n+63)/64)
}

// bit refers to the word of a bitset that holds bit i.
func bit(name string, i, n int) string {
	if n <= 64 {
		return name
	}
	return fmt.Sprintf("%s[%d]", name, i/64)
}

// readers are the Reader's methods for scalar kinds.
var readers = map[schema.Kind]string{
	schema.Bool: "Bool", schema.Int32: "Int32", schema.Int64: "Int64", schema.Uint32: "Uint32",
	schema.Uint64: "Uint64", schema.Float: "Float32", schema.Double: "Float64", schema.String: "String",
	schema.Bytes: "Bytes",
}

// decodeField reads a value that is not null into the field.
func (g *file) decodeField(v view) ([]string, error) {
	switch v.Type.Kind {
	case schema.List:
		return g.readList(v.expr, v.expr+" = ", v.Field, v.Type, 0)
	case schema.Map:
		return g.readMap(v.expr, v.expr+" = ", v.Field, v.Type, 0)
	}
	if v.wrapper != "" {
		return g.decodeOneof(v)
	}
	if v.Type.Kind == schema.MessageKind && !foreign(v.Type.Message) {
		if g.proto() || v.pointer {
			return []string{
				"if " + v.expr + " == nil {",
				v.expr + " = new(" + g.messageType(v.Type.Message) + ")",
				"}",
				v.expr + ".DecodeJSON(r)",
			}, nil
		}
		return []string{v.expr + ".DecodeJSON(r)"}, nil
	}
	if g.proto() && v.Type.Kind == schema.EnumKind && !v.pointer {
		return []string{v.expr + ".DecodeJSON(r)"}, nil
	}
	value, before, err := g.readValue(v.Field, v.Type)
	if err != nil {
		return nil, err
	}
	if v.pointer {
		return append(before, v.expr+" = new("+value+")"), nil
	}
	return append(before, v.expr+" = "+value), nil
}

func (g *file) decodeOneof(v view) ([]string, error) {
	name := v.expr[strings.IndexByte(v.expr, '.')+1:]
	value, before, err := g.readValue(v.Field, v.Type)
	if err != nil {
		return nil, err
	}
	return append(before, v.holder+" = &"+v.wrapper+"{"+name+": "+value+"}"), nil
}

// readValue returns the expression that reads a value, and the statements before it.
func (g *file) readValue(f *schema.Field, t *schema.Type) (value string, before []string, err error) {
	return g.readNested(f, t, 0)
}

// readNested is [file.readValue] inside so many lists and maps.
func (g *file) readNested(f *schema.Field, t *schema.Type, depth int) (value string, before []string, err error) {
	if method, ok := readers[t.Kind]; ok {
		return "r." + method + "()", nil, nil
	}
	switch t.Kind {
	case schema.EnumKind:
		if !g.proto() {
			return g.enumType(t.Enum) + "(r.String())", nil, nil
		}
		return "e", []string{"var e " + g.enumType(t.Enum), "e.DecodeJSON(r)"}, nil
	case schema.MessageKind:
		if foreign(t.Message) {
			return g.readForeign(t.Message)
		}
		if g.proto() {
			return "m", []string{"m := new(" + g.messageType(t.Message) + ")", "m.DecodeJSON(r)"}, nil
		}
		return "m", []string{"var m " + g.messageType(t.Message), "m.DecodeJSON(r)"}, nil
	case schema.Timestamp:
		if g.proto() {
			return g.pkg(tspbPath, "timestamppb") + ".New(r.Time())", nil, nil
		}
		return "r.Time()", nil, nil
	case schema.JSONObject:
		if g.proto() {
			return "&" + g.jsonObjectType() + "{Json: string(r.Object())}", nil, nil
		}
		return "r.Object()", nil, nil
	case schema.JSONValue:
		if !g.proto() {
			return "r.Raw()", nil, nil
		}
	case schema.List:
		list := at("list", depth)
		before, err = g.readList(list, list+" := ", f, t, depth)
		return list, before, err
	case schema.Map:
		entries := at("entries", depth)
		before, err = g.readMap(entries, entries+" := ", f, t, depth)
		return entries, before, err
	}
	return "", nil, refuse(f.Pos, fieldName(f), "a value of kind %q has no JSON form here", t.Kind)
}

// readForeign reads a well-known protobuf message by protojson.
func (g *file) readForeign(m *schema.Message) (string, []string, error) {
	pm := g.names.messages[m.FullName]
	if pm == nil {
		return "", nil, refuse(m.Pos, m.FullName, "no Go type is known for it")
	}
	return "m", []string{
		"m := new(" + g.goIdent(pm.GoIdent) + ")",
		"text := r.Raw()",
		"if " + g.pkg("google.golang.org/protobuf/encoding/protojson", "protojson") + ".Unmarshal([]byte(text), m) != nil {",
		"r.Fault(\"type\", " + goString("must be a "+m.FullName) + ", nil)",
		"}",
	}, nil
}
