package event_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	trestle "github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/tools/event"
	"github.com/omninode/trestle/tools/load"
)

// TestRulesOfOthersSchemas validates what this repository's schemas don't use: times, durations and CEL in protobuf,
// formats, alternatives and references between files in JSON Schema.
func TestRulesOfOthersSchemas(t *testing.T) {
	t.Parallel()
	set, err := load.Schemas(t.Context(), load.Files(map[string][]byte{
		"a/v1/a.proto": []byte(`syntax = "proto3";
package a.v1;
import "buf/validate/validate.proto";
import "google/protobuf/any.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
import "trestle/v1/options.proto";
message Timed {
  option (trestle.v1.event) = {topic: "timed"};
  google.protobuf.Timestamp past = 1 [(buf.validate.field).timestamp.lt_now = true];
  google.protobuf.Duration wait = 2 [(buf.validate.field).duration.lte = {seconds: 5}];
  int64 low = 3;
  int64 high = 4;
  repeated google.protobuf.Int64Value counts = 5 [(buf.validate.field).repeated.max_items = 2];
  string header = 6 [(buf.validate.field).string = {well_known_regex: KNOWN_REGEX_HTTP_HEADER_VALUE, strict: false}];
  Timed inner = 7;
  google.protobuf.Any any = 9;
  Timed unchecked = 8 [(buf.validate.field).ignore = IGNORE_ALWAYS];
  option (buf.validate.message).cel = {id: "order", message: "low is above high", expression: "this.low <= this.high"};
}`),
		"b/v1/sent.json": []byte(`{"$schema":"https://json-schema.org/draft/2020-12/schema","$id":"https://example.org/b/v1/sent.json","title":"Sent",
"x-trestle":{"event":{"type":"sent","topic":"sent"}},"type":"object","required":["to"],"properties":{
"to":{"$ref":"address.json#/$defs/Address"},
"kind":{"type":"string","enum":["letter","parcel"]},
"copies":{"type":"array","items":{"$ref":"address.json#/$defs/Address"},"maxItems":2},
"note":{"type":"string","x-trestle":{"field":{"sensitive":true}},"maxLength":3}}}`),
		"b/v1/address.json": []byte(`{"$schema":"https://json-schema.org/draft/2020-12/schema","$id":"https://example.org/b/v1/address.json",
"$defs":{"Address":{"title":"Address","type":"object","required":["city"],"properties":{"city":{"type":"string","minLength":2}}}}}`),
	}))
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		event, payload string
		want           []string
	}{
		"valid protobuf": {"Timed", `{"past":"2020-01-01T00:00:00Z","wait":"5s","low":1,"high":2,"counts":["1","2"],"unchecked":{"counts":[1,2,3]},"any":{"@type":"x/a.v1.Timed","low":"3"}}`, nil},
		"invalid protobuf": {"Timed", `{"past":"9020-01-01T00:00:00Z","wait":"6s","low":3,"high":2,"inner":{"counts":[1,2,3]},"header":"\n"}`,
			[]string{"inner.counts repeated.max_items", "past timestamp.lt_now", "wait duration.lte", "header string.well_known_regex.header_value", " order"}},
		"valid JSON": {"sent", `{"to":{"city":"Bonn"},"kind":"letter"}`, nil},
		"invalid JSON": {"sent", `{"to":{"city":"B"},"kind":"fax","copies":[{"city":"Bonn"},{"city":""},{"city":"Ulm"}],"note":"secret"}`,
			[]string{`to.city minLength "B"`, `kind enum "fax"`, "copies maxItems", `copies[1].city minLength ""`, "note maxLength"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, info := range event.Events(set) {
				if info.Type != tt.event {
					continue
				}
				e := info.New()
				r := jsonio.NewReader([]byte(tt.payload))
				e.DecodeJSON(r)
				e.SetDefaults(time.Now())
				var got []string
				for _, v := range readOf(decodedOf(e), e.Validate()).Violations {
					line := v.Path + " " + v.Rule
					if v.Found != "" && tt.event == "sent" {
						line += " " + v.Found
					}
					got = append(got, line)
				}
				if diff := cmp.Diff(sorted(tt.want), sorted(got)); diff != "" || len(r.Faults()) > 0 {
					t.Errorf("faults %v (-want +got):\n%s", r.Faults(), diff)
				}
			}
		})
	}
}

func decodedOf(e trestle.Event) trestle.Decoded { return trestle.Decoded{Event: e} }

func sorted(lines []string) []string {
	slices.Sort(lines)
	return lines
}

// TestRulesOfWrappersInLists validates what protovalidate's native rules panic at.
func TestRulesOfWrappersInLists(t *testing.T) {
	t.Parallel()
	set, err := load.Schemas(t.Context(), load.Files(map[string][]byte{"a/v1/a.proto": []byte(`syntax = "proto3";
package a.v1;
import "buf/validate/validate.proto";
import "google/protobuf/wrappers.proto";
message A {
  repeated google.protobuf.Int32Value list = 1 [(buf.validate.field).repeated.items.int32.lt = 3];
  map<string, google.protobuf.StringValue> map = 2 [(buf.validate.field).map.values.string.min_len = 2];
}`)}))
	if err != nil {
		t.Fatal(err)
	}
	a, err := event.New(set).Type(set.Packages[0].Messages[0])
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{
		`{"list":[1,2],"map":{"a":"ab"}}`: true, `{"list":[1,3]}`: false, `{"map":{"a":"b"}}`: false,
	} {
		if _, err := a.ReadJSON([]byte(text), time.Now()); (err == nil) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
}
