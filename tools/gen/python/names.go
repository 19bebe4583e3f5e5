package python

import (
	"slices"
	"strings"
	"unicode"

	"github.com/omninode/trestle/tools/schema"
)

var keywords = []string{
	"False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif",
	"else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal", "not", "or",
	"pass", "raise", "return", "try", "while", "with", "yield",
}

// moduleName is a part of a package's name as the name of a module.
func moduleName(part string) string {
	name := identifier(part)
	if slices.Contains(keywords, name) {
		return name + "_"
	}
	return name
}

// identifier replaces what no Python name may have.
func identifier(s string) string {
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == '_' || r < 0x80 && unicode.IsLetter(r) || i > 0 && r >= '0' && r <= '9':
			b.WriteRune(r)
		case r >= '0' && r <= '9':
			b.WriteByte('_')
			b.WriteRune(r)
		default:
			b.WriteByte('_')
		}
	}
	if b.Len() == 0 {
		return "_"
	}
	return b.String()
}

// imported are names that modules import, which no class may take.
var imported = []string{
	"Annotated", "Any", "BaseModel", "BYTES", "Bool", "Bytes", "ClassVar", "ConfigDict", "DOUBLE", "Double", "Enum",
	"Event", "EventInfo", "FLOAT", "Field", "Final", "Float", "INT32", "INT64", "Int32", "Int64", "JsonObject",
	"JsonValue", "Model", "OBJECT", "Self", "SORTED", "Text", "Timestamp", "UINT32", "UINT64", "UInt32", "UInt64",
	"Uuid",
}

// className is the name of a message's class; one that stands inside another carries its name too.
func className(m *schema.Message) string {
	return safeClass(nested(m.Parent) + m.Name)
}

func enumName(e *schema.Enum) string {
	return safeClass(nested(e.Parent) + e.Name)
}

func nested(m *schema.Message) string {
	if m == nil {
		return ""
	}
	return nested(m.Parent) + m.Name
}

func safeClass(name string) string {
	name = identifier(name)
	if slices.Contains(imported, name) || slices.Contains(keywords, name) {
		return name + "_"
	}
	return name
}

// taken are the names that a field cannot have: what models have already, and what is read inside a class.
var taken = []string{
	"append_json", "bool", "bytes", "checked", "checks", "construct", "copy", "dict", "float", "from_json", "from_orm",
	"frozenset", "int", "json", "list", "model_computed_fields", "model_config", "model_construct", "model_copy",
	"model_dump", "model_dump_json", "model_extra", "model_fields", "model_fields_set", "model_json_schema",
	"model_parametrized_name", "model_post_init", "model_rebuild", "model_validate", "model_validate_json",
	"model_validate_strings", "model_validator", "parse_file", "parse_obj", "parse_raw", "partition_key", "schema",
	"schema_json", "str", "to_json", "to_record", "topics", "now", "update_forward_refs", "validate",
}

// fieldName is the attribute of a field; where it differs from the name in JSON, that is its alias.
func fieldName(f *schema.Field) string {
	name := identifier(f.JSONName)
	name = strings.TrimLeft(name, "_") // to pydantic, what begins so is private
	if name == "" || name[0] >= '0' && name[0] <= '9' {
		name = "field_" + name
	}
	if slices.Contains(keywords, name) || slices.Contains(taken, name) || slices.Contains(imported, name) ||
		name == "EVENT" || name == "NULL_OR_ABSENT" || strings.HasSuffix(name, "_IS_ABSENT") || strings.HasSuffix(name, "_IS_VALUE") || name == "DEFAULT_IS_NOW" {
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
	used := map[string]bool{}
	for i, v := range e.Values {
		name := constant(v.Name)
		if short := strings.TrimPrefix(name, prefix); short != "" && (short[0] < '0' || short[0] > '9') {
			name = short
		}
		if strings.Trim(name, "_") == "" || strings.HasPrefix(name, "_") {
			name = "VALUE" + name
		}
		for used[name] {
			name += "_"
		}
		used[name] = true
		names[i] = name
	}
	return names
}
