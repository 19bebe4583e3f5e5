package jsonschema

import (
	"slices"

	"github.com/omninode/trestle/tools/load/internal/draft"
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/schema/jsontree"
)

// A merged object has the properties of several schemas: its own, and those of allOf, as when one event's schema begins
// with another's.

// part is one of the schemas whose properties an object has.
type part struct {
	file   *jsonFile
	schema *jsontree.Value
}

// maxMerged is how deep allOf is merged; what is deeper is left to the library.
const maxMerged = 16

// keywordsOfPart are those of a schema in allOf that are held once its properties are the object's.
var keywordsOfPart = []string{"type", "properties", "required", "allOf"}

// merged returns the schemas whose properties an object has, those of allOf before its own; held says that nothing of
// allOf is left. An object without allOf has one.
func (j *jsonLoader) merged(f *jsonFile, v *jsontree.Value) (parts []part, held bool) {
	held = true
	if !j.whole(f) {
		parts, held = j.partsOfAll(f, v, map[*jsontree.Value]bool{}, 0)
	}
	parts = append(parts, part{f, v})
	first := map[string]*jsontree.Value{}
	for _, p := range parts {
		for _, m := range p.schema.Get("properties").AllMembers() {
			if other := first[m.Name]; other != nil && other != m.Value && other.JSON() != m.Value.JSON() {
				held = false
			}
			first[m.Name] = m.Value
		}
	}
	return parts, held
}

// partsOfAll are those of allOf, each once; met holds those that were met, and whether they are still looked at.
func (j *jsonLoader) partsOfAll(f *jsonFile, v *jsontree.Value, met map[*jsontree.Value]bool, depth int) (parts []part, held bool) {
	list := v.Get("allOf")
	if list == nil {
		return nil, true
	}
	met[v], held = true, true
	defer func() { met[v] = false }()
	for _, item := range list.Items {
		file, object := j.objectPart(f, item)
		around, seen := met[object]
		if object == nil || seen || depth == maxMerged {
			held = held && seen && !around
			continue
		}
		met[object] = false
		inner, whole := j.partsOfAll(file, object, met, depth+1)
		parts = append(append(parts, inner...), part{file, object})
		held = held && whole && !slices.ContainsFunc(object.Members, func(m jsontree.Member) bool {
			return !slices.Contains(keywordsOfPart, m.Name) && !schema.IsAnnotation(m.Name) &&
				!slices.Contains(keywordsOfRoot, m.Name) && !(m.Name == "additionalProperties" && m.Value.IsTrue())
		})
	}
	return parts, held
}

// target follows references that say nothing else; nil where they lead nowhere, which is told where they are read, or
// are left to the library.
func (j *jsonLoader) target(f *jsonFile, v *jsontree.Value) (*jsonFile, *jsontree.Value) {
	faults := len(j.Errs)
	defer func() { j.Errs = j.Errs[:faults] }()
	for range draft.MaxDepth {
		ref := v.Get("$ref")
		if ref == nil {
			break
		}
		if len(v.Members) > 1 || j.forLibrary(f, v, ref) {
			return nil, nil
		}
		if f, v = j.resolve(f, ref); v == nil {
			return nil, nil
		}
	}
	return f, v
}

// objectPart follows references to a schema of objects; nil for any other, which is left to the library.
func (j *jsonLoader) objectPart(f *jsonFile, v *jsontree.Value) (*jsonFile, *jsontree.Value) {
	if f, v = j.target(f, v); v == nil {
		return nil, nil
	}
	name, nullable := typeName(v)
	if v.Kind != jsontree.Object || nullable || v.Get("type") != nil && name != "object" || v.Get("properties") == nil && v.Get("required") == nil {
		return nil, nil
	}
	return f, v
}

// merges says whether a schema is an object of its own by the properties of allOf. One that only repeats another, with a
// description of its own, is that.
func (j *jsonLoader) merges(f *jsonFile, v *jsontree.Value) bool {
	one := alternative("allOf", v.Get("allOf"))
	return j.mergeable(f, v) && (one == nil || len(present(v, []string{"properties", "required", "type", "unevaluatedProperties"})) > 0)
}

// mergeable says whether a schema may be an object by the properties of allOf.
func (j *jsonLoader) mergeable(f *jsonFile, v *jsontree.Value) bool {
	if j.whole(f) || v.Get("allOf") == nil || v.Get("$ref") != nil {
		return false
	}
	name, nullable := typeName(v)
	if nullable || v.Get("type") != nil && name != "object" {
		return false
	}
	parts, _ := j.merged(f, v)
	object, properties := false, false
	for _, p := range parts {
		object = object || isObject(p.schema)
		properties = properties || p.schema.Get("properties") != nil
	}
	return object && properties
}

// declareParts declares what is inside the properties of schemas that are written inline in allOf: what they are part
// of is named, they have no names.
func (j *jsonLoader) declareParts(f *jsonFile, v *jsontree.Value, name string) {
	parts, _ := j.partsOfAll(f, v, map[*jsontree.Value]bool{}, 0)
	for _, item := range v.Get("allOf").AllItems() {
		if !slices.Contains(parts, part{f, item}) {
			continue
		}
		for _, p := range item.Get("properties").AllMembers() {
			inner, fallback := name+pascal(p.Name), ""
			if title := p.Value.Get("title"); title != nil && typeTitle.MatchString(title.Text) {
				inner, fallback = title.Text, inner
			}
			j.declare(f, p.Value, inner, fallback, p.Place)
			j.declareBelow(f, p.Value, inner)
		}
		j.declareParts(f, item, name)
	}
}

// evaluates says whether a keyword that is left may evaluate other properties than those that an object declares. What
// not says evaluates nothing.
func evaluates(m *schema.Message, v *jsontree.Value, keyword string) bool {
	inside := func(sub *jsontree.Value) bool {
		return slices.ContainsFunc(sub.AllMembers(), func(k jsontree.Member) bool { return evaluates(m, k.Value, k.Name) })
	}
	switch keyword {
	case "$ref", "$dynamicRef", "patternProperties", "additionalProperties":
		return true
	case "properties":
		return slices.ContainsFunc(v.AllMembers(), func(p jsontree.Member) bool { return m.Field(p.Name) == nil })
	case "if", "then", "else":
		return inside(v)
	case "dependentSchemas":
		return slices.ContainsFunc(v.AllMembers(), func(k jsontree.Member) bool { return inside(k.Value) })
	case "anyOf", "oneOf", "allOf":
		return slices.ContainsFunc(v.AllItems(), inside)
	}
	return false
}
