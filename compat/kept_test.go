package compat_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/omninode/trestle/compat"
	"github.com/omninode/trestle/tools/schema"
)

// TestKept holds what random evolutions once showed: breaks that were passed over, and findings where nothing breaks.
func TestKept(t *testing.T) {
	t.Parallel()
	const (
		enumE = `enum E { E_A = 0; E_B = 1; E_C = 2 [(trestle.v1.enum_value).json_name = "c"]; }`
		moreE = `enum E { E_A = 0; E_B = 1; E_C = 2 [(trestle.v1.enum_value).json_name = "c"]; E_D = 3; }`
	)
	tests := []struct {
		name     string
		old, new string
		want     []string
	}{
		{
			name: "a default that its own rules refuse",
			old:  `message A { bool f = 1 [(buf.validate.field).bool.const = false]; }`,
			new:  `message A { bool f = 1 [(buf.validate.field).bool.const = false, (trestle.v1.field).default = "true"]; }`,
			want: []string{"FIELD_DEFAULT_CHANGED backward json+protobuf"},
		},
		{
			name: "a changed default that its own rules refuse",
			old:  `message A { optional int32 f = 1 [(buf.validate.field).int32.lte = 9, (trestle.v1.field).default = "8"]; }`,
			new:  `message A { optional int32 f = 1 [(buf.validate.field).int32.lte = 9, (trestle.v1.field).default = "10"]; }`,
			want: []string{"FIELD_DEFAULT_CHANGED backward json+protobuf"},
		},
		{
			name: "a changed default whose rules nobody asks",
			old: `message A { B b = 1 [(buf.validate.field).ignore = IGNORE_ALWAYS]; }
message B { optional int32 f = 1 [(buf.validate.field).int32.lte = 7, (trestle.v1.field).default = "8"]; }`,
			new: `message A { B b = 1 [(buf.validate.field).ignore = IGNORE_ALWAYS]; }
message B { optional int32 f = 1 [(buf.validate.field).int32.lte = 7, (trestle.v1.field).default = "9"]; }`,
			want: []string{"FIELD_DEFAULT_CHANGED backward+forward json+protobuf"},
		},
		{
			name: "a default that holds something instead of none, and others that are written alike as text",
			old: `message A { repeated string f = 1 [(trestle.v1.field).default = "[\"\"]"]; repeated string g = 2 [(trestle.v1.field).default = "[\"a b\"]"];
repeated int64 h = 3 [(trestle.v1.field).default = "[9007199254740992]"]; repeated double i = 4 [(trestle.v1.field).default = "[1.0]"]; }`,
			new: `message A { repeated string f = 1; repeated string g = 2 [(trestle.v1.field).default = "[\"a\", \"b\"]"];
repeated int64 h = 3 [(trestle.v1.field).default = "[9007199254740993]"]; repeated double i = 4 [(trestle.v1.field).default = "[1]"]; }`,
			want: slices.Repeat([]string{"FIELD_DEFAULT_CHANGED backward+forward json+protobuf"}, 3),
		},
		{
			name: "a required field, whose rules nobody asks, that tells zero from absent now",
			old: `message A { B b = 1 [(buf.validate.field).ignore = IGNORE_ALWAYS]; }
message B { E f = 1 [(buf.validate.field).required = true]; }` + enumE,
			new: `message A { B b = 1 [(buf.validate.field).ignore = IGNORE_ALWAYS]; }
message B { optional E f = 1; }` + enumE,
			want: []string{"FIELD_REQUIRED_REMOVED forward json+protobuf"},
		},
		{
			name: "a default where zero was a value",
			old:  `message A { int32 f = 1; }`,
			new:  `message A { int32 f = 1 [(trestle.v1.field).default = "3"]; }`,
			want: []string{"FIELD_DEFAULT_CHANGED backward json+protobuf"},
		},
		{
			name: "a default of zero is as good as none",
			old:  `message A { int32 f = 1 [(trestle.v1.field).default = "0"]; }`,
			new:  `message A { int32 f = 1; }`,
		},
		{
			name: "fields of a oneof among the rules of a message are validated where they are set",
			old:  `message A { option (buf.validate.message).oneof = {fields: ["f"]}; int32 f = 1 [(buf.validate.field).int32.gte = 2]; }`,
			new:  `message A { option (buf.validate.message).oneof = {fields: ["f"]}; int32 f = 1 [(buf.validate.field).int32.gte = 2]; int32 g = 2; }`,
		},
		{
			name: "no integer between two bounds",
			old:  `message A { optional uint64 f = 1 [(buf.validate.field).uint64 = {gt: 2 lt: 3}]; }`,
			new:  `message A { optional uint64 f = 1; }`,
			want: []string{"CONSTRAINT_LOOSENED forward json+protobuf"},
		},
		{
			name: "an enum in two fields, of which the second takes declared numbers only",
			old:  `message A { repeated E f = 1; optional E g = 2 [(buf.validate.field).enum.defined_only = true]; }` + enumE,
			new:  `message A { repeated E f = 1; optional E g = 2 [(buf.validate.field).enum.defined_only = true]; }` + moreE,
			want: []string{"ENUM_VALUE_ADDED forward json+protobuf"},
		},
		{
			name: "another number for a field that is zero in every event, and so never written",
			old:  `message A { int32 f = 1 [(buf.validate.field).int32.const = 0]; }`,
			new:  `message A { int32 f = 2 [(buf.validate.field).int32.const = 0]; }`,
		},
		{
			name: "another number for a field that may be zero, and is written then",
			old:  `message A { optional int32 f = 1 [(buf.validate.field).int32.const = 0]; }`,
			new:  `message A { optional int32 f = 2 [(buf.validate.field).int32.const = 0]; }`,
			want: []string{"FIELD_RENUMBERED backward+forward protobuf"},
		},
		{
			name: "another name for a field that is empty in every event",
			old:  `message A { string f = 1 [(buf.validate.field).string.max_len = 0]; }`,
			new:  `message A { string g = 1 [(buf.validate.field).string.max_len = 0]; }`,
		},
		{
			name: "another number deep in a message that no valid event has",
			old:  `message A { B b = 1; } message B { int32 f = 1; string x = 9 [(buf.validate.field).required = true, (buf.validate.field).string.max_len = 0]; }`,
			new:  `message A { B b = 1; } message B { int32 f = 2; string x = 9 [(buf.validate.field).required = true, (buf.validate.field).string.max_len = 0]; }`,
		},
		{
			name: "another number deep in a message",
			old:  `message A { B b = 1; } message B { C c = 1 [(buf.validate.field).required = true]; } message C { int32 f = 1; }`,
			new:  `message A { B b = 1; } message B { C c = 1 [(buf.validate.field).required = true]; } message C { int32 f = 2; }`,
			want: []string{"FIELD_RENUMBERED backward+forward protobuf"},
		},
		{
			name: "an enum value that the rules of its only field keep out",
			old:  `message A { E f = 1 [(buf.validate.field).enum = {in: [1, 2]}]; }` + enumE,
			new:  `message A { E f = 1 [(buf.validate.field).enum = {in: [1, 2]}]; }` + moreE,
		},
		{
			name: "a oneof that need not be set any more, as it is gone",
			old:  `message A { oneof o { option (buf.validate.oneof).required = true; bytes f = 1; } int32 g = 2; }`,
			new:  `message A { optional bytes f = 1; int32 g = 2; }`,
			want: []string{"CONSTRAINT_LOOSENED forward json+protobuf"},
		},
		{
			name: "a oneof that must be set lets another field count",
			old:  `message A { oneof o { option (buf.validate.oneof).required = true; int64 f = 1; } optional string g = 2; }`,
			new:  `message A { oneof o { option (buf.validate.oneof).required = true; int64 f = 1; string g = 2; } }`,
			want: []string{"CONSTRAINT_LOOSENED forward json+protobuf", "FIELD_ONEOF_CHANGED backward json+protobuf"},
		},
		{
			name: "an enum for an integer that takes some numbers only",
			old:  `message A { optional int32 f = 1 [(buf.validate.field).int32 = {in: [0, 1]}]; }`,
			new:  `message A { optional E f = 1; }` + enumE,
			want: []string{"FIELD_TYPE_CHANGED backward+forward json+protobuf"},
		},
		{
			name: "a list and a constant that is not in it",
			old:  `message A { optional int32 g = 1; }`,
			new: `message A { optional int32 g = 1;
			  repeated int32 f = 2 [(buf.validate.field).repeated.items.int32 = {in: [1, 3] const: 2}, (trestle.v1.field).default = "[2]"]; }`,
			want: []string{"FIELD_DEFAULT_CHANGED backward json+protobuf"},
		},
		{
			name: "a message that was not validated",
			old:  `message A { B f = 1 [(buf.validate.field).ignore = IGNORE_ALWAYS]; } message B { int32 g = 1 [(buf.validate.field).int32.lte = 3]; }`,
			new:  `message A { B f = 1; } message B { int32 g = 1 [(buf.validate.field).int32.lte = 3]; }`,
			want: []string{"MESSAGE_NOT_READ backward json+protobuf"},
		},
		{
			name: "a wrapper is a text in JSON, and no message",
			old:  `message A { google.protobuf.StringValue f = 1; }`,
			new:  `message A { B f = 1; } message B { optional string value = 1; }`,
			want: []string{"FIELD_TYPE_CHANGED backward+forward json+protobuf"},
		},
		{
			name: "out of a oneof, with a default beside the zero of an enum",
			old:  `message A { oneof o { E f = 1; } }` + enumE,
			new:  `message A { E f = 1 [(trestle.v1.field).default = "\"c\""]; }` + enumE,
			want: []string{"FIELD_PRESENCE_CHANGED backward json+protobuf"},
		},
		{
			name: "zero that is set in a field with presence is validated",
			old:  `message A { optional bool f = 1 [(buf.validate.field) = {ignore: IGNORE_IF_ZERO_VALUE bool: {const: true}}]; }`,
			new:  `message A { optional bool f = 1; }`,
			want: []string{"CONSTRAINT_LOOSENED forward json+protobuf"},
		},
		{
			name: "an exact length beside a least one",
			old:  `message A { optional string f = 1 [(buf.validate.field).string = {len: 2 min_len: 3}]; }`,
			new:  `message A { optional string f = 1 [(buf.validate.field).string = {len: 2}]; }`,
			want: []string{"CONSTRAINT_LOOSENED forward json+protobuf"},
		},
		{
			name: "defaults within messages are filled in, in binary too",
			old:  `message A { optional B f = 1; } message B { optional int32 g = 1; }`,
			new: `message A { optional B f = 1; } message B { optional int32 g = 1;
			  optional string h = 2 [(buf.validate.field).required = true, (trestle.v1.field).default = "\"a\""]; }`,
		},
		{
			name: "a message that is part of itself, and of no other",
			old:  `message A { oneof o { option (buf.validate.oneof).required = true; int32 f = 1; B g = 2; } } message B { A h = 1; }`,
			new:  `message A { oneof o { option (buf.validate.oneof).required = true; int32 f = 1; } B g = 2; } message B { A h = 1; }`,
			want: []string{"CONSTRAINT_TIGHTENED backward json+protobuf", "FIELD_ONEOF_CHANGED forward json+protobuf"},
		},
		{
			name: "a prefix and a suffix for listed texts, which all have the prefix",
			old:  `message A { map<string, string> f = 1 [(buf.validate.field).map.values.string = {in: ["a", "ab"]}]; }`,
			new:  `message A { map<string, string> f = 1 [(buf.validate.field).map.values.string = {prefix: "a" suffix: "b"}]; }`,
			want: []string{"CONSTRAINT_LOOSENED forward json+protobuf", "CONSTRAINT_TIGHTENED backward json+protobuf"},
		},
		{
			name: "a least number of items beside another type of items",
			old:  `message A { repeated int32 f = 1 [(buf.validate.field) = {required: true repeated: {items: {int32: {const: 1}} min_items: 1}}]; }`,
			new:  `message A { repeated E f = 1; }` + enumE,
			want: []string{"CONSTRAINT_LOOSENED forward json+protobuf", "FIELD_REQUIRED_REMOVED forward json+protobuf", "FIELD_TYPE_CHANGED backward+forward json+protobuf"},
		},
		{
			name: "out of a oneof, with a default for what no event lacks",
			old:  `message A { oneof o { bytes f = 1 [(buf.validate.field) = {required: true bytes: {prefix: "a"}}]; } }`,
			new:  `message A { bytes f = 1 [(buf.validate.field) = {required: true bytes: {prefix: "a"}}, (trestle.v1.field).default = "\"YWI=\""]; }`,
			want: []string{"FIELD_REQUIRED_REMOVED forward json+protobuf"},
		},
		{
			name: "a message that stands before the only one that has it, and has it in no event",
			old:  `message B { repeated int32 f = 1 [(buf.validate.field).repeated.min_items = 1]; } message A { B b = 1; string x = 9 [(buf.validate.field).required = true, (buf.validate.field).string.max_len = 0]; }`,
			new:  `message B { repeated int32 f = 1; } message A { B b = 1; string x = 9 [(buf.validate.field).required = true, (buf.validate.field).string.max_len = 0]; }`,
		},
		{
			name: "a rule that the default of a writer keeps, and not every writer fills in",
			old:  `message A { B b = 1; } message B { int64 f = 1 [(buf.validate.field).int64.gt = 0]; }`,
			new:  `message A { B b = 1; } message B { int64 f = 1 [(buf.validate.field).int64.gt = 0, (trestle.v1.field).default = "3"]; }`,
			want: []string{"MESSAGE_NOT_READ forward json+protobuf"},
		},
		{
			name: "a value of an enum in a map of whose keys there are rules",
			old:  `message A { map<string, E> f = 1 [(buf.validate.field).map = {min_pairs: 2 keys: {string: {prefix: "ab" not_contains: "aba"}} values: {enum: {not_in: [1]}}}]; }` + enumE,
			new:  `message A { map<string, E> f = 1 [(buf.validate.field).map = {min_pairs: 2 keys: {string: {prefix: "ab" not_contains: "aba"}} values: {enum: {not_in: [1]}}}]; }` + moreE,
			want: []string{"ENUM_VALUE_ADDED forward json"},
		},
		{
			name: "a time after another, in a message that no JSON has",
			old:  `message A { B b = 1 [(trestle.v1.field).json_required = true]; } message B { B b = 1 [(trestle.v1.field).json_required = true]; google.protobuf.Timestamp f = 2 [(buf.validate.field).timestamp.gt = {seconds: 1}]; }`,
			new:  `message A { B b = 1 [(trestle.v1.field).json_required = true]; } message B { B b = 1 [(trestle.v1.field).json_required = true]; }`,
			want: []string{"FIELD_REMOVED backward protobuf"},
		},
		{
			name: "a default of an empty object is as good as none",
			old:  `message A { optional trestle.v1.JsonObject f = 1 [(trestle.v1.field).default = "{}"]; }`,
			new:  `message A { trestle.v1.JsonObject f = 1; }`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, f := range compare(t, loadKept(t, tt.old), loadKept(t, tt.new), compat.Options{}).Findings {
				got = append(got, fmt.Sprintf("%s %s %s", f.Rule, f.Breaks, encodings(f.Encodings)))
				if f.Witness == nil {
					t.Errorf("%s has no witness", f.Message())
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("findings differ (-want +got):\n%s", diff)
			}
		})
	}
}

// TestKeptJSON is TestKept for JSON Schema.
func TestKeptJSON(t *testing.T) {
	t.Parallel()
	const head = `{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"A","type":"object","properties":{"f":`
	for name, tt := range map[string]struct {
		old, new string
		want     []string
	}{
		"a map becomes an object with a default that its own rules refuse": {
			`{"type":"object","additionalProperties":{"type":"string","format":"uuid"}}`,
			`{"type":"object","properties":{"c":{"type":"string","format":"uuid","default":"a"}}}`,
			[]string{"DOCUMENT_NOT_READ backward json"},
		},
		"an empty object for a map that holds nothing": {
			`{"type":"object","required":["a"],"properties":{"a":{"type":"string","enum":["1"],"default":"1"}}}`,
			`{"type":"object","additionalProperties":{"type":"string","minLength":2},"maxProperties":0}`,
			[]string{"CONSTRAINT_TIGHTENED backward json", "FIELD_DEFAULT_CHANGED backward json"},
		},
		"a map to numbers for an object with an integer, which a double need not hold": {
			`{"type":"object","properties":{"a":{"type":"integer"}},"additionalProperties":false}`,
			`{"type":"object","additionalProperties":{"type":"number"}}`,
			[]string{"DOCUMENT_NOT_READ forward json", "FIELD_TYPE_CHANGED backward json"},
		},
		"a map to numbers for an object with a small integer": {
			`{"type":"object","properties":{"a":{"type":"integer","minimum":0,"maximum":9}},"additionalProperties":false}`,
			`{"type":"object","additionalProperties":{"type":"number"}}`,
			[]string{"DOCUMENT_NOT_READ forward json"},
		},
		"a map of which an entry gets a default": {
			`{"type":"object","additionalProperties":{"type":"string"}}`,
			`{"type":"object","properties":{"a":{"type":"string","default":"b"}},"additionalProperties":{"type":"string"}}`,
			nil,
		},
		"a map for an object with a default": {
			`{"type":"object","properties":{"a":{"type":"string","default":"b"}},"additionalProperties":{"type":"string"}}`,
			`{"type":"object","additionalProperties":{"type":"string"}}`,
			[]string{"FIELD_DEFAULT_CHANGED backward json"},
		},
		"a free-form object for one with a default": {
			`{"type":"object","properties":{"a":{"type":"string","default":"b"}}}`,
			`{"type":"object"}`,
			[]string{"DOCUMENT_NOT_READ forward json", "FIELD_DEFAULT_CHANGED backward json"},
		},
		"a default that went, and that the rules beside it refused": {
			`{"type":"object","properties":{"a":{"type":"string","const":"b","default":"ab"}}}`,
			`{"type":"object","properties":{"a":{"type":"string","const":"b"}}}`,
			[]string{"FIELD_DEFAULT_CHANGED forward json"},
		},
		"null in an object that no event has": {
			`{"type":"object","properties":{"a":{"type":["string","null"]}},"additionalProperties":false,"minProperties":2}`,
			`{"type":"object","properties":{"a":{"type":"string"}},"additionalProperties":false,"minProperties":2}`,
			nil,
		},
		"closing an object that no event has": {
			`{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"],"anyOf":[{"properties":{"a":{"type":"string"}}}],"additionalProperties":true}`,
			`{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"],"anyOf":[{"properties":{"a":{"type":"string"}}}],"additionalProperties":false}`,
			nil,
		},
		"closing an object that says more than its properties": {
			`{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"],"anyOf":[{"properties":{"a":{"minimum":3}}}],"additionalProperties":true}`,
			`{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"],"anyOf":[{"properties":{"a":{"minimum":3}}}],"additionalProperties":false}`,
			[]string{"MESSAGE_CLOSED backward json"},
		},
		"an object in a property that nothing can have, and among what is not declared": {
			`{"type":"object","properties":{"a":{"$ref":"#/$defs/D"}},"not":{"required":["a"]},"additionalProperties":{"$ref":"#/$defs/D"}},"g":{"type":"boolean"}},"$defs":{"D":{"type":"object","properties":{"x":{"type":"string"}}}`,
			`{"type":"object","properties":{"a":{"$ref":"#/$defs/D"}},"not":{"required":["a"]},"additionalProperties":{"$ref":"#/$defs/D"}},"g":{"type":"integer"}},"$defs":{"D":{"type":"object","properties":{"x":{"type":"string","maxLength":3}}}`,
			[]string{"DOCUMENT_NOT_READ backward json", "FIELD_TYPE_CHANGED backward+forward json"},
		},
		"a pattern beside a property that makes up for it": {
			`{"type":"object","properties":{"a":{"type":"string","pattern":"^[ab]*$"}},"allOf":[{"properties":{"a":{"enum":["a","b"]}}}]}`,
			`{"type":"object","properties":{"a":{"type":"string"}},"allOf":[{"properties":{"a":{"enum":["a","b"]}}}]}`,
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, f := range compare(t, loadText(t, head+tt.old+"}}"), loadText(t, head+tt.new+"}}"), compat.Options{}).Findings {
				got = append(got, fmt.Sprintf("%s %s %s", f.Rule, f.Breaks, encodings(f.Encodings)))
				if f.Witness == nil {
					t.Errorf("%s has no witness", f.Message())
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("findings differ (-want +got):\n%s", diff)
			}
		})
	}
}

// TestUndeclaredObjects holds that what an object loses is told, if as unknown, where it may only stand for what is not declared:
// readers pass that on as it is, and may look into it.
func TestUndeclaredObjects(t *testing.T) {
	t.Parallel()
	text := func(fields string) string {
		return `{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"A","type":"object","properties":{"a":{"$ref":"#/$defs/D"}},` +
			`"not":{"required":["a"]},"additionalProperties":{"$ref":"#/$defs/D"},"$defs":{"D":{"type":"object","properties":{` + fields + `}}}}`
	}
	findings := compare(t, loadText(t, text(`"x":{"type":"string"},"y":{"type":"string"}`)), loadText(t, text(`"x":{"type":"string"}`)), compat.Options{}).Findings
	if len(findings) != 1 || findings[0].Rule != "FIELD_REMOVED" || !findings[0].Unknown {
		t.Errorf("got %+v, want FIELD_REMOVED as unknown", findings)
	}
}

// TestSameText holds that of a file that is the same on both sides there is something to say where it refers to another.
func TestSameText(t *testing.T) {
	t.Parallel()
	const head = `{"$schema":"https://json-schema.org/draft/2020-12/schema",`
	for name, tt := range map[string]struct {
		ref  string
		want []string
	}{
		"to what changed": {"names.json#/$defs/Short", []string{"CONSTRAINT_TIGHTENED p.v1.Order.name"}},
		"to itself":       {"#/$defs/Short", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := func(most int) *schema.Set {
				return loadFiles(t, map[string][]byte{
					"p/v1/order.json": []byte(head + `"title":"Order","type":"object","properties":{"name":{"$ref":"` + tt.ref + `"}},"$defs":{"Short":{"type":"string"}}}`),
					"p/v1/names.json": fmt.Appendf(nil, `%s"$defs":{"Short":{"type":"string","maxLength":%d},"Other":{"type":"object"}}}`, head, most),
				})
			}
			var got []string
			for _, f := range compare(t, files(5), files(3), compat.Options{}).Findings {
				if strings.HasPrefix(f.Path, "p.v1.Order") {
					got = append(got, f.Rule+" "+f.Path)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("findings differ (-want +got):\n%s", diff)
			}
		})
	}
}

// TestOneFinding holds that a rule on what a message wraps, which stands among the constraints and among the rules of its
// type, is found once.
func TestOneFinding(t *testing.T) {
	t.Parallel()
	old := loadKept(t, "message A { google.protobuf.Int32Value n = 1; }")
	new := loadKept(t, "message A { google.protobuf.Int32Value n = 1 [(buf.validate.field).int32.gte = 0]; }")
	findings := compare(t, old, new, compat.Options{}).Findings
	if len(findings) != 1 || findings[0].Rule != "CONSTRAINT_TIGHTENED" {
		t.Errorf("got %d findings, want one: %+v", len(findings), findings)
	}
}

func encodings(list []schema.Encoding) string {
	var out []string
	for _, e := range list {
		out = append(out, string(e))
	}
	return strings.Join(out, "+")
}

func loadKept(t *testing.T, body string) *schema.Set {
	t.Helper()
	return loadProto(t, `syntax = "proto3";
package p.v1;
import "buf/validate/validate.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
import "trestle/v1/json.proto";
import "trestle/v1/options.proto";
`+body)
}

// TestDefaultOfDistinctItems has items get a default by which two that an old event may hold become the same.
func TestDefaultOfDistinctItems(t *testing.T) {
	t.Parallel()
	text := func(unique, field string) string {
		return `{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"A","type":"object","required":["b"],"properties":{
"b":{"type":"array",` + unique + `"items":{"type":"object","properties":{"a":{"type":"string"` + field + `}}}}}}`
	}
	for unique, want := range map[string]string{`"uniqueItems":true,`: "FIELD_DEFAULT_CHANGED backward unknown: true", ``: ""} {
		var got []string
		for _, f := range compare(t, loadText(t, text(unique, "")), loadText(t, text(unique, `,"default":"x"`)), compat.Options{}).Findings {
			got = append(got, fmt.Sprintf("%s %s unknown: %t", f.Rule, f.Breaks, f.Unknown))
		}
		if strings.Join(got, "; ") != want {
			t.Errorf("%q: got %q, want %q", unique, got, want)
		}
	}
}

// TestRootThatSaysMoreThanItsDefinition has a file be one of its definitions, of which the root takes a part.
func TestRootThatSaysMoreThanItsDefinition(t *testing.T) {
	t.Parallel()
	text := func(more string) string {
		return `{"$schema":"https://json-schema.org/draft/2020-12/schema","anyOf":[{"$ref":"#/$defs/r"}],` + more + `"$defs":{"r":{"type":"object","properties":{}}}}`
	}
	for _, more := range []string{`"const":"127.0.0.1",`, `"minProperties":2,`} {
		findings := compare(t, loadText(t, text(more)), loadText(t, text("")), compat.Options{}).Findings
		if len(findings) != 1 || findings[0].Breaks != compat.Forward || findings[0].Witness == nil {
			t.Errorf("%s: got %+v, want a break forward with its event", more, findings)
		}
		if findings := compare(t, loadText(t, text(more)), loadText(t, text(more)), compat.Options{}).Findings; len(findings) > 0 {
			t.Errorf("%s: unchanged, and %+v", more, findings)
		}
	}
}

// TestRootThatMayBeNull has a file describe a message or null.
func TestRootThatMayBeNull(t *testing.T) {
	t.Parallel()
	anyOf := func(more string) string {
		return `{"$schema":"https://json-schema.org/draft/2020-12/schema","anyOf":[{"$ref":"#/$defs/r"}` + more + `],"$defs":{"r":{"type":"object","properties":{"a":{"type":"string"}}}}}`
	}
	typed := func(types string) string {
		return `{"$schema":"https://json-schema.org/draft/2020-12/schema","type":` + types + `,"properties":{"a":{"type":"string"}}}`
	}
	null := anyOf(`,{"type":"null"}`)
	for _, x := range []struct {
		old, new string
		breaks   compat.Direction
	}{
		{anyOf(""), null, compat.Forward},
		{null, anyOf(""), compat.Backward},
		{null, null, 0},
		{anyOf(`,{"type":"integer"}`), null, compat.Backward | compat.Forward},
		{typed(`"object"`), typed(`["object","null"]`), compat.Forward},
	} {
		var breaks compat.Direction
		for _, f := range compare(t, loadText(t, x.old), loadText(t, x.new), compat.Options{}).Findings {
			breaks |= f.Breaks
			if f.Witness == nil {
				t.Errorf("%s\n%s\nno event shows %s", x.old, x.new, f.Message())
			}
		}
		if breaks != x.breaks {
			t.Errorf("%s\n%s\nbreaks %v, want %v", x.old, x.new, breaks, x.breaks)
		}
	}
}
