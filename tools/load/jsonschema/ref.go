package jsonschema

import (
	"errors"
	"io/fs"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/omninode/trestle/tools/schema/jsontree"
)

func isNotExist(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// referencePaths are the paths that the file of a reference may have, the likeliest first; none for a reference within
// the file and for one to a file known by its $id.
func (j *jsonLoader) referencePaths(f *jsonFile, ref string) []string {
	uri, _, _ := strings.Cut(ref, "#")
	if uri == "" || j.fileByID(f, uri) != nil {
		return nil
	}
	if name, ok := j.options.Aliases[uri]; ok {
		return []string{name}
	}
	if name := j.besideByID(f, uri); name != "" {
		return []string{name}
	}
	u, err := url.Parse(uri)
	if err != nil || u.IsAbs() || u.Host != "" || u.Path == "" {
		return nil
	}
	name := path.Join(path.Dir(f.path), u.Path)
	if strings.HasPrefix(u.Path, "/") || strings.HasPrefix(name, "../") {
		return nil
	}
	return []string{name}
}

// fileByID finds the open file with the $id that a reference names, relative to the $id of the file it stands in.
func (j *jsonLoader) fileByID(f *jsonFile, uri string) *jsonFile {
	if other := j.byID[uri]; other != nil {
		return other
	}
	base, err := url.Parse(f.id)
	if err != nil || f.id == "" {
		return nil
	}
	ref, err := url.Parse(uri)
	if err != nil {
		return nil
	}
	return j.byID[base.ResolveReference(ref).String()]
}

// besideByID is the path of a file that is not loaded, by the $id that a reference names; empty where there is none.
func (j *jsonLoader) besideByID(f *jsonFile, uri string) string {
	ref, err := url.Parse(uri)
	if err != nil || j.options.Beside == nil || !ref.IsAbs() && f.id == "" || strings.HasPrefix(uri, metaSchemas) {
		return ""
	}
	if j.beside == nil {
		j.beside = map[string]string{}
		names, _ := j.options.Beside() // what cannot be listed is not there
		for _, name := range names {
			text, err := j.Text(name)
			if err != nil || !strings.HasSuffix(name, ".json") {
				continue
			}
			if root, err := jsontree.Parse(text); err == nil && root.ID() != "" {
				j.beside[root.ID()] = name
			}
		}
	}
	if base, err := url.Parse(f.id); err == nil {
		ref = base.ResolveReference(ref)
	}
	return j.beside[ref.String()]
}

// resolve finds what a $ref refers to. A reference that leads nowhere is a fault, and nil is returned.
func (j *jsonLoader) resolve(f *jsonFile, ref *jsontree.Value) (*jsonFile, *jsontree.Value) {
	fail := func(format string, args ...any) (*jsonFile, *jsontree.Value) {
		j.Fault(f.pos(ref.Place), "$ref %s "+format, append([]any{ref.JSON()}, args...)...)
		return nil, nil
	}
	if ref.Kind != jsontree.String {
		return fail("is not a string")
	}
	uri, fragment, _ := strings.Cut(ref.Text, "#")
	target := f
	if uri != "" {
		if target = j.fileByID(f, uri); target == nil {
			paths := j.referencePaths(f, ref.Text)
			if len(paths) == 0 {
				return fail("names no file below the root and no $id of a schema that is loaded: refer to the file by its relative path")
			}
			var opened bool
			if j.options.SourceOnly[paths[0]] {
				return fail("names %s, which no types can be made of", paths[0])
			}
			if target, opened = j.byPath[paths[0]]; !opened {
				return fail("names %s, which is not there", paths[0])
			}
		}
	}
	if target == nil {
		return nil, nil // its faults are told already
	}
	pointer, err := url.PathUnescape(fragment)
	if err != nil {
		return fail("has a fragment that is no JSON pointer")
	}
	if pointer != "" && pointer[0] != '/' {
		return fail("names an anchor: write a JSON pointer, such as #/$defs/%s", pointer)
	}
	v := target.root.Find(pointer)
	if v == nil {
		return fail("leads to nothing in %s", target.path)
	}
	if _, ok := target.schemas[v]; !ok {
		return fail("leads to something in %s that is no schema", target.path)
	}
	return target, v
}

// forLibrary says that only the library resolves a reference: it names an anchor or a schema inside a file by its $id,
// or stands in such a schema, or is to a schema that every library knows.
func (j *jsonLoader) forLibrary(f *jsonFile, v, ref *jsontree.Value) bool {
	if j.whole(f) || ref.Kind != jsontree.String {
		return false
	}
	uri, fragment, _ := strings.Cut(ref.Text, "#")
	switch {
	case f.embedded[v], fragment != "" && fragment[0] != '/', strings.HasPrefix(uri, metaSchemas):
		return true
	case uri != "" && f.dynamic:
		return true // what its dynamic references mean depends on the way to them
	case uri == "" || j.fileByID(f, uri) != nil:
		return false
	}
	for _, name := range j.referencePaths(f, ref.Text) {
		if j.byPath[name] != nil {
			return false
		}
	}
	return slices.ContainsFunc(slices.Collect(maps.Values(j.byPath)), func(f *jsonFile) bool { return f != nil && len(f.embedded) > 0 })
}

const metaSchemas = "https://json-schema.org/draft/"
