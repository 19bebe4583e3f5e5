package jsonvalidate

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// Finding is one thing that is wrong with a value.
type Finding struct {
	Location []string // names and indexes on the way to it
	Rule     string   // the keyword
	Message  string   // what must hold
	ForKey   bool     // a member's name is wrong, not its value
}

// Explain reports the innermost causes of the library's error about a value in the words of generated validators. Of
// alternatives, it reports those of the only one that was meant: whose type is right.
func Explain(err *jsonschema.ValidationError, value any, report func(Finding)) {
	at := func(name string) []string { return append(slices.Clone(err.InstanceLocation), name) }
	switch k := err.ErrorKind.(type) {
	case *kind.AnyOf, *kind.OneOf:
		var meant []*jsonschema.ValidationError
		for _, cause := range err.Causes {
			if !wrongType(cause, len(err.InstanceLocation)) {
				meant = append(meant, cause)
			}
		}
		if len(meant) == 1 {
			Explain(meant[0], value, report)
			return
		}
	case *kind.Required:
		for _, name := range k.Missing {
			report(Finding{at(name), "required", "value is required", false})
		}
		return
	case *kind.DependentRequired:
		for _, name := range k.Missing {
			report(Finding{at(name), "dependentRequired", "value is required because " + k.Prop + " is there", false})
		}
		return
	case *kind.AdditionalProperties:
		for _, name := range k.Properties {
			report(Finding{at(name), "additionalProperties", undeclared, false})
		}
		return
	case *kind.PropertyNames:
		at = func(name string) []string { return append(holding(value, err.InstanceLocation, name), name) }
		for _, cause := range err.Causes {
			rule, text := words(cause.ErrorKind)
			report(Finding{at(k.Property), rule, text, true})
		}
		return
	case *kind.FalseSchema:
		if unevaluated(err) {
			report(Finding{err.InstanceLocation, "additionalProperties", undeclared, false})
			return
		}
	case *kind.Not, *kind.Contains:
	default:
		if len(err.Causes) > 0 {
			for _, cause := range meaningful(err.Causes) {
				Explain(cause, value, report)
			}
			return
		}
	}
	rule, text := words(err.ErrorKind)
	report(Finding{err.InstanceLocation, rule, text, false})
}

// holding is the way to an object that has a member. The library's way to one whose member has a wrong name is right only
// as far as it is long: what the library went on to validate has been written over it.
func holding(value any, way []string, name string) []string {
	if object, ok := valueAt(value, way).(map[string]any); ok {
		if _, has := object[name]; has {
			return slices.Clone(way)
		}
	}
	return search(value, len(way), name)
}

// search finds the first object that has a member so deep in a value.
func search(value any, depth int, name string) []string {
	object, ok := value.(map[string]any)
	if _, has := object[name]; ok && depth == 0 && has {
		return []string{}
	}
	if depth == 0 {
		return nil
	}
	try := func(step string, inner any) []string {
		if way := search(inner, depth-1, name); way != nil {
			return append([]string{step}, way...)
		}
		return nil
	}
	for _, step := range slices.Sorted(maps.Keys(object)) {
		if way := try(step, object[step]); way != nil {
			return way
		}
	}
	list, _ := value.([]any)
	for i, inner := range list {
		if way := try(strconv.Itoa(i), inner); way != nil {
			return way
		}
	}
	return nil
}

// valueAt is what a way leads to; nil where it leads nowhere.
func valueAt(value any, way []string) any {
	for _, name := range way {
		switch v := value.(type) {
		case map[string]any:
			value = v[name]
		case []any:
			value = element(v, name)
		default:
			return nil
		}
	}
	return value
}

const undeclared = "must not be present: the schema has no such field"

// unevaluated says that a member is refused because no schema that holds has evaluated it.
func unevaluated(err *jsonschema.ValidationError) bool {
	_, refused := err.ErrorKind.(*kind.FalseSchema)
	return refused && strings.HasSuffix(err.SchemaURL, "/unevaluatedProperties")
}

// meaningful are the causes less what follows from others: a schema that does not hold evaluates nothing.
func meaningful(causes []*jsonschema.ValidationError) []*jsonschema.ValidationError {
	others := slices.DeleteFunc(slices.Clone(causes), unevaluated)
	if len(others) > 0 {
		return others
	}
	return causes
}

// wrongType says whether an alternative failed because the value itself is of another type.
func wrongType(err *jsonschema.ValidationError, depth int) bool {
	if _, ok := err.ErrorKind.(*kind.Type); ok && len(err.InstanceLocation) == depth {
		return true
	}
	return slices.ContainsFunc(err.Causes, func(c *jsonschema.ValidationError) bool { return wrongType(c, depth) })
}

// words are the rule, which is the keyword, and the message of an error.
func words(k jsonschema.ErrorKind) (rule, text string) {
	switch k := k.(type) {
	case *kind.Minimum:
		return "minimum", "must be greater than or equal to " + decimal(k.Want)
	case *kind.Maximum:
		return "maximum", "must be less than or equal to " + decimal(k.Want)
	case *kind.ExclusiveMinimum:
		return "exclusiveMinimum", "must be greater than " + decimal(k.Want)
	case *kind.ExclusiveMaximum:
		return "exclusiveMaximum", "must be less than " + decimal(k.Want)
	case *kind.MultipleOf:
		return "multipleOf", "must be a multiple of " + decimal(k.Want)
	case *kind.MinLength:
		return "minLength", "must be at least " + plural(k.Want, "character", "characters")
	case *kind.MaxLength:
		return "maxLength", "must be at most " + plural(k.Want, "character", "characters")
	case *kind.Pattern:
		return "pattern", "must match the pattern `" + k.Want + "`"
	case *kind.MinItems:
		return "minItems", "must contain at least " + plural(k.Want, "item", "items")
	case *kind.MaxItems:
		return "maxItems", "must contain at most " + plural(k.Want, "item", "items")
	case *kind.UniqueItems:
		return "uniqueItems", "must not contain an item twice"
	case *kind.MinProperties:
		return "minProperties", "must have at least " + plural(k.Want, "entry", "entries")
	case *kind.MaxProperties:
		return "maxProperties", "must have at most " + plural(k.Want, "entry", "entries")
	case *kind.Const:
		return "const", "must be " + jsonText(k.Want)
	case *kind.Enum:
		var names []string
		for _, v := range k.Want {
			if v != nil || len(k.Want) == 1 { // null is told as a type is, beside other values
				names = append(names, jsonText(v))
			}
		}
		return "enum", "must be one of " + strings.Join(names, ", ")
	case *kind.Format:
		if k.Want == "uuid" {
			return "format", "must be a valid UUID"
		}
		return "format", "must be a valid " + k.Want
	case *kind.Not:
		return "not", "must not be what the schema excludes"
	case *kind.AnyOf:
		return "anyOf", "must be one of the alternatives"
	case *kind.OneOf:
		if k.Subschemas != nil {
			return "oneOf", "must be only one of the alternatives"
		}
		return "oneOf", "must be one of the alternatives"
	case *kind.Contains:
		return "contains", "must contain an item of the kind that the schema wants"
	case *kind.FalseSchema:
		return "false", "must not be present"
	case *kind.Type:
		return "type", "must be " + strings.Join(k.Want, " or ")
	}
	rule = "schema"
	if path := k.KeywordPath(); len(path) > 0 {
		rule = path[0]
	}
	return rule, k.LocalizedString(message.NewPrinter(language.English))
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func jsonText(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}

// decimal writes a rational as schemas do, without zeros at its end.
func decimal(r *big.Rat) string {
	if r.IsInt() {
		return r.Num().String()
	}
	f, _ := r.Float64()
	return strconv.FormatFloat(f, 'g', -1, 64)
}

// element is the item of a list at an index in decimal; nil for none.
func element(list []any, index string) any {
	if i, err := strconv.Atoi(index); err == nil && i >= 0 && i < len(list) {
		return list[i]
	}
	return nil
}
