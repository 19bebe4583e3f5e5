package values

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/schema/jsontree"
	"github.com/omninode/trestle/tools/schema/subschema"
)

// Documents are JSON Schema files by path. References lead to them by relative path, by $id, by anchor, and under the
// names in Aliases; see [Documents.Resolve].
type Documents struct {
	Files   map[string]*jsontree.Value
	Aliases map[string]string
	index   *documentIndex
}

// DocumentsOf returns the JSON Schemas of a set. The error says that one is no JSON.
func DocumentsOf(set *schema.Set) (*Documents, error) {
	d := &Documents{Files: map[string]*jsontree.Value{}, Aliases: set.Aliases}
	for _, p := range set.Packages {
		for _, f := range p.Files {
			if f.Language() != schema.JSONSchema || f.Source == nil {
				continue
			}
			if d.Files[f.Path] = f.Tree(); d.Files[f.Path] == nil {
				return nil, fmt.Errorf("%s: not a JSON text", f.Path)
			}
		}
	}
	return d, nil
}

// draft is a version of JSON Schema: by its number, since 2019 by its year.
type draft int

// The drafts.
const (
	draft4    draft = 4
	draft6    draft = 6
	draft7    draft = 7
	draft2019 draft = 2019
	draft2020 draft = 2020
)

// draftNames are what $schema says of each draft but for the newest, which stands for all that say nothing, too.
var draftNames = map[string]draft{"draft-04": draft4, "draft-06": draft6, "draft-07": draft7, "2019-09": draft2019}

// draftOf is the draft that a schema names; otherwise where it names none.
func draftOf(root *jsontree.Value, otherwise draft) draft {
	declared := root.Get("$schema")
	if declared == nil {
		return otherwise
	}
	for name, d := range draftNames {
		if strings.Contains(declared.Text, name) {
			return d
		}
	}
	return draft2020
}

// Spot is a schema, and the file it stands in.
type Spot struct {
	File   string
	Schema *jsontree.Value
}

// resource is a file, or a schema in it that has an $id of its own: what references below it count from.
type resource struct {
	file    string
	root    *jsontree.Value
	base    *url.URL
	draft   draft
	anchors map[string]*jsontree.Value
}

// documentIndex is where references of some files can lead.
type documentIndex struct {
	byURI map[string]*resource
	files map[string]*resource
	// embedded are the schemas that stand in a resource which is not the whole of its file.
	embedded map[*jsontree.Value]*resource
	// dynamic counts how often a dynamic anchor is declared; "" stands for $recursiveAnchor.
	dynamic map[string]int
}

func (d *Documents) indexed() *documentIndex {
	if d.index != nil {
		return d.index
	}
	x := &documentIndex{
		byURI: map[string]*resource{}, files: map[string]*resource{}, embedded: map[*jsontree.Value]*resource{}, dynamic: map[string]int{},
	}
	for _, file := range slices.Sorted(maps.Keys(d.Files)) {
		root := d.Files[file]
		base := (&url.URL{Scheme: "trestle", Path: "/"}).JoinPath(file)
		r := &resource{file: file, root: root, base: base, draft: draftOf(root, draft2020), anchors: map[string]*jsontree.Value{}}
		x.files[file] = r
		x.byURI[base.String()] = r
		x.walk(r, root)
	}
	d.index = x
	return x
}

// walk notes what a schema, and what is below it, can be referred to by.
func (x *documentIndex) walk(in *resource, v *jsontree.Value) {
	if v == nil || v.Kind != jsontree.Object {
		return
	}
	if in = x.enter(in, v); in.root != in.fileRoot(x) {
		x.embedded[v] = in
	}
	for _, keyword := range []string{"$anchor", "$dynamicAnchor"} {
		if a := v.Get(keyword); a != nil && in.draft >= draft2019 {
			in.anchors[a.Text] = v
			if keyword == "$dynamicAnchor" {
				x.dynamic[a.Text]++
			}
		}
	}
	if v.Get("$recursiveAnchor").IsTrue() {
		x.dynamic[""]++
	}
	subschema.Each(v, func(s subschema.Subschema) { x.walk(in, s.Schema) })
}

func (r *resource) fileRoot(x *documentIndex) *jsontree.Value { return x.files[r.file].root }

// enter returns the resource that a schema is part of: another one than what surrounds it where it has an $id.
func (x *documentIndex) enter(in *resource, v *jsontree.Value) *resource {
	keyword := "$id"
	if in.draft == draft4 {
		keyword = "id"
	}
	id := v.Get(keyword)
	if id == nil || id.Kind != jsontree.String || in.draft <= draft7 && v.Get("$ref") != nil {
		return in
	}
	name, anchor, _ := strings.Cut(id.Text, "#")
	if name != "" {
		u, err := url.Parse(name)
		if err != nil {
			return in
		}
		if v != in.root {
			in = &resource{file: in.file, root: v, draft: draftOf(v, in.draft), base: in.base, anchors: map[string]*jsontree.Value{}}
		}
		in.base = in.base.ResolveReference(u)
		x.byURI[in.base.String()] = in
	}
	if anchor != "" && anchor[0] != '/' && in.draft <= draft7 {
		in.anchors[anchor] = v
	}
	return in
}

// resourceOf is what a schema is part of.
func (d *Documents) resourceOf(at spot) *resource {
	x := d.indexed()
	if r := x.embedded[at.v]; r != nil {
		return r
	}
	return x.files[at.file]
}

// Resolve returns what a reference leads to that stands in a schema. The error says why it leads nowhere.
func (d *Documents) Resolve(at Spot, ref string) (Spot, error) {
	to, err := d.resolve(spot{at.File, at.Schema}, ref)
	return Spot{to.file, to.v}, err
}

func (d *Documents) resolve(at spot, ref string) (spot, error) {
	x := d.indexed()
	uri, fragment, _ := strings.Cut(ref, "#")
	in := d.resourceOf(at)
	if uri != "" {
		if in = x.named(d, in, uri); in == nil {
			return at, errors.New("leads to no schema that is loaded")
		}
	}
	pointer, err := url.PathUnescape(fragment)
	if err != nil {
		pointer = fragment
	}
	if pointer != "" && pointer[0] != '/' {
		if v := in.anchors[pointer]; v != nil {
			return spot{in.file, v}, nil
		}
		return at, errors.New("names an anchor that is not there")
	}
	v := in.root.Find(pointer)
	if v == nil {
		return at, errors.New("leads to nothing")
	}
	if x.embedded[v] == nil && in.root != in.fileRoot(x) {
		x.walk(in, v) // it stands where no keyword has schemas
	}
	return spot{in.file, v}, nil
}

// named finds the resource of a URI that stands in another: as it is written by an alias, by its $id, by its path, and by
// what a URL ends in.
func (x *documentIndex) named(d *Documents, in *resource, uri string) *resource {
	if file, ok := d.Aliases[uri]; ok {
		return x.files[file]
	}
	u, err := url.Parse(uri)
	if err != nil {
		return nil
	}
	full := in.base.ResolveReference(u).String()
	if r := x.byURI[full]; r != nil {
		return r
	}
	if r := x.files[full]; r != nil {
		return r
	}
	if r := x.files[path.Join(path.Dir(in.file), u.Path)]; r != nil && u.Scheme == "" {
		return r
	}
	var found *resource
	for file, r := range x.files {
		if strings.HasSuffix(full, "/"+file) && (found == nil || len(file) > len(found.file)) {
			found = r
		}
	}
	return found
}

// only is a schema as if it had no other keywords than these.
func (d *Documents) only(v *jsontree.Value, keywords []string) *jsontree.Value {
	out := *v
	out.Members = slices.DeleteFunc(slices.Clone(v.Members), func(m jsontree.Member) bool { return !slices.Contains(keywords, m.Name) })
	if in := d.indexed().embedded[v]; in != nil {
		d.index.embedded[&out] = in
	}
	return &out
}
