package jsonschema

import (
	"fmt"
	"slices"
	"strings"

	"github.com/omninode/trestle/tools/load/internal/draft"
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/schema/jsontree"
)

// Keywords that may be in the root of a file, besides annotations.
var keywordsOfRoot = []string{"$schema", "$id"}

var keywordsOfDefinitions = append([]string{"$comment", "title", "description", "examples", "x-trestle", "$defs", "definitions"}, keywordsOfRoot...)

// Keywords by what they constrain.
var (
	keywordsOfMessage = []string{"type", "properties", "required", "additionalProperties"}
	keywordsOfMap     = []string{"type", "additionalProperties", "propertyNames", "minProperties", "maxProperties"}
	keywordsOfArray   = []string{"type", "items", "minItems", "maxItems", "uniqueItems"}
	keywordsOfString  = []string{"type", "minLength", "maxLength", "pattern", "format", "contentEncoding", "const"}
	keywordsOfNumber  = []string{
		"type", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "format", "const", "enum",
	}
	keywordsOfBoolean = []string{"type", "const", "enum"}
	keywordsOfEnum    = []string{"type", "enum", "oneOf"}
)

// beyond says of keywords that the model cannot hold what to write instead where no library judges them, as in schemas
// of a registry.
var beyond = map[string]string{
	"allOf":                 "write all properties into one schema",
	"anyOf":                 "only a schema or null can be alternatives; else declare an event for each alternative",
	"oneOf":                 "only a schema or null can be alternatives; else declare an event for each alternative",
	"not":                   "say what is valid, not what is not",
	"if":                    "declare an event for each case",
	"then":                  "declare an event for each case",
	"else":                  "declare an event for each case",
	"dependentSchemas":      "declare an event for each case",
	"dependentRequired":     "put what belongs together into an object of its own",
	"patternProperties":     "declare the properties, or use additionalProperties with propertyNames",
	"unevaluatedProperties": "use additionalProperties",
	"prefixItems":           "use an object with a property for each position",
	"unevaluatedItems":      "use items",
	"contains":              "use items",
	"minContains":           "use minItems",
	"maxContains":           "use maxItems",
	"$dynamicRef":           "use $ref",
}

// identifying are keywords that only say by what names a schema is referred to. Such references are for the library.
var identifying = map[string]string{
	"$anchor":        "refer to it by a JSON pointer",
	"$dynamicAnchor": "refer to it by a JSON pointer",
	"$id":            "only a file's root has an $id",
}

// unsupported says of keywords that no schema can have what to do instead.
var unsupported = map[string]string{
	"dependencies": "use dependentRequired and dependentSchemas, as it is called now",
	"$vocabulary":  "leave it out",
	"definitions":  "it is the older name of $defs",
}

// ofOlderDrafts are keywords of older drafts that newer ones have other names for; validators read some of them still.
var ofOlderDrafts = []string{"dependencies", "additionalItems", "$recursiveRef"}

// constraining are the keywords that no schema of their kind may ignore; others that are unknown are annotations.
var constraining = append(append(append(append(append(append([]string{"$ref"},
	keywordsOfMessage...), keywordsOfMap...), keywordsOfArray...), keywordsOfString...), keywordsOfNumber...), keywordsOfEnum...)

// What to do about a keyword that is out of place.
const (
	removeIt = "remove it"
	inTarget = "put it into the schema that is referred to"
)

// checkKeywords returns the keywords of a schema that the model does not hold, for the library, and finds those that a
// schema of some kind cannot have, and says what to do about one that constrains another kind. None is passed over in
// silence, but those that begin with x-, which belong to others.
func (j *jsonLoader) checkKeywords(f *jsonFile, v *jsontree.Value, allowed []string, what, advice string) (left []string) {
	for _, m := range v.Members {
		switch {
		case m.Name == "definitions" && (j.whole(f) || j.options.ToCompare), m.Name == "discriminator" && (v.Get("oneOf") != nil || v.Get("anyOf") != nil):
			continue
		case slices.Contains(allowed, m.Name), schema.IsAnnotation(m.Name), strings.HasPrefix(m.Name, "x-"):
			continue
		case v == f.root && slices.Contains(keywordsOfRoot, m.Name):
			continue
		}
		instead, known := unsupported[m.Name]
		named, identifies := identifying[m.Name]
		other, judged := beyond[m.Name]
		meant := slices.Contains(constraining, m.Name)
		switch {
		case identifies && !j.whole(f), m.Name == "$vocabulary" && j.options.ToCompare:
		case !j.whole(f) && (judged || meant && (advice != removeIt || j.options.ToCompare)):
			left = append(left, m.Name)
		case j.options.ToCompare && (known || slices.Contains(ofOlderDrafts, m.Name)):
			left = append(left, m.Name)
		case known || judged || identifies:
			j.Fault(f.pos(m.Place), "keyword %s is not supported here: %s", m.Name, instead+named+other)
		case meant:
			j.Fault(f.pos(m.Place), "keyword %s means nothing for %s: %s", m.Name, what, advice)
		case !j.options.Loose && !j.options.ToCompare:
			j.Fault(f.pos(m.Place), "unknown keyword %s: is it misspelt? What is for other tools begins with x-", m.Name)
		}
	}
	j.checkAnnotations(f, v)
	return left
}

func (j *jsonLoader) checkAnnotations(f *jsonFile, v *jsontree.Value) {
	for _, name := range []string{"title", "description", "$comment"} {
		if text := v.Get(name); text != nil && text.Kind != jsontree.String {
			j.Fault(f.pos(text.Place), "%s is %s: it is a string", name, text.Kind)
		}
	}
	for _, name := range []string{"$defs", "definitions", "properties"} {
		if list := v.Get(name); list != nil && list.Kind != jsontree.Object {
			j.Fault(f.pos(list.Place), "%s is %s: it is an object", name, list.Kind)
		}
	}
	words := v.Get("x-trestle")
	if words == nil {
		return
	}
	if words.Kind != jsontree.Object {
		j.Fault(f.pos(words.Place), "x-trestle is %s: it is an object", words.Kind)
	}
	for _, m := range words.Members {
		if reason := j.misplaced(f, v, m.Name); reason != "" {
			j.Fault(f.pos(m.Place), "x-trestle.%s %s", m.Name, reason)
		}
	}
}

// misplaced says why a word of the vocabulary cannot be in a schema, or nothing. That a field's words are in a property
// is seen to where properties are read.
func (j *jsonLoader) misplaced(f *jsonFile, v *jsontree.Value, word string) string {
	switch word {
	case "family":
		if v != f.root {
			return "belongs in the root of a file"
		}
	case "event":
		if j.messages[v] == nil {
			return "belongs to an object with properties, at the root of a file or in its $defs"
		}
	case "enum_value":
		if value := v.Get("const"); value == nil || value.Kind != jsontree.String {
			return "belongs to a const in a oneOf"
		}
	case "field":
	default:
		return "is no word of the vocabulary: it has family, event, field and enum_value"
	}
	return ""
}

// natural reads a keyword whose value is a count.
func (j *jsonLoader) natural(f *jsonFile, v *jsontree.Value, keyword string) *uint64 {
	n := v.Get(keyword)
	if n == nil {
		return nil
	}
	if n.Kind == jsontree.Number {
		if text, ok := draft.PlainDecimal(n.Text); ok {
			var value uint64
			if _, err := fmt.Sscanf(text, "%d", &value); err == nil && fmt.Sprint(value) == text {
				return &value
			}
		}
	}
	j.Fault(f.pos(n.Place), "%s is %s: it is an integer, at least 0", keyword, n.JSON())
	return nil
}
