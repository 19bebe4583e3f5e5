package gate_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	devregistry "github.com/omninode/trestle/cmd/trestle/dev/registry"
	"github.com/omninode/trestle/cmd/trestle/ops/gate"
)

// TestFirstSchemas registers schemas that nothing stands before: what is none is refused, with the place.
func TestFirstSchemas(t *testing.T) {
	t.Parallel()
	s, err := devregistry.NewServer("", gate.Checker{}, devregistry.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	deep := strings.Repeat(`{"properties":{"a":`, 3000) + `{}` + strings.Repeat("}}", 3000)
	nested := `syntax="proto3";` + strings.Repeat("message A{", 20_000) + strings.Repeat("}", 20_000)
	for _, c := range []struct{ language, text, wrong string }{
		{"JSON", `{}`, ""},
		{"JSON", `true`, ""},
		{"JSON", `{"type":"object","properties":{"a":{"$ref":"#/$defs/b"}},"$defs":{"b":{"type":"string"}}}`, ""},
		{"JSON", `{"$schema":"http://json-schema.org/draft-07/schema#","type":"object"}`, ""},
		{"PROTOBUF", `syntax="proto3"; package p; message A { string a = 1; }`, ""},

		{"JSON", `nonsense`, `s.json:1:1: 'n' where a JSON value should be`},
		{"JSON", `{"type":`, `s.json:1:9: end of file`},
		{"JSON", `{"type":5}`, `#/type: `},
		{"JSON", `{"type":"strin"}`, `#/type: `},
		{"JSON", `{"properties":{"a":{"minLength":-1}}}`, `#/properties/a/minLength: must be greater than or equal to 0`},
		{"JSON", `{"minimum":"a"}`, `#/minimum: must be number`},
		{"JSON", `{"pattern":"("}`, `#/pattern: `},
		{"JSON", `{"$ref":"other.json"}`, `it refers to other.json, which is not there`},
		{"JSON", `{"properties":{"a":{"$ref":"#/$defs/b"}}}`, `s.json#/$defs/b`},
		{"JSON", `[]`, `s.json:1:1: not a JSON Schema`},
		{"JSON", "{}\n{}", `s.json:2:1: '{' after the JSON value`},
		{"JSON", deep, `nested more than 200 deep`},
		{"PROTOBUF", `nonsense`, `s.proto:1:1: syntax error`},
		{"PROTOBUF", "syntax=\"proto3\";\nimport \"other.proto\";", `s.proto:2:8: cannot find other.proto`},
		{"PROTOBUF", `syntax="proto3"; message A { B b = 1; }`, `unknown type B`},
		{"PROTOBUF", `syntax="proto3"; message A { string a = 1; string b = 1; }`, `fields a and b both have the same tag 1`},
		{"PROTOBUF", nested, `nested more than 200 deep`},
		{"AVRO", `"string"`, `this registry holds JSON and PROTOBUF`},
	} {
		for _, level := range []string{"FULL_TRANSITIVE", "NONE"} {
			status, _ := send(t, "PUT", web.URL+"/config", map[string]string{"compatibility": level})
			if status != http.StatusOK {
				t.Fatal(status)
			}
			status, said := send(t, "POST", web.URL+"/subjects/s/versions", map[string]string{"schemaType": c.language, "schema": c.text})
			switch {
			case c.wrong == "" && status != http.StatusOK:
				t.Errorf("%.60s at %s: %s", c.text, level, said)
			case c.wrong != "" && (status != 422 || !strings.Contains(said, `"error_code":42201`) || !strings.Contains(message(said), c.wrong)):
				t.Errorf("%.60s at %s: %d %s, want 42201 and %q", c.text, level, status, said, c.wrong)
			case strings.Contains(said, `\n`):
				t.Errorf("%.60s at %s: what is wrong takes several lines: %s", c.text, level, said)
			}
			if status == http.StatusOK { // the next one is the first again
				send(t, "DELETE", web.URL+"/subjects/s", nil)
			}
		}
	}
}

func message(said string) string {
	var no struct{ Message string }
	_ = json.Unmarshal([]byte(said), &no)
	return no.Message
}

func send(t *testing.T, method, address string, body any) (int, string) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	said, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(said)
}
