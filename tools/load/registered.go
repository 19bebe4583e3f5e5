package load

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/omninode/trestle/tools/schema"
)

// RegisteredSchema is one schema's text with the texts it refers to, as a Schema Registry holds them.
//
// It is read as registries do: a JSON Schema needs no $schema, may be of an older draft, and may have keywords that no
// draft knows; its types get other names where theirs collide.
type RegisteredSchema struct {
	// Name is what positions call the schema, such as its subject; empty for "schema".
	Name     string
	Language schema.Language
	Text     string
	// References are the schemas that Text and other references refer to.
	References []Reference
}

// Reference is a registered schema by the name that others refer to it by: the path of an import, or the text of a $ref.
type Reference struct{ Name, Text string }

func (r RegisteredSchema) open(context.Context) (*tree, error) {
	if extensions[r.Language] == "" {
		return nil, fmt.Errorf("registered schema %s: language %q is neither protobuf nor jsonschema", r.Name, r.Language)
	}
	name := r.fileName()
	st := mapStore{name: []byte(r.Text)}
	t := &tree{store: st, targets: []string{name}, partial: true, loose: true, onWire: true, aliases: map[string]string{}}
	for i, ref := range r.References {
		at := ref.Name
		if r.Language == schema.JSONSchema {
			at = fmt.Sprintf("reference%d.json", i+1)
			if isLocalJSON(ref.Name) {
				at = path.Clean(ref.Name)
			}
		}
		if _, ok := st[at]; ok {
			if string(st[at]) == ref.Text {
				continue
			}
			return nil, fmt.Errorf("registered schema %s: two references are named %s", r.Name, ref.Name)
		}
		st[at] = []byte(ref.Text)
		t.aliases[ref.Name] = at
	}
	return t, nil
}

var extensions = map[schema.Language]string{schema.Protobuf: ".proto", schema.JSONSchema: ".json"}

// fileName is the schema's name as a file's, unlike that of any reference.
func (r RegisteredSchema) fileName() string {
	extension := extensions[r.Language]
	name := strings.NewReplacer("/", "_", "\\", "_").Replace(r.Name)
	if name == "" {
		name = "schema"
	}
	if !strings.HasSuffix(name, extension) {
		name += extension
	}
	for _, ref := range r.References {
		if path.Clean(ref.Name) == name {
			return "document_" + name
		}
	}
	return name
}

func isLocalJSON(name string) bool {
	return fs.ValidPath(path.Clean(name)) && strings.HasSuffix(name, ".json") && !strings.Contains(name, ":")
}
