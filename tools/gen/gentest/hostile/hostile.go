// Package hostile makes schemas that are hard on generators: every kind beside every other, names that languages and
// libraries have taken, packages named as keywords. What is generated from them must compile, or be refused with its
// position.
package hostile

import (
	"fmt"
	"math/rand/v2"
)

// Schemas are the files of one set.
type Schemas struct {
	Name  string
	Files map[string][]byte // by path
}

// Names are field names that generated code, the libraries it rests on or the languages have taken: as they stand in
// protobuf and JSON Schema.
var Names = []string{
	// methods of generated Go
	"validate", "validate_first", "validate_into", "append_binary", "unmarshal_binary", "decode_binary", "append_json", "decode_json",
	"set_defaults", "event_info", "partition_key", "share_envelope", "json_name", "marshal_json", "unmarshal_json", "marshal_text",
	// methods and members of protoc-gen-go
	"proto_reflect", "proto_message", "reset", "string", "descriptor", "marshal", "unmarshal", "extension_map", "state", "size_cache",
	"unknown_fields", "xxx_unrecognized",
	// members of generated structs
	"nulls", "unknown", "additional", "other", "nulls_", "unknown_", "additional_", "validate_", "reset_",
	// parameters and variables of generated methods, packages that they import, words of Go
	"x", "b", "r", "v", "e", "i", "k", "o", "m", "n", "d", "t", "err", "ok", "now", "env", "room", "fields", "seen", "got", "set", "text",
	"nil", "len", "append", "error", "any", "int", "float64", "true", "func", "type", "range", "import", "package", "var", "map", "chan",
	"strconv", "time", "trestle", "jsonio", "wire", "math", "slices",
	// words and builtins of Python
	"class", "def", "None", "True", "False", "async", "await", "lambda", "from", "is", "not", "pass", "global", "yield", "match", "case",
	"str", "bool", "bytes", "list", "dict", "object", "tuple", "frozenset", "property", "classmethod", "super", "self", "cls",
	"print", "id", "hash", "format", "vars", "float",
	// members of pydantic's models
	"model_config", "model_fields", "model_fields_set", "model_extra", "model_computed_fields", "model_dump", "model_dump_json",
	"model_copy", "model_construct", "model_validate", "model_validate_json", "model_rebuild", "model_post_init", "model_json_schema",
	"model_validator", "model_parametrized_name", "copy", "json", "schema", "schema_json", "construct", "parse_obj", "parse_raw",
	"from_orm", "update_forward_refs", "dunder_class",
	// members of generated models, names that their modules import
	"to_json", "from_json", "to_record", "checked", "checks", "formats", "variants", "topics", "EVENT", "NULL_OR_ABSENT",
	"ZERO_IS_ABSENT", "NULL_IS_VALUE", "DEFAULT_IS_NOW", "BaseModel", "Model", "Event", "EventInfo", "Field", "Any", "Enum", "UUID",
	"Uuid", "Text", "Int32", "Annotated", "ClassVar", "ConfigDict", "Self", "SORTED", "SCHEMAS", "JsonObject", "Timestamp", "datetime",
	"Discriminator", "Tag", "Final", "annotations",
}

// JSONNames are names that only JSON Schema's properties can have.
var JSONNames = []string{
	"_id", "__class__", "__init__", "__dict__", "__pydantic_extra__", "__hash__", "_members", "_normalise", "_check_left",
	"_check_choices", "", " ", "$ref", "@type", "+1", "-1", "<", ">=", "a-b", "a.b", "a b", "9lives", "größe", "名前", "naïve", "ß",
	"quote\"quote", "back\\slash", "tick`tick", "new\nline", "\"\"\"", "{{x}}", "%s", "%d%v", "*/", "//", "#", "'", "\u2028", "é",
	"e\u0301", "ﬁ", "ª", "🙂",
}

// Pairs are names of which two may be one name in Go or Python.
var Pairs = [][]string{
	{"created_at", "createdAt", "CreatedAt", "created-at"}, {"id", "_id", "id_", "Id"}, {"+1", "-1", "1", "_1"}, {"<", "<=", ">", ">=", "=", "!="},
	{"x", "get_x", "getX"}, {"validate", "Validate", "validate_"}, {"class", "class_", "Class"}, {"json", "json_", "JSON"},
	{"in", "In", "in_"}, {"a b", "a-b", "a_b", "aB"}, {"größe", "gr-e", "gr e"}, {"北京", "上海", "東京"}, {"é", "e\u0301", "e"},
	{"", "_", "__", "___"}, {"unknown", "unknown_", "Unknown"}, {"field_1", "1", "_1"},
}

// Words are names of packages and folders that languages and tools have taken, the hardest first.
var Words = []string{
	"func", "import", "main", "internal", "vendor", "string", "x", "err", "strconv", "schemas", "topics", "class", "async", "list", "init", "checks",
	"type", "range", "testdata", "test", "orders_test", "error", "nil", "len", "append", "any", "int", "time", "math", "slices", "fmt", "regexp",
	"sync", "context", "trestle", "jsonio", "wire", "format", "proto", "protojson", "timestamppb", "protobin", "protowire", "jsonvalidate",
	"celvalidate", "groups", "event_types", "b", "r", "v", "e", "ok", "now", "env", "keys", "none", "lambda", "def", "is", "pydantic", "enum", "typing",
	"formats", "variants", "model", "types", "support", "v1", "linux", "amd64", "go", "py", "python", "gen", "json",
}

// Folders are names that only folders of JSON Schemas can have.
var Folders = []string{"2fast", "a-b", "None", "True", "my.orders", "_hidden", "UPPER", "func_", "x_test", "__init__", "__pycache__"}

// one picks an item.
func one[T any](rng *rand.Rand, items []T) T { return items[rng.IntN(len(items))] }

// Random returns n sets of schemas: each has a file of protobuf and one of JSON Schema.
func Random(seed uint64, n int) []Schemas {
	var out []Schemas
	for i := range n {
		rng := rand.New(rand.NewPCG(seed, uint64(i)))
		out = append(out, Schemas{Name: fmt.Sprintf("random%d", i), Files: map[string][]byte{
			"acme/proto/v1/all.proto": []byte(proto(rng)),
			"acme/json/v1/all.json":   []byte(jsonSchema(rng)),
		}})
	}
	return out
}
