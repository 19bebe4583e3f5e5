package golang

import (
	"slices"
	"strconv"
	"strings"

	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/tools/schema"
)

// appendJSON writes the message's AppendJSON method.
//
// Every member is followed by a comma, and the last comma becomes the closing brace: no member needs to know whether
// one precedes it.
func (g *file) appendJSON(m *schema.Message, goName string) error {
	g.p("// AppendJSON appends x as a JSON object. On an error, a *jsonio.Error with the path of the value that has no")
	g.p("// JSON form, what was appended is of no use.")
	g.p("func (x *%s) AppendJSON(b []byte) ([]byte, error) {", goName)
	if g.proto() {
		g.p("if x == nil {")
		g.p("return append(b, \"null\"...), nil")
		g.p("}")
	}
	if len(m.Fields) == 0 && !m.KeepUnknown {
		g.p("return append(b, '{', '}'), nil")
		g.p("}\n")
		return nil
	}
	var body []string
	for _, f := range m.Fields {
		lines, err := g.appendField(g.view(f))
		if err != nil {
			return err
		}
		body = append(body, lines...)
	}
	switch {
	case m.Undeclared != nil:
		lines, err := g.appendRest(m)
		if err != nil {
			return err
		}
		body = append(body, lines...)
	case m.KeepUnknown:
		body = append(body, g.appendUnknown()...)
	}
	text := strings.Join(body, "\n")
	if needsErr(text) {
		g.p("var err error")
	}
	g.p("b = append(b, '{')")
	g.p("%s", text)
	g.p("if b[len(b)-1] == ',' {")
	g.p("b[len(b)-1] = '}'")
	g.p("return b, nil")
	g.p("}")
	g.p("return append(b, '}'), nil")
	g.p("}\n")
	return nil
}

// needsErr says whether statements assign the method's own err, rather than one in a block of theirs.
func needsErr(text string) bool { return strings.Contains(text, "b, err = ") }

func (g *file) appendUnknown() []string {
	return []string{
		"for _, m := range x.Unknown {",
		"if b, err = " + g.jsonio("AppendString") + "(b, m.Name); err != nil {",
		"return b, err",
		"}",
		"b = append(b, ':')",
		"if b, err = " + g.jsonio("AppendRaw") + "(b, m.Value); err != nil {",
		"return b, " + g.jsonio("At") + "(err, m.Name)",
		"}",
		"b = append(b, ',')",
		"}",
	}
}

// appendField appends one member, or nothing when the field is absent.
func (g *file) appendField(v view) ([]string, error) {
	at := "At"
	if v.Sensitive {
		at = "AtSensitive"
	}
	wrap := func(err string) string { return g.jsonio(at) + "(" + err + ", " + goString(v.JSONName) + ")" }
	lines, err := g.appendMember(v, wrap)
	if err != nil {
		return nil, err
	}
	if v.wrapper != "" {
		return guarded("if o, ok := "+v.holder+".("+"*"+v.wrapper+"); ok {", lines), nil
	}
	if cond := g.appendCondition(v); cond != "" {
		lines = append([]string{"if " + cond + " {"}, lines...)
		null := "b = append(b, " + goString(jsonKey(v.JSONName)+"null,") + "...)"
		switch {
		case v.Field.TellsNull():
			lines = append(lines, "} else if x.Nulls.Has("+goString(v.JSONName)+") {", null)
		case v.Field.WritesNull():
			lines = append(lines, "} else {", null)
		}
		return append(lines, "}"), nil
	}
	return lines, nil
}

func guarded(open string, lines []string) []string {
	return append(append([]string{open}, lines...), "}")
}

// appendCondition says when a member is written; empty: always.
func (g *file) appendCondition(v view) string {
	if !g.proto() {
		return v.has
	}
	switch v.Type.Kind {
	case schema.List, schema.Map:
		return "" // [] and {} are written
	case schema.EnumKind:
		if !v.Explicit && (v.Required || v.Default != "" || !zeroNamed(v.Type.Enum)) {
			return v.has // zero is absent
		}
	case schema.String:
		if !v.Explicit && (v.Required || v.Default != "") {
			return v.has // empty means absent
		}
		if !v.Explicit {
			return ""
		}
	}
	if v.Explicit || v.Type.Kind == schema.MessageKind || v.Type.Kind == schema.Timestamp || v.Type.Kind == schema.JSONObject || v.Type.Kind == schema.JSONValue {
		return v.has
	}
	return ""
}

// zeroNamed says whether an enum's zero has a name in JSON.
func zeroNamed(e *schema.Enum) bool {
	return slices.ContainsFunc(e.Values, func(v *schema.EnumValue) bool { return v.Number == 0 && v.JSONName != "" })
}

// appendMember appends key, value and comma.
func (g *file) appendMember(v view, wrap func(string) string) ([]string, error) {
	key := jsonKey(v.JSONName)
	switch v.Type.Kind {
	case schema.List:
		return g.appendList(container{"b = append(b, " + goString(key+"[") + "...)", "b = append(b, ']', ',')", 0}, v.value, v.Field, v.Type, wrap)
	case schema.Map:
		return g.appendMap(container{"b = append(b, " + goString(key+"{") + "...)", "b = append(b, '}', ',')", 0}, v.value, v.Field, v.Type, wrap)
	}
	value, err := g.appendValue(v.value, v.Field, v.Type, wrap)
	if err != nil {
		return nil, err
	}
	lines := []string{"b = append(b, " + goString(key) + "...)"}
	lines = append(lines, value...)
	return append(lines, "b = append(b, ',')"), nil
}

// jsonKey is a member's name in JSON, with the colon.
func jsonKey(name string) string {
	text, err := jsonio.AppendString(nil, name)
	if err != nil {
		text = strconv.AppendQuote(nil, name) // not UTF-8, which no schema's names are
	}
	return string(text) + ":"
}

func (g *file) appendInt(expr string, kind schema.Kind) string {
	switch kind {
	case schema.Int64:
		return "b = " + g.std("strconv", "AppendInt") + "(b, " + expr + ", 10)"
	case schema.Int32:
		return "b = " + g.std("strconv", "AppendInt") + "(b, int64(" + expr + "), 10)"
	case schema.Uint64:
		return "b = " + g.std("strconv", "AppendUint") + "(b, " + expr + ", 10)"
	default:
		return "b = " + g.std("strconv", "AppendUint") + "(b, uint64(" + expr + "), 10)"
	}
}

// appendValue appends a single value.
func (g *file) appendValue(expr string, f *schema.Field, t *schema.Type, wrap func(string) string) ([]string, error) {
	return g.appendNested(expr, f, t, wrap, 0)
}

// appendNested is [file.appendValue] inside so many lists and maps.
func (g *file) appendNested(expr string, f *schema.Field, t *schema.Type, wrap func(string) string, depth int) ([]string, error) {
	fallible := func(call string) []string {
		return []string{"if b, err = " + call + "; err != nil {", "return b, " + wrap("err"), "}"}
	}
	switch t.Kind {
	case schema.Bool:
		return []string{"b = " + g.std("strconv", "AppendBool") + "(b, " + expr + ")"}, nil
	case schema.Int32, schema.Int64, schema.Uint32, schema.Uint64:
		return []string{g.appendInt(expr, t.Kind)}, nil
	case schema.Float:
		return fallible(g.jsonio("AppendFloat32") + "(b, " + expr + ")"), nil
	case schema.Double:
		return fallible(g.jsonio("AppendFloat64") + "(b, " + expr + ")"), nil
	case schema.String:
		return fallible(g.jsonio("AppendString") + "(b, " + expr + ")"), nil
	case schema.Bytes:
		return []string{"b = " + g.jsonio("AppendBytes") + "(b, " + expr + ")"}, nil
	case schema.EnumKind:
		if !g.proto() {
			return fallible(g.jsonio("AppendString") + "(b, string(" + expr + "))"), nil
		}
		if foreignEnum(t.Enum) {
			return nil, refuse(f.Pos, fieldName(f), "the enum %s is a library's and has no JSON form here: declare one of your own, or for null use google.protobuf.Value", t.Enum.FullName)
		}
		return fallible(selector(expr) + ".AppendJSON(b)"), nil
	case schema.MessageKind:
		if foreign(t.Message) {
			return g.appendForeign(expr, wrap), nil
		}
		return fallible(selector(expr) + ".AppendJSON(b)"), nil
	case schema.Timestamp:
		if g.proto() {
			return fallible(g.jsonio("AppendTime") + "(b, " + expr + ".AsTime())"), nil
		}
		return fallible(g.jsonio("AppendTime") + "(b, " + expr + ")"), nil
	case schema.JSONObject:
		if g.proto() {
			return fallible(g.jsonio("AppendObject") + "(b, " + expr + ".GetJson())"), nil
		}
		return fallible(g.jsonio("AppendObject") + "(b, string(" + expr + "))"), nil
	case schema.JSONValue:
		if !g.proto() {
			return fallible(g.jsonio("AppendRaw") + "(b, " + expr + ")"), nil
		}
	case schema.List:
		return g.appendList(container{"b = append(b, '[')", "b = append(b, ']')", depth}, expr, f, t, wrap)
	case schema.Map:
		return g.appendMap(container{"b = append(b, '{')", "b = append(b, '}')", depth}, expr, f, t, wrap)
	}
	return nil, refuse(f.Pos, fieldName(f), "a value of kind %q has no JSON form here", t.Kind)
}

// selector makes expr fit for a method call: a dereference is left to Go.
func selector(expr string) string { return strings.TrimPrefix(expr, "*") }

// foreign says that a message is of a package that has no generated methods, such as google.protobuf.
func foreign(m *schema.Message) bool {
	return m.WellKnown() != "" || m.HasBinary() && m.Package != nil && (m.Package.Name == "buf.validate" || m.Package.Name == vocabulary)
}

// foreignEnum says the same of an enum.
func foreignEnum(e *schema.Enum) bool {
	return e.HasNumbers() && (strings.HasPrefix(e.FullName, "google.protobuf.") || e.Package != nil && (e.Package.Name == "buf.validate" || e.Package.Name == vocabulary))
}

// appendForeign appends a well-known protobuf message by protojson.
func (g *file) appendForeign(expr string, wrap func(string) string) []string {
	return []string{
		"{",
		"text, failed := " + g.pkg("google.golang.org/protobuf/encoding/protojson", "protojson") + ".Marshal(" + expr + ")",
		"if failed != nil {",
		"return b, " + wrap("failed"),
		"}",
		"if b, err = " + g.jsonio("AppendRaw") + "(b, " + g.jsonio("Raw") + "(text)); err != nil {",
		"return b, " + wrap("err"),
		"}",
		"}",
	}
}
