package golang

import (
	"strings"

	"github.com/omninode/trestle/tools/schema"
)

// restField is the fields that an object's schema does not name, where it says what they are, as a field of their own:
// a map.
func restField(m *schema.Message) *schema.Field {
	text := &schema.Type{Kind: schema.String}
	return &schema.Field{
		Name: "additional", Message: m, Explicit: true, Pos: m.Pos,
		Type: &schema.Type{Kind: schema.Map, Key: text, Elem: lowered(m.Undeclared), Pos: m.Pos},
	}
}

const restExpr = "x.Additional"

// restMember declares the map.
func (g *file) restMember(m *schema.Message) {
	if len(m.Fields) > 0 {
		g.p("")
	}
	g.p("// Additional holds the fields that the schema does not name, by their names.")
	g.p("Additional %s", g.goType(restField(m).Type))
}

// restKeywords checks the map's values. Their paths are those of fields.
func (g *file) restKeywords(m *schema.Message) ([]string, error) {
	path := g.jsonio("MemberPath") + "(k)"
	values, err := g.keywords(valueRule{field: restField(m), typ: lowered(m.Undeclared), expr: "e", path: path, depth: 1})
	if err != nil || len(values) == 0 {
		return nil, err
	}
	return g.sortedLoop("k", "e", restExpr, nil, values), nil
}

// appendRest appends the map's entries, each with a comma.
func (g *file) appendRest(m *schema.Message) ([]string, error) {
	f := restField(m)
	lines, err := g.appendMap(container{"", "b = append(b, ',')", 0}, restExpr, f, f.Type, func(err string) string { return err })
	if err != nil {
		return nil, err
	}
	return guarded("if len("+restExpr+") > 0 {", lines), nil
}

// readRest reads a field that the schema does not name into the map.
func (g *file) readRest(m *schema.Message) (string, error) {
	f := restField(m)
	value, before, err := g.readNested(f, f.Type.Elem, 1)
	if err != nil {
		return "", err
	}
	lines := []string{"k := " + g.std("strings", "Clone") + "(r.Name())", "if _, twice := " + restExpr + "[k]; twice {", "r.Twice()", "}"}
	lines = append(lines, before...)
	lines = append(lines,
		"if "+restExpr+" == nil {",
		restExpr+" = "+g.goType(f.Type)+"{}",
		"}",
		restExpr+"[k] = "+value)
	return strings.Join(lines, "\n"), nil
}
