package protoviolation_test

import (
	"strings"
	"testing"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/protoviolation"
)

// TestFromRefuses gives paths that the type, or the rules, do not have.
func TestFromRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		violation event.Violation
		want      string
	}{
		"field":            {event.Violation{Path: "nothing"}, `no field "nothing"`},
		"below a scalar":   {event.Violation{Path: "session_id.x"}, "nothing is below"},
		"subscript":        {event.Violation{Path: "session_id[x]"}, "session_id[x]"},
		"open subscript":   {event.Violation{Path: "session_id[1"}, "does not fit"},
		"rule":             {event.Violation{Path: "session_id", RulePath: "string.nothing"}, `no field "nothing"`},
		"extension":        {event.Violation{Path: "session_id", RulePath: "string.[a.b]"}, "extension [a.b]"},
		"two dots":         {event.Violation{Path: "timestamp..seconds"}, "a name is missing"},
		"open extension":   {event.Violation{Path: "[a.b"}, "no field"},
		"envelope's fault": {event.Violation{Path: "envelope.timestamp"}, `no field "envelope"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			invalid := &event.ValidationError{Violations: []event.Violation{tt.violation}}
			_, err := protoviolation.From(invalid, (*codegenv1.CodegenStatusEvent)(nil).ProtoReflect().Descriptor())
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want an error with %q", err, tt.want)
			}
		})
	}
}
