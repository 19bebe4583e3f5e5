package compat

import (
	"fmt"
	"net/url"
	"path/filepath"
	"slices"

	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/schema/jsontree"
	"github.com/omninode/trestle/tools/schema/subschema"
	"github.com/omninode/trestle/tools/values"
)

// wholeSchema is a JSON Schema that is compared as a set of values, since the model has no message for it: what a file as a
// whole describes, or a definition that no other schema refers to.
type wholeSchema struct {
	file    *schema.File
	pointer string
	pos     schema.Position
	of      *schema.Message // that the model has for it, nil for none
}

// schemaOf is that of a message in JSON Schema.
func schemaOf(m *schema.Message) *wholeSchema {
	return &wholeSchema{file: m.File, pointer: m.Pointer, pos: m.Pos, of: m}
}

// path names the schema in findings.
func (s *wholeSchema) path() string {
	if s.pointer == "" {
		return s.file.Path
	}
	return s.file.Path + "#" + s.pointer
}

// sameText says whether two schemas are written the same.
func (c *comparison) sameText(old, new *wholeSchema) bool {
	a, errOld := c.algebra.parsed(c.old)
	b, errNew := c.algebra.parsed(c.new)
	return errOld == nil && errNew == nil &&
		a.Files[old.file.Path].Find(old.pointer).JSON() == b.Files[new.file.Path].Find(new.pointer).JSON()
}

// wholePair is a schema in two versions. A nil side was removed or added.
type wholePair [2]*wholeSchema

// wholeSchemas are the pairs of schemas that are compared as sets of values.
type wholeSchemas struct {
	pairs []wholePair
	// compared are all files in pairs, of which these schemas and messages are.
	compared [][2]*schema.File
	// files are those judged by their sources, and messages the ones that the other version has no message for: no rule
	// sees them.
	files    map[*schema.File]bool
	messages map[*schema.Message]bool
}

// hold says whether one of the messages is compared as a whole schema, or as part of one.
func (w *wholeSchemas) hold(messages ...*schema.Message) bool {
	return slices.ContainsFunc(messages, func(m *schema.Message) bool { return m != nil && (w.files[m.File] || w.messages[m]) })
}

// references returns those of both sides. The error says that a reference leads nowhere, or that a file is no JSON.
func (c *comparison) references() (sides [2]*references, err error) {
	for i, of := range []struct {
		set *schema.Set
		use *usage
	}{{c.old, c.oldUse}, {c.new, c.newUse}} {
		r, err := c.algebra.referencesOf(of.set, of.use)
		if err != nil {
			return sides, err
		}
		for _, f := range r.files {
			if r.dangling != nil && f.Path == r.dangling.Path && c.witnesses.CheckDocument(of.set, f, "") != nil {
				return sides, r.dangling
			}
		}
		sides[i] = r
	}
	return sides, nil
}

// pairWholeSchemas pairs the schemas that are compared as sets of values.
func (c *comparison) pairWholeSchemas(sides [2]*references) *wholeSchemas {
	w := &wholeSchemas{files: map[*schema.File]bool{}, messages: map[*schema.Message]bool{}}
	old, new := sides[0], sides[1]
	w.compared = pairFiles(old, new)
	for _, f := range w.compared {
		for i, side := range f {
			if side != nil && side.Language() == schema.Protobuf {
				f[i] = nil
			}
		}
		bySource := f[0] != nil && f[0].JudgedBySource || f[1] != nil && f[1].JudgedBySource
		for _, side := range f {
			if side != nil && bySource {
				w.files[side] = true
			}
		}
		onlyDefinitions := (f[0] == nil || old.onlyDefines(f[0])) && (f[1] == nil || new.onlyDefines(f[1]))
		switch {
		case onlyDefinitions:
			w.addDefinitions(f, sides, bySource)
		case bySource || describesNoMessage(f[0]) || describesNoMessage(f[1]):
			w.add(f, [2]string{}, sides)
		}
	}
	return w
}

// describesNoMessage says whether a file as a whole describes something, and no message: none at all, one that may be null, or
// one of its definitions with more demands than that has.
func describesNoMessage(f *schema.File) bool {
	if f == nil || f.Root == nil {
		return false
	}
	m := rootMessage(f)
	return m == nil || m.Pointer != "" && f.Root.Constraints.Unmodelled != nil
}

// add adds the schemas at the pointers of two files; there is none in a nil file.
func (w *wholeSchemas) add(files [2]*schema.File, pointers [2]string, sides [2]*references) {
	var pair wholePair
	for i, f := range files {
		if f == nil {
			continue
		}
		at := sides[i].docs.Files[f.Path].Find(pointers[i])
		pair[i] = &wholeSchema{file: f, pointer: pointers[i], pos: schema.Position{File: f.Path, Line: at.Line, Col: at.Col}}
		if m := sides[i].message(f, pointers[i]); m != nil {
			w.messages[m] = true
		}
		if pointers[i] == "" {
			pair[i].of = rootMessage(f)
		}
	}
	w.pairs = append(w.pairs, pair)
}

// addDefinitions adds the definitions of two files that nothing refers to, each by its name. What refers to one is compared
// with all that it leads to, and messages are judged by rules.
func (w *wholeSchemas) addDefinitions(files [2]*schema.File, sides [2]*references, bySource bool) {
	var defined [2][]*definition
	for i, f := range files {
		if f != nil {
			defined[i] = sides[i].definitions(f)
		}
	}
	for _, d := range pairBy(defined[0], defined[1], func(d *definition) string { return d.name }) {
		var in [2]*schema.File
		var pointers [2]string
		asMessages, used := true, false
		for i, side := range d {
			if side == nil {
				continue
			}
			in[i], pointers[i] = files[i], side.pointer
			used = used || sides[i].reached[side.schema]
			asMessages = asMessages && sides[i].message(files[i], side.pointer) != nil
		}
		if !used && (bySource || !asMessages) {
			w.add(in, pointers, sides)
		}
	}
}

// pairFiles pairs the two files that were asked for alone, then files by their path in the folder that was asked for, then
// those that are the same schema by $id or by a message, then those that stand alone on their sides.
func pairFiles(old, new *references) [][2]*schema.File {
	var out [][2]*schema.File
	if o, n := old.main, new.main; o != nil && n != nil {
		out = [][2]*schema.File{{o, n}}
	}
	without := func(files []*schema.File, i int) []*schema.File {
		return slices.DeleteFunc(slices.Clone(files), func(f *schema.File) bool { return len(out) > 0 && f == out[0][i] })
	}
	inFolder := map[*schema.File]string{}
	for _, side := range []*references{old, new} {
		for _, f := range side.files {
			inFolder[f], _ = filepath.Rel(side.folder, f.Path) // both count from the root
		}
	}
	out = append(out, pairBy(without(old.files, 0), without(new.files, 1), func(f *schema.File) string { return inFolder[f] })...)
	out = joinPairs(out, func(o, n *schema.File) bool {
		return slices.ContainsFunc(old.names(o), func(name string) bool { return slices.Contains(new.names(n), name) })
	})
	if o, n := old.alone(), new.alone(); o != nil && n != nil {
		out = joinPairs(out, func(a, b *schema.File) bool { return a == o && b == n })
	}
	return out
}

// joinPairs makes one pair of two that lack a side each, where these belong together.
func joinPairs[T any](pairs [][2]*T, belong func(old, new *T) bool) [][2]*T {
	for i := range pairs {
		if pairs[i][0] != nil {
			continue
		}
		for k := range pairs {
			if pairs[k][1] == nil && pairs[k][0] != nil && belong(pairs[k][0], pairs[i][1]) {
				pairs[i][0], pairs[k][0] = pairs[k][0], nil
				break
			}
		}
	}
	return slices.DeleteFunc(pairs, func(p [2]*T) bool { return p[0] == nil && p[1] == nil })
}

// references are the files of a set by what refers to what.
type references struct {
	docs  *values.Documents
	use   *usage
	files []*schema.File
	main  *schema.File // that was asked for alone
	// folder is the path of the folder that was asked for.
	folder string
	// reached are the JSON Schemas that messages, and files as a whole, consist of; referred are the files that others refer
	// to.
	reached  map[*jsontree.Value]bool
	referred map[string]bool
	// refersTo are the files that a file refers to.
	refersTo map[string][]string
	// dangling is the first reference that leads nowhere, though it is to the file itself or to one beside it: one to a
	// place elsewhere may be there for others. Where the draft does not read it as one, it is none.
	dangling *values.SchemaError
}

func (a *algebra) referencesOf(set *schema.Set, use *usage) (*references, error) {
	docs, err := a.parsed(set)
	if err != nil {
		return nil, err
	}
	r := &references{docs: docs, use: use, files: set.Files(), main: set.MainFile(), folder: set.Folder, reached: map[*jsontree.Value]bool{}, referred: map[string]bool{},
		refersTo: map[string][]string{},
	}
	for _, f := range r.files {
		root := docs.Files[f.Path]
		if root == nil {
			for i := range f.Proto.Imports().Len() {
				r.referred[f.Proto.Imports().Get(i).Path()] = true
			}
			continue
		}
		if !r.onlyDefines(f) {
			r.reach(values.Spot{File: f.Path, Schema: root})
		}
		if f.JudgedBySource {
			continue
		}
		for _, m := range use.messages[f] {
			r.reach(values.Spot{File: f.Path, Schema: root.Find(m.Pointer)})
		}
	}
	return r, nil
}

// reach notes a schema with all that it consists of.
func (r *references) reach(at values.Spot) {
	if at.Schema == nil || r.reached[at.Schema] {
		return
	}
	r.reached[at.Schema] = true
	for _, keyword := range []string{"$ref", "$dynamicRef", "$recursiveRef"} {
		ref := at.Schema.Get(keyword)
		if ref == nil {
			continue
		}
		to, err := r.docs.Resolve(at, ref.Text)
		if err != nil {
			if u, failed := url.Parse(ref.Text); failed == nil && !u.IsAbs() && r.dangling == nil {
				r.dangling = &values.SchemaError{Path: at.File, Place: ref.Place, Message: fmt.Sprintf("%s %q leads to no schema", keyword, ref.Text)}
			}
			continue
		}
		if to.File != at.File {
			r.referred[to.File] = true
			r.refersTo[at.File] = append(r.refersTo[at.File], to.File)
		}
		r.reach(to)
	}
	subschema.Each(at.Schema, func(s subschema.Subschema) {
		if s.Keyword != "$defs" && s.Keyword != "definitions" {
			r.reach(values.Spot{File: at.File, Schema: s.Schema})
		}
	})
}

// alone is the only file of the set that no other refers to; nil where there is none.
func (r *references) alone() *schema.File {
	var found *schema.File
	for _, f := range r.files {
		switch {
		case r.referred[f.Path]:
		case found != nil:
			return nil
		default:
			found = f
		}
	}
	return found
}

// names are what a file is known by elsewhere: its $id, and the messages that stand at the top of a protobuf file.
func (r *references) names(f *schema.File) []string {
	var out []string
	if id := r.docs.Files[f.Path].ID(); id != "" {
		out = append(out, id)
	}
	if f.Language() == schema.Protobuf {
		for i := range f.Proto.Messages().Len() {
			out = append(out, string(f.Proto.Messages().Get(i).FullName()))
		}
	}
	return out
}

// message is the one that the model has for a schema, or nil.
func (r *references) message(f *schema.File, pointer string) *schema.Message {
	for _, m := range r.use.messages[f] {
		if m.Pointer == pointer {
			return m
		}
	}
	return nil
}

// messages are those that the model has for schemas.
func (r *references) messages() map[*jsontree.Value]*schema.Message {
	out := map[*jsontree.Value]*schema.Message{}
	for _, f := range r.files {
		if root := r.docs.Files[f.Path]; root != nil {
			for _, m := range r.use.messages[f] {
				out[root.Find(m.Pointer)] = m
			}
		}
	}
	return out
}

// onlyDefines says whether a file says nothing as a whole, and holds definitions.
func (r *references) onlyDefines(f *schema.File) bool {
	defines := false
	for _, m := range r.docs.Files[f.Path].AllMembers() {
		switch {
		case m.Name == "$defs" || m.Name == "definitions":
			defines = true
		case !schema.IsAnnotation(m.Name) && m.Name != "$schema" && m.Name != "$id" && m.Name != "id":
			return false
		}
	}
	return defines
}

// definition is a schema under its name.
type definition struct {
	name, pointer string
	schema        *jsontree.Value
}

func (r *references) definitions(f *schema.File) []*definition {
	var out []*definition
	for _, keyword := range []string{"$defs", "definitions"} {
		for _, m := range r.docs.Files[f.Path].Get(keyword).AllMembers() {
			out = append(out, &definition{m.Name, "/" + keyword + "/" + jsontree.EscapeToken(m.Name), m.Value})
		}
	}
	return out
}
