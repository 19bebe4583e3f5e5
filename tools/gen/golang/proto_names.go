package golang

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/omninode/trestle/tools/schema"
)

// rename gives fields and oneofs another Go name that would have that of a method, and says so in their comments:
// protoc-gen-go does the same for the methods that it knows, by an underscore.
func rename(messages []*protogen.Message, models map[string]*schema.Message) {
	for _, m := range messages {
		rename(m.Messages, models)
		members := membersOf(protoMemberNames, models[string(m.Desc.FullName())])
		used := map[string]bool{}
		for _, f := range m.Fields {
			used[f.GoName], used["Get"+f.GoName] = true, true
		}
		for _, o := range m.Oneofs {
			used[o.GoName] = true
		}
		free := func(name string) string {
			for used[name] || used["Get"+name] || slices.Contains(members, name) {
				name += "_"
			}
			used[name], used["Get"+name] = true, true
			return name
		}
		for _, f := range m.Fields {
			if slices.Contains(members, f.GoName) {
				wanted := f.GoName
				f.GoName = free(wanted)
				f.GoIdent.GoName = m.GoIdent.GoName + "_" + f.GoName
				f.Comments.Leading = noted(f.Comments.Leading, renamed(f.GoName, string(f.Desc.Name()), wanted, members))
			}
		}
		for _, o := range m.Oneofs {
			if slices.Contains(members, o.GoName) && !o.Desc.IsSynthetic() {
				wanted := o.GoName
				o.GoName = free(wanted)
				o.GoIdent.GoName = m.GoIdent.GoName + "_" + o.GoName
				o.Comments.Leading = noted(o.Comments.Leading, renamed(o.GoName, string(o.Desc.Name()), wanted, members))
			}
		}
	}
}

// noted adds a sentence to a comment.
func noted(c protogen.Comments, sentence string) protogen.Comments {
	if c != "" {
		c += "\n"
	}
	return c + protogen.Comments(" "+sentence+"\n")
}

// refuseMember finds fault with a field whose Go name, which protoc-gen-go has given by itself, is that of a method.
func (g *file) refuseMember(m *schema.Message) error {
	members := membersOf(protoMemberNames, m)
	if g.onlyValidators {
		members = []string{"ProtoReflect", "Validate", "ValidateFirst", "ValidateInto"}
	}
	for _, f := range m.Fields {
		pf := g.names.fields[string(f.Proto.FullName())]
		names := []string{pf.GoName}
		if pf.Oneof != nil && !pf.Oneof.Desc.IsSynthetic() {
			names = []string{pf.Oneof.GoName}
		}
		for _, name := range names {
			if slices.Contains(members, name) {
				return refuse(f.Pos, fieldName(f), "its Go name %s is that of a generated method: rename it, or have trestle generate write the messages too", name)
			}
		}
	}
	return nil
}

// declarations holds the names that protoc-gen-go declares in a package.
type declarations struct {
	names map[string]string // to what has it
	err   error
}

// declared returns the names of a protobuf package; two elements of one name are an error, but for members of oneofs,
// whose types get an underscore where the messages are ours to write.
func (n *protoNames) declared(pkg *schema.Package, opts Options) (map[string]string, error) {
	d := &declarations{names: map[string]string{}}
	for _, e := range pkg.Enums {
		d.enum(n, e)
	}
	for _, m := range pkg.Messages {
		d.message(n, m)
	}
	for _, m := range pkg.Messages {
		if !opts.WithoutMessages {
			d.members(n, m)
		}
	}
	return d.names, d.err
}

func (d *declarations) add(name, element string, pos schema.Position) {
	if other, ok := d.names[name]; ok && d.err == nil {
		d.err = refuse(pos, element, "its Go name %s is that of %s: rename one", name, other)
	}
	d.names[name] = element
}

func (d *declarations) enum(n *protoNames, e *schema.Enum) {
	pe := n.enums[e.FullName]
	d.add(pe.GoIdent.GoName, e.FullName, e.Pos)
	d.add(pe.GoIdent.GoName+"_name", e.FullName, e.Pos)
	d.add(pe.GoIdent.GoName+"_value", e.FullName, e.Pos)
	for _, v := range e.Values {
		if id, ok := n.value(e, v); ok {
			d.add(id.GoName, e.FullName+"."+v.Name, v.Pos)
		}
	}
}

func (d *declarations) message(n *protoNames, m *schema.Message) {
	if options, ok := m.Proto.Options().(*descriptorpb.MessageOptions); ok && options.GetMapEntry() {
		return
	}
	name := n.messages[m.FullName].GoIdent.GoName
	d.add(name, m.FullName, m.Pos)
	for _, e := range m.Enums {
		d.enum(n, e)
	}
	for _, nested := range m.Messages {
		d.message(n, nested)
	}
	for _, f := range m.Fields {
		if f.Proto.HasDefault() {
			d.add("Default_"+name+"_"+n.fields[string(f.Proto.FullName())].GoName, fieldName(f), f.Pos)
		}
	}
}

// members adds the types of members of oneofs, which are nobody's but the generator's.
func (d *declarations) members(n *protoNames, m *schema.Message) {
	for _, nested := range m.Messages {
		d.members(n, nested)
	}
	for _, f := range m.Fields {
		pf := n.fields[string(f.Proto.FullName())]
		if pf.Oneof == nil || pf.Oneof.Desc.IsSynthetic() {
			continue
		}
		for d.names[pf.GoIdent.GoName] != "" {
			pf.GoIdent.GoName += "_"
		}
		d.names[pf.GoIdent.GoName] = fieldName(f)
	}
}

// refuseCycles finds fault with packages that refer to one another in a circle, which Go does not allow.
func refuseCycles(set *schema.Set, wanted func(*schema.Package) bool) error {
	c := &cycles{uses: map[*schema.Package][]use{}, state: map[*schema.Package]int{}}
	places := map[string]*schema.Package{}
	for _, pkg := range set.Packages {
		c.uses[pkg] = usesOf(set, pkg)
		if dir := strings.ToLower(goDir(pkg)); wanted(pkg) { // the go tool tells folders apart by more than case
			if other := places[dir]; other != nil {
				return refuse(packagePos(pkg), "package "+pkg.Name, "its Go package would be in the folder %q of that of %s (%s), or one that differs in case: give one of them another folder", goDir(pkg), other.Name, packagePos(other))
			}
			places[dir] = pkg
		}
	}
	for _, pkg := range set.Packages {
		if err := c.visit(pkg, nil); err != nil && wanted(pkg) {
			return err
		}
	}
	return nil
}

// use is a reference of one package to another.
type use struct {
	to      *schema.Package
	pos     schema.Position
	element string
}

type cycles struct {
	uses  map[*schema.Package][]use
	state map[*schema.Package]int // 1 on the way, 2 done
}

func (c *cycles) visit(pkg *schema.Package, way []*schema.Package) error {
	if c.state[pkg] == 2 {
		return nil
	}
	c.state[pkg] = 1
	way = append(way, pkg)
	for _, u := range c.uses[pkg] {
		if name := lastElement(goImport(u.to)); pkg.Language == schema.Protobuf && slices.Contains(aliasNames, name) {
			return refuse(u.pos, u.element, "protoc-gen-go imports package %s under the name %s, which means something else in the Go it writes: end its go_package otherwise", u.to.Name, name)
		}
		if c.state[u.to] == 1 {
			names := ""
			for _, p := range way[slices.Index(way, u.to):] {
				names += p.Name + ", "
			}
			return refuse(u.pos, u.element, "it refers to package %s, which refers back here (%s%s): Go packages cannot import one another in a circle; move what they share into one of them, or into a third",
				u.to.Name, names, u.to.Name)
		}
		if err := c.visit(u.to, way); err != nil {
			return err
		}
	}
	c.state[pkg] = 2
	return nil
}

// usesOf are the references of a package to others of the set, by the place of the first to each.
func usesOf(set *schema.Set, pkg *schema.Package) []use {
	var out []use
	add := func(to *schema.Package, pos schema.Position, element string) {
		if to == nil || to == pkg || !slices.Contains(set.Packages, to) || slices.ContainsFunc(out, func(u use) bool { return u.to == to }) {
			return
		}
		out = append(out, use{to, pos, element})
	}
	ofType := func(t *schema.Type, pos schema.Position, element string) {
		for ; t != nil; t = t.Elem {
			switch {
			case t.Message != nil:
				add(t.Message.Package, pos, element)
			case t.Enum != nil:
				add(t.Enum.Package, pos, element)
			case t.Union != nil:
				add(t.Union.Package, pos, element)
			}
			if t.Key != nil && t.Key.Enum != nil {
				add(t.Key.Enum.Package, pos, element)
			}
		}
	}
	var ofMessage func(m *schema.Message)
	ofMessage = func(m *schema.Message) {
		for _, f := range m.Fields {
			ofType(f.Type, f.Pos, fieldName(f))
		}
		ofType(m.Undeclared, m.Pos, m.FullName)
		for _, nested := range m.Messages {
			ofMessage(nested)
		}
	}
	for _, m := range pkg.Messages {
		ofMessage(m)
	}
	for _, u := range pkg.Unions {
		for _, v := range u.Variants {
			if v.Message != nil {
				add(v.Message.Package, v.Pos, u.FullName)
			}
		}
	}
	for _, e := range pkg.Events {
		if e.Reply != nil {
			add(e.Reply.Package, e.Pos, e.Type)
		}
	}
	for _, f := range sorted(pkg) { // protoc-gen-go imports what a file imports, used or not
		if f.Language() != schema.Protobuf {
			continue
		}
		for i := range f.Proto.Imports().Len() {
			imported := f.Proto.Imports().Get(i)
			for _, other := range set.Packages {
				if other.Name == string(imported.Package()) && other.Language == schema.Protobuf {
					at := f.Proto.SourceLocations().ByPath([]int32{3, int32(i)})
					add(other, schema.Position{File: f.Path, Line: at.StartLine + 1, Col: at.StartColumn + 1}, fmt.Sprintf("import %q", imported.Path()))
				}
			}
		}
	}
	return out
}
