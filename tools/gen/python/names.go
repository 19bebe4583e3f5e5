package python

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/omninode/trestle/tools/gen/internal/naming"
	"github.com/omninode/trestle/tools/schema"
)

var keywords = []string{
	"False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif",
	"else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal", "not", "or",
	"pass", "raise", "return", "try", "while", "with", "yield",
}

// moduleName is a part of a package's name as the name of a module.
func moduleName(part string) string {
	name := strings.Map(asciiRune, part)
	if name == "" || strings.HasPrefix(name, "__") || name[0] >= '0' && name[0] <= '9' { // __init__ is Python's
		name = "_" + strings.TrimLeft(name, "_")
	}
	if slices.Contains(keywords, name) {
		return name + "_"
	}
	return name
}

func asciiRune(r rune) rune {
	if r == '_' || r < 0x80 && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
		return r
	}
	return '_'
}

// identifier replaces what no Python name may have, and what Python would read as another: it takes an ligature for its
// letters.
func identifier(s string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 0x80 && unicode.IsLetter(r) && norm.NFKC.IsNormalString(string(r)) {
			return r
		}
		return asciiRune(r)
	}, s)
	if name == "" || name[0] >= '0' && name[0] <= '9' {
		name = "_" + name
	}
	return name
}

// imported are names that modules import or read, which no class may take.
var imported = []string{
	"Annotated", "Any", "BaseModel", "BYTES", "Bool", "Bytes", "ClassVar", "ConfigDict", "DOUBLE", "Discreet", "Discriminator", "Double", "Enum",
	"Event", "EventInfo", "FLOAT", "Field", "Final", "Float", "INT32", "INT64", "Int32", "Int64", "JsonObject",
	"JsonValue", "KEY_INT32", "KEY_INT64", "KEY_UINT32", "KEY_UINT64", "MESSAGES", "Model", "OBJECT", "SCHEMAS", "SEALED", "Secret", "Self", "SORTED", "Tag", "Text",
	"Timestamp", "UINT32", "UINT64", "UInt32", "UInt64", "Uuid", "annotations", "checks", "formats", "model_validator", "now", "topics",
	"variants", "wellknown",
}

// builtins are names of Python that models read.
var builtins = []string{"bool", "bytes", "dict", "float", "frozenset", "int", "list", "object", "str", "tuple"}

func plainClass(name string) string {
	name = identifier(name)
	if strings.HasPrefix(name, "_") { // what begins so is private, or changes its name in a class
		name = "Type" + name
	}
	return name
}

func nested(m *schema.Message) string {
	if m == nil {
		return ""
	}
	return nested(m.Parent) + m.Name
}

// taken are the names that a field cannot have: what models have already, and what is read inside a class.
var taken = []string{
	"append_json", "bool", "bytes", "checked", "checks", "construct", "copy", "dict", "float", "from_json", "from_orm",
	"frozenset", "int", "json", "list", "model_computed_fields", "model_config", "model_construct", "model_copy",
	"model_dump", "model_dump_json", "model_extra", "model_fields", "model_fields_set", "model_json_schema",
	"model_parametrized_name", "model_post_init", "model_rebuild", "model_validate", "model_validate_json",
	"model_validate_strings", "model_validator", "object", "parse_file", "parse_obj", "parse_raw", "partition_key", "schema",
	"schema_json", "str", "to_json", "to_record", "topics", "now", "update_forward_refs", "validate",
}

// attribute is a field's name in JSON as that of an attribute of any model.
func attribute(jsonName string) string {
	name := jsonName
	if spelled := naming.Spelled(name); spelled != name && spelled != "" {
		name = strings.ToLower(constant(spelled))
	}
	name = strings.TrimLeft(identifier(name), "_") // to pydantic, what begins so is private
	if name == "" || name[0] >= '0' && name[0] <= '9' {
		name = "field_" + name
	}
	if slices.Contains(keywords, name) || slices.Contains(taken, name) || slices.Contains(imported, name) ||
		name == "EVENT" || name == "SENSITIVE" || name == "NULL_OR_ABSENT" || strings.HasSuffix(name, "_IS_ABSENT") || strings.HasSuffix(name, "_IS_VALUE") || name == "DEFAULT_IS_NOW" {
		return name + "_"
	}
	return name
}

// constant is a name as a constant: "service.lifecycle.started" and "CodegenStatusEvent" become upper-case words.
func constant(s string) string {
	var b strings.Builder
	runes := []rune(s)
	for i, r := range runes {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) || r >= 0x80 {
			b.WriteByte('_')
			continue
		}
		if i > 0 && unicode.IsUpper(r) {
			after := i+1 < len(runes) && unicode.IsLower(runes[i+1])
			if unicode.IsLower(runes[i-1]) || unicode.IsDigit(runes[i-1]) || unicode.IsUpper(runes[i-1]) && after {
				b.WriteByte('_')
			}
		}
		b.WriteRune(unicode.ToUpper(r))
	}
	return identifier(b.String())
}

// memberNames are the names of an enum's members, without the prefix that protobuf gives them all.
func memberNames(e *schema.Enum) []string {
	prefix := ""
	if e.Language() == schema.Protobuf {
		prefix = constant(e.Name) + "_"
	}
	names := make([]string, len(e.Values))
	given := naming.NewDistinct()
	for i, v := range e.Values {
		name := constant(naming.Spelled(v.Name))
		if short := strings.TrimPrefix(name, prefix); short != "" && (short[0] < '0' || short[0] > '9') {
			name = short
		}
		if strings.Trim(name, "_") == "" {
			name = strings.Trim(identifier(v.Name), "_") // in letters of another alphabet
		}
		if name == "" || strings.HasPrefix(name, "_") || unicode.IsDigit([]rune(name)[0]) {
			name = "VALUE" + name
		}
		names[i] = given.Name(name)
	}
	return names
}
