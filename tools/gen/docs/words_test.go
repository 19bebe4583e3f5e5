package docs_test

import (
	"strings"
	"testing"

	"github.com/omninode/trestle/tools/gen/docs"
	"github.com/omninode/trestle/tools/load"
)

// TestRules tells rules of one field each in words.
func TestRules(t *testing.T) {
	t.Parallel()
	tests := []struct{ field, want string }{
		{`int64 f = 1 [(buf.validate.field).int64 = {gte: 1 lte: 20}];`, "integer<br>1 to 20"},
		{`int32 f = 1 [(buf.validate.field).int32.gt = 5];`, "integer (32 bits)<br>more than 5"},
		{`int64 f = 1 [(buf.validate.field).int64 = {gt: 20 lt: 10}];`, "integer<br>less than `10` or more than `20`"},
		{`double f = 1 [(buf.validate.field).double = {gte: 0 finite: true}];`, "number<br>at least 0<br>finite"},
		{`uint64 f = 1 [(buf.validate.field).uint64 = {not_in: [1, 2]}];`, "integer (not negative)<br>not `1`, `2`"},
		{`string f = 1 [(buf.validate.field).string.len = 1];`, "string<br>exactly 1 character"},
		{`string f = 1 [(buf.validate.field).string = {prefix: "a|b" max_bytes: 9}];`, "string<br>bytes at most `9`<br>begins with `a\\|b`"},
		{`string f = 1 [(buf.validate.field).string.const = "x"];`, "string<br>always `\"x\"`"},
		{`string f = 1 [(buf.validate.field).string.uri_ref = true];`, "string<br>a URI reference"},
		{`bytes f = 1 [(buf.validate.field).bytes = {min_len: 2}];`, "bytes (base64)<br>at least 2 bytes"},
		{`repeated string f = 1 [(buf.validate.field).repeated = {unique: true min_items: 1 items: {string: {min_len: 3}}}];`, "list of strings<br>not empty<br>no item twice<br>each at least 3 characters"},
		{`map<string, int64> f = 1 [(buf.validate.field).map = {max_pairs: 2 keys: {string: {uuid: true}} values: {int64: {gte: 0}}}];`, "map of string to integer<br>at most 2 entries<br>each key a UUID<br>each value at least 0"},
		{`google.protobuf.Timestamp f = 1 [(buf.validate.field).timestamp = {gt_now: true within: {seconds: 60}}];`, "timestamp<br>in the future<br>from now at most `1m0s`"},
		{`google.protobuf.Duration f = 1 [(buf.validate.field).duration = {gte: {seconds: 1} lt: {seconds: 90}}];`, "Duration<br>less than `1m30s`<br>at least `1s`"},
		{`int64 f = 1 [(buf.validate.field).cel = {id: "even" message: "must be even" expression: "this % 2 == 0"}];`, "integer<br>must be even"},
	}
	for _, tt := range tests {
		t.Run(tt.field, func(t *testing.T) {
			t.Parallel()
			text := `syntax = "proto3";
// Rules.
package rules.v1;
import "buf/validate/validate.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/timestamp.proto";
import "trestle/v1/options.proto";
option (trestle.v1.family) = {envelope: ENVELOPE_NONE};
// Told is an event.
message Told {
  option (trestle.v1.event) = {topic: "told"};
  // The field.
  ` + tt.field + `
}
`
			set, err := load.Schemas(t.Context(), load.Files(map[string][]byte{"rules/v1/told.proto": []byte(text)}))
			if err != nil {
				t.Fatal(err)
			}
			page := must(t, set, docs.Markdown)["events/Told.md"]
			_, rest, _ := strings.Cut(page, "| `f` | ")
			if got, _, _ := strings.Cut(rest, " | The field. |"); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestUnmodelledIsTold looks for what only JSON Schema's own words say, and for the members of unions.
func TestUnmodelledIsTold(t *testing.T) {
	t.Parallel()
	set := loadSet(t, "..", "golang", "testdata", "left", "in")
	var all strings.Builder
	for _, text := range must(t, set, docs.Markdown) {
		all.WriteString(text)
	}
	for _, want := range []string{
		"not `{\"const\":\"blue\"}`", "contains `{\"const\":\"a\"}`", "a multiple of 0.01", "dependentRequired `{\"mail\":[\"day\"]}`",
		"maxProperties `4`", "[Card](#acme.left.v1.Card) or [Transfer](#acme.left.v1.Transfer), by `method`", "Transfer is a payment by transfer.",
	} {
		if !strings.Contains(all.String(), want) {
			t.Errorf("the docs do not say %s", want)
		}
	}
}
