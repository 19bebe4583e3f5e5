package golang

import (
	"strings"

	"github.com/omninode/trestle/tools/gen/internal/naming"
	"github.com/omninode/trestle/tools/schema"
)

// lowered is a type as Go has it: a union is a struct like that of a message.
func lowered(t *schema.Type) *schema.Type {
	switch {
	case t.Union != nil:
		own := &schema.Field{Name: t.Union.Property, Type: t}
		message := &schema.Message{Name: t.Union.Name, FullName: t.Union.FullName, Package: t.Union.Package, Fields: []*schema.Field{own}, HoldsSensitive: t.Union.HoldsSensitive()}
		own.Message = message
		return &schema.Type{Kind: schema.MessageKind, Message: message, Constraints: t.Constraints, Pos: t.Pos}
	case t.Elem != nil:
		with := *t
		with.Elem = lowered(t.Elem)
		return &with
	}
	return t
}

// variant is a member of a union as Go has it.
type variant struct {
	*schema.Variant
	name, goType, expr string
	// discriminator is the expression of the property that tells it apart, empty where its only value cannot be filled in.
	discriminator string
}

func (g *file) variants(u *schema.Union) []variant {
	var out []variant
	given := naming.NewDistinct(append([]string{"Other"}, memberNames...)...)
	for _, v := range u.Variants {
		one := variant{Variant: v, name: given.Name(jsonTypeName(v.Message)), goType: g.messageType(v.Message)}
		one.expr = "x." + one.name
		if f := v.Message.Field(u.Property); len(v.Values) == 1 && f.Type.Kind == schema.String {
			one.discriminator = one.expr + "." + g.json.field(f)
		}
		out = append(out, one)
	}
	return out
}

// jsonUnion writes a struct that holds one of several messages, and its methods.
func (g *file) jsonUnion(u *schema.Union, names map[string]schema.Position) error {
	goName := camel(u.Name)
	if err := declare(names, goName, u.Pos, u.FullName); err != nil {
		return err
	}
	variants := g.variants(u)
	g.doc(strings.TrimSpace(u.Doc+"\n\nOne of these is set, which "+u.Property+" tells."), nil)
	g.p("type %s struct {", goName)
	for _, v := range variants {
		g.p("%s *%s // %s %s", v.name, v.goType, u.Property, strings.Join(quotedAll(v.Values), ", "))
	}
	g.p("// Other is an object that is none of these. It is kept and written again, and is not valid.")
	g.p("Other %s", g.jsonio("Raw"))
	g.p("}\n")
	g.unionValidate(u, goName, variants)
	g.unionDefaults(goName, variants)
	g.deprecatedUnion(u, goName, variants)
	g.unionAppend(goName, variants)
	g.unionDecode(u, goName, variants)
	g.marshalMethods(goName)
	g.redactedUnion(u, goName)
	return nil
}

func quotedAll(values []string) []string {
	out := make([]string, len(values))
	for i, value := range values {
		out[i] = goString(value)
	}
	return out
}

// unionValidate checks that one member is set, and that one by its own rules.
func (g *file) unionValidate(u *schema.Union, goName string, variants []variant) {
	lines := []string{"set := 0"}
	var known []string
	for _, v := range variants {
		lines = append(lines, "if "+v.expr+" != nil {", "set++", v.expr+".ValidateInto(v)", "}")
		known = append(known, quotedAll(v.Values)...)
	}
	property := valueRule{path: goString(u.Property)}
	whole := valueRule{path: `""`}
	lines = append(lines, `if x.Other != "" {`, "set++",
		g.always(property, finding{rule: "enum", text: "must be one of " + strings.Join(known, ", ")}), "}")
	lines = append(lines,
		g.check("set == 0", whole, finding{rule: "oneOf", text: "must be one of the alternatives"}),
		g.check("set > 1", whole, finding{rule: "oneOf", text: "must be only one of the alternatives"}))
	g.validateMethods(&schema.Message{FullName: u.FullName}, goName, lines)
}

func (g *file) unionDefaults(goName string, variants []variant) {
	g.p("// SetDefaults fills in what tells the member that is set apart, and its defaults.")
	g.p("func (x *%s) SetDefaults(now %s) {", goName, g.std("time", "Time"))
	g.p("switch {")
	for _, v := range variants {
		g.p("case %s != nil:", v.expr)
		if v.discriminator != "" {
			g.p("if %s == \"\" {", v.discriminator)
			g.p("%s = %s", v.discriminator, goString(v.Values[0]))
			g.p("}")
		}
		g.p("%s.SetDefaults(now)", v.expr)
	}
	g.p("}")
	g.p("}\n")
}

func (g *file) unionAppend(goName string, variants []variant) {
	g.p("// AppendJSON appends the member of x that is set as a JSON object; null when none is.")
	g.p("func (x *%s) AppendJSON(b []byte) ([]byte, error) {", goName)
	g.p("switch {")
	for _, v := range variants {
		g.p("case %s != nil:", v.expr)
		g.p("return %s.AppendJSON(b)", v.expr)
	}
	g.p(`case x.Other != "":`)
	g.p("return %s(b, string(x.Other))", g.jsonio("AppendObject"))
	g.p("}")
	g.p(`return append(b, "null"...), nil`)
	g.p("}\n")
}

func (g *file) unionDecode(u *schema.Union, goName string, variants []variant) {
	g.p("// DecodeJSON reads the member of x that %s tells. What is wrong with the object stays in r.", u.Property)
	g.p("func (x *%s) DecodeJSON(r *%s) {", goName, g.jsonio("Reader"))
	g.p("*x = %s{}", goName)
	if u.HoldsSensitive() {
		g.p("r.Holding()")
	}
	g.p("switch r.TextAhead(%s) {", goString(u.Property))
	for _, v := range variants {
		g.p("case %s:", strings.Join(quotedAll(v.Values), ", "))
		g.p("%s = new(%s)", v.expr, v.goType)
		g.p("%s.DecodeJSON(r)", v.expr)
	}
	g.p("default:")
	g.p("x.Other = r.Object()")
	g.p("}")
	g.p("}\n")
}
