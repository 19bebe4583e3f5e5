package compat

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/schema/jsontree"
	"github.com/omninode/trestle/tools/values"
)

// A JSON Schema also declares properties where the model has no fields: in anyOf, oneOf, if, then, else and
// dependentSchemas, and in all of a schema that is judged by its source. They are followed from each event or whole
// schema down, place by place in its values: what all the schemas that judge a value declare of it together. Whether a reader
// takes what is written there is asked elsewhere; here it is judged what becomes of the declaration.

// declaredProperty is a property that schemas declare at one place, where no field stands for it.
type declaredProperty struct {
	name      string
	pos       schema.Position // of the first declaration
	defaults  []declaredDefault
	sensitive bool
	// key and deterministic say how it is encrypted.
	key           string
	deterministic bool
}

// declaredDefault is a default as JSON text, and where its property stands.
type declaredDefault struct {
	text string
	pos  schema.Position
}

// valuePlace is a place in the values of a root: in events, or in what a whole schema describes.
type valuePlace struct {
	root *declarationRoot
	// at is the innermost message or whole schema that has the place, and path the way from there.
	at   *element
	path string
	// from are the schemas, old and new, of what is there, and in all those that judge it with them.
	from, in [2][]values.Spot
	// having makes of the values that are wanted here those of the root that have one.
	having func(*values.Shape) *values.Shape
}

// declarationRoot is where a walk begins.
type declarationRoot struct {
	schemas [2]*wholeSchema
	// written and read are what the old side writes and the new one takes, once something asked for them.
	written, read *values.Shape
}

// declarationWalk goes through what roots declare.
type declarationWalk struct {
	*comparison
	docs [2]*values.Documents
	// messages are those that the model has for schemas, and fields the places of properties that are fields of messages
	// which rules have judged.
	messages [2]map[*jsontree.Value]*schema.Message
	fields   map[schema.Position]bool
	// seen are the places that a root's walk was at, and alike those from where nothing is to be judged, for any root.
	seen, alike map[string]bool
	suspicious  bool
	// told are the rules that have reported something, and of which declarations.
	told map[string]bool
}

// judgeDeclarations judges what JSON Schemas declare beside the fields of their messages.
func (c *comparison) judgeDeclarations(roots rootPairs, whole *wholeSchemas, sides [2]*references) {
	w := &declarationWalk{comparison: c, fields: map[schema.Position]bool{}, alike: map[string]bool{}, told: map[string]bool{}}
	changed := changedFiles(sides)
	for i, r := range sides {
		w.docs[i], w.messages[i] = r.docs, r.messages()
	}
	for pair := range c.visited {
		for _, m := range pair {
			for _, f := range m.Fields {
				w.fields[f.Pos] = w.fields[f.Pos] || !f.OnlyRequired
			}
		}
	}
	for _, m := range roots.all() {
		if m[0] == nil || m[1] == nil || m[0].Language() != schema.JSONSchema || m[1].Language() != schema.JSONSchema ||
			whole.hold(m[0], m[1]) || c.oldUse.partOfRoot(m[0]) && c.newUse.partOfRoot(m[1]) || !changed(m[0].File, m[1].File) {
			continue
		}
		w.walk(messageElement(m[0], m[1]), schemaOf(m[0]), schemaOf(m[1]))
	}
	for _, s := range whole.pairs {
		if s[0] != nil && s[1] != nil && (s[0].pointer != "" && c.sourcesDiffer() || changed(s[0].file, s[1].file)) {
			w.walk(schemaElement(s[0], s[1]), s[0], s[1])
		}
	}
}

// changedFiles returns what says of two versions of a file whether they, or files that they refer to, differ.
func changedFiles(sides [2]*references) func(old, new *schema.File) bool {
	sources := map[string][]byte{}
	for _, f := range sides[0].files {
		sources[f.Path] = f.Source
	}
	differ := map[string]bool{}
	for _, f := range sides[1].files {
		differ[f.Path] = !bytes.Equal(sources[f.Path], f.Source)
	}
	known := map[string]bool{}
	var reaches func(path string, seen map[string]bool) bool
	reaches = func(path string, seen map[string]bool) bool {
		if seen[path] {
			return false
		}
		seen[path] = true
		return differ[path] || slices.ContainsFunc(sides[1].refersTo[path], func(to string) bool { return reaches(to, seen) })
	}
	return func(old, new *schema.File) bool {
		if !bytes.Equal(old.Source, new.Source) {
			return true
		}
		if _, asked := known[new.Path]; !asked {
			known[new.Path] = reaches(new.Path, map[string]bool{})
		}
		return known[new.Path]
	}
}

// walk goes through what two versions of a schema declare.
func (w *declarationWalk) walk(at *element, old, new *wholeSchema) {
	var from [2][]values.Spot
	for i, s := range []*wholeSchema{old, new} {
		from[i] = []values.Spot{{File: s.file.Path, Schema: w.docs[i].Files[s.file.Path].Find(s.pointer)}}
	}
	w.seen, w.suspicious = map[string]bool{}, false
	root := &declarationRoot{schemas: [2]*wholeSchema{old, new}}
	w.visit(valuePlace{root: root, at: at, from: from, having: func(end *values.Shape) *values.Shape { return end }})
	if !w.suspicious {
		maps.Copy(w.alike, w.seen)
	}
}

// visit judges what is declared at a place, and goes on to what is in the values there.
func (w *declarationWalk) visit(l valuePlace) {
	key := fmt.Sprint(pointersOf(l.from[0]), pointersOf(l.from[1]))
	if len(l.from[0]) == 0 || len(l.from[1]) == 0 || w.seen[key] || w.alike[key] {
		return
	}
	w.seen[key] = true
	for i := range l.in {
		l.in[i] = w.docs[i].InPlace(l.from[i])
	}
	judged := w.judgedAt(l.in)
	for _, m := range judged {
		l.at, l.path = messageElement(m[0], m[1]), ""
	}
	for _, name := range namesOf(l.in) {
		w.property(l, name, judged)
	}
	w.below(l)
}

func pointersOf(in []values.Spot) []*jsontree.Value {
	out := make([]*jsontree.Value, len(in))
	for i, at := range in {
		out[i] = at.Schema
	}
	return out
}

// namesOf are the names of the properties that are declared at a place, each once: the new ones first.
func namesOf(in [2][]values.Spot) []string {
	var out []string
	seen := map[string]bool{}
	for _, p := range append(values.Properties(in[1]), values.Properties(in[0])...) {
		if !seen[p.Name] {
			seen[p.Name] = true
			out = append(out, p.Name)
		}
	}
	return out
}

// judgedAt are the pairs of messages that judge a place and that rules have judged.
func (w *declarationWalk) judgedAt(in [2][]values.Spot) [][2]*schema.Message {
	var out [][2]*schema.Message
	for _, o := range in[0] {
		for _, n := range in[1] {
			pair := [2]*schema.Message{w.messages[0][o.Schema], w.messages[1][n.Schema]}
			if pair[0] != nil && pair[1] != nil && w.visited[pair] {
				out = append(out, pair)
			}
		}
	}
	return out
}

// below goes on to members and items.
func (w *declarationWalk) below(l valuePlace) {
	p := w.prover()
	object := func(end *values.Shape) *values.Shape { return p.And(p.OfKind(values.Object), end) }
	to := func(path string, having func(*values.Shape) *values.Shape, under func(side int) []values.Spot) {
		w.visit(valuePlace{
			root: l.root, at: l.at, path: l.path + path, from: [2][]values.Spot{under(0), under(1)},
			having: func(end *values.Shape) *values.Shape { return l.having(having(end)) },
		})
	}
	names := namesOf(l.in)
	for _, name := range names {
		to("."+name, func(end *values.Shape) *values.Shape { return object(p.WithMember(name, end)) },
			func(i int) []values.Spot { return values.MemberNamed(l.in[i], name) })
	}
	named := []*values.Language{p.Exactly(names...)}
	some := func(names *values.Language) func(*values.Shape) *values.Shape {
		return func(end *values.Shape) *values.Shape { return object(p.Not(p.Members(names, p.Not(end)))) }
	}
	for _, pattern := range values.NamePatterns(append(slices.Clone(l.in[1]), l.in[0]...)) {
		language, err := p.MatchingECMA(pattern)
		if err != nil {
			language = p.Everything()
		}
		named = append(named, language)
		to("{}", some(language), func(i int) []values.Spot {
			if under := values.Patterned(l.in[i], pattern); under != nil {
				return under
			}
			return values.Rest(l.in[i])
		})
	}
	to("{}", some(p.Except(p.Union(named...))), func(i int) []values.Spot { return values.Rest(l.in[i]) })
	positions := max(w.docs[0].Positions(l.in[0]), w.docs[1].Positions(l.in[1]))
	for index := range positions + 1 {
		to("[]", func(end *values.Shape) *values.Shape {
			if index == positions {
				return p.And(p.OfKind(values.Array), p.AtLeast(1, index, end))
			}
			return p.And(p.OfKind(values.Array), p.AtLeast(index+1, 0, p.Any()), p.Item(index, end))
		}, func(i int) []values.Spot { return w.docs[i].ItemAt(l.in[i], index) })
	}
}

// property judges a property that is declared at a place, but for what rules have judged as a field.
func (w *declarationWalk) property(l valuePlace, name string, judged [][2]*schema.Message) {
	old, new := w.declared(l.in[0], name, false), w.declared(l.in[1], name, true)
	at := l.at.within()
	at.path, at.place = l.at.path+l.path+"."+name, &l
	at.oldPos, at.newPos = schema.Position{}, schema.Position{}
	if l.at.schemas != [2]*wholeSchema{} {
		at.ofField = l.at
	}
	if old != nil {
		at.oldPos = old.pos
	}
	if new != nil {
		at.newPos = new.pos
	}
	switch {
	case old == nil:
		if fresh := w.declared(l.in[1], name, false); fresh != nil && !describes(l.in[0], name) {
			at.newPos = fresh.pos
			if key := fmt.Sprint("added", fresh.pos); !w.told[key] {
				w.told[key] = true
				w.added(at, "property "+name, "either side may deploy first", true)
			}
		}
		return
	case new == nil && (describes(l.in[1], name) || slices.ContainsFunc(judged, func(m [2]*schema.Message) bool { return m[0].Field(name) != nil })):
		return // it is declared by a pattern, or a rule has said that it is gone
	}
	before := len(w.candidates)
	show(w.comparison, at, func(r *Rule) func(*Check, *declaredProperty, *declaredProperty) { return r.Property }, old, new)
	w.suspicious = w.suspicious || new == nil || len(w.candidates) > before
	w.candidates = append(w.candidates[:before], slices.DeleteFunc(w.candidates[before:], func(k *candidate) bool {
		key := fmt.Sprint(k.rule.ID, at.oldPos, at.newPos)
		known := w.told[key]
		w.told[key] = true
		return known
	})...)
}

// describes says whether schemas in place let a member of a name be there as one that they know of.
func describes(in []values.Spot, name string) bool {
	return values.Open(in) || values.MemberNamed(in, name) != nil
}

// declared is a property by all its declarations at a place, with those that are fields or without; nil where there is
// none.
func (w *declarationWalk) declared(in []values.Spot, name string, fields bool) *declaredProperty {
	var out *declaredProperty
	for _, p := range values.Properties(in) {
		pos := schema.Position{File: p.File, Line: p.Place.Line, Col: p.Place.Col}
		if p.Name != name || !fields && w.fields[pos] {
			continue
		}
		if out == nil {
			out = &declaredProperty{name: name, pos: pos}
		}
		word := p.Schema.Get("x-trestle").Get("field")
		out.sensitive = out.sensitive || word.Get("sensitive").IsTrue()
		out.deterministic = out.deterministic || word.Get("deterministic").IsTrue()
		if key := word.Get("encryption_key"); key != nil && key.Text != "none" {
			out.key = cmp.Or(out.key, key.Text)
		}
		if d := p.Schema.Get("default"); d != nil && d.Kind != jsontree.Null {
			out.defaults = append(out.defaults, declaredDefault{d.JSON(), pos})
		}
	}
	return out
}

// lacking returns the first of a property's defaults that another has not; nil where it has all.
func (p *declaredProperty) lacking(other *declaredProperty) *declaredDefault {
	for i, d := range p.defaults {
		if !slices.ContainsFunc(other.defaults, func(o declaredDefault) bool { return sameDefault(o.text, d.text) }) {
			return &p.defaults[i]
		}
	}
	return nil
}

// reportUndeclared reports a property that is no longer declared where old events have it and new readers take it. What they
// reject is reported by who asks whether all is taken.
func (c *Check) reportUndeclared(name string) {
	got, err := c.cmp.askUndeclared(c.at.place, name)
	switch {
	case err != nil:
		c.cmp.fail(err)
	case got.Inclusion != values.Included:
		p := Problem{Change: name + " was removed", Name: name, Breaks: Backward, Encodings: jsonOnly, Witness: got.witness}
		if got.witness == nil {
			p.Unknown = true
			p.Change += " (unknown: whether an event has it could not be decided)"
		}
		c.Report(p)
	}
}

// askUndeclared looks for an event that has a property at a place where only the old side declares it, and that new
// readers take. There is none where all of them are included in nothing.
func (c *comparison) askUndeclared(l *valuePlace, name string) (answer, error) {
	p, root := c.prover(), l.root
	if root.written == nil {
		var err error
		if root.written, root.read, err = c.exchanged(c.old, c.new, root.schemas[0], root.schemas[1]); err != nil {
			return answer{}, err
		}
	}
	described, err := c.algebra.describing(c.old, l.from[0], name)
	if _, unread := errors.AsType[*values.SchemaError](err); unread {
		described, err = p.Any(), nil
	}
	if err != nil {
		return answer{}, err
	}
	there := p.And(p.OfKind(values.Object), p.WithMember(name, p.OfKind(values.AnyKind&^values.Null)))
	var out answer
	for _, wanted := range []*values.Shape{p.And(there, described), there} {
		out.Answer = p.Includes(p.And(root.written, root.read, l.having(wanted)), p.Never())
		if out.HasMember {
			w, r := root.schemas[0], root.schemas[1]
			out.witness, err = c.witnesses.Undeclared(c.old, c.new, w.file, r.file, w.pointer, r.pointer, out.Member, name, Backward.writer())
		}
		if err != nil || out.witness != nil || out.Inclusion == values.Included {
			break // else it is hard to tell which of the schemas are for a value
		}
	}
	return out, err
}
