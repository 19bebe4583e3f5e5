package python

import (
	"slices"
	"strings"

	"github.com/omninode/trestle/tools/gen/internal/naming"
	"github.com/omninode/trestle/tools/schema"
)

// given are the names that a set's declarations have in Python: each once where Python looks for it.
type given struct {
	modules map[*schema.Package][]string // ["codegen", "v1"]
	aliases map[*schema.Package]string   // by which other modules call them: "codegen_v1"
	// inner are packages whose modules have others below them: they are folders.
	inner    map[*schema.Package]bool
	classes  map[any]string // by message, enum or union
	declared map[*schema.Package][]string
	fields   map[*schema.Message]map[string]string // by names in JSON
	topics   map[string]string                     // constants, by names of topics, groups and event types
	groups   map[string]string
	types    map[string]string
}

// name gives modules, classes and constants their names.
func (p *project) give() {
	g := given{
		modules: map[*schema.Package][]string{}, aliases: map[*schema.Package]string{}, inner: map[*schema.Package]bool{},
		classes: map[any]string{}, declared: map[*schema.Package][]string{}, fields: map[*schema.Message]map[string]string{},
	}
	paths, aliases := naming.NewDistinct(), naming.NewDistinct(slices.Concat(imported, builtins, keywords)...)
	for _, pkg := range p.packages {
		parts := p.modulePath(pkg)
		last := len(parts) - 1
		parts[last] = lastPart(paths.Name(strings.Join(parts, ".")))
		g.modules[pkg], g.aliases[pkg] = parts, aliases.Name(strings.Join(parts, "_"))
	}
	for _, pkg := range p.packages {
		below := map[string]bool{} // modules are attributes of the one above
		for _, other := range p.packages {
			if parts, mine := g.modules[other], g.modules[pkg]; len(parts) > len(mine) && slices.Equal(parts[:len(mine)], mine) {
				g.inner[pkg], below[parts[len(mine)]] = true, true
			}
		}
		g.classesOf(pkg, below)
	}
	p.given = g
	p.given.topics, p.given.groups = map[string]string{}, map[string]string{}
	names := naming.NewDistinct("TOPICS")
	for _, t := range sortedBy(p.set.Topics, func(t *schema.Topic) string { return t.Name }) {
		p.given.topics[t.Name] = names.Name(constant(t.Name))
	}
	names = naming.NewDistinct("GROUPS")
	for _, group := range sortedBy(p.set.Groups, func(g *schema.Group) string { return g.Name }) {
		p.given.groups[group.Name] = names.Name(constant(group.Name))
	}
	p.given.types = map[string]string{}
	names = naming.NewDistinct()
	for _, e := range p.events() {
		if _, known := p.given.types[e.Type]; !known {
			p.given.types[e.Type] = names.Name(constant(e.Type))
		}
	}
}

func lastPart(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }

func sortedBy[T any](items []T, name func(T) string) []T {
	return slices.SortedFunc(slices.Values(items), func(a, b T) int { return strings.Compare(name(a), name(b)) })
}

// classesOf names the classes of a package: those at top level before those inside others, which carry their names too.
func (g *given) classesOf(pkg *schema.Package, below map[string]bool) {
	names := naming.NewDistinct(slices.Concat(imported, builtins, keywords)...)
	for name := range below {
		names.Take(name)
	}
	add := func(declaration any, name string) {
		name = names.Name(plainClass(name))
		g.classes[declaration] = name
		g.declared[pkg] = append(g.declared[pkg], name)
	}
	for _, top := range []bool{true, false} {
		for _, e := range allEnums(pkg) {
			if (e.Parent == nil) == top {
				add(e, nested(e.Parent)+e.Name)
			}
		}
		for _, m := range allMessages(pkg.Messages) {
			if (m.Parent == nil) == top {
				add(m, nested(m.Parent)+m.Name)
			}
		}
	}
	for _, u := range pkg.Unions {
		add(u, u.Name)
	}
}

// className is the name of a class: of a message, an enum or a union.
func (p *project) className(declaration any) string { return p.given.classes[declaration] }

// fieldName is the attribute of a field; where it differs from the name in JSON, that is its alias. It has no name that
// is read inside its class. A field that needs no other name comes before those that do.
func (p *project) fieldName(f *schema.Field) string {
	names, ok := p.given.fields[f.Message]
	if !ok {
		given := naming.NewDistinct(p.given.declared[f.Message.Package]...)
		for _, alias := range p.given.aliases {
			given.Take(alias)
		}
		names = map[string]string{}
		for _, same := range []bool{true, false} {
			for _, other := range f.Message.Fields {
				if name := attribute(other.JSONName); (name == other.JSONName) == same {
					names[other.JSONName] = given.Name(name)
				}
			}
		}
		p.given.fields[f.Message] = names
	}
	return names[f.JSONName]
}
