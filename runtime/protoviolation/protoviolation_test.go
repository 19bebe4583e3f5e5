package protoviolation_test

import (
	"strings"
	"testing"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/protoviolation"
)

// TestFromRefuses gives paths that the type, or the rules, do not have.
func TestFromRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		violation trestle.Violation
		want      string
	}{
		"field":            {trestle.Violation{Path: "nothing"}, `no field "nothing"`},
		"below a scalar":   {trestle.Violation{Path: "session_id.x"}, "nothing is below"},
		"subscript":        {trestle.Violation{Path: "session_id[x]"}, "session_id[x]"},
		"open subscript":   {trestle.Violation{Path: "session_id[1"}, "does not fit"},
		"rule":             {trestle.Violation{Path: "session_id", RulePath: "string.nothing"}, `no field "nothing"`},
		"extension":        {trestle.Violation{Path: "session_id", RulePath: "string.[a.b]"}, "extension [a.b]"},
		"two dots":         {trestle.Violation{Path: "timestamp..seconds"}, "a name is missing"},
		"open extension":   {trestle.Violation{Path: "[a.b"}, "no field"},
		"envelope's fault": {trestle.Violation{Path: "envelope.timestamp"}, `no field "envelope"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			invalid := &trestle.ValidationError{Violations: []trestle.Violation{tt.violation}}
			_, err := protoviolation.From(invalid, (*codegenv1.CodegenStatusEvent)(nil).ProtoReflect().Descriptor())
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
}
