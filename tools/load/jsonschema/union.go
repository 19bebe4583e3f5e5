package jsonschema

import (
	"slices"

	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/schema/jsontree"
)

// keywordsOfUnion are those of a choice of objects.
var keywordsOfUnion = []string{"type", "oneOf", "anyOf", "discriminator"}

// choice is one alternative of a union: where its object is, and the values of the property that tells it apart.
type choice struct {
	item   *jsontree.Value // in the list
	file   *jsonFile
	object *jsontree.Value
	values []string
}

// union reads a schema as a choice of objects that one property tells apart; property is empty where it is none.
func (j *jsonLoader) union(f *jsonFile, v *jsontree.Value) (property string, choices []choice) {
	list := v.Get("oneOf")
	if list == nil {
		list = v.Get("anyOf")
	}
	if list == nil || j.whole(f) || f.embedded[v] || slices.ContainsFunc(v.Members, notOfUnion) {
		return "", nil
	}
	for _, item := range list.Items {
		if isNullType(item) {
			continue
		}
		file, object := j.objectOf(f, item)
		if object == nil {
			return "", nil
		}
		choices = append(choices, choice{item: item, file: file, object: object})
	}
	if len(choices) < 2 {
		return "", nil
	}
	declared := v.Get("discriminator").Get("propertyName")
	for _, p := range choices[0].object.Get("properties").Members {
		if (declared == nil || declared.Text == p.Name) && tellsApart(choices, p.Name) {
			return p.Name, choices
		}
	}
	return "", nil
}

func notOfUnion(m jsontree.Member) bool {
	return !slices.Contains(keywordsOfUnion, m.Name) && !schema.IsAnnotation(m.Name) &&
		!slices.Contains(keywordsOfRoot, m.Name) && m.Name[:min(2, len(m.Name))] != "x-"
}

func isNullType(v *jsontree.Value) bool {
	return v.Kind == jsontree.Object && len(v.Members) == 1 && v.Get("type") != nil && v.Get("type").Text == "null"
}

// objectOf follows references to an object with properties; nil for anything else, which is told where it is read.
func (j *jsonLoader) objectOf(f *jsonFile, v *jsontree.Value) (*jsonFile, *jsontree.Value) {
	if f, v = j.target(f, v); v == nil {
		return nil, nil
	}
	if _, nullable := typeName(v); nullable || !isMessage(v) || v.Get("properties") == nil {
		return nil, nil
	}
	return f, v
}

// tellsApart says whether a property is required of all choices and no two of them share a value of it, and notes the
// values.
func tellsApart(choices []choice, property string) bool {
	seen := map[string]bool{}
	for i := range choices {
		c := &choices[i]
		c.values = stringValues(c.object.Get("properties").Get(property))
		required := c.object.Get("required")
		if len(c.values) == 0 || required == nil || !slices.ContainsFunc(required.Items, func(v *jsontree.Value) bool { return v.Text == property }) {
			return false
		}
		for _, value := range c.values {
			if seen[value] {
				return false
			}
			seen[value] = true
		}
	}
	return true
}

// stringValues are the strings that a const or enum allows; nil for any other schema.
func stringValues(v *jsontree.Value) []string {
	items := []*jsontree.Value{v.Get("const")}
	if items[0] == nil {
		items = nil
		if list := v.Get("enum"); list != nil {
			items = list.Items
		}
	}
	var out []string
	for _, item := range items {
		if item.Kind != jsontree.String || item.Text == "" {
			return nil
		}
		out = append(out, item.Text)
	}
	return out
}

// declareUnion names a union, and the messages in it that have no names of their own.
func (j *jsonLoader) declareUnion(f *jsonFile, v *jsontree.Value, name, fallback string, at jsontree.Place, property string, choices []choice) {
	name = j.claim(f, name, fallback, at)
	u := &schema.Union{
		Name: name, FullName: fullName(f.pkg, name), Doc: describe(v), Package: f.pkg, File: f.file, Property: property, Pos: f.pos(at),
	}
	f.pkg.Unions = append(f.pkg.Unions, u)
	j.unions[v] = u
	for _, c := range choices {
		u.Variants = append(u.Variants, &schema.Variant{Values: c.values, Pos: f.pos(c.item.Place)})
		if c.object != c.item {
			continue
		}
		inner := name + pascal(c.values[0])
		if title := c.item.Get("title"); title != nil && typeTitle.MatchString(title.Text) {
			inner = title.Text
		}
		j.declareMessage(f, c.item, f, c.item, inner, "", c.item.Place)
		j.declareBelow(f, c.item, inner)
	}
}

// readUnion is the type of a union, whose variants are known by now.
func (j *jsonLoader) readUnion(f *jsonFile, v *jsontree.Value, t *schema.Type, u *schema.Union) *jsonType {
	_, choices := j.union(f, v)
	for i, c := range choices {
		if u.Variants[i].Message = j.messages[c.object]; u.Variants[i].Message == nil {
			j.Fault(u.Variants[i].Pos, "the alternative has no name: define it under $defs, or in a file of its own")
			return nil
		}
	}
	t.Kind, t.Union = schema.JSONObject, u
	nullable := listsNull(v)
	for _, keyword := range combining {
		if list := v.Get(keyword); list != nil {
			nullable = nullable && alternativeIsNull(keyword, nullTypes(list))
		}
	}
	j.checkAnnotations(f, v)
	return &jsonType{Type: t, nullable: nullable}
}
