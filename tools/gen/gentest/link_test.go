package gentest

import (
	"os/exec"
	"strings"
	"testing"
)

// TestLinks holds what generated packages link: CEL only where a schema has expressions, a JSON Schema library only where
// something is left to it.
func TestLinks(t *testing.T) {
	t.Parallel()
	const (
		module  = "github.com/omninode/trestle/"
		cel     = "cel-go/cel\n"
		library = "santhosh-tekuri/jsonschema/v6\n"
	)
	tests := map[string]struct {
		pkg, dep string
		want     bool
	}{
		"events":                 {"gen/omninode/codegen/v1", cel, false},
		"every standard rule":    {"tools/gen/golang/testdata/formats/want/acme/formats/v1", cel, false},
		"conversion of findings": {"runtime/protoviolation", cel, false},
		"expressions":            {"tools/gen/golang/testdata/formats/want/acme/expressions/v1", cel, true},
		"events of JSON Schema":  {"gen/omninode/hooks/v1", library, false},
		"objects":                {"tools/gen/golang/testdata/objects/want/acme/objects/v1", library, false},
		"something left":         {"tools/gen/golang/testdata/left/want/acme/left/v1", library, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", module+tt.pkg).Output()
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(string(out), tt.dep); got != tt.want {
				t.Errorf("%s links %s: %t, want %t", tt.pkg, strings.TrimSpace(tt.dep), got, tt.want)
			}
		})
	}
}
