package golang_test

import (
	"strings"
	"testing"

	"github.com/omninode/trestle/tools/gen/golang"
	"github.com/omninode/trestle/tools/load"
)

// TestRefuse holds errors to their place in the schema and to what they name.
func TestRefuse(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		file, text string
		want       []string
	}{
		"rules of another type": {
			"acme/v1/a.proto",
			message(`  // Where.
  string host = 1 [(buf.validate.field).int32.gt = 1];`),
			[]string{"acme/v1/a.proto:7:", "acme.v1.A.host", "rules of int32", "use those of string"},
		},
		"rules of a list's items on the list": {
			"acme/v1/a.proto",
			message(`  repeated string hosts = 1 [(buf.validate.field).string.ipv4 = true];`),
			[]string{"acme/v1/a.proto:6:", "acme.v1.A.hosts", "use those of repeated"},
		},
		"rules of another type for items": {
			"acme/v1/a.proto",
			message(`  map<string, int64> hosts = 1 [(buf.validate.field).map.values.string.ipv4 = true];`),
			[]string{"acme/v1/a.proto:6:", "acme.v1.A.hosts", "use those of int64"},
		},
		"CEL on a field that does not compile": {
			"acme/v1/a.proto",
			message(`  int32 n = 1 [(buf.validate.field).cel = {id: "odd", expression: "this %% 2 == 1"}];`),
			[]string{"acme/v1/a.proto:6:", "acme.v1.A.n", "cannot be compiled"},
		},
		"CEL on a message that does not compile": {
			"acme/v1/a.proto",
			message(`  option (buf.validate.message).cel = {id: "odd", expression: "this.m == 1"};
  int32 n = 1;`),
			[]string{"acme/v1/a.proto:5:", "acme.v1.A", "cannot be compiled", "undefined field 'm'"},
		},
		"a list of messages that is to be unique, beside CEL": {
			"acme/v1/a.proto",
			message(`  repeated A all = 1 [(buf.validate.field).repeated.unique = true];
  int32 n = 2 [(buf.validate.field).cel = {id: "odd", expression: "this > 1"}];`),
			[]string{"acme/v1/a.proto:6:", "acme.v1.A.all", "unique is not for messages"},
		},
		"message oneof without such a field": {
			"acme/v1/a.proto",
			message(`  option (buf.validate.message).oneof = {fields: ["n", "m"]};
  int32 n = 1;`),
			[]string{"acme/v1/a.proto:5:", "acme.v1.A", `"m"`},
		},
		"packages that use each other": {
			"acme/v1/a.json",
			`{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "A", "description": "A is one.", "type": "object",
  "properties": {
    "b": { "description": "One.", "$ref": "../v2/b.json" }
  }
}`,
			[]string{"acme/v2/b.json:3:", "acme.v2.B.a", "package acme.v1", "in a circle"},
		},
		"an object without an end": {
			"acme/v1/a.json",
			`{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "A", "description": "A is one.", "type": "object", "required": ["b"],
  "properties": {
    "b": { "description": "One.", "type": "object", "required": ["a"], "properties": { "a": { "$ref": "#" } } }
  }
}`,
			[]string{"acme/v1/a.json:5:", "acme.v1.AB.a", "no value is finite"},
		},
		"an enum of a library": {
			"acme/v1/a.proto",
			message(`  optional google.protobuf.NullValue n = 1;`),
			[]string{"acme/v1/a.proto:6:", "acme.v1.A.n", "google.protobuf.NullValue", "google.protobuf.Value"},
		},
		"two messages of one Go name": {
			"acme/v1/a.proto",
			message(`  message B {}
}
message A_B {`),
			[]string{"acme/v1/a.proto:8:", "acme.v1.A_B", "acme.v1.A.B"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := map[string][]byte{tt.file: []byte(tt.text)}
			if strings.Contains(tt.text, "v2/b.json") {
				files["acme/v2/b.json"] = []byte(back)
			}
			set, err := load.Schemas(t.Context(), load.Files(files))
			if err != nil {
				t.Fatal(err)
			}
			made, err := golang.Generate(set)
			if err == nil {
				t.Fatalf("accepted, %d files", len(made))
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q does not say %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("error %q has more than one line", err)
			}
		})
	}
}

// back refers to the schema of a test from another package.
const back = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "B", "description": "B is one.", "type": "object",
  "properties": { "a": { "description": "One.", "$ref": "../v1/a.json" } }
}`

func message(fields string) string {
	return `syntax = "proto3";
package acme.v1;
import "buf/validate/validate.proto";
import "google/protobuf/timestamp.proto"; import "google/protobuf/struct.proto";
message A {
` + fields + `
}
`
}
