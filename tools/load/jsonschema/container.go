package jsonschema

import (
	"slices"

	"github.com/omninode/trestle/tools/load/internal/draft"
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/schema/jsontree"
)

func (j *jsonLoader) readArray(f *jsonFile, v *jsontree.Value, t *schema.Type) (left []string) {
	t.Kind = schema.List
	allowed := keywordsOfArray
	if v.Get("prefixItems") != nil && !j.whole(f) {
		allowed = slices.DeleteFunc(slices.Clone(allowed), func(k string) bool { return k == "items" })
	}
	left = j.checkKeywords(f, v, append(j.values(f), allowed...), "an array", removeItUnlessTuple(v))
	left = append(left, present(v, j.values(f))...)
	c := &t.Constraints
	c.MinItems, c.MaxItems = j.natural(f, v, "minItems"), j.natural(f, v, "maxItems")
	if v.Get("prefixItems") != nil {
		t.Elem = &schema.Type{Kind: schema.JSONValue, Pos: t.Pos}
	} else {
		t.Elem = j.part(f, v.Get("items"), t.Pos, "items")
	}
	if u := v.Get("uniqueItems"); u != nil {
		if c.Unique = u.IsTrue(); u.Kind != jsontree.Bool {
			j.Fault(f.pos(u.Place), "uniqueItems is %s: it is true or false", u.JSON())
		}
		if c.Unique && !comparable(t.Elem) && !j.whole(f) {
			left = append(left, "uniqueItems")
		}
	}
	return left
}

// values are the keywords that list values, which the model holds for scalars.
func (j *jsonLoader) values(f *jsonFile) []string {
	if j.whole(f) {
		return nil
	}
	return []string{"const", "enum"}
}

// present are the keywords that a schema has.
func present(v *jsontree.Value, keywords []string) []string {
	return slices.DeleteFunc(slices.Clone(keywords), func(k string) bool { return v.Get(k) == nil })
}

// removeItUnlessTuple is the advice about keywords that mean nothing for an array: items has its meaning in a tuple too.
func removeItUnlessTuple(v *jsontree.Value) string {
	if v.Get("prefixItems") != nil {
		return inTarget
	}
	return removeIt
}

// comparable says whether generated code can tell that two values of a type are the same.
func comparable(t *schema.Type) bool {
	switch t.Kind {
	case schema.MessageKind, schema.JSONObject, schema.JSONValue, schema.List, schema.Map, schema.Bytes:
		return false
	}
	return true
}

// readMap reads an object without properties: free-form, or a map.
func (j *jsonLoader) readMap(f *jsonFile, v *jsontree.Value, t *schema.Type) (left []string) {
	t.Kind = schema.JSONObject
	allowed := keywordsOfMap
	advice := removeIt
	if !j.whole(f) && (v.Get("patternProperties") != nil || v.Get("required") != nil || v.Get("properties") != nil) {
		allowed, advice = []string{"type", "minProperties", "maxProperties"}, inTarget
	}
	left = j.checkKeywords(f, v, append(j.values(f), allowed...), "an object without properties", advice)
	left = append(left, present(v, j.values(f))...)
	c := &t.Constraints
	c.MinPairs, c.MaxPairs = j.natural(f, v, "minProperties"), j.natural(f, v, "maxProperties")
	values, keys := v.Get("additionalProperties"), v.Get("propertyNames")
	if advice != removeIt || keys == nil && (values == nil || values.IsTrue() || values.Kind == jsontree.Object && len(values.Members) == 0) {
		return left
	}
	t.Kind = schema.Map
	t.Key = &schema.Type{Kind: schema.String, Pos: t.Pos}
	if keys != nil {
		if t.Key = j.keyType(f, keys); t.Key.Kind != schema.String && t.Key.Kind != schema.EnumKind {
			j.Fault(f.pos(keys.Place), "propertyNames is %s: names are strings", draft.KindWords(t.Key))
		}
	}
	t.Elem = j.part(f, values, t.Pos, "the values of a map")
	return left
}

// keyType reads propertyNames, which need not say that names are strings.
func (j *jsonLoader) keyType(f *jsonFile, v *jsontree.Value) *schema.Type {
	if v.Kind == jsontree.Object && v.Get("type") == nil && v.Get("$ref") == nil && j.enums[v] == nil {
		t := &schema.Type{Pos: f.pos(v.Place), Pointer: f.schemas[v]}
		left := j.readString(f, v, t)
		t.Constraints.Pos = constraintPos(f, v, t.Pos)
		if j.withUnmodelled(f, v, t, false, left) == nil {
			return &schema.Type{Kind: schema.String, Pos: t.Pos}
		}
		return t
	}
	return j.part(f, v, f.pos(v.Place), "propertyNames")
}

// part reads the schema of items or values; one that is absent means anything.
func (j *jsonLoader) part(f *jsonFile, v *jsontree.Value, at schema.Position, what string) *schema.Type {
	if v == nil {
		return &schema.Type{Kind: schema.JSONValue, Pos: at}
	}
	j.refuseDefault(f, v, what)
	t := j.typeOf(f, v)
	if t == nil {
		return &schema.Type{Kind: schema.JSONValue, Pos: at}
	}
	takesNull := false // as a value of its type, of which null is none but where it may be any
	if t.Kind == schema.JSONValue {
		r := t.Constraints.Unmodelled
		takesNull = r == nil || j.takesNull[r]
	}
	switch {
	case t.nullable == takesNull:
		return t.Type
	case j.whole(f):
		j.Fault(f.pos(v.Place), "%s cannot be null: leave out what is not there", what)
		return t.Type
	}
	if t = j.opaque(f, v); t == nil {
		return &schema.Type{Kind: schema.JSONValue, Pos: at}
	}
	return t.Type
}

// refuseDefault finds a default where nothing can be absent.
func (j *jsonLoader) refuseDefault(f *jsonFile, v *jsontree.Value, what string) {
	if d := v.Get("default"); d != nil && !j.options.Loose {
		j.Fault(f.pos(d.Place), "a default of %s has no effect: defaults belong to properties", what)
	}
	if word := v.Get("x-trestle").Get("field"); word != nil {
		j.Fault(f.pos(word.Place), "x-trestle.field of %s has no effect: it belongs to properties", what)
		j.placed[v] = true
	}
}

// refuseOutOfPlace finds what is said of fields where no field is: that something is sensitive must not be passed over. A
// comparison looks there, too.
func (j *jsonLoader) refuseOutOfPlace(f *jsonFile) {
	if j.options.Loose || j.options.ToCompare {
		return
	}
	for v := range f.schemas {
		if word := v.Get("x-trestle").Get("field"); word != nil && !j.placed[v] {
			j.Fault(f.pos(word.Place), "x-trestle.field has no effect here: it belongs to properties of objects, beside their $ref, and not below keywords such as anyOf and if")
		}
	}
}
