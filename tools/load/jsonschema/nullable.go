package jsonschema

import (
	"slices"

	"github.com/omninode/trestle/tools/schema/jsontree"
)

// judging are the keywords, beside those of [listsNull], that say anything of null.
var judging = []string{"$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "not", "if"}

// listsNull says whether a schema's type, enum and const leave null among its values.
func listsNull(v *jsontree.Value) bool {
	if t := v.Get("type"); t != nil && t.Text != "null" && !slices.ContainsFunc(t.Items, func(item *jsontree.Value) bool { return item.Text == "null" }) {
		return false
	}
	if list := v.Get("enum"); list != nil && !slices.ContainsFunc(list.Items, isNull) {
		return false
	}
	value := v.Get("const")
	return value == nil || isNull(value)
}

// objectMayBeNull says whether null is valid where a schema describes an object. The library is asked where more than lists
// of values speaks of it.
func (j *jsonLoader) objectMayBeNull(f *jsonFile, v *jsontree.Value) bool {
	if !listsNull(v) {
		return false
	}
	if j.whole(f) || len(present(v, judging)) == 0 {
		return v.Get("type") != nil
	}
	compiled, err := j.compiled(f, f.schemas[v])
	return err == nil && compiled.Validate(nil) == nil
}

// alternativeIsNull says whether null is valid by a list of alternatives of which so many take it.
func alternativeIsNull(keyword string, taking int) bool {
	if keyword == "oneOf" {
		return taking == 1
	}
	return taking > 0
}

// nullTypes counts the alternatives that are null and nothing else.
func nullTypes(list *jsontree.Value) int {
	n := 0
	for _, item := range list.AllItems() {
		if isNullType(item) {
			n++
		}
	}
	return n
}
