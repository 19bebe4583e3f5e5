package golang

import "github.com/omninode/trestle/tools/schema"

// readList reads a list into a variable, which assign begins to set. It stands in so many lists and maps.
func (g *file) readList(into, assign string, f *schema.Field, t *schema.Type, depth int) ([]string, error) {
	value, before, err := g.readNested(f, t.Elem, depth+1)
	if err != nil {
		return nil, err
	}
	empty := "nil"
	if !g.proto() {
		empty = g.goType(t) + "{}" // an empty list is written again, an absent one is not
	}
	lines := append([]string{assign + empty}, holding(t)...)
	lines = append(lines, "if r.BeginArray() {", "for r.More() {")
	lines = append(lines, before...)
	return append(lines,
		into+" = append("+into+", "+value+")",
		"}",
		"}"), nil
}

// readMap reads a map likewise.
func (g *file) readMap(into, assign string, f *schema.Field, t *schema.Type, depth int) ([]string, error) {
	value, before, err := g.readNested(f, t.Elem, depth+1)
	if err != nil {
		return nil, err
	}
	k := at("k", depth)
	lines := append([]string{assign + g.goType(t) + "{}"}, holding(t)...)
	lines = append(lines, "if r.BeginObject() {", "for r.More() {")
	switch kind := t.Key.Kind; kind {
	case schema.String:
		lines = append(lines, k+" := r.Key()")
	case schema.EnumKind:
		lines = append(lines, k+" := "+g.enumType(t.Key.Enum)+"(r.Key())")
	default:
		parse, size := "ParseInt", "64"
		if kind == schema.Uint32 || kind == schema.Uint64 {
			parse = "ParseUint"
		}
		if kind == schema.Int32 || kind == schema.Uint32 {
			size = "32"
		}
		lines = append(lines,
			"n, err := "+g.std("strconv", parse)+"(r.Key(), 10, "+size+")",
			"if err != nil {",
			"r.Skip()",
			"r.Fault(\"type\", \"must have a key that is an integer\", nil)",
			"continue",
			"}",
			k+" := "+scalarTypes[kind]+"(n)")
	}
	lines = append(lines, "if _, twice := "+into+"["+k+"]; twice {", "r.Twice()", "}")
	lines = append(lines, before...)
	return append(lines, into+"["+k+"] = "+value, "}", "}"), nil
}

// holding keeps what stands in the place of a container of what is sensitive out of the fault.
func holding(t *schema.Type) []string {
	if t.HoldsSensitive() {
		return []string{"r.Holding()"}
	}
	return nil
}
