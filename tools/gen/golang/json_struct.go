package golang

import (
	"strings"

	"github.com/omninode/trestle/tools/schema"
)

// jsonTypeName is the Go name of a JSON Schema object; one that stands inside another carries its name too.
func jsonTypeName(m *schema.Message) string {
	if m.Parent != nil {
		return jsonTypeName(m.Parent) + camel(m.Name)
	}
	return camel(m.Name)
}

func jsonEnumName(e *schema.Enum) string {
	if e.Parent != nil {
		return jsonTypeName(e.Parent) + camel(e.Name)
	}
	return camel(e.Name)
}

// jsonView describes how a property appears in Go: a required one as a plain value, an optional one as a pointer,
// unless its type has a value for absent of its own.
func (g *file) jsonView(v view) view {
	if t := lowered(v.Type); t != v.Type {
		f := *v.Field
		f.Type = t
		v.Field = &f
	}
	v.expr = "x." + g.json.field(v.Field)
	v.value = v.expr
	switch v.Type.Kind {
	case schema.List, schema.Map:
		if !v.Required {
			v.has, v.hasNot = v.expr+" != nil", v.expr+" == nil"
		}
	case schema.JSONObject, schema.JSONValue:
		if !v.Required {
			v.has, v.hasNot = v.expr+` != ""`, v.expr+` == ""`
		}
	default:
		if !v.Required {
			v.has, v.hasNot = v.expr+" != nil", v.expr+" == nil"
			v.pointer, v.value = true, "*"+v.expr
		}
	}
	return v
}

// jsonPackage makes the types and methods of a JSON Schema package, a Go file a schema file, and the package's own
// file.
func jsonPackage(set *schema.Set, pkg *schema.Package, json *jsonNames, opts Options) ([]unformatted, error) {
	if err := refuseEndless(pkg); err != nil {
		return nil, err
	}
	shared, at := &patterns{}, layoutOf(pkg)
	names := map[string]schema.Position{}
	var files []unformatted
	for _, source := range sorted(pkg) {
		g := &file{writer: newWriter(pkg, source.Path, shared), set: set, owner: pkg, json: json}
		for _, e := range pkg.Enums {
			if e.File == source {
				if err := g.jsonEnum(e, names); err != nil {
					return nil, err
				}
			}
		}
		for _, m := range pkg.Messages {
			if m.File == source {
				if err := g.jsonMessage(m, names); err != nil {
					return nil, err
				}
			}
		}
		for _, u := range pkg.Unions {
			if u.File == source {
				if err := g.jsonUnion(u, names); err != nil {
					return nil, err
				}
			}
		}
		if g.body.Len() == 0 {
			continue
		}
		files = append(files, g.finish(at.path(source.Path, ".trestle.go"), source.Path))
	}
	own, err := packageFile(set, pkg, nil, json, shared, opts)
	if err != nil {
		return nil, err
	}
	return append(append(files, own...), schemasFile(pkg, shared)...), nil
}

// declare notes a Go name of the package; a second use is an error.
func declare(names map[string]schema.Position, name string, pos schema.Position, element string) error {
	if other, ok := names[name]; ok {
		return refuse(pos, element, "its Go name %s is that of %s: give one of them another title", name, other)
	}
	names[name] = pos
	return nil
}

// jsonEnum writes a string type and its constants.
func (g *file) jsonEnum(e *schema.Enum, names map[string]schema.Position) error {
	goName := jsonEnumName(e)
	if err := declare(names, goName, e.Pos, e.FullName); err != nil {
		return err
	}
	g.doc(e.Doc, nil)
	g.p("type %s string\n", goName)
	g.p("// The values of %s.", goName)
	g.p("const (")
	for _, v := range e.Values {
		name := g.json.value(e, v)
		g.doc(v.Doc, v.Deprecated)
		g.p("%s %s = %s", name, goName, goString(v.JSONName))
	}
	g.p(")\n")
	return nil
}

// jsonMessage writes a struct and its methods, then those inside it.
func (g *file) jsonMessage(m *schema.Message, names map[string]schema.Position) error {
	goName := jsonTypeName(m)
	if err := declare(names, goName, m.Pos, m.FullName); err != nil {
		return err
	}
	if err := g.jsonStruct(m, goName); err != nil {
		return err
	}
	if e := eventOf(g.owner, m); e != nil {
		g.eventMethods(e, goName)
	}
	if err := g.jsonValidate(m, goName); err != nil {
		return err
	}
	if err := g.setDefaults(m, goName); err != nil {
		return err
	}
	if err := g.deprecatedFields(m, goName); err != nil {
		return err
	}
	if err := g.appendJSON(m, goName); err != nil {
		return err
	}
	if err := g.decodeJSON(m, goName); err != nil {
		return err
	}
	g.marshalMethods(goName)
	g.redacted(m, goName)
	for _, e := range m.Enums {
		if err := g.jsonEnum(e, names); err != nil {
			return err
		}
	}
	for _, nested := range m.Messages {
		if err := g.jsonMessage(nested, names); err != nil {
			return err
		}
	}
	return nil
}

func (g *file) jsonStruct(m *schema.Message, goName string) error {
	g.doc(m.Doc, m.Deprecated)
	g.p("type %s struct {", goName)
	for _, f := range m.Fields {
		name := g.json.field(f)
		v := g.view(f)
		goType := g.goType(v.Type)
		if v.pointer {
			goType = "*" + goType
		}
		g.doc(paragraphs(f.Doc, renamed(name, f.JSONName, camel(f.Name), membersOf(memberNames, m))), f.Deprecated)
		g.p("%s %s", name, goType)
	}
	g.nullsMember(m)
	switch {
	case m.Undeclared != nil:
		g.restMember(m)
	case m.KeepUnknown:
		if len(m.Fields) > 0 {
			g.p("")
		}
		g.p("// Unknown holds the fields that were read and that the schema does not have; they are written again.")
		g.p("Unknown []%s", g.jsonio("Member"))
	}
	g.p("}\n")
	return nil
}

// plural counts: "1 character", "2 characters".
func plural(n uint64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if stem, ok := strings.CutSuffix(noun, "y"); ok {
		return uitoa(n) + " " + stem + "ies"
	}
	return uitoa(n) + " " + noun + "s"
}

// refuseEndless finds fault with an object that holds itself in properties that it must have: none is ever finite.
func refuseEndless(pkg *schema.Package) error {
	const onTheWay, done = 1, 2
	state := map[*schema.Message]int{}
	var visit func(m *schema.Message) error
	visit = func(m *schema.Message) error {
		state[m] = onTheWay
		for _, f := range m.Fields {
			inner := f.Type.Message
			if !f.Required || f.Type.Kind != schema.MessageKind || state[inner] == done {
				continue
			}
			if state[inner] == onTheWay {
				return refuse(f.Pos, fieldName(f), "it is required, and so is %s in it without an end: no value is finite; let one of the properties between be absent", inner.FullName)
			}
			if err := visit(inner); err != nil {
				return err
			}
		}
		state[m] = done
		return nil
	}
	for _, m := range pkg.Messages {
		if state[m] == 0 {
			if err := visit(m); err != nil {
				return err
			}
		}
	}
	return nil
}
