package event_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	trestle "github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/tools/event"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

var present = time.Date(2025, 10, 16, 12, 34, 56, 0, time.UTC)

func typesOf(t *testing.T, path, text string) (*event.Schemas, *schema.Set) {
	t.Helper()
	set, err := load.Schemas(t.Context(), load.Files(map[string][]byte{path: []byte(text)}))
	if err != nil {
		t.Fatal(err)
	}
	return event.New(set, event.WithNow(func() time.Time { return present })), set
}

func message(t *testing.T, set *schema.Set, name string) *schema.Message {
	t.Helper()
	for _, m := range set.Packages[0].Messages {
		if m.Name == name {
			return m
		}
	}
	t.Fatalf("there is no message %s", name)
	return nil
}

// readWith is what a type makes of a payload, or why it rejects it.
func readWith(typ *event.Type, payload string) string {
	v, err := typ.ReadJSON([]byte(payload), present)
	if err != nil {
		return err.Error()
	}
	text, err := v.AppendJSON(nil)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// TestTypeOfJSONSchema reads what JSON Schemas have beside properties, in a file's root and in a definition.
func TestTypeOfJSONSchema(t *testing.T) {
	t.Parallel()
	schemas, set := typesOf(t, "a/v1/order.json", `{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"Order","type":"object",
"required":["state"],"properties":{"state":{"type":"string","default":"new"},"how":{"$ref":"#/$defs/How"},"note":{"type":["string","null"]}},
"additionalProperties":{"type":"string","format":"date-time"},"$defs":{
"Secrets":{"type":"object","properties":{},"additionalProperties":{"$ref":"#/$defs/Secret"}},
"Secret":{"type":"object","properties":{"pin":{"type":"string","maxLength":4,"x-trestle":{"field":{"sensitive":true}}}}},
"Line":{"type":"object","required":["sku"],"properties":{"sku":{"type":"string","minLength":2}},"additionalProperties":false},
"How":{"oneOf":[
{"title":"Card","type":"object","required":["kind"],"properties":{"kind":{"const":"card"},"paid":{"type":"integer","default":1}}},
{"title":"Bank","type":"object","required":["kind","iban"],"properties":{"kind":{"const":"bank"},"iban":{"type":"string"}}}]}}}`)
	for _, tt := range []struct{ name, message, payload, want string }{
		{"a default for a required property", "Order", `{}`, `{"state":"new"}`},
		{"null where the schema lists it", "Order", `{"state":"a","note":null}`, `{"state":"a","note":null}`},
		{"null where it does not", "Order", `{"state":null}`, "a.v1.Order: state: must be a string, got null [type]"},
		{"others of a type", "Order", `{"at":"2025-10-16T12:34:56+02:00"}`, `{"state":"new","at":"2025-10-16T10:34:56Z"}`},
		{"others of another type", "Order", `{"at":1}`, `a.v1.Order: at: must be a string with a time, got 1 [type]`},
		{"one of a union, with its default", "Order", `{"how":{"kind":"card","new":1}}`, `{"state":"new","how":{"kind":"card","paid":1,"new":1}}`},
		{"one of a union that lacks a property", "Order", `{"how":{"kind":"bank"}}`, `a.v1.Order: how.iban: value is required [required]; how: must be one of the alternatives [oneOf]`},
		{"a definition", "Line", `{"sku":"a"}`, `a.v1.Line: sku: must be at least 2 characters, got "a" [minLength]`},
		{"a closed definition", "Line", `{"sku":"ab","x":1}`, `a.v1.Line: x: must not be present: the schema has no such field [additionalProperties]`},
		{"a sensitive value below a member without a name", "Secrets", `{"a":{"pin":"12345"}}`, `a.v1.Secrets: a.pin: must be at most 4 characters [maxLength]`},
		{"no JSON", "Line", `{"sku":"ab"`, `the text ends where ',' or '}' should be at byte 11`},
	} {
		typ, err := schemas.Type(message(t, set, tt.message))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, readWith(typ, tt.payload)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// TestDocument judges by files that describe no message.
func TestDocument(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, schema, value, want string }{
		{"a scalar", `"type":"integer","maximum":3`, `4`, "must be less than or equal to 3, got 4 [maximum]"},
		{"an array", `"type":"array","items":{"type":"string"}`, `["a",1]`, "[1]: must be string, got 1 [type]"},
		{"anything", `"not":{"const":1}`, `2`, ""},
	} {
		schemas, set := typesOf(t, "a/v1/a.json", `{"$schema":"https://json-schema.org/draft/2020-12/schema",`+tt.schema+`}`)
		d, err := schemas.Document(set.Packages[0].Files[0], "")
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if invalid, ok := errors.AsType[*trestle.ValidationError](d.Validate([]byte(tt.value))); ok {
			got = invalid.Violations[0].String()
		}
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestBinaryForm goes through the binary form, and through the JSON that holds what only that form does.
func TestBinaryForm(t *testing.T) {
	t.Parallel()
	schemas, set := typesOf(t, "a/v1/a.proto", `edition = "2023";
package a.v1;
import "buf/validate/validate.proto";
import "google/protobuf/timestamp.proto";
message A {
  E e = 1;
  double d = 2;
  string raw = 3 [features.utf8_validation = NONE];
  string text = 4;
  google.protobuf.Timestamp at = 5 [(buf.validate.field).timestamp.lt_now = true];
}
enum E { E_UNSPECIFIED = 0; E_A = 1; }`)
	typ, err := schemas.Type(message(t, set, "A"))
	if err != nil {
		t.Fatal(err)
	}
	const held = `{"e":7,"d":"-Infinity","raw":["/w=="],"text":"a","at":"2025-10-16T12:34:55Z"}`
	v := typ.New().(event.Binary)
	r := jsonio.NewReader([]byte(held))
	v.DecodeBinaryJSON(r)
	data, err := proto.Marshal(v)
	if err != nil || r.Err() != nil || len(r.Faults()) > 0 {
		t.Fatal(err, r.Err(), r.Faults())
	}
	again, err := typ.ReadBinary(data, present)
	if err != nil {
		t.Fatal(err)
	}
	text, err := again.(event.Binary).AppendBinaryJSON(nil)
	if err != nil || string(text) != held {
		t.Errorf("got %s, %v", text, err)
	}
	if text, err := again.AppendJSON(nil); err == nil {
		t.Errorf("%s is no JSON of an event", text)
	}
	if unknown, err := typ.ReadBinary([]byte("\xb1\x00abcdefgh\x2a\x04\xb0\x80\x00\x07"), present); err != nil {
		t.Error(err)
	} else if data, err := proto.Marshal(unknown.(event.Binary)); err != nil || string(data) != "\x2a\x02\x30\x07\x31abcdefgh" {
		t.Errorf("%q, %v: tags of unknown fields stay longer than generated code has them", data, err)
	}
	if _, err := typ.ReadBinary([]byte("\x22\x01\xff"), present); err == nil {
		t.Error("text that is not UTF-8 is taken in a field that says nothing of it")
	}
	if got, want := readWith(typ, `{"at":"2025-10-16T12:34:57Z"}`), "a.v1.A: at: must be less than now [timestamp.lt_now]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestUnreadDefault holds that a default which is no value of its field makes the events invalid that need it.
func TestUnreadDefault(t *testing.T) {
	t.Parallel()
	schemas, set := typesOf(t, "a/v1/a.proto", `syntax = "proto3";
package a.v1;
import "trestle/v1/options.proto";
message A { repeated B b = 1; }
message B { map<string, E> f = 1 [(trestle.v1.field).default = "{\"a\":\"none\"}"]; }
enum E { E_UNSPECIFIED = 0; E_A = 1; }`)
	typ, err := schemas.Type(message(t, set, "A"))
	if err != nil {
		t.Fatal(err)
	}
	for payload, want := range map[string]string{
		`{"b":[{"f":{"a":"E_A"}}]}`: `{"b":[{"f":{"a":"E_A"}}]}`,
		`{"b":[{}]}`:                `a.v1.A: b[0].f["a"]: value must be one of the defined enum values, got "none" [enum.defined_only]`,
	} {
		if got := readWith(typ, payload); got != want {
			t.Errorf("%s: got %s, want %s", payload, got, want)
		}
	}
}

// TestInfoNamesRetryTopics has the description of an event's topic say where its events wait that fail.
func TestInfoNamesRetryTopics(t *testing.T) {
	t.Parallel()
	schemas, _ := typesOf(t, "a/v1/order.json", `{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"Order","type":"object","properties":{},
"x-trestle":{"event":{"type":"order","topic":"orders","retries":[{"topic":"{topic}_retry","delay_ms":1500,"attempts":2}]}}}`)
	want := []trestle.RetryTopic{{Name: "orders_retry", Delay: 1500 * time.Millisecond, Attempts: 2}}
	if diff := cmp.Diff(want, schemas.Events()[0].Topic.Retries); diff != "" {
		t.Errorf("want-got:\n%s", diff)
	}
}
