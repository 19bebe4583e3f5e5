package jsonschema

import (
	"path"
	"slices"
	"strings"

	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/schema/jsontree"
)

func (j *jsonLoader) markUnreadable(name string) {
	if j.unreadable == nil {
		j.unreadable = map[string]bool{}
	}
	j.unreadable[name] = true
}

// openSourceOnly keeps a JSON Schema by its source alone, and with it the files that it refers to.
func (j *jsonLoader) openSourceOnly(name string, text []byte, root *jsontree.Value) error {
	at := jsonPos(name, root.Place)
	declared := root.Get("$schema")
	known := declared == nil || declared.Text == newestDraft || declared.Kind == jsontree.String &&
		slices.Contains(append([]string{draft202012}, olderDrafts...), strings.TrimSuffix(declared.Text, "#"))
	undeclared := j.options.Loose || j.options.Undeclared
	if root.Kind != jsontree.Object && root.Kind != jsontree.Bool || declared == nil && !undeclared || !known {
		j.Fault(at, "not a JSON Schema that can be compared: it is an object with \"$schema\": %q, or an older draft down to draft-04", draft202012)
		j.markUnreadable(name)
		return nil
	}
	dir := path.Dir(name)
	p := j.AddPackage(jsonPackageName(dir), dir, schema.JSONSchema, true, at)
	file := schema.NewJSONFile(name, text, root)
	file.JudgedBySource = true
	p.Files = append(p.Files, file)
	if p.GoImport == "" {
		j.NameGoPackage(p, "")
	}
	return j.openReferencesSourceOnly(&jsonFile{path: name, id: root.ID()}, root)
}

// openReferencesSourceOnly opens the files that some value below refers to, likewise.
func (j *jsonLoader) openReferencesSourceOnly(f *jsonFile, v *jsontree.Value) error {
	if ref := v.Get("$ref"); ref != nil && ref.Kind == jsontree.String {
		for _, other := range j.referencePaths(f, ref.Text) {
			if _, open := j.byPath[other]; open || slices.Contains(j.Targets, other) {
				continue
			}
			j.options.SourceOnly[other] = true
			if _, err := j.open(other); err != nil && !isNotExist(err) {
				if err := j.ReadFault(schema.Position{File: other}, err); err != nil {
					return err
				}
			}
		}
	}
	for _, m := range v.Members {
		if err := j.openReferencesSourceOnly(f, m.Value); err != nil {
			return err
		}
	}
	for _, e := range v.Items {
		if err := j.openReferencesSourceOnly(f, e); err != nil {
			return err
		}
	}
	return nil
}
