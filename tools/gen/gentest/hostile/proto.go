package hostile

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
)

// kind is what a field of protobuf may be: its type, and rules and defaults that fit.
type kind struct {
	name     string
	rules    []string // of buf.validate.field, after the type's name
	rule     string   // the type's name there
	defaults []string // for a field with presence
}

// kinds are the kinds of fields.
var kinds = func() []kind {
	var out []kind
	for _, name := range []string{
		"double", "float", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32", "fixed64", "sfixed32", "sfixed64",
	} {
		k := kind{name: name, rule: name, defaults: []string{"1", "0"}}
		k.rules = append(k.rules, "gt: 1", "gte: 2", "lt: 100", "lte: 9", "const: 3", "in: [1, 2]", "not_in: [7]", "gt: 9 lt: 2",
			"in: ["+counted(100)+"]", "not_in: [5, 5]")
		if name == "double" || name == "float" {
			k.rules = append(k.rules, "finite: true", "gte: -inf", "lt: inf")
			k.defaults = append(k.defaults, "0.5")
		}
		out = append(out, k)
	}
	out = append(out,
		kind{name: "bool", rule: "bool", rules: []string{"const: true", "const: false"}, defaults: []string{"true", "false"}},
		kind{name: "string", rule: "string", defaults: []string{`\"a\"`, `\"\"`}, rules: []string{
			"min_len: 1", "max_len: 9", "len: 2", "min_bytes: 1", "max_bytes: 9", "len_bytes: 3", `pattern: "^[a-z]+$"`, `pattern: "(?i)x"`,
			`prefix: "a"`, `suffix: "b"`, `contains: "\"c\\"`, "not_contains: \"`\"", `in: ["a", "b\n"]`, `not_in: ["c"]`, `const: "\"\\"`,
			"email: true", "uuid: true", "tuuid: true", "ip: true", "hostname: true", "uri: true", "uri_ref: true", "address: true",
			"host_and_port: true", "well_known_regex: KNOWN_REGEX_HTTP_HEADER_NAME", "ip_prefix: true",
		}},
		kind{name: "bytes", rule: "bytes", rules: []string{
			"min_len: 1", "max_len: 9", "len: 2", `prefix: "a"`, `suffix: "\x00"`, `contains: "c"`, `in: ["a", "b"]`, `not_in: ["\xff"]`,
			`const: "x"`, "ip: true", "uuid: true", `pattern: "^a"`,
		}},
		kind{name: "Mood", rule: "enum", rules: []string{"defined_only: true", "in: [1, 2]", "not_in: [0]", "const: 1"}, defaults: []string{`\"MOOD_GOOD\"`}},
		kind{name: "Alias", rule: "enum", rules: []string{"defined_only: true", "in: [1, 1, 7]", "not_in: [0, 0]"}}, kind{name: "Inner.Deep"}, kind{name: "Inner"}, kind{name: "Empty"}, kind{name: "All"}, kind{name: "Inner.Nested"},
		kind{name: "google.protobuf.Timestamp", rule: "timestamp", defaults: []string{"now"}, rules: []string{
			"lt_now: true", "gt_now: true", "within: {seconds: 60}", "gt: {seconds: 1} lt: {seconds: 9}", "const: {seconds: 5, nanos: 1}",
		}},
		kind{name: "google.protobuf.Duration", rule: "duration", rules: []string{
			"gt: {seconds: 1}", "lte: {seconds: 9}", "in: [{seconds: 1}, {nanos: 5}]", "const: {seconds: 3}", "not_in: [{seconds: 4}]",
		}},
		kind{name: "google.protobuf.Any", rule: "any", rules: []string{`in: ["a/b"]`, `not_in: ["c/d"]`}},
		kind{name: "google.protobuf.FieldMask", rule: "field_mask", rules: []string{`in: ["a"]`, `not_in: ["b"]`, `const: {paths: "a"}`}},
		kind{name: "google.protobuf.Empty"}, kind{name: "google.protobuf.Struct"}, kind{name: "google.protobuf.Value"},
		kind{name: "google.protobuf.ListValue"}, kind{name: "trestle.v1.JsonObject", defaults: []string{"{}"}},
	)
	for _, wrapper := range []string{"Bool", "Bytes", "Double", "Float", "Int32", "Int64", "String", "UInt32", "UInt64"} {
		i := slices.IndexFunc(out, func(k kind) bool { return k.name == strings.ToLower(wrapper) })
		out = append(out, kind{name: "google.protobuf." + wrapper + "Value", rule: out[i].rule, rules: out[i].rules})
	}
	return out
}()

// keys are the kinds of maps' keys.
var keys = []string{
	"string", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32", "fixed64", "sfixed32", "sfixed64",
}

const protoHead = `%s
// All of it.
package %s;

import "buf/validate/validate.proto";
import "google/protobuf/any.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/empty.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
import "trestle/v1/json.proto";
import "trestle/v1/options.proto";
`

const protoTypes = `
enum Mood {
  MOOD_UNSPECIFIED = 0;
  MOOD_GOOD = 1;
  MOOD_BAD = 2 [(trestle.v1.enum_value).json_name = "b\"ad"];
}
enum Alias {
  option allow_alias = true;
  ALIAS_UNSPECIFIED = 0;
  ALIAS_A = 1 [(trestle.v1.enum_value).json_name = "a"];
  ALIAS_AA = 1 [(trestle.v1.enum_value).json_name = "a"];
  ALIAS_B = 7;
}
message Empty {}
message Inner {
  enum Deep { DEEP_UNSPECIFIED = 0; DEEP_LOW = -5; }
  message Nested { string text = 1 [(buf.validate.field).string.min_len = 2]; }
  message Plain { int32 plain = 1; }
  Nested nested = 1;
  map<string, Nested> by_name = 2;
  Plain plain = 3;
}
`

// proto is a file with a message of many kinds, an event.
func proto(rng *rand.Rand) string {
	var b strings.Builder
	fmt.Fprintf(&b, protoHead, `syntax = "proto3";`, "acme.proto.v1")
	encoding := one(rng, []string{"JSON", "PROTOBUF"})
	fmt.Fprintf(&b, "option (trestle.v1.family) = { envelope: ENVELOPE_%s };\n", one(rng, []string{"NONE", "ONEX_V1", "BASE_EVENT"}))
	b.WriteString(protoTypes)
	b.WriteString("message All {\n")
	fmt.Fprintf(&b, "  option (trestle.v1.event) = { topic: \"all\" key: \"text_of_key\" encoding: ENCODING_%s };\n", encoding)
	b.WriteString("  string text_of_key = 1000;\n")
	writeFields(&b, rng, one(rng, []int{0, 1, 2, 3, 8, 20, 70}), 1)
	b.WriteString("}\n")
	return b.String()
}

// writeFields writes n fields of random kinds, some of them in a oneof.
func writeFields(b *strings.Builder, rng *rand.Rand, n, number int) {
	for i := range n {
		k := one(rng, kinds)
		name := fmt.Sprintf("f%d", i)
		if rng.IntN(8) == 0 {
			name = fmt.Sprintf("%s_%d", one(rng, Names), i)
		}
		number++
		switch rng.IntN(6) {
		case 0:
			fmt.Fprintf(b, "  repeated %s %s = %d%s;\n", k.name, name, number, options(rng, repeatedRules(rng, k)))
		case 1:
			key := one(rng, keys)
			fmt.Fprintf(b, "  map<%s, %s> %s = %d%s;\n", key, k.name, name, number, options(rng, mapRules(rng, key, k)))
		case 2:
			fmt.Fprintf(b, "  oneof choice%d {\n", i)
			if rng.IntN(3) == 0 {
				b.WriteString("    option (buf.validate.oneof).required = true;\n")
			}
			fmt.Fprintf(b, "    %s %s = %d%s;\n", k.name, name, number, options(rng, fieldRules(rng, k, "")))
			number++
			other := one(rng, kinds)
			fmt.Fprintf(b, "    %s %s_too = %d%s;\n  }\n", other.name, name, number, options(rng, fieldRules(rng, other, "")))
		case 3:
			rules := fieldRules(rng, k, "")
			if len(k.defaults) > 0 && rng.IntN(2) == 0 {
				rules = append(rules, fmt.Sprintf(`(trestle.v1.field).default = "%s"`, one(rng, k.defaults)))
			}
			fmt.Fprintf(b, "  optional %s %s = %d%s;\n", k.name, name, number, options(rng, rules))
		default:
			fmt.Fprintf(b, "  %s %s = %d%s;\n", k.name, name, number, options(rng, fieldRules(rng, k, "")))
		}
	}
}

func options(rng *rand.Rand, rules []string) string {
	switch rng.IntN(12) {
	case 0:
		rules = append(rules, "(trestle.v1.field).sensitive = true")
	case 1:
		rules = append(rules, "deprecated = true")
	}
	if len(rules) == 0 {
		return ""
	}
	return " [" + strings.Join(rules, ", ") + "]"
}

func fieldRules(rng *rand.Rand, k kind, below string) []string {
	var out []string
	at := "(buf.validate.field)." + below
	if len(k.rules) > 0 && rng.IntN(2) == 0 {
		path := at + k.rule
		out = append(out, path+" = {"+one(rng, k.rules)+"}")
	}
	switch rng.IntN(10) {
	case 0:
		if below == "" {
			out = append(out, at+"required = true")
		}
	case 1:
		out = append(out, at+"ignore = IGNORE_IF_ZERO_VALUE")
	case 2:
		out = append(out, at+"ignore = IGNORE_ALWAYS")
	case 3:
		if below == "" {
			out = append(out, at+`cel = {id: "c", expression: "true"}`)
		}
	}
	return out
}

func repeatedRules(rng *rand.Rand, k kind) []string {
	out := fieldRules(rng, k, "repeated.items.")
	if rng.IntN(3) == 0 {
		out = append(out, "(buf.validate.field).repeated."+one(rng, []string{"min_items = 1", "max_items = 3"}))
	}
	return out
}

func mapRules(rng *rand.Rand, key string, k kind) []string {
	out := fieldRules(rng, k, "map.values.")
	for _, candidate := range kinds {
		if candidate.name == key && rng.IntN(3) == 0 {
			out = append(out, fieldRules(rng, candidate, "map.keys.")...)
		}
	}
	if rng.IntN(3) == 0 {
		out = append(out, "(buf.validate.field).map."+one(rng, []string{"min_pairs = 1", "max_pairs = 3"}))
	}
	return out
}
