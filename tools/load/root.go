package load

import (
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/omninode/trestle/tools/load/protobuf"
	"github.com/omninode/trestle/tools/schema/jsontree"
	"github.com/omninode/trestle/tools/schema/subschema"
)

// folder is a folder of schema files in some bigger tree, before it is known where that tree's root is.
type folder struct {
	// path is its slash-separated path in the bigger tree.
	path string
	// names are the files asked for, relative to path.
	names []string
	// read gives the text of a file relative to path, also of one outside, such as "../common/money.json".
	read func(name string) ([]byte, error)
}

// above says how many folders above this one the root is that its files count from. Protobuf files say so by their
// package, which names the folders from the root; else it is where the JSON Schemas lie that theirs refer to.
func (d folder) above() (int, error) {
	for _, name := range d.names {
		if isProto(name) {
			return d.abovePackage(name)
		}
	}
	return d.aboveReferences(), nil
}

func (d folder) abovePackage(name string) (int, error) {
	text, err := d.read(name)
	if err != nil {
		return 0, err
	}
	want := strings.ReplaceAll(protobuf.PackageOf(text), ".", "/")
	has := path.Dir(name)
	if want == "" || want == has {
		return 0, nil
	}
	extra := want
	if has != "." {
		var ok bool
		if extra, ok = strings.CutSuffix(want, "/"+has); !ok {
			return 0, nil
		}
	}
	if d.path == extra || strings.HasSuffix(d.path, "/"+extra) {
		return strings.Count(extra, "/") + 1, nil
	}
	return 0, nil
}

// aboveReferences follows relative references from file to file. What cannot be read is not there: whoever resolves the
// reference says so, with its place.
func (d folder) aboveReferences() int {
	up := 0
	names := slices.Clone(d.names)
	seen := map[string]bool{}
	for len(names) > 0 {
		name := names[len(names)-1]
		names = names[:len(names)-1]
		if seen[name] || !strings.HasSuffix(name, ".json") {
			continue
		}
		seen[name] = true
		text, err := d.read(name)
		if err != nil {
			continue
		}
		root, err := jsontree.Parse(text)
		if err != nil {
			continue
		}
		up = max(up, strings.Count(name, "../"))
		eachReference(root, func(ref string) {
			if u, err := url.Parse(ref); err == nil && !u.IsAbs() && u.Host == "" && u.Path != "" && u.Path[0] != '/' {
				names = append(names, path.Join(path.Dir(name), u.Path))
			}
		})
	}
	return up
}

// eachReference calls f with every $ref in a schema.
func eachReference(v *jsontree.Value, f func(ref string)) {
	if ref := v.Get("$ref"); ref != nil && ref.Kind == jsontree.String {
		f(ref.Text)
	}
	subschema.Each(v, func(s subschema.Subschema) { eachReference(s.Schema, f) })
}
