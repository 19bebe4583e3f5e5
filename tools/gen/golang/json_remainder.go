package golang

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/omninode/trestle/tools/schema"
)

const jsonvalidatePath = "github.com/omninode/trestle/runtime/genapi/jsonvalidate"

// left says whether a keyword is left to the library.
func left(c schema.Constraints, keyword string) bool {
	return c.Unmodelled.Has(keyword)
}

func typeOf(m *schema.Message) *schema.Type {
	return &schema.Type{Kind: schema.MessageKind, Message: m}
}

// remainder checks a value's JSON by the library.
func (g *file) remainder(r valueRule) ([]string, error) {
	rest, hint := r.typ.Constraints.Unmodelled, jsonTypeName(r.field.Message)+camel(r.field.Name)
	switch r.typ.Kind {
	case schema.JSONObject, schema.JSONValue:
		return []string{g.heldAgainst(rest, hint, r.path, "[]byte("+r.expr+")", "nil", r.typ)}, nil
	case schema.MessageKind:
		return g.encodedAgainst(rest, hint, r.path, selector(r.expr)+".AppendJSON(nil)", r.typ), nil
	}
	lines, err := g.appendNested(r.expr, r.field, r.typ, func(err string) string { return err }, r.depth)
	if err != nil {
		return nil, err
	}
	body := strings.Join(lines, "\n") + "\nreturn b, nil"
	if needsErr(body) {
		body = "var err error\n" + body
	}
	return g.encodedAgainst(rest, hint, r.path, "func(b []byte) ([]byte, error) {\n"+body+"\n}(nil)", r.typ), nil
}

// encodedAgainst holds the JSON that a call returns, or its error, against what is left to the library.
func (g *file) encodedAgainst(r *schema.Unmodelled, hint, path, call string, t *schema.Type) []string {
	return []string{"{", "text, err := " + call, g.heldAgainst(r, hint, path, "text", "err", t), "}"}
}

func (g *file) heldAgainst(r *schema.Unmodelled, hint, path, text, err string, t *schema.Type) string {
	return "if " + g.patterns.parts.name(r, hint, t) + ".Check(v, " + path + ", " + text + ", " + err + ") {\nreturn\n}"
}

// parts are the schemas of a package that its validators leave something of to the library, named after their first use.
type parts struct {
	names     map[*schema.Unmodelled]string
	described map[*schema.Unmodelled]string // what of their values is not to be shown
}

func (s *parts) name(r *schema.Unmodelled, hint string, t *schema.Type) string {
	if s.names == nil {
		s.names, s.described = map[*schema.Unmodelled]string{}, map[*schema.Unmodelled]string{}
	}
	if name, ok := s.names[r]; ok {
		return name
	}
	name := "part" + hint
	for n := 2; s.taken(name); n++ {
		name = "part" + hint + strconv.Itoa(n)
	}
	s.names[r], s.described[r] = name, t.Described()
	return name
}

func (s *parts) taken(name string) bool {
	for _, other := range s.names {
		if other == name {
			return true
		}
	}
	return false
}

// schemasFile writes the schemas that validators leave something of to the library; none where there is nothing.
func schemasFile(pkg *schema.Package, shared *patterns) []unformatted {
	if len(shared.parts.names) == 0 {
		return nil
	}
	g := &file{writer: newWriter(pkg, "", shared), owner: pkg}
	texts, byName := map[string]string{}, map[string]*schema.Unmodelled{}
	var paths, names []string
	for r, name := range shared.parts.names {
		byName[name] = r
		names = append(names, name)
		for _, f := range r.Files {
			if _, ok := texts[f.Path]; !ok {
				paths = append(paths, f.Path)
			}
			texts[f.Path] = string(f.Source)
		}
	}
	slices.Sort(paths)
	slices.Sort(names)
	jsonvalidate := g.pkg(jsonvalidatePath, "jsonvalidate")
	g.p("// The schemas that validators leave some keywords of to a library, and those that they refer to.")
	g.p("var schemas = %s.New(map[string]string{", jsonvalidate)
	for _, path := range paths {
		g.p("%s: %s,", goString(path), goString(texts[path]))
	}
	g.p("})\n")
	g.p("// What is left to it, compiled when it is first needed.")
	g.p("var (")
	for _, name := range names {
		r := byName[name]
		arguments := []string{goString(r.File.Path), goString(r.Pointer)}
		for _, keyword := range r.Keywords {
			arguments = append(arguments, goString(keyword))
		}
		masked := ""
		if described := shared.parts.described[r]; described != "" {
			masked = ".Masked(masks, " + goString(described) + ")"
		}
		g.p("%s = schemas.Part(%s)%s", name, strings.Join(arguments, ", "), masked)
	}
	g.p(")")
	name, at := "schemas", layoutOf(pkg)
	for slices.Contains(slices.Collect(maps.Values(at.files)), name) {
		name += "_"
	}
	return []unformatted{g.finish(at.path("", name+".trestle.go"), "package "+pkg.Name)}
}
