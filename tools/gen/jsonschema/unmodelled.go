package jsonschema

import (
	"encoding/json"
	"fmt"
	"net/url"
	slashpath "path"
	"slices"
	"strconv"
	"strings"

	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/schema/jsontree"
)

// notCopied are keywords of a schema's source that say nothing of what is valid, or are said already.
var notCopied = []string{"$schema", "$id", "$comment", "$defs", "title", "description", "examples", "default", "deprecated", "x-trestle"}

// unmodelledInto adds what the model does not hold of a schema, as its source says it. References lead to copies among
// the definitions.
func (b *builder) unmodelledInto(o *object, r *schema.Unmodelled) error {
	if r == nil {
		return nil
	}
	s := source{b: b, files: r.Files, file: r.File, pos: r.Pos}
	root, err := s.parse(r.File)
	if err != nil {
		return err
	}
	v := root.Find(r.Pointer)
	if v.IsFalse() {
		o.Set("not", &object{})
		return nil
	}
	part := &object{}
	for _, m := range v.Members {
		if slices.Contains(notCopied, m.Name) || len(r.Keywords) > 0 && !slices.Contains(r.Keywords, m.Name) {
			continue
		}
		value, err := s.copied(m.Name, m.Value)
		if err != nil {
			return err
		}
		part.Set(m.Name, value)
	}
	for _, name := range part.Names() {
		if o.Has(name) {
			all, _ := o.Get("allOf").([]*object)
			o.Set("allOf", append(all, part))
			return nil
		}
	}
	for _, name := range part.Names() {
		o.Set(name, part.Get(name))
	}
	return nil
}

// source copies from the source of a schema.
type source struct {
	b     *builder
	files []*schema.File
	file  *schema.File
	pos   schema.Position
}

func (s source) parse(f *schema.File) (*jsontree.Value, error) {
	if root := s.b.sources[f]; root != nil {
		return root, nil
	}
	root, err := jsontree.Parse(f.Source)
	if err != nil {
		return nil, fmt.Errorf("%s:%w", f.Path, err)
	}
	s.b.sources[f] = root
	return root, nil
}

// copied is the value of a keyword, or one inside it, with its references as they are here.
func (s source) copied(name string, v *jsontree.Value) (any, error) {
	switch v.Kind {
	case jsontree.Object:
		o := &object{}
		for _, m := range v.Members {
			value, err := s.copied(m.Name, m.Value)
			if err != nil {
				return nil, err
			}
			o.Set(m.Name, value)
		}
		return o, nil
	case jsontree.Array:
		items := []any{}
		for _, item := range v.Items {
			value, err := s.copied("", item)
			if err != nil {
				return nil, err
			}
			items = append(items, value)
		}
		return items, nil
	}
	if v.Kind == jsontree.String && (name == "$ref" || name == "$dynamicRef") {
		return s.reference(name, v.Text)
	}
	return json.RawMessage(v.JSON()), nil
}

// reference copies what a reference leads to, once, and refers to that.
func (s source) reference(keyword, ref string) (any, error) {
	document, fragment, _ := strings.Cut(ref, "#")
	file, pointer := s.named(document), fragment
	if unescaped, err := url.PathUnescape(fragment); err == nil {
		pointer = unescaped
	}
	refuse := &schema.Error{Pos: s.pos, Message: fmt.Sprintf("%s %q cannot be part of the JSON Schema of a record: write it as a JSON pointer into a file", keyword, ref)}
	if keyword != "$ref" || file == nil || pointer != "" && pointer[0] != '/' {
		return nil, refuse
	}
	root, err := s.parse(file)
	if err != nil {
		return nil, err
	}
	v := root.Find(pointer)
	if v == nil {
		return nil, refuse
	}
	name, ok := s.b.copies[v]
	if !ok {
		name = s.b.copyName(file, pointer)
		s.b.copies[v] = name
		def := &object{}
		s.b.defs[name] = def
		from := s
		from.file = file
		if v.Kind != jsontree.Object {
			def.Set("allOf", []any{json.RawMessage(v.JSON())})
		}
		for _, m := range v.Members {
			if slices.Contains([]string{"$schema", "$id", "$defs"}, m.Name) {
				continue
			}
			value, err := from.copied(m.Name, m.Value)
			if err != nil {
				return nil, err
			}
			def.Set(m.Name, value)
		}
	}
	return "#/$defs/" + name, nil
}

// named is the file that a reference's document is, nil when there is none.
func (s source) named(document string) *schema.File {
	if document == "" {
		return s.file
	}
	for _, f := range s.files {
		root, err := s.parse(f)
		if err != nil {
			return nil
		}
		if id := root.Get("$id"); f.Path == slashpath.Join(slashpath.Dir(s.file.Path), document) || id != nil && resolved(s.b.sources[s.file], document) == id.Text {
			return f
		}
	}
	return nil
}

// resolved is a reference relative to the $id of the file that it stands in.
func resolved(root *jsontree.Value, document string) string {
	base := root.Get("$id")
	if base == nil {
		return document
	}
	from, err := url.Parse(base.Text)
	if err != nil {
		return document
	}
	to, err := url.Parse(document)
	if err != nil {
		return document
	}
	return from.ResolveReference(to).String()
}

// copyName is a definition's name that is free: after the last name in the pointer, else after the file.
func (b *builder) copyName(f *schema.File, pointer string) string {
	name := pointer[strings.LastIndexByte(pointer, '/')+1:]
	if name == "" {
		name = strings.TrimSuffix(slashpath.Base(f.Path), ".json")
	}
	name = strings.Map(func(r rune) rune {
		if r == '_' || r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' {
			return r
		}
		return '_'
	}, name) + "Rules"
	free := name
	for n := 2; b.defs[free] != nil; n++ {
		free = name + strconv.Itoa(n)
	}
	return free
}
