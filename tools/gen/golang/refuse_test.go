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
		"message oneof without such a field": {
			"acme/v1/a.proto",
			message(`  option (buf.validate.message).oneof = {fields: ["n", "m"]};
  int32 n = 1;`),
			[]string{"acme/v1/a.proto:5:", "acme.v1.A", `"m"`},
		},
		"two properties of one Go name": {
			"acme/v1/a.json",
			`{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "A", "description": "A is one.", "type": "object",
  "properties": {
    "a_b": { "description": "One.", "type": "integer" },
    "aB": { "description": "Two.", "type": "integer" }
  }
}`,
			[]string{"acme/v1/a.json:6:", "acme.v1.A.aB", "AB", "a_b"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set, err := load.Schemas(t.Context(), load.Files(map[string][]byte{tt.file: []byte(tt.text)}))
			if err != nil {
				t.Fatal(err)
			}
			files, err := golang.Generate(set)
			if err == nil {
				t.Fatalf("accepted, %d files", len(files))
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

func message(fields string) string {
	return `syntax = "proto3";
package acme.v1;
import "buf/validate/validate.proto";
import "google/protobuf/timestamp.proto";
message A {
` + fields + `
}
`
}
