package compat_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/omninode/trestle/compat"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

// TestContentModels holds the verdicts on one property that comes or goes: by profile (guide is lenient, a registry is
// strict), in open and closed objects, required, with a default, and optional.
func TestContentModels(t *testing.T) {
	t.Parallel()
	const both, back, fore = compat.Backward | compat.Forward, compat.Backward, compat.Forward
	wants := map[string]compat.Direction{ // what breaks
		"guide/open/add/required": back, "guide/open/add/default": 0, "guide/open/add/optional": 0,
		"guide/open/remove/required": both, "guide/open/remove/default": back, "guide/open/remove/optional": back,
		"guide/closed/add/required": both, "guide/closed/add/default": fore, "guide/closed/add/optional": fore,
		"guide/closed/remove/required": both, "guide/closed/remove/default": back, "guide/closed/remove/optional": back,
		// A registry takes an added property for a narrowed one: an open object could have had it before.
		"confluent/open/add/required": back, "confluent/open/add/default": back, "confluent/open/add/optional": back,
		"confluent/open/remove/required": fore, "confluent/open/remove/default": fore, "confluent/open/remove/optional": fore,
		"confluent/closed/add/required": both, "confluent/closed/add/default": fore, "confluent/closed/add/optional": fore,
		"confluent/closed/remove/required": both, "confluent/closed/remove/default": back, "confluent/closed/remove/optional": back,
	}
	if len(wants) != 24 {
		t.Fatalf("%d combinations", len(wants))
	}
	text := func(with bool, model, kind string) string {
		property, required := "", `"id"`
		if with {
			property = `,"p":{"type":"string"}`
			if kind == "default" {
				property = `,"p":{"type":"string","default":"x"}`
			}
			if kind != "optional" {
				required += `,"p"`
			}
		}
		return fmt.Sprintf(`{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"A","type":"object",
"properties":{"id":{"type":"string"}%s},"required":[%s],"additionalProperties":%t}`, property, required, model == "open")
	}
	for name, want := range wants {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			part := strings.Split(name, "/")
			old := text(part[2] == "remove", part[1], part[3])
			new := text(part[2] == "add", part[1], part[3])
			for _, mode := range compat.Modes() {
				r := compare(t, loadText(t, old), loadText(t, new), compat.Options{Profile: compat.Profile(part[0]), Mode: mode})
				var got compat.Direction
				for _, f := range r.Findings {
					got |= f.Breaks
				}
				asked := map[string]compat.Direction{"backward": back, "forward": fore, "full": both}[strings.TrimSuffix(string(mode), "_transitive")]
				if got&asked != want&asked || r.Compatible != (want&asked == 0) {
					t.Errorf("%s: breaks %s, want %s: %+v", mode, got, want&asked, r.Findings)
				}
			}
		})
	}
}

func loadText(t *testing.T, text string) *schema.Set {
	t.Helper()
	s, err := load.Schemas(t.Context(), load.Files(map[string][]byte{"shop/v1/a.json": []byte(text)}), load.ToCompare())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func loadProto(t *testing.T, text string) *schema.Set {
	t.Helper()
	s, err := load.Schemas(t.Context(), load.Files(map[string][]byte{"shop/v1/a.proto": []byte(text)}))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestRegistryProtobuf holds what a registry says of changes to protobuf, and that a note tells what it misses.
func TestRegistryProtobuf(t *testing.T) {
	t.Parallel()
	const head = "syntax = \"proto3\";\npackage shop.v1;\n"
	tests := []struct {
		name, old, new  string
		backward        string // the kind of difference, "" for none
		forward, misses string
	}{
		{"an added field", "message A { string a = 1; }", "message A { string a = 1; string b = 2; }", "", "", ""},
		{"a removed field", "message A { string a = 1; string b = 2; }", "message A { string a = 1; }", "", "", "FIELD_REMOVED"},
		{"a renamed field", "message A { string a = 1; }", "message A { string b = 1; }", "", "", "FIELD_RENAMED"},
		{"within a family", "message A { int32 a = 1; }", "message A { int64 a = 1; }", "", "", ""},
		{"across families", "message A { int32 a = 1; }", "message A { sint32 a = 1; }", "FIELD_SCALAR_KIND_CHANGED", "FIELD_SCALAR_KIND_CHANGED", ""},
		{"a message for a scalar", "message A { B a = 1; } message B {}", "message A { string a = 1; } message B {}", "FIELD_KIND_CHANGED", "FIELD_KIND_CHANGED", ""},
		{"a removed message", "message A {} message B {}", "message A {}", "MESSAGE_REMOVED", "", ""},
		{"another package's name", "message A {}", "PACKAGE", "PACKAGE_CHANGED", "PACKAGE_CHANGED", ""},
		{"two fields into a oneof", "message A { string a = 1; string b = 2; }", "message A { oneof o { string a = 1; string b = 2; } }", "MULTIPLE_FIELDS_MOVED_TO_ONEOF", "", ""},
		{"a field out of a oneof", "message A { oneof o { string a = 1; string b = 2; } }", "message A { oneof o { string a = 1; } }", "ONEOF_FIELD_REMOVED", "", ""},
		{"two oneofs into one", "message A { oneof o { string a = 1; } oneof p { string b = 2; } }", "message A { oneof o { string a = 1; string b = 2; } }", "FIELD_MOVED_TO_EXISTING_ONEOF", "", ""},
		{"a whole oneof", "message A { oneof o { string a = 1; } }", "message A {}", "", "", "FIELD_REMOVED"},
		{"labels of numbers", "message A { optional int32 a = 1; }", "message A { repeated int32 a = 1; }", "FIELD_NUMERIC_LABEL_CHANGED", "FIELD_NUMERIC_LABEL_CHANGED", ""},
		{"an enum's value", "enum E { Z = 0; O = 1; } message A { E e = 1; }", "enum E { Z = 0; } message A { E e = 1; }", "", "", "ENUM_VALUE_REMOVED"},
		{"a list of a value", "message A { string a = 1; }", "message A { repeated string a = 1; }", "", "", "FIELD_CARDINALITY_CHANGED"},
		{"a recursive message", "message A { A a = 1; int32 n = 2; }", "message A { A a = 1; string n = 2; }", "FIELD_SCALAR_KIND_CHANGED", "FIELD_SCALAR_KIND_CHANGED", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			old, text := loadProto(t, head+tt.old), head+tt.new
			if tt.new == "PACKAGE" {
				text = strings.Replace(head, "shop.v1", "shop.v2", 1) + tt.old
			}
			new := loadProto(t, text)
			for mode, want := range map[compat.Mode]string{compat.ModeBackward: tt.backward, compat.ModeForward: tt.forward} {
				r := compare(t, old, new, compat.Options{Profile: compat.Confluent, Mode: mode})
				var got []string
				for _, f := range r.Findings {
					got = append(got, f.Change)
				}
				if all := strings.Join(got, "\n"); (want == "") != (all == "") || !strings.Contains(all, want) {
					t.Errorf("%s: got %q, want %q", mode, all, want)
				}
				notes := fmt.Sprint(r.Notes)
				if mode == compat.ModeBackward && tt.misses != "" && !strings.Contains(notes, tt.misses) {
					t.Errorf("no note about %s: %s", tt.misses, notes)
				}
			}
		})
	}
}
