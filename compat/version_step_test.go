package compat_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/omninode/trestle/compat"
)

// TestVersionSteps holds what is said of a step of schema_version, with and without a change of what the event holds,
// and that a check finds nothing in it but a default that changed.
func TestVersionSteps(t *testing.T) {
	t.Parallel()
	text := func(version, field string) string {
		if version != "" {
			version = fmt.Sprintf(" [(trestle.v1.field).default = %q]", `"`+version+`"`)
		}
		return noteHead + "message A { option (trestle.v1.event) = {topic: \"a\" key: \"id\"}; string id = 1; optional string schema_version = 2" + version + "; " + field + " }"
	}
	const same, added, described = "string n = 3;", "string n = 3; string m = 4;", "\n// What it is.\nstring n = 3;"
	tests := []struct{ from, to, field, change, fix string }{
		{"1.0", "1.0", same, "", ""},
		{"1.0", "1.1", added, "", ""},
		{"1.9", "1.10", added, "", ""},
		{"1.0", "1.4", added, "", ""}, // several releases lie between
		{"1.0", "1.0", described, "", ""},
		{"", "1.0", added, "", ""},
		{"1.0", "", added, "", ""},
		{"first", "second", added, "", ""},
		{"1.0", "1.0", added, "stays 1.0, and what the event holds changed", "raise schema_version of A to 1.1"},
		{"1.9", "1.9", added, "stays 1.9", "to 1.10"},
		{"1.0", "1.1", same, "goes from 1.0 to 1.1, and what the event holds did not change", "leave schema_version of A at 1.0"},
		{"1.0", "1.1", described, "did not change", "leave schema_version of A at 1.0"},
		{"1.1", "1.0", same, "goes from 1.1 to 1.0, backwards", "give A schema_version 1.1"},
		{"2.1", "1.9", added, "goes from 2.1 to 1.9, backwards", "give A schema_version 2.2"},
		{"1.0", "2.0", added, "goes from 1.0 to 2.0 within package shop.v1", "give A schema_version 1.1"},
		{"1.0", "2.0", same, "within package shop.v1", "give A schema_version 1.0"},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%s to %s with %q", tt.from, tt.to, tt.field), func(t *testing.T) {
			t.Parallel()
			r := compare(t, loadProto(t, text(tt.from, same)), loadProto(t, text(tt.to, tt.field)), compat.Options{NoWitness: true})
			found := r.Steps
			for _, f := range r.Findings {
				if f.Rule != "FIELD_DEFAULT_CHANGED" {
					t.Errorf("a check finds %s: a step of a version breaks nobody", f.Message())
				}
			}
			if len(found) > 1 || len(found) == 1 != (tt.change != "") {
				t.Fatalf("%d findings, want one: %v", len(found), tt.change != "")
			}
			for _, f := range found {
				if !strings.Contains(f.Change, tt.change) || !strings.Contains(f.Fix, tt.fix) || f.Severity != compat.Warning {
					t.Errorf("got %s: %s; fix: %s", f.Severity, f.Change, f.Fix)
				}
			}
		})
	}
}
