package compat_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/omninode/trestle/compat"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values/valuestest"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"
)

const noteHead = `syntax = "proto3";
package shop.v1;
import "trestle/v1/options.proto";
import "buf/validate/validate.proto";
`

// TestNotesOfChanges holds what is told of changes that no rule objects to.
func TestNotesOfChanges(t *testing.T) {
	t.Parallel()
	message := func(field string) string {
		return noteHead + "message A { option (trestle.v1.event) = {topic: \"a\" key: \"id\"}; string id = 1; " + field + " }"
	}
	event := func(option string) string {
		return noteHead + "message A { option (trestle.v1.event) = {topic: \"a\" key: \"id\" " + option + "}; string id = 1; }"
	}
	family := func(option string) string {
		return noteHead + "option (trestle.v1.family) = {" + option + "};\nmessage A { option (trestle.v1.event) = {topic: \"a\" key: \"id\"}; string id = 1; }"
	}
	enum := func(value string) string {
		return noteHead + "enum E { E_UNSPECIFIED = 0; " + value + " } message A { option (trestle.v1.event) = {topic: \"a\" key: \"id\"}; string id = 1; E e = 2; }"
	}
	tests := []struct{ name, old, new, want string }{
		{"a field", message(""), message("optional int64 n = 2 [(trestle.v1.field).default = \"5\"];"), "added shape: field n (int64, default 5) was added"},
		{"a default", message("optional int64 n = 2;"), message("optional int64 n = 2 [(trestle.v1.field).default = \"5\"];"), "changed shape: default of n changed from none to 5"},
		{"what a field is", message("string n = 2;"), message("\n// How many.\nstring n = 2;"), "documented: description of n changed"},
		{"a deprecated field", message("string n = 2;"), message("string n = 2 [deprecated = true, (trestle.v1.field) = {deprecated_since: \"1.1\" deprecated_reason: \"use id\"}];"), "deprecated: n is deprecated since 1.1: use id"},
		{"a field in use again", message("string n = 2 [deprecated = true];"), message("string n = 2;"), "changed: n is no longer deprecated"},
		{"a secret", message("string n = 2;"), message("string n = 2 [(trestle.v1.field).sensitive = true];"), "changed shape: n is sensitive, which was not so"},
		{"a rule in other words", message("int32 n = 2 [(buf.validate.field).int32.gte = 1];"), message("int32 n = 2 [(buf.validate.field).int32.gt = 0];"), "documented: rules of n are written otherwise, and allow the same"},
		{"a version", message("optional string schema_version = 2 [(trestle.v1.field).default = \"\\\"1.0\\\"\"];"), message("optional string schema_version = 2 [(trestle.v1.field).default = \"\\\"1.1\\\"\"];"), "changed: default of schema_version changed from \"1.0\" to \"1.1\""},
		{"reserved", message(""), message("reserved 7, 9 to 11;"), "documented: what is reserved in A changed from none to 7, 9 to 11"},
		{"who publishes", event(""), event(`published_by: "till"`), "documented: publishers of A changed from none to till"},
		{"retention", family("topic_settings: {retention_ms: 604800000}"), family("topic_settings: {retention_ms: 1209600000}"), "changed: retention of a changed from 7 days to 14 days"},
		{"compression", family(`topic_settings: {compression_type: "lz4"}`), family(`topic_settings: {compression_type: "zstd"}`), "changed: compression of a changed from lz4 to zstd"},
		{"a route", family(""), family(`routes: {prefix: "error" topic: "a"} routes: {topic: "a"}`), "changed: routes of shop.v1 changed from none to error to a, anything else to a"},
		{"what a package is", noteHead, strings.Replace(noteHead, "package", "\n// The shop's.\npackage", 1), "documented: description of shop.v1 changed"},
		{"a group", family(""), family(`consumer_groups: {name: "g" topics: "a"}`), "added: consumer group g was added"},
		{"a group's start", family(`consumer_groups: {name: "g" topics: "a"}`), family(`consumer_groups: {name: "g" topics: "a" auto_offset_reset: "earliest"}`), "changed: start of g changed from latest to earliest"},
		{"a value's name", enum("E_A = 1 [(trestle.v1.enum_value).json_name = \"a\"];"), enum("E_ONE = 1 [(trestle.v1.enum_value).json_name = \"a\"];"), "changed: name of E_A changed from E_A to E_ONE"},
		{"what a value is", enum("E_A = 1;"), enum("\n// First.\nE_A = 1;"), "documented: description of E_A changed"},
		{"a message's name", message(""), strings.ReplaceAll(message(""), "message A { option (trestle.v1.event) = {", "message B { option (trestle.v1.event) = {type: \"A\" "), "changed: name of A changed from A to B"},
		{"a field's name", message("string n = 2;"), message("string m = 2 [json_name = \"n\"];"), "changed: name of n changed from n to m"},
		{"a type's name", message("B b = 2;") + " message B { string x = 1; }", message("C b = 2;") + " message C { string x = 1; }", "changed: type of b changed from message shop.v1.B to message shop.v1.C"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := compare(t, loadProto(t, tt.old), loadProto(t, tt.new), compat.Options{})
			var got []string
			for _, n := range r.Notes {
				got = append(got, noteText(n))
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, "\n")); diff != "" || !r.Compatible {
				t.Errorf("compatible %v, notes (-want +got):\n%s%v", r.Compatible, diff, r.Findings)
			}
		})
	}
}

// TestNotesOfJSONSchemas holds what is told of changes in what the model does not hold.
func TestNotesOfJSONSchemas(t *testing.T) {
	t.Parallel()
	message := func(property string) string {
		return `{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"A","type":"object","properties":{"p":` + property + `},
			"$defs":{"B":{"type":"object","properties":{"k":{"const":"b"}},"required":["k"]},
			"C":{"type":"object","properties":{"k":{"const":"c"}},"required":["k"]},
			"D":{"type":"object","properties":{"k":{"const":"d"}},"required":["k"]}}}`
	}
	tests := []struct {
		name, old, new, want string
		compatible           bool
	}{
		{"a comment beside it", message(`{"type":"string","not":{"const":"a"}}`), message(`{"type":"string","not":{"const":"a"},"$comment":"x"}`), "", true},
		{"the same otherwise", message(`{"type":"string","not":{"const":"a"}}`), message(`{"type":"string","not":{"enum":["a"]}}`), `changed shape: keywords of p changed from not {"const":"a"} to not {"enum":["a"]}`, true},
		{"another value", message(`{"type":"string","not":{"const":"a"}}`), message(`{"type":"string","not":{"const":"b"}}`), "", false},
		{"a keyword more", message(`{"type":"array","items":{"type":"string"}}`), message(`{"type":"array","items":{"type":"string"},"contains":{"const":"a"}}`), "", false},
		{"a member more of a union", message(`{"oneOf":[{"$ref":"#/$defs/B"},{"$ref":"#/$defs/C"}]}`), message(`{"oneOf":[{"$ref":"#/$defs/B"},{"$ref":"#/$defs/C"},{"$ref":"#/$defs/D"}]}`), "changed shape: type of p changed from one of shop.v1.B, shop.v1.C to one of shop.v1.B, shop.v1.C, shop.v1.D", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := compare(t, loadText(t, tt.old), loadText(t, tt.new), compat.Options{})
			var got []string
			for _, n := range r.Notes {
				got = append(got, noteText(n))
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, "\n")); diff != "" || r.Compatible != tt.compatible {
				t.Errorf("compatible %v, notes (-want +got):\n%s%v", r.Compatible, diff, r.Findings)
			}
		})
	}
}

func noteText(n compat.Note) string {
	shape := ""
	if n.DataChanged {
		shape = " shape"
	}
	return fmt.Sprintf("%s%s: %s", n.Kind, shape, n.Text)
}

// TestShared holds that a change of what several events carry is told once, and says of which.
func TestShared(t *testing.T) {
	t.Parallel()
	text := func(field string) *schema.Set {
		return loadProto(t, noteHead+`
message A { option (trestle.v1.event) = {topic: "a" key: "id"}; string id = 1; Part part = 2; }
message B { option (trestle.v1.event) = {topic: "b" key: "id"}; string id = 1; repeated Part parts = 2; }
message Part { string name = 1; `+field+` }`)
	}
	r := compare(t, text(""), text("string size = 2;"), compat.Options{})
	if len(r.Notes) != 1 || !cmp.Equal(r.Notes[0].Events, []string{"A", "B"}) || r.Notes[0].Owner != "shop.v1.Part" || r.Notes[0].Package != "shop.v1" {
		t.Errorf("got %+v", r.Notes)
	}
}

// TestNothingUntold holds random edits against what is told of them: something, and nothing twice.
func TestNothingUntold(t *testing.T) {
	t.Parallel()
	for seed := range uint64(500) {
		m := &valuestest.Maker{Rand: rand.New(rand.NewPCG(seed, 7))}
		event := m.EventSchema()
		old, new := valuestest.EventSchemaText(event), valuestest.EventSchemaText(m.EditEventSchema(event))
		if old == new {
			continue
		}
		r := compare(t, loadText(t, old), loadText(t, new), compat.Options{NoWitness: true})
		told := map[string]bool{}
		tell := func(path, text string) {
			if told[path+": "+text] {
				t.Errorf("seed %d: told twice: %s: %s", seed, path, text)
			}
			told[path+": "+text] = true
		}
		for _, f := range r.Findings {
			tell(f.Path, f.Change)
		}
		for _, n := range r.Notes {
			tell(n.Path, n.Text)
		}
		if len(told) == 0 {
			t.Errorf("seed %d: nothing is told of\n%s%s", seed, old, new)
		}
	}
}

// TestUndescribed holds that an image without descriptions tells nothing of them.
func TestUndescribed(t *testing.T) {
	t.Parallel()
	set := loadProto(t, noteHead+"// A is an event.\nmessage A { option (trestle.v1.event) = {topic: \"a\" key: \"id\"};\n// The id.\nstring id = 1; }")
	image, err := load.WriteImage(set)
	if err != nil {
		t.Fatal(err)
	}
	files := &descriptorpb.FileDescriptorSet{}
	if err := proto.Unmarshal(image, files); err != nil {
		t.Fatal(err)
	}
	for _, f := range files.GetFile() {
		f.SourceCodeInfo = nil
	}
	bare, err := proto.Marshal(files)
	if err != nil {
		t.Fatal(err)
	}
	other, err := load.Schemas(t.Context(), load.ImageBytes(bare))
	if err != nil {
		t.Fatal(err)
	}
	if set.Event("A").Message.Doc == "" || other.Event("A").Message.Doc != "" {
		t.Fatal("the image is not what is tested")
	}
	if notes := compare(t, set, other, compat.Options{}).Notes; len(notes) > 0 {
		t.Errorf("got %+v", notes)
	}
}
