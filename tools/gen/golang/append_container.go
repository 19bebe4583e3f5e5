package golang

import (
	"strconv"

	"github.com/omninode/trestle/tools/schema"
)

// container is how a list or map is appended: the statements before and after its content, and how many lists and maps
// it stands in.
type container struct {
	open, close string
	depth       int
}

// at is a variable's name at a depth: i, i2, i3.
func at(name string, depth int) string {
	if depth == 0 {
		return name
	}
	return name + strconv.Itoa(depth+1)
}

func (g *file) appendList(c container, expr string, f *schema.Field, t *schema.Type, wrap func(string) string) ([]string, error) {
	i, e := at("i", c.depth), at("e", c.depth)
	index := func(err string) string { return wrap(g.jsonio("AtIndex") + "(" + err + ", " + i + ")") }
	element, head := e, "for "+i+", "+e+" := range "+expr+" {"
	if !g.proto() && t.Elem.Kind == schema.MessageKind {
		element, head = expr+"["+i+"]", "for "+i+" := range "+expr+" {" // structs are not copied
	}
	item, err := g.appendNested(element, f, t.Elem, index, c.depth+1)
	if err != nil {
		return nil, err
	}
	lines := []string{
		c.open,
		head,
		"if " + i + " > 0 {",
		"b = append(b, ',')",
		"}",
	}
	lines = append(lines, item...)
	return append(lines, "}", c.close), nil
}

func (g *file) appendMap(c container, expr string, f *schema.Field, t *schema.Type, wrap func(string) string) ([]string, error) {
	i, k, e, keys, room := at("i", c.depth), at("k", c.depth), at("e", c.depth), at("keys", c.depth), at("room", c.depth)
	atKey := func(err string) string {
		return wrap(g.jsonio("AtKey") + "(" + err + ", " + keyText(g, k, t.Key) + ")")
	}
	item, err := g.appendNested(e, f, t.Elem, atKey, c.depth+1)
	if err != nil {
		return nil, err
	}
	item = append([]string{e + " := " + expr + "[" + k + "]"}, item...)
	lines := []string{"{"}
	if c.open != "" {
		lines = append(lines, c.open)
	}
	lines = append(lines,
		"var "+room+" [8]"+g.goType(t.Key), // on the stack, for most maps
		keys+" := "+room+"[:0]",
		"for "+k+" := range "+expr+" {",
		keys+" = append("+keys+", "+k+")",
		"}",
		g.std("slices", "Sort")+"("+keys+")",
		"for "+i+", "+k+" := range "+keys+" {",
		"if "+i+" > 0 {",
		"b = append(b, ',')",
		"}",
	)
	switch t.Key.Kind {
	case schema.Bool:
		return nil, refuse(f.Pos, fieldName(f), "a map with bool keys is not supported: use string keys")
	case schema.String, schema.EnumKind:
		lines = append(lines,
			"if b, err = "+g.jsonio("AppendString")+"(b, "+keyText(g, k, t.Key)+"); err != nil {",
			"return b, "+wrap("err"),
			"}")
	default:
		lines = append(lines, "b = append(b, '\"')", g.appendInt(k, t.Key.Kind), "b = append(b, '\"')")
	}
	lines = append(lines, "b = append(b, ':')")
	lines = append(lines, item...)
	return append(lines, "}", c.close, "}"), nil
}

// keyText is a map key as text.
func keyText(g *file, expr string, t *schema.Type) string {
	switch t.Kind {
	case schema.String:
		return expr
	case schema.EnumKind:
		return "string(" + expr + ")"
	case schema.Uint32, schema.Uint64:
		return g.std("strconv", "FormatUint") + "(uint64(" + expr + "), 10)"
	default:
		return g.std("strconv", "FormatInt") + "(int64(" + expr + "), 10)"
	}
}
