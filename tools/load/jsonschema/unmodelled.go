package jsonschema

import (
	"errors"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/omninode/trestle/runtime/genapi/jsoncompile"
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/schema/jsontree"
	"github.com/omninode/trestle/tools/schema/subschema"
)

// dependent are keywords whose meaning depends on all others of their schema.
var dependent = []string{"unevaluatedProperties", "unevaluatedItems"}

// whole says that a file is held by the model as a whole or not at all: nothing of a registry's schemas and of older
// drafts is left to the library, but where they are to be compared.
func (j *jsonLoader) whole(f *jsonFile) bool {
	return (j.options.Loose || f.older) && !j.options.ToCompare
}

// asOpaque reads a schema, and when faults are found in it that are none of JSON Schema, as one that the model holds nothing
// of: schemas that are to be compared need not be such as types are made of.
func (j *jsonLoader) asOpaque(f *jsonFile, v *jsontree.Value, read func() *jsonType) *jsonType {
	faults := len(j.Errs)
	t := read()
	if !j.options.ToCompare || len(j.Errs) == faults || v.Kind != jsontree.Object && v.Kind != jsontree.Bool {
		return t
	}
	kept := slices.Clone(j.Errs[faults:])
	j.Errs = j.Errs[:faults]
	if t = j.opaque(f, v); t == nil {
		j.Errs = append(j.Errs, kept...)
	}
	return t
}

// unmodelled is what the model does not hold of a schema: its keywords that are left, nil for none. A schema that is
// left as a whole has no keywords here.
func (j *jsonLoader) unmodelled(f *jsonFile, v *jsontree.Value, left []string) *schema.Unmodelled {
	if len(left) == 0 {
		return nil
	}
	at := f.placeOf(v, left)
	if !f.embedded[v] && !identifies(v, left) && !slices.ContainsFunc(left, func(k string) bool { return slices.Contains(dependent, k) }) {
		return j.newUnmodelled(f, v, left, at)
	}
	r := j.newUnmodelled(f, v, nil, at)
	if r != nil {
		for _, m := range v.Members {
			if !slices.Contains(left, m.Name) && !schema.IsAnnotation(m.Name) {
				r.Held = append(r.Held, m.Name)
			}
		}
	}
	return r
}

// placeOf is the place of the first of some keywords of a schema.
func (f *jsonFile) placeOf(v *jsontree.Value, keywords []string) schema.Position {
	for _, m := range v.Members {
		if slices.Contains(keywords, m.Name) {
			return f.pos(m.Place)
		}
	}
	return f.pos(v.Place)
}

// newUnmodelled holds what is left of a schema against the library, which finds what is wrong in it; nil when it has faults.
func (j *jsonLoader) newUnmodelled(f *jsonFile, v *jsontree.Value, left []string, at schema.Position) *schema.Unmodelled {
	r := &schema.Unmodelled{File: f.file, Pointer: f.schemas[v], Keywords: left, Pos: at}
	before := len(j.Errs)
	j.checkLeft(f, v, left)
	if len(j.Errs) > before {
		return nil
	}
	if f.refused {
		return r
	}
	if f.refused = j.refuseReach(f, v, at); f.refused {
		return nil
	}
	compiled, err := j.compiled(f, r.Pointer)
	if err != nil {
		f.refused = true
		j.refused = append(j.refused, refusal{f, at, err})
		return r
	}
	if j.takesNull == nil {
		j.takesNull, j.filesOf = map[*schema.Unmodelled]bool{}, map[*schema.Unmodelled]*jsonFile{}
	}
	j.takesNull[r], j.filesOf[r] = compiled.Validate(nil) == nil, f
	return r
}

// refusal is what the library has against a schema.
type refusal struct {
	file *jsonFile
	at   schema.Position
	err  error
}

// tellRefused tells what the library refuses of files in which no other fault was found; of each file the first.
func (j *jsonLoader) tellRefused() {
	told := map[string]bool{}
	for _, fault := range j.Errs {
		told[fault.Pos.File] = true
	}
	for _, r := range j.refused {
		if told[r.file.path] {
			continue
		}
		told[r.file.path] = true
		at, text := r.at, strings.ReplaceAll(r.err.Error(), "trestle:///", "")
		if invalid := againstMetaSchema(r.err); invalid != nil {
			for len(invalid.Causes) > 0 {
				invalid = invalid.Causes[0]
			}
			if v := r.file.root.Find(pointerTo(invalid.InstanceLocation)); v != nil {
				at = r.file.pos(v.Place)
			}
			text = "no JSON Schema: " + invalid.ErrorKind.LocalizedString(message.NewPrinter(language.English))
		}
		j.Fault(at, "%s", text)
	}
}

// againstMetaSchema is why a schema is none; nil for other errors.
func againstMetaSchema(err error) *jsonschema.ValidationError {
	if outer, ok := errors.AsType[*jsonschema.SchemaValidationError](err); ok {
		err = outer.Err
	}
	invalid, _ := errors.AsType[*jsonschema.ValidationError](err)
	return invalid
}

func pointerTo(location []string) string {
	var b strings.Builder
	for _, token := range location {
		b.WriteString("/" + jsontree.EscapeToken(token))
	}
	return b.String()
}

// compiled returns the schema that something is left of, as a whole, compiled with all others of its file.
func (j *jsonLoader) compiled(f *jsonFile, pointer string) (*jsonschema.Schema, error) {
	if j.library == nil {
		texts := map[string][]byte{}
		for name, f := range j.byPath {
			if f != nil {
				texts[name] = f.file.Source
			}
		}
		j.library = jsoncompile.New(texts)
		j.Compiled = j.library
	}
	if f.session == nil {
		f.session = j.library.Session(f.path)
	}
	return f.session.Compile(f.path, pointer)
}

// nameFiles notes which files each part that is left took.
func (j *jsonLoader) nameFiles() {
	for r, f := range j.filesOf {
		for _, path := range f.session.Taken() {
			r.Files = append(r.Files, j.byPath[path].file)
		}
	}
}

// identifies says whether a schema below the keywords has a name that others may refer to it by: it cannot be there
// twice.
func identifies(v *jsontree.Value, left []string) bool {
	found := false
	subschema.Each(v, func(s subschema.Subschema) {
		if sub := s.Schema; left == nil || slices.Contains(left, s.Keyword) {
			found = found || sub.Get("$id") != nil || sub.Get("$anchor") != nil || sub.Get("$dynamicAnchor") != nil || identifies(sub, nil)
		}
	})
	return found
}

// opaque is a schema that the model holds nothing of: any JSON value, judged by the library.
func (j *jsonLoader) opaque(f *jsonFile, v *jsontree.Value) *jsonType {
	r := j.newUnmodelled(f, v, nil, f.pos(v.Place))
	if r == nil {
		return nil
	}
	t := &schema.Type{Kind: schema.JSONValue, Pos: f.pos(v.Place), Pointer: f.schemas[v]}
	t.Constraints.Unmodelled, t.Constraints.Pos = r, t.Pos
	return &jsonType{Type: t, nullable: j.takesNull[r]}
}

// and adds what is left of a schema beside what it refers to. The type referred to is shared, and stays as it is.
func (j *jsonLoader) and(f *jsonFile, v *jsontree.Value, t *jsonType, keyword string, left []string) *jsonType {
	if len(left) == 0 || t == nil {
		return t
	}
	inner := t.Constraints.Unmodelled
	beside := left
	if inner != nil {
		left = append([]string{keyword}, left...)
	}
	r := j.unmodelled(f, v, left)
	if r == nil {
		return nil
	}
	if inner != nil && len(r.Keywords) > 0 {
		own := *r
		own.Keywords, own.Pos = beside, f.placeOf(v, beside)
		r.Parts = []*schema.Unmodelled{&own, inner}
	}
	both := *t.Type
	both.Constraints.Unmodelled, both.Constraints.Pos = r, r.Pos
	both.Pos, both.Pointer = f.pos(v.Place), f.schemas[v]
	return &jsonType{Type: &both, nullable: t.nullable && j.takesNull[r]}
}

// checkLeft finds in what is left to the library what that would pass over: unknown keywords and formats.
func (j *jsonLoader) checkLeft(f *jsonFile, v *jsontree.Value, left []string) {
	if v.Kind != jsontree.Object || j.options.ToCompare {
		return
	}
	for _, m := range v.Members {
		if len(left) > 0 && !slices.Contains(left, m.Name) {
			continue
		}
		if instead, ok := unsupported[m.Name]; ok {
			j.Fault(f.pos(m.Place), "keyword %s is not supported here: %s", m.Name, instead)
		} else if !knownKeyword(m.Name) && !(v == f.root && slices.Contains(keywordsOfRoot, m.Name)) {
			j.Fault(f.pos(m.Place), "unknown keyword %s: is it misspelt? What is for other tools begins with x-", m.Name)
		}
		if m.Name == "format" && !slices.Contains(stringFormatNames, m.Value.Text) {
			j.Fault(f.pos(m.Place), "format %s is not known: it is one of %s", m.Value.JSON(), strings.Join(stringFormatNames, ", "))
		}
	}
	for _, m := range v.Members {
		switch {
		case len(left) > 0 && !slices.Contains(left, m.Name):
		case m.Name == "pattern":
			j.checkPattern(f, m.Value)
		case m.Name == "patternProperties":
			j.checkNamePatterns(f, m.Value)
		}
	}
	subschema.Each(v, func(s subschema.Subschema) {
		if s.Keyword != "$defs" && (len(left) == 0 || slices.Contains(left, s.Keyword)) {
			j.checkLeft(f, s.Schema, nil)
		}
	})
}

func knownKeyword(name string) bool {
	_, judged := beyond[name]
	_, identifies := identifying[name]
	return judged || identifies || name == "discriminator" || slices.Contains(constraining, name) || schema.IsAnnotation(name) ||
		strings.HasPrefix(name, "x-")
}
