package jsonschema

import (
	"fmt"
	"path"
	"regexp"
	"strings"
	"unicode"

	"github.com/omninode/trestle/tools/load/internal/draft"
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/schema/jsontree"
	"github.com/omninode/trestle/tools/schema/subschema"
)

// declareFile names the messages and enums of a file: the root by its title or the file's name, definitions by their
// keys, and what is written inline by its title, or by what it is part of and its property.
func (j *jsonLoader) declareFile(f *jsonFile) {
	name := pascal(strings.TrimSuffix(path.Base(f.path), ".json"))
	at := f.root.Place
	if title := f.root.Get("title"); title != nil && title.Kind == jsontree.String && pascal(title.Text) != "" {
		name = pascal(title.Text)
		for _, m := range f.root.Members {
			if m.Name == "title" {
				at = m.Place
			}
		}
	}
	if name == "" {
		name = "Root"
	}
	if !isDefinitions(f.root) {
		j.declareRoot(f, name, at)
	}
	j.declareBelow(f, f.root, name)
}

// declareRoot declares what a file as a whole describes. A root that only refers to an object is a message of its own,
// with the same fields: so two event types can share a payload.
func (j *jsonLoader) declareRoot(f *jsonFile, name string, at jsontree.Place) {
	from, content := f, f.root
	for range draft.MaxDepth {
		ref := content.Get("$ref")
		if ref == nil || from == nil {
			break
		}
		if j.forLibrary(from, content, ref) {
			return
		}
		from, content = j.resolve(from, ref)
		if content == nil {
			return
		}
	}
	if isEnum(content) && from == f {
		j.declareEnum(f, f.root, name, "", at)
		return
	}
	if property, choices := j.union(from, content); property != "" && content == f.root && f.root.Get("x-trestle").Get("event") == nil {
		j.declareUnion(f, f.root, name, "", at, property, choices)
		return
	}
	if isObject(content) || j.mergeable(from, content) {
		j.declareMessage(f, f.root, from, content, name, "", at)
	}
}

// declareBelow declares what is inside a schema; name is what is used for what has no name of its own.
func (j *jsonLoader) declareBelow(f *jsonFile, v *jsontree.Value, name string) {
	merging := j.merges(f, v)
	if isMessage(v) || merging {
		j.declareParts(f, v, name)
	}
	subschema.Each(v, func(s subschema.Subschema) {
		keyword, sub, at := s.Keyword, s.Schema, s.Place
		inner, fallback := name, ""
		if !j.whole(f) && !holds(v, keyword) || keyword == "allOf" && merging {
			return
		}
		switch keyword {
		case "$defs", "definitions":
			inner = pascal(s.Name)
			if inner == "" {
				j.Fault(f.pos(at), "definition %q gives no name for a type: begin it with a letter", s.Name)
				return
			}
			// A definition's own title counts less than its key, which is what others refer to it by.
			j.declare(f, sub, inner, "", at)
			j.declareBelow(f, sub, inner)
			return
		case "properties":
			inner = name + pascal(s.Name)
		case "items":
			inner = name + "Item"
		case "additionalProperties":
			inner = name + "Value"
		case "propertyNames":
			inner = name + "Key"
		}
		if title := sub.Get("title"); title != nil && typeTitle.MatchString(title.Text) {
			inner, fallback = title.Text, inner
		}
		j.declare(f, sub, inner, fallback, at)
		j.declareBelow(f, sub, inner)
	})
}

// holds says whether the model holds what is under a keyword of a schema, so that there are types in it.
func holds(v *jsontree.Value, keyword string) bool {
	name, _ := typeName(v)
	switch keyword {
	case "$defs", "definitions":
		return true
	case "properties":
		return name == "object" || v.Get("type") == nil && v.Get("allOf") != nil
	case "additionalProperties", "propertyNames":
		return name == "object" && v.Get("patternProperties") == nil
	case "items":
		return name == "array" && v.Get("prefixItems") == nil
	case "anyOf", "oneOf", "allOf":
		one := alternative(keyword, v.Get(keyword))
		return one != nil && !isEnum(v) && v.Get("$ref") == nil && v.Get("properties") == nil
	}
	return false
}

// typeTitle matches titles that are names of types.
var typeTitle = regexp.MustCompile(`^[A-Z][A-Za-z0-9]*$`)

func (j *jsonLoader) declare(f *jsonFile, v *jsontree.Value, name, fallback string, at jsontree.Place) {
	switch {
	case isEnum(v):
		j.declareEnum(f, v, name, fallback, at)
	case isMessage(v) || j.merges(f, v):
		j.declareMessage(f, v, f, v, name, fallback, at)
	default:
		if property, choices := j.union(f, v); property != "" {
			j.declareUnion(f, v, name, fallback, at, property, choices)
		}
	}
}

func (j *jsonLoader) declareMessage(f *jsonFile, v *jsontree.Value, from *jsonFile, content *jsontree.Value, name, fallback string, at jsontree.Place) {
	name = j.claim(f, name, fallback, at)
	m := &schema.Message{
		Name: name, FullName: fullName(f.pkg, name), Doc: describe(v), Package: f.pkg, File: f.file, Pointer: f.schemas[v], Pos: f.pos(at),
	}
	if m.Doc == "" {
		m.Doc = describe(content)
	}
	if v.Get("deprecated").IsTrue() {
		m.Deprecated = &schema.Deprecation{}
	}
	f.pkg.Messages = append(f.pkg.Messages, m)
	j.messages[v] = m
	j.declared = append(j.declared, declaredMessage{file: f, schema: v, from: from, content: content, message: m})
}

func (j *jsonLoader) declareEnum(f *jsonFile, v *jsontree.Value, name, fallback string, at jsontree.Place) {
	name = j.claim(f, name, fallback, at)
	e := &schema.Enum{
		Name: name, FullName: fullName(f.pkg, name), Doc: describe(v), Package: f.pkg, File: f.file, Closed: true, Pos: f.pos(at),
	}
	f.pkg.Enums = append(f.pkg.Enums, e)
	j.enums[v] = e
	faults := len(j.Errs)
	if j.fillEnum(f, v, e); j.options.ToCompare && len(j.Errs) > faults {
		j.Errs = j.Errs[:faults] // the library takes it
		f.pkg.Enums = f.pkg.Enums[:len(f.pkg.Enums)-1]
		delete(j.enums, v)
	}
}

// claim takes a name for a type of a file's package. Where it is taken, the fallback is tried in a registry's
// schemas, whose authors know nothing of our names; elsewhere it is a fault.
func (j *jsonLoader) claim(f *jsonFile, name, fallback string, at jsontree.Place) string {
	taken := j.names[f.pkg]
	if taken == nil {
		taken = map[string]schema.Position{}
		j.names[f.pkg] = taken
	}
	other, ok := taken[name]
	if ok && (j.options.Loose || j.options.ToCompare) {
		if fallback == "" {
			fallback = name
		}
		name = fallback
		for n := 2; ok; n++ {
			if _, ok = taken[name]; ok {
				name = fmt.Sprintf("%s%d", fallback, n)
			}
		}
	} else if ok {
		j.Fault(f.pos(at), "type %s is named here and at %s: give one of them another title, or define it once under $defs and refer to it", name, other)
		return name
	}
	taken[name] = f.pos(at)
	return name
}

func fullName(p *schema.Package, name string) string {
	if p.Name == "" {
		return name
	}
	return p.Name + "." + name
}

func describe(v *jsontree.Value) string {
	if d := v.Get("description"); d != nil && d.Kind == jsontree.String {
		return strings.TrimSpace(d.Text)
	}
	return ""
}

// pascal turns words, separated by anything that is no letter or digit, into a type's name; what a name cannot begin
// with is dropped.
func pascal(words string) string {
	var b strings.Builder
	upper := true
	for _, r := range words {
		switch {
		case r >= unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r):
			upper = true
		case b.Len() == 0 && unicode.IsDigit(r):
		case upper:
			b.WriteRune(unicode.ToUpper(r))
			upper = false
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// isObject says whether a schema's values are objects.
func isObject(v *jsontree.Value) bool {
	name, _ := typeName(v)
	return name == "object"
}

// isMessage says whether a schema describes an object by its properties, other than as a map or a free-form object.
func isMessage(v *jsontree.Value) bool {
	return isObject(v) && (v.Get("properties") != nil || v.Get("additionalProperties").IsFalse())
}

// isEnum says whether a schema is a list of strings: `enum`, or `oneOf` of `const` with a description each.
func isEnum(v *jsontree.Value) bool {
	values := v.Get("enum")
	if values == nil {
		return isEnumOfConsts(v.Get("oneOf"))
	}
	found := false
	for _, item := range values.Items {
		switch item.Kind {
		case jsontree.String:
			found = true
		case jsontree.Null:
		default:
			return false
		}
	}
	return found
}

func isEnumOfConsts(choices *jsontree.Value) bool {
	if choices == nil || len(choices.Items) == 0 {
		return false
	}
	for _, c := range choices.Items {
		if value := c.Get("const"); value == nil || value.Kind != jsontree.String {
			return false
		}
	}
	return true
}

// typeName is the type keyword without null, and whether null is there too; empty for none or several.
func typeName(v *jsontree.Value) (name string, nullable bool) {
	t := v.Get("type")
	if t == nil {
		return "", false
	}
	if t.Kind == jsontree.String {
		return t.Text, false
	}
	for _, item := range t.Items {
		switch {
		case item.Text == "null":
			nullable = true
		case name != "":
			return "", false
		default:
			name = item.Text
		}
	}
	return name, nullable
}
