package load

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/omninode/trestle/tools/schema"
)

// Document is one schema's text with the texts it refers to, as a Schema Registry keeps them.
//
// It is read as registries do: a JSON Schema needs no $schema, may be of an older draft, and may have keywords that no
// draft knows; its types get other names where theirs collide.
type Document struct {
	// Name is what positions call the document, such as its subject; empty for "schema".
	Name     string
	Language schema.Language
	Text     string
	// References are the documents that Text and other references refer to.
	References []Reference
}

// Reference is a document by the name that others refer to it by: the path of an import, or the text of a $ref.
type Reference struct{ Name, Text string }

func (d Document) open(context.Context) (*tree, error) {
	extension := map[schema.Language]string{schema.Protobuf: ".proto", schema.JSONSchema: ".json"}[d.Language]
	if extension == "" {
		return nil, fmt.Errorf("document %s: language %q is neither protobuf nor jsonschema", d.Name, d.Language)
	}
	name := d.fileName(extension)
	st := mapStore{name: []byte(d.Text)}
	t := &tree{store: st, targets: []string{name}, partial: true, loose: true, aliases: map[string]string{}}
	for i, r := range d.References {
		at := r.Name
		if d.Language == schema.JSONSchema {
			at = fmt.Sprintf("reference%d.json", i+1)
			if isLocalJSON(r.Name) {
				at = path.Clean(r.Name)
			}
		}
		if _, ok := st[at]; ok {
			if string(st[at]) == r.Text {
				continue
			}
			return nil, fmt.Errorf("document %s: two references are named %s", d.Name, r.Name)
		}
		st[at] = []byte(r.Text)
		t.aliases[r.Name] = at
	}
	return t, nil
}

// fileName is the document's name as a file's, unlike that of any reference.
func (d Document) fileName(extension string) string {
	name := strings.NewReplacer("/", "_", "\\", "_").Replace(d.Name)
	if name == "" {
		name = "schema"
	}
	if !strings.HasSuffix(name, extension) {
		name += extension
	}
	for _, r := range d.References {
		if path.Clean(r.Name) == name {
			return "document_" + name
		}
	}
	return name
}

func isLocalJSON(name string) bool {
	return fs.ValidPath(path.Clean(name)) && strings.HasSuffix(name, ".json") && !strings.Contains(name, ":")
}
