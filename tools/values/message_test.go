package values_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
)

// message loads the first of some messages.
func message(t *testing.T, body string) *schema.Message {
	t.Helper()
	s, err := load.Schemas(t.Context(), load.Files(map[string][]byte{"p/v1/a.proto": []byte(`syntax = "proto3";
package p.v1;
import "buf/validate/validate.proto";
import "google/protobuf/duration.proto";
import "trestle/v1/options.proto";
` + body)}))
	if err != nil {
		t.Fatal(err)
	}
	return s.Packages[0].Messages[0]
}

func decode(t *testing.T, text string) any {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// TestFromMessage holds what readers of a message take, and what its writers write.
func TestFromMessage(t *testing.T) {
	t.Parallel()
	const enum = `enum E { E_UNSPECIFIED = 0; E_ONE = 1 [(trestle.v1.enum_value).json_name = "one"]; E_UNO = 1; option allow_alias = true; }`
	tests := []struct {
		name, body, event string
		read, written     bool
	}{
		{"nothing", `message A { int32 f = 1; }`, `{}`, true, true},
		{"null is absent", `message A { int32 f = 1; }`, `{"f":null}`, true, false},
		{"null where it must be there", `message A { int32 f = 1 [(trestle.v1.field).json_required = true]; }`, `{"f":null}`, false, false},
		{"a member that is not declared", `message A { int32 f = 1; }`, `{"g":1}`, true, false},
		{"another kind", `message A { int32 f = 1; }`, `{"f":"1"}`, false, false},
		{"64 bits are a number", `message A { uint64 f = 1; }`, `{"f":18446744073709551615}`, true, true},
		{"one more than 64 bits", `message A { uint64 f = 1; }`, `{"f":18446744073709551616}`, false, false},
		{"beyond a float", `message A { float f = 1; }`, `{"f":1e39}`, false, false},
		{"zero that breaks a rule where it is absent", `message A { int32 f = 1 [(buf.validate.field).int32.gt = 0]; }`, `{}`, false, false},
		{"with presence it does not", `message A { optional int32 f = 1 [(buf.validate.field).int32.gt = 0]; }`, `{}`, true, true},
		{"required, and zero", `message A { string f = 1 [(buf.validate.field).required = true]; }`, `{"f":""}`, false, false},
		{"a default is filled in", `message A { optional int32 f = 1 [(buf.validate.field).required = true, (trestle.v1.field).default = "3"]; }`, `{}`, true, true},
		{"a default that the rules refuse", `message A { optional int32 f = 1 [(buf.validate.field).int32.gt = 5, (trestle.v1.field).default = "3"]; }`, `{}`, false, false},
		{"zero that is read as the default", `message A { int32 f = 1 [(trestle.v1.field).default = "3"]; }`, `{"f":0}`, true, false},
		{"two members of a oneof", `message A { oneof o { int32 f = 1; int32 g = 2; } }`, `{"f":1,"g":1}`, true, false},
		{"no member of a oneof that must be set", `message A { oneof o { option (buf.validate.oneof).required = true; int32 f = 1; } }`, `{}`, false, false},
		{"a value by its name", `message A { E f = 1; }` + enum, `{"f":"one"}`, true, true},
		{"a value by its second name", `message A { E f = 1; }` + enum, `{"f":"E_UNO"}`, true, false},
		{"a value that has no name", `message A { E f = 1; }` + enum, `{"f":"E_UNSPECIFIED"}`, false, false},
		{"keys that are numbers", `message A { map<int32, string> f = 1; }`, `{"f":{"-2147483648":"a"}}`, true, true},
		{"keys that are none", `message A { map<int32, string> f = 1; }`, `{"f":{"2147483648":"a"}}`, false, false},
		{"rules on keys", `message A { map<string, string> f = 1 [(buf.validate.field).map.keys.string.min_len = 2]; }`, `{"f":{"a":"a"}}`, false, false},
		{"rules on items", `message A { repeated string f = 1 [(buf.validate.field).repeated.items.string.prefix = "a"]; }`, `{"f":["a","b"]}`, false, false},
		{"items that are alike", `message A { repeated string f = 1 [(buf.validate.field).repeated.unique = true]; }`, `{"f":["a","a"]}`, false, false},
		{"bytes that are too long", `message A { bytes f = 1 [(buf.validate.field).bytes.max_len = 2]; }`, `{"f":"YWFh"}`, false, false},
		{"bytes that are no base64", `message A { bytes f = 1; }`, `{"f":"a"}`, false, false},
		{"bytes with bits left over that are not zero", `message A { bytes f = 1; }`, `{"f":"aa=="}`, true, false},
		{"a key that starts otherwise", `message A { map<string, string> f = 1 [(buf.validate.field).map.keys.string.prefix = "b"]; }`, `{"f":{"ab":"a"}}`, false, false},
		{"a duration", `message A { google.protobuf.Duration f = 1; }`, `{"f":"1s"}`, true, true},
		{"a message for a duration", `message A { google.protobuf.Duration f = 1; }`, `{"f":{"seconds":1}}`, false, false},
		{"a rule within", `message A { B f = 1; } message B { int32 g = 1 [(buf.validate.field).int32.lt = 3]; }`, `{"f":{"g":3}}`, false, false},
		{"a rule within what is not validated", `message A { B f = 1 [(buf.validate.field).ignore = IGNORE_ALWAYS]; } message B { int32 g = 1 [(buf.validate.field).int32.lt = 3]; }`,
			`{"f":{"g":3}}`, true, true},
		{"a default within itself", `message A { B f = 1; int32 g = 2 [(buf.validate.field).int32.gt = 3]; } message B { A f = 1 [(trestle.v1.field).default = "{}"]; }`, `{"f":{},"g":4}`, false, false},
		{"a default within itself that is valid", `message A { B f = 1; int32 g = 2 [(buf.validate.field).int32.lt = 3]; } message B { A f = 1 [(trestle.v1.field).default = "{}"]; }`, `{"f":{}}`, true, true},
		{"a message within itself", `message A { A f = 1; int32 g = 2 [(buf.validate.field).int32.lt = 3]; }`, `{"f":{"f":{"g":3}}}`, false, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			m, s := message(t, tt.body), values.NewSpace()
			for role, want := range map[values.Role]bool{values.Reader: tt.read, values.Writer: tt.written} {
				if in, sure := s.FromMessage(m, role, schema.EncodingJSON).Contains(decode(t, tt.event)); in != want || !sure {
					t.Errorf("role %d: %s: got %v, sure %v, want %v", role, tt.event, in, sure, want)
				}
			}
		})
	}
}

// TestKeys holds that the keys of a map can be found, and proved, where rules on texts limit them.
func TestKeys(t *testing.T) {
	t.Parallel()
	for rules, want := range map[string]bool{
		`prefix: "ab"`:                   true,
		`suffix: "b" not_contains: "bb"`: true,
		`pattern: "^a{3}$"`:              false, // of which there is one
		`min_len: 2 max_len: 3`:          true,
		`max_len: 0`:                     false,
		`prefix: "a" max_len: 1`:         false,
		`not_in: ["a"] min_bytes: 0`:     true,
		`contains: "a" not_contains:"a"`: false,
	} {
		t.Run(rules, func(t *testing.T) {
			t.Parallel()
			p := values.NewProver()
			m := message(t, `message A { map<string, bool> f = 1 [(buf.validate.field).map = {min_pairs: 2 keys: {string: {`+rules+`}}}]; }`)
			answer := p.Includes(p.FromMessage(m, values.Writer, schema.EncodingJSON), p.Never())
			if got := answer.Inclusion == values.NotIncluded; got != want || answer.Inclusion == values.Unknown {
				t.Errorf("two keys: got %+v, want %v", answer, want)
			}
		})
	}
}

// TestPlaces holds the objects that have something in a field, or keep to the rules on a message as a whole.
func TestPlaces(t *testing.T) {
	t.Parallel()
	m := message(t, `message A { repeated int32 f = 1; oneof o { option (buf.validate.oneof).required = true; string g = 2; string h = 3; } int32 i = 4; }`)
	p := values.NewProver()
	json, binary := schema.EncodingJSON, schema.EncodingProtobuf
	for _, tt := range []struct {
		name, object string
		is           *values.Shape
		want         bool
	}{
		{"an item", `{"f":[2,3]}`, p.AtField(m.Fields[0], json, p.Value(decode(t, "3"))), true},
		{"no such item", `{"f":[2]}`, p.AtField(m.Fields[0], json, p.Value(decode(t, "3"))), false},
		{"an item by its number", `{"1":[3]}`, p.AtField(m.Fields[0], binary, p.Value(decode(t, "3"))), true},
		{"a oneof that is set, whatever else is wrong", `{"f":"a","g":"b"}`, p.Ruled(m, json), true},
		{"a oneof that is not set", `{"f":[2]}`, p.Ruled(m, json), false},
		{"zero", `{"i":0}`, p.Having(m.Fields[3], json, false), false},
		{"zero that counts", `{"i":0}`, p.Having(m.Fields[3], json, true), true},
	} {
		if in, sure := tt.is.Contains(decode(t, tt.object)); in != tt.want || !sure {
			t.Errorf("%s: %s: got %v, sure %v, want %v", tt.name, tt.object, in, sure, tt.want)
		}
	}
}

// TestBinary holds that events are the same in the binary form and back.
func TestBinary(t *testing.T) {
	t.Parallel()
	m := message(t, `message A { E f = 1; optional bool g = 2; bytes h = 3; repeated B i = 4; map<string, E> j = 5; google.protobuf.Duration k = 6; optional string l = 7; }
message B { int32 x = 9; } enum E { E_A = 0; E_B = 1; }`)
	const event = `{"f":"E_B","g":true,"h":"YWI=","i":[{"x":3}],"j":{"a":"E_B"},"k":"1s","l":""}`
	const binary = `{"1":1,"2":1,"3":"ab","4":[{"9":3}],"5":{"a":1},"6":"1s","7":""}`
	v := values.InBinary(&schema.Type{Kind: schema.MessageKind, Message: m}, decode(t, event))
	if got, want := text(t, v), text(t, decode(t, binary)); got != want {
		t.Errorf("in binary: got %s, want %s", got, want)
	}
	back := values.Event(m, v.(map[string]any))
	if got, want := text(t, back), text(t, decode(t, event)); got != want {
		t.Errorf("back: got %s, want %s", got, want)
	}
	p := values.NewProver()
	if in, sure := p.FromMessage(m, values.Writer, schema.EncodingProtobuf).Contains(v); !in || !sure {
		t.Errorf("%s is not written: %v, %v", binary, in, sure)
	}
}
