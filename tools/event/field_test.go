package event_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	trestle "github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/tools/event"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

// TestCheckField judges values of fields by what their schemas say of them, and by nothing that their messages lack.
func TestCheckField(t *testing.T) {
	t.Parallel()
	const format = `{"type":"string","format":"%s"}`
	formatted := func(name string) string { return fmt.Sprintf(format, name) }
	tests := []struct {
		name string
		// field is a protobuf field, named f and numbered 1, or a JSON Schema.
		field, value string
		want         []string // none: valid
	}{
		{"at the lower bound", `int64 f = 1 [(buf.validate.field).int64.gte = 1];`, "1", nil},
		{"below the lower bound", `int64 f = 1 [(buf.validate.field).int64.gte = 1];`, "0", []string{"f int64.gte"}},
		{"at an excluded bound", `{"type":"number","exclusiveMaximum":1}`, "1.0", []string{"f exclusiveMaximum"}},
		{"zero, exempt", `int64 f = 1 [(buf.validate.field) = {ignore: IGNORE_IF_ZERO_VALUE, int64: {gte: 1}}];`, "0", nil},
		{"beyond a double", `{"type":"number"}`, "1e999999999", []string{"f type"}},
		{"a small uint32", `uint32 f = 1;`, "-1", []string{"f type"}},
		{"a large int32", `{"type":"integer","format":"int32"}`, "2147483648", []string{"f type"}},
		{"the largest uint64", `uint64 f = 1;`, "18446744073709551615", nil},
		{"in, by value", `double f = 1 [(buf.validate.field).double = {in: [1, 2.50]}];`, "2.5", nil},
		{"not in", `int64 f = 1 [(buf.validate.field).int64 = {not_in: [3]}];`, "3", []string{"f int64.not_in"}},
		{"const", `{"type":"string","const":"a"}`, `"b"`, []string{"f const"}},
		{"an enum's value that there is not", `{"type":"string","enum":["a","b"]}`, `"c"`, []string{"f enum"}},
		{"length in characters", `string f = 1 [(buf.validate.field).string.max_len = 2];`, `"äö"`, nil},
		{"length in bytes", `bytes f = 1 [(buf.validate.field).bytes.max_len = 2];`, `"AAAA"`, []string{"f bytes.max_len"}},
		{"not base64", `bytes f = 1;`, `"?"`, []string{"f format"}},
		{"not base64, in JSON Schema", `{"type":"string","contentEncoding":"base64"}`, `"?"`, []string{"f format"}},
		{"uuid", formatted("uuid"), `"550e8400-e29b-41d4-a716-446655440000"`, nil},
		{"uuid in braces", formatted("uuid"), `"{550e8400-e29b-41d4-a716-446655440000}"`, []string{"f format"}},
		{"email", formatted("email"), `"a@example.org"`, nil},
		{"email with a name", formatted("email"), `"A <a@example.org>"`, []string{"f format"}},
		{"ipv4", formatted("ipv4"), `"::1"`, []string{"f format"}},
		{"ipv6", formatted("ipv6"), `"::1"`, nil},
		{"ip", `string f = 1 [(buf.validate.field).string.ip = true];`, `"10.0.0"`, []string{"f string.ip"}},
		{"hostname", formatted("hostname"), `"-a.org"`, []string{"f format"}},
		{"uri without a scheme", formatted("uri"), `"/a"`, []string{"f format"}},
		{"uri reference", formatted("uri-reference"), `"/a"`, nil},
		{"a time without its zone", formatted("date-time"), `"2025-10-16 12:34:56"`, nil},
		{"no time", formatted("date-time"), `"yesterday"`, []string{"f format"}},
		{"too few items", `{"type":"array","items":{"type":"string"},"minItems":1}`, "[]", []string{"f minItems"}},
		{"an item twice, by value", `{"type":"array","items":{"type":"number"},"uniqueItems":true}`, "[1,1.0]", []string{"f uniqueItems"}},
		{"a map's key", `map<string, int64> f = 1 [(buf.validate.field).map.keys.string.pattern = "^[a-z]+$"];`, `{"A":1}`, []string{`f["A"] string.pattern`}},
		{"a message", `Person f = 1;`, `{"name":"Bo","age":1}`, nil},
		{"a message that lacks a field", `Person f = 1;`, `{"age":1}`, []string{"f.name required"}},
		{"a message with a wrong field", `Person f = 1;`, `{"name":"Bo","age":-1}`, []string{"f.age int64.gte"}},
		{"an object with an unknown field", `{"type":"object","additionalProperties":false,"properties":{"a":{"type":"string"}}}`, `{"b":1}`, []string{"f.b additionalProperties"}},
		{"a rule that the model has no word for", `{"type":"string","not":{"const":"a"}}`, `"a"`, []string{"f not"}},
		{"a predefined rule", `int64 f = 1 [(buf.validate.field).int64.(even) = true];`, `3`, []string{"f int64.even"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m := withField(t, tt.field)
			err := event.New(m.set).CheckField(m.Field("f"), []byte(tt.value))
			var got []string
			if invalid, ok := errors.AsType[*trestle.ValidationError](err); ok {
				for _, v := range invalid.Violations {
					got = append(got, v.Path+" "+v.Rule)
				}
			} else if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s\n%v", tt.value, diff, err)
			}
		})
	}
}

type loaded struct {
	*schema.Message
	set *schema.Set
}

// withField returns a message with a field, in the one language or the other, beside another that it must have.
func withField(t *testing.T, field string) loaded {
	t.Helper()
	files := map[string][]byte{"a/v1/a.proto": []byte(`edition = "2023";
package a.v1;
import "buf/validate/validate.proto";
option features.field_presence = IMPLICIT;
extend buf.validate.Int64Rules {
  bool even = 50000 [(buf.validate.predefined).cel = {id: "int64.even", message: "must be even", expression: "!rule || this % 2 == 0"}];
}
message A { ` + field + ` string needed = 2 [(buf.validate.field).required = true]; }
message Person { string name = 1 [(buf.validate.field).required = true]; int64 age = 2 [(buf.validate.field).int64.gte = 0]; }`)}
	if strings.HasPrefix(field, "{") {
		files = map[string][]byte{"a/v1/a.json": []byte(`{"$schema":"https://json-schema.org/draft/2020-12/schema","$defs":{"A":{
			"type":"object","required":["needed"],"properties":{"f":` + field + `,"needed":{"type":"string"}}}}}`)}
	}
	set, err := load.Schemas(t.Context(), load.Files(files))
	if err != nil {
		t.Fatal(err)
	}
	return loaded{set.Packages[0].Messages[0], set}
}
