package witness

import (
	"testing"

	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

// TestExchange holds what is lost on the way between two messages, in either encoding and direction.
func TestExchange(t *testing.T) {
	t.Parallel()
	const back, forth = true, false
	const enum = ` enum E { E_A = 0; E_B = 1; }`
	tests := []struct {
		name, old, new, event string
		backward              bool
		enc                   schema.Encoding
		want                  Outcome
	}{
		{"the same", `message A { int32 f = 1; }`, `message A { int32 f = 1; }`, `{"f":1}`, back, schema.EncodingJSON, ""},
		{"a field that is gone", `message A { int32 f = 1; }`, `message A { int32 g = 2; }`, `{"f":1}`, back, schema.EncodingJSON, Dropped},
		{"a field that is new", `message A { int32 f = 1; }`, `message A { int32 f = 1; int32 g = 2; }`, `{"g":1}`, forth, schema.EncodingJSON, ""},
		{"another number", `message A { int32 f = 1; }`, `message A { int32 f = 2; }`, `{"f":1}`, back, schema.EncodingProtobuf, Dropped},
		{"another number, in JSON", `message A { int32 f = 1; }`, `message A { int32 f = 2; }`, `{"f":1}`, back, schema.EncodingJSON, ""},
		{"less room", `message A { int64 f = 1; }`, `message A { int32 f = 1; }`, `{"f":2147483648}`, back, schema.EncodingProtobuf, Misread},
		{"less room, in JSON", `message A { int64 f = 1; }`, `message A { int32 f = 1; }`, `{"f":2147483648}`, back, schema.EncodingJSON, Rejected},
		{"in a list within", `message A { repeated B f = 1; } message B { int64 g = 1; }`, `message A { repeated B f = 1; } message B { int32 g = 1; }`,
			`{"f":[{"g":1},{"g":2147483648}]}`, back, schema.EncodingProtobuf, Misread},
		{"written alike", `message A { E f = 1; }` + enum, `message A { int32 f = 1; }`, `{"f":"E_B"}`, back, schema.EncodingProtobuf, ""},
		{"another default", `message A { optional int32 f = 1 [(trestle.v1.field).default = "1"]; }`, `message A { optional int32 f = 1 [(trestle.v1.field).default = "2"]; }`,
			`{}`, back, schema.EncodingJSON, Misread},
		{"a default where there was none", `message A { optional int32 f = 1; }`, `message A { optional int32 f = 1 [(trestle.v1.field).default = "2"]; }`,
			`{}`, back, schema.EncodingJSON, ""},
		{"a default within, in binary", `message A { optional B f = 1; } message B { int32 g = 1; }`,
			`message A { optional B f = 1; } message B { int32 g = 1; optional string h = 2 [(buf.validate.field).required = true, (trestle.v1.field).default = "\"a\""]; }`,
			`{"f":{}}`, back, schema.EncodingProtobuf, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			old, new := loadBody(t, tt.old), loadBody(t, tt.new)
			event, err := parse([]byte(tt.event))
			if err != nil {
				t.Fatal(err)
			}
			f := NewFinder(old, new, nil)
			w, ok := f.Exchange(old.Packages[0].Messages[0], new.Packages[0].Messages[0], tt.backward, event.(map[string]any), tt.enc)
			if !ok {
				t.Fatalf("%s is not written", tt.event)
			}
			var got Outcome
			if w != nil {
				got = w.Outcome
			}
			if got != tt.want {
				t.Errorf("got %+v, want %q", w, tt.want)
			}
		})
	}
}

// TestExchangeRefuses holds that what the writer would not write is not given to the reader.
func TestExchangeRefuses(t *testing.T) {
	t.Parallel()
	s := loadBody(t, `message A { int32 f = 1 [(buf.validate.field).int32.lt = 3]; }`)
	m := s.Packages[0].Messages[0]
	for _, event := range []map[string]any{{"f": "a"}, {"g": true}} {
		if w, ok := NewFinder(s, s, nil).Exchange(m, m, true, event, schema.EncodingJSON); ok || w != nil {
			t.Errorf("%v: got %+v, %v", event, w, ok)
		}
	}
}

func loadBody(t *testing.T, body string) *schema.Set {
	t.Helper()
	s, err := load.Schemas(t.Context(), load.Files(map[string][]byte{"p/v1/a.proto": []byte(`syntax = "proto3";
package p.v1;
import "buf/validate/validate.proto";
import "trestle/v1/options.proto";
` + body)}))
	if err != nil {
		t.Fatal(err)
	}
	return s
}
