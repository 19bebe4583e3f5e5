package asyncapi

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/omninode/trestle/tools/gen/internal/orderedjson"
	"github.com/omninode/trestle/tools/gen/jsonschema"
	"github.com/omninode/trestle/tools/gen/output"
	"github.com/omninode/trestle/tools/schema"
)

// bundle gathers JSON Schemas of several files under components/schemas of one document.
type bundle struct {
	files   map[string][]byte  // by path
	schemas map[string]*object // by key
	texts   map[string]string  // what stands under a key, as it was in its file
}

func newBundle(files []output.File) *bundle {
	b := &bundle{files: map[string][]byte{}, schemas: map[string]*object{}, texts: map[string]string{}}
	for _, f := range files {
		b.files[f.Path] = f.Content
	}
	return b
}

// event adds the schema of an event's record and what it refers to, and returns a reference to it.
func (b *bundle) event(e *schema.Event) (*object, error) {
	path := jsonschema.Path(e)
	dir := path[:strings.LastIndexByte(path, '/')+1]
	others := map[string]string{} // files referred to, and their keys
	for _, name := range jsonschema.References(e) {
		key, err := b.add(e.Package.Name+"."+strings.TrimSuffix(name, ".json"), e, dir+name, nil)
		if err != nil {
			return nil, err
		}
		others[name] = key
	}
	key, err := b.add(e.Package.Name+"."+e.Type, e, path, others)
	if err != nil {
		return nil, err
	}
	return reference("components", "schemas", key), nil
}

// add adds a file's schema and its definitions, and returns the schema's key.
func (b *bundle) add(name string, e *schema.Event, path string, others map[string]string) (string, error) {
	root, err := orderedjson.Parse(b.files[path])
	if err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	definitions, _ := root.Get("$defs").(*object)
	keys := map[string]string{}
	for _, def := range names(definitions) {
		keys[def] = b.key(e.Package.Name+"."+def, e, definitions.Get(def))
	}
	out := rewrite(root, func(ref string) string {
		if def, ok := strings.CutPrefix(ref, "#/$defs/"); ok {
			return "#/components/schemas/" + keys[def]
		}
		return "#/components/schemas/" + others[ref]
	}).(*object)
	for _, def := range names(definitions) {
		b.schemas[keys[def]] = out.Get("$defs").(*object).Get(def).(*object)
	}
	own := &object{}
	for _, member := range names(out) {
		if member != "$schema" && member != "$comment" && member != "$defs" {
			own.Set(member, out.Get(member))
		}
	}
	key := b.key(name, e, root)
	b.schemas[key] = own
	return key, nil
}

// key finds a key for a schema: the same for the same schema, another where two schemas share a name.
func (b *bundle) key(name string, e *schema.Event, content any) string {
	text, err := json.Marshal(content)
	if err != nil {
		return component(name)
	}
	for _, key := range []string{component(name), component(name + "-" + e.Type), component(name + "-" + e.Message.FullName)} {
		if have, taken := b.texts[key]; !taken || have == string(text) {
			b.texts[key] = string(text)
			return key
		}
	}
	return component(name)
}

func (b *bundle) components() *object {
	out := &object{}
	for _, key := range sortedKeys(b.schemas) {
		out.Set(key, b.schemas[key])
	}
	return out
}

func names(o *object) []string {
	if o == nil {
		return nil
	}
	return o.Names()
}

// rewrite copies a value, with other references.
func rewrite(v any, reference func(string) string) any {
	switch x := v.(type) {
	case []any:
		out := make([]any, len(x))
		for i, item := range x {
			out[i] = rewrite(item, reference)
		}
		return out
	case *object:
		out := &object{}
		for _, name := range x.Names() {
			value := x.Get(name)
			if ref, ok := value.(string); ok && name == "$ref" {
				out.Set(name, reference(ref))
				continue
			}
			out.Set(name, rewrite(value, reference))
		}
		return out
	}
	return v
}
