package load_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

// TestSensitiveReaches marks what holds a secret, and what stands in one, through lists, maps, unions and any messages.
func TestSensitiveReaches(t *testing.T) {
	t.Parallel()
	set, err := load.Schemas(t.Context(), load.Files(map[string][]byte{
		"a/v1/a.proto": []byte(`syntax = "proto3";
package a.v1;
import "trestle/v1/options.proto";
import "google/protobuf/any.proto";
message Leaf { string x = 1 [(trestle.v1.field).sensitive = true]; Wrapped w = 2 [(trestle.v1.field).sensitive = true]; }
message Wrapped { Deep deep = 1; }
message Deep { int32 n = 1; }
message Branch { map<string, Leaf> leaves = 1; Branch again = 2; }
message Root { repeated Branch branches = 1; oneof one { Leaf leaf = 2; Plain plain = 3; } }
message Plain { string x = 1; }
message Holder { google.protobuf.Any any = 1; }`),
		"b/v1/b.json": []byte(`{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"Paid","type":"object",
"properties":{"by":{"$ref":"#/$defs/Payment"},"rows":{"type":"array","items":{"type":"array","items":{"$ref":"#/$defs/Bank"}}}},
"additionalProperties":{"$ref":"#/$defs/Bank"},
"$defs":{"Payment":{"oneOf":[{"$ref":"#/$defs/Card"},{"$ref":"#/$defs/Bank"}]},
"Card":{"type":"object","required":["kind"],"properties":{"kind":{"const":"card"},"number":{"type":"string","x-trestle":{"field":{"sensitive":true}}}}},
"Bank":{"type":"object","required":["kind"],"properties":{"kind":{"const":"bank"},"iban":{"type":"string"}}}}}`),
	}))
	if err != nil {
		t.Fatal(err)
	}
	var holds, stands []string
	for _, p := range set.Packages {
		for _, m := range p.Messages {
			if m.HoldsSensitive {
				holds = append(holds, m.FullName)
			}
			if m.InSensitive {
				stands = append(stands, m.FullName)
			}
		}
	}
	if diff := cmp.Diff([]string{"a.v1.Leaf", "a.v1.Branch", "a.v1.Root", "a.v1.Holder", "b.v1.Paid", "b.v1.Card"}, holds); diff != "" {
		t.Errorf("what holds a secret (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"a.v1.Wrapped", "a.v1.Deep"}, stands); diff != "" {
		t.Errorf("what stands in one (-want +got):\n%s", diff)
	}
	masks := func(name string) jsonio.Masks {
		for _, p := range set.Packages {
			for _, m := range p.Messages {
				if m.FullName == name {
					return set.Masks(&schema.Type{Kind: schema.MessageKind, Message: m})
				}
			}
		}
		return nil
	}
	leaf := jsonio.Mask{Members: map[string]string{"x": jsonio.Hidden, "w": jsonio.Hidden}}
	branch := jsonio.Mask{Members: map[string]string{"leaves": "[]a.v1.Leaf", "again": "a.v1.Branch"}}
	root := jsonio.Mask{Members: map[string]string{"branches": "[]a.v1.Branch", "leaf": "a.v1.Leaf"}}
	if diff := cmp.Diff(jsonio.Masks{"a.v1.Root": root, "a.v1.Branch": branch, "a.v1.Leaf": leaf}, masks("a.v1.Root")); diff != "" {
		t.Errorf("masks of Root (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(jsonio.Masks{
		"b.v1.Paid":    {Members: map[string]string{"by": "b.v1.Payment"}},
		"b.v1.Payment": {Choice: "kind", Variants: map[string]string{"card": "b.v1.Card", "bank": "b.v1.Bank"}},
		"b.v1.Card":    {Members: map[string]string{"number": jsonio.Hidden}},
	}, masks("b.v1.Paid")); diff != "" {
		t.Errorf("masks of Paid (-want +got):\n%s", diff)
	}
	if got := masks("a.v1.Holder"); got["a.v1.Leaf"].Members["x"] != jsonio.Hidden || got["b.v1.Card"].Members["number"] != jsonio.Hidden {
		t.Errorf("masks of what holds any message: %v", got)
	}
	if got := masks("a.v1.Plain"); len(got) > 0 {
		t.Errorf("masks of what holds none: %v", got)
	}
}

// TestSensitiveOutOfPlace refuses the word where it would be passed over.
func TestSensitiveOutOfPlace(t *testing.T) {
	t.Parallel()
	const word = `"x-trestle":{"field":{"sensitive":true}}`
	for name, properties := range map[string]string{
		"of a definition": `"card":{"$ref":"#/$defs/Card"}`,
		"of items":        `"cards":{"type":"array","items":{"type":"string",` + word + `}}`,
		"of values":       `"cards":{"type":"object","additionalProperties":{"type":"string",` + word + `}}`,
		"below anyOf":     `"card":{"anyOf":[{"type":"integer"},{"type":"object","properties":{"number":{"type":"string",` + word + `}}}]}`,
		"in a pattern":    `"card":{"type":"object","patternProperties":{"^x":{"type":"string",` + word + `}}}`,
		"below if":        `"card":{"type":"object","properties":{"a":{"type":"string"}},"if":{"properties":{"a":{` + word + `}}}}`,
	} {
		defs := `"Bare":{"type":"string"}`
		if strings.Contains(properties, "$defs") {
			defs = `"Card":{"type":"string",` + word + `}`
		}
		_, err := load.Schemas(t.Context(), load.Files(map[string][]byte{"a/v1/a.json": []byte(
			`{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"A","type":"object","properties":{` + properties + `},"$defs":{` + defs + `}}`)}))
		if err == nil || strings.Count(err.Error(), "x-trestle.field") != 1 || !strings.Contains(err.Error(), "belongs to properties") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSealedKeys finds the classes of keys by which messages are encrypted in part, and none that is only in what is encrypted as a whole.
func TestSealedKeys(t *testing.T) {
	t.Parallel()
	set, err := load.Schemas(t.Context(), load.Files(map[string][]byte{
		"a/v1/a.proto": []byte(`syntax = "proto3";
package a.v1;
import "trestle/v1/options.proto";
import "google/protobuf/any.proto";
option (trestle.v1.family) = { encryption_key: "pii" };
message Leaf { string x = 1 [(trestle.v1.field).sensitive = true]; string y = 2 [(trestle.v1.field) = { sensitive: true encryption_key: "other" }]; }
message Branch { map<string, Leaf> leaves = 1; Branch again = 2; }
message Whole { Branch branch = 1 [(trestle.v1.field) = { sensitive: true encryption_key: "whole" }]; }
message Around { repeated Whole wholes = 1; }
message Holder { google.protobuf.Any any = 1; }
message Clear { string x = 1 [(trestle.v1.field) = { sensitive: true encryption_key: "none" }]; }`),
		"b/v1/b.json": []byte(`{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"Paid","type":"object",
"properties":{"by":{"$ref":"#/$defs/Payment"}},
"$defs":{"Payment":{"oneOf":[{"$ref":"#/$defs/Card"},{"$ref":"#/$defs/Bank"}]},
"Card":{"type":"object","required":["kind"],"properties":{"kind":{"const":"card"},"number":{"type":"integer","x-trestle":{"field":{"sensitive":true,"encryption_key":"finance"}}}}},
"Bank":{"type":"object","required":["kind"],"properties":{"kind":{"const":"bank"}}}}}`),
	}))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][]string{}
	for _, p := range set.Packages {
		for _, m := range p.Messages {
			if keys := set.SealedKeys(m); keys != nil {
				got[m.Name] = keys
			}
		}
		for _, u := range p.Unions {
			if !(&schema.Type{Kind: schema.JSONObject, Union: u}).HoldsEncrypted() {
				t.Errorf("%s holds nothing that is encrypted", u.Name)
			}
		}
	}
	all := []string{"finance", "other", "pii", "whole"}
	if diff := cmp.Diff(map[string][]string{
		"Leaf": {"other", "pii"}, "Branch": {"other", "pii"}, "Whole": {"whole"}, "Around": {"whole"}, "Holder": all, "Paid": {"finance"}, "Card": {"finance"},
	}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	masks := set.Masks(&schema.Type{Kind: schema.MessageKind, Message: set.Packages[1].Messages[0]})
	if diff := cmp.Diff(map[string]jsonio.Seal{"number": {Key: "finance", Beside: true}}, masks["b.v1.Card"].Sealed); diff != "" {
		t.Errorf("masks of Paid (-want +got):\n%s", diff)
	}
}
