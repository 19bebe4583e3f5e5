package hostile

import (
	"fmt"
	"strings"
)

// Edges returns sets at the edges of what languages can write: numbers that no type holds, texts that no source has, and
// the older forms of protobuf.
func Edges() []Schemas {
	return []Schemas{
		{"numbers", map[string][]byte{"acme/json/v1/numbers.json": []byte(jsonNumbers()), "acme/proto/v1/numbers.proto": []byte(protoNumbers)}},
		{"texts", map[string][]byte{"acme/json/v1/texts.json": []byte(jsonTexts()), "acme/proto/v1/texts.proto": []byte(protoTexts)}},
		{"older", map[string][]byte{"acme/proto/v1/older.proto": []byte(proto2), "acme/proto/v1/edition.proto": []byte(edition)}},
		{"talks", map[string][]byte{"acme/talk/v1/talk.proto": []byte(talk), "acme/answer/v1/answer.proto": []byte(answer)}},
	}
}

// jsonNumbers has bounds, lists, lengths and defaults that are beyond the Go type of their values.
func jsonNumbers() string {
	var properties []string
	add := func(schema string) {
		properties = append(properties, fmt.Sprintf(`"p%d":%s,"list%d":{"type":"array","items":%s}`, len(properties), schema, len(properties), schema))
	}
	for _, format := range []string{"", `,"format":"int32"`, `,"format":"int64"`} {
		for _, n := range []string{"0", "-1", "2147483647", "-2147483648", "2147483648", "-5000000000", "9007199254740993", "9223372036854775807"} {
			add(`{"type":"integer"` + format + `,"multipleOf":` + strings.ReplaceAll(strings.TrimPrefix(n, "-"), "0", "1") + `,"const":` + n + `}`)
			add(`{"type":"integer"` + format + `,"enum":[` + n + `,1,` + n + `.0],"not":{"enum":[` + n + `]}}`)
			for _, low := range []string{"-1e300", n} {
				add(`{"type":"integer"` + format + `,"minimum":` + low + `,"maximum":1e300}`)
			}
			add(`{"type":"integer"` + format + `,"exclusiveMaximum":` + n + `}`)
		}
	}
	for _, format := range []string{"", `,"format":"float"`, `,"format":"double"`} {
		for _, n := range []string{"0", "-0.0", "0.1", "1e39", "-1e39", "1e300", "16777217", "1e-50"} {
			add(`{"type":"number"` + format + `,"minimum":-1e399,"maximum":` + n + `}`)
			add(`{"type":"number"` + format + `,"exclusiveMinimum":` + n + `,"exclusiveMaximum":1e399}`)
			add(`{"type":"number"` + format + `,"enum":[` + n + `,` + n + `,3]}`)
		}
		add(`{"type":"number"` + format + `,"multipleOf":0.5,"const":1.5}`)
		add(`{"type":"number"` + format + `,"multipleOf":3}`)
	}
	for _, n := range []string{"0", "1", "2147483647", "2147483648", "18446744073709551615"} {
		add(`{"type":"string","minLength":` + n + `,"maxLength":` + n + `}`)
		add(`{"type":"array","items":{"type":"string"},"minItems":` + n + `,"maxItems":` + n + `}`)
		add(`{"type":"object","minProperties":` + n + `,"maxProperties":` + n + `}`)
		add(`{"type":"object","additionalProperties":{"type":"string"},"minProperties":` + n + `,"maxProperties":` + n + `}`)
	}
	for _, d := range []string{
		`{"type":"integer","format":"int32","default":-2147483648}`, `{"type":"integer","default":9223372036854775807}`, `{"type":"integer","default":1e3}`,
		`{"type":"number","default":1e300}`, `{"type":"number","format":"float","default":1e30}`, `{"type":"number","default":-0.0}`,
	} {
		add(d)
	}
	for i := range properties { // a default is for a property
		if strings.Contains(properties[i], `"default"`) {
			properties[i], _, _ = strings.Cut(properties[i], `,"list`)
		}
	}
	return strings.Replace(object("Numbers", strings.Join(properties, ",\n")), `"type":"object"`, `"minProperties":18446744073709551615,"x-trestle":{"event":{"type":"numbers","topic":"numbers"}},"type":"object"`, 1)
}

const protoNumbers = `syntax = "proto3";
package acme.proto.v1;
import "buf/validate/validate.proto";
import "trestle/v1/options.proto";
message Numbers {
  optional int32 a = 1 [(trestle.v1.field).default = "-2147483648"];
  optional uint32 b = 2 [(trestle.v1.field).default = "4294967295"];
  optional int64 c = 3 [(trestle.v1.field).default = "-9223372036854775808"];
  optional uint64 d = 4 [(trestle.v1.field).default = "18446744073709551615"];
  optional float e = 5 [(trestle.v1.field).default = "3.4e38"];
  optional double f = 6 [(trestle.v1.field).default = "-1e300"];
  string g = 7 [(buf.validate.field).string = {max_len: 18446744073709551615 max_bytes: 18446744073709551615}];
  bytes h = 8 [(buf.validate.field).bytes = {max_len: 18446744073709551615 min_len: 18446744073709551615}];
  repeated string i = 9 [(buf.validate.field).repeated = {max_items: 18446744073709551615}];
  map<string, string> j = 10 [(buf.validate.field).map = {max_pairs: 18446744073709551615 min_pairs: 5000000000}];
  string k = 11 [(buf.validate.field).string = {min_len: 5000000000}];
  string l = 12 [(buf.validate.field).string = {len: 5000000000}];
  uint64 m = 13 [(buf.validate.field).uint64 = {lt: 18446744073709551615 not_in: [18446744073709551614]}];
  float n = 14 [(buf.validate.field).float = {gte: -3.4e38 lte: 3.4e38 in: [0, -0, 1e-45]}];
  double o = 15 [(buf.validate.field).double = {gt: -inf lt: inf not_in: [1.7e308, -0]}];
  int32 p = 16 [(buf.validate.field).int32 = {gte: -2147483648 lte: 2147483647}];
}
`

// texts are what descriptions, names and values may hold and sources may not.
var texts = []string{
	"nul \x00 and escape \x1b", "mark \ufeff of order", "line \u2028 and paragraph \u2029", "carriage\rreturn\r\nand line", "*/ /* // # \"\"\" ''' `",
	"go:build ignore", "+build ignore", "nolint:all", "\\ back \\n slash \\", "%d %s %v %%", "{{.}} ${x} $(x)", "a tab\tand trailing blank ", "\n\nlines\n\n\n",
	"Deprecated: no.", "é ﬁ 🙂 \u202e turned", "type: ignore", "noqa", strings.Repeat("long", 100), "\"quoted\"", "ends in a quote\"", "ends in a slash\\",
}

// jsonTexts has them as descriptions, names, values, patterns and defaults.
func jsonTexts() string {
	var properties []string
	for i, text := range texts {
		q := quoted(text)
		properties = append(properties,
			fmt.Sprintf(`"p%d":{"description":%s,"type":"string","default":%s,"not":{"const":%s}}`, i, q, q, q),
			fmt.Sprintf(`"e%d":{"description":%s,"title":"Values%d","oneOf":[{"const":%s,"description":%s},{"const":"b","title":%s,"deprecated":true}]}`, i, q, i, q, q, q),
			fmt.Sprintf(`"m%d":{"description":%s,"title":"Object%d","type":"object","required":[%s],"properties":{%s:{"description":%s,"type":"string","const":%s,"deprecated":true}}}`, i, q, i, q, q, q, q),
			fmt.Sprintf(`"f%d":{"type":"object","default":{%s:%s}}`, i, q, q),
		)
	}
	for i, pattern := range []string{"^`a`$", `^"\\`, "\n", "\u2028", "[\x00-\x1f]", `^\d+\.\d{2}$`, `(?i:é)`, `^\p{L}+$`, "\ufeff", `'"""'`, `\x00`, `^(a|"b"|\\)$`} {
		properties = append(properties, fmt.Sprintf(`"t%d":{"type":"string","pattern":%s}`, i, quoted(pattern)))
	}
	return strings.Replace(object("Texts", strings.Join(properties, ",\n")), `"type":"object"`, `"x-trestle":{"event":{"type":"texts","topic":"texts"}},"type":"object"`, 1)
}

const protoTexts = `syntax = "proto3";
// Of the package: */ """ and \ and 'quotes'.
package acme.proto.v1;
import "buf/validate/validate.proto";
import "trestle/v1/options.proto";
// +build ignore

// Texts. """ */
// go:build ignore
message Texts {
  option (trestle.v1.event) = { topic: "texts-proto" type: "a/b \"c\"" key: "a" published_by: "\"" };
  // A "quoted" \ one. */
  string a = 1 [(buf.validate.field).string = {const: "\"\\\000\n\xc3\xa9"}, (trestle.v1.field) = {deprecated_reason: "a\nb \"\"\" */" deprecated_since: "1"}];
  string b = 2 [(buf.validate.field).string = {in: ["\x60", "\"", "\\", "\n", "\x00"] prefix: "\x60\"" pattern: "\x60\"\\\\"}];
  optional string c = 3 [(trestle.v1.field).default = "\"a\\u0000\\n\\\"\x60\""];
  bytes d = 4 [(buf.validate.field).bytes = {const: "\xff\x00\"\\" }];
  Mood e = 5;
  map<string, string> f = 6 [(buf.validate.field).map.keys.string = {pattern: "^\"\x60"}];
}
enum Mood {
  MOOD_UNSPECIFIED = 0;
  MOOD_QUOTE = 1 [(trestle.v1.enum_value).json_name = "\"\\\x60\n"];
  MOOD_NONE = 2 [(trestle.v1.enum_value).json_name = "None"];
}
`

const proto2 = `syntax = "proto2";
package acme.proto.v1;
import "google/protobuf/duration.proto";
import "buf/validate/validate.proto";
enum Closed { ZERO = 0; ONE = 1; }
message Older {
  required string name = 1 [(buf.validate.field).string.min_len = 1];
  optional int32 count = 2 [default = 7, (buf.validate.field).int32.gt = 3];
  repeated Closed closed = 3 [packed = true];
  map<string, Closed> by_name = 4;
  optional group Result = 5 { optional string url = 1; repeated Older older = 2; }
  optional Closed state = 6 [default = ONE];
  optional bytes data = 7 [default = "\001\"x"];
  optional double infinite = 8 [default = inf];
  optional float none = 9 [default = nan];
  optional google.protobuf.Duration wait = 10;
  oneof choice { string a = 11; Closed b = 12; group Pair = 13 { required int32 left = 1; } }
  extensions 100 to 199;
}
extend Older { optional string more = 100; repeated Older others = 101; }
message Scope { extend Older { optional Scope scope = 102; } optional int64 after = 1; }
`

const edition = `edition = "2023";
package acme.proto.v1;
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
import "buf/validate/validate.proto";
option features.field_presence = IMPLICIT;
enum Shut { option features.enum_type = CLOSED; SHUT_ZERO = 0; SHUT_ONE = 1; }
message Edition {
  string name = 1 [(buf.validate.field).string.min_len = 1];
  int32 count = 2 [features.field_presence = EXPLICIT, default = 5];
  bytes data = 3 [features.field_presence = LEGACY_REQUIRED];
  repeated int32 numbers = 4 [features.repeated_field_encoding = EXPANDED];
  Edition inner = 5 [features.message_encoding = DELIMITED];
  repeated Edition list = 6 [features.message_encoding = DELIMITED];
  string raw = 7 [features.utf8_validation = NONE];
  Shut shut = 8 [features.field_presence = EXPLICIT];
  google.protobuf.Timestamp at = 9;
  google.protobuf.Int32Value wrapped = 10 [(buf.validate.field).int32.gte = 0];
  float ratio = 11 [features.field_presence = EXPLICIT, (buf.validate.field).float.finite = true];
  map<int32, Edition> by_number = 12;
}
`

const talk = `syntax = "proto3";
package acme.talk.v1;
import "trestle/v1/options.proto";
message Request { option (trestle.v1.event) = { topic: "ask" role: ROLE_REQUEST reply: "Response" }; string id = 1; }
message Response { option (trestle.v1.event) = { topic: "ask.answer" role: ROLE_RESPONSE }; string id = 1; }
message CtxRequest { option (trestle.v1.event) = { topic: "ask-ctx" role: ROLE_REQUEST reply: "Elsewhere" }; string id = 1; }
message Caller { option (trestle.v1.event) = { topic: "ask_ctx" role: ROLE_REQUEST reply: "Elsewhere" }; string id = 1; }
`

const answer = `syntax = "proto3";
package acme.answer.v1;
import "trestle/v1/options.proto";
message Elsewhere { option (trestle.v1.event) = { topic: "ask.ctx" role: ROLE_RESPONSE }; string id = 1; }
`
