package gentest

import (
	"os/exec"
	"strings"
	"testing"
)

// TestLinksNoCEL holds what generated packages link: CEL only where a schema has expressions.
func TestLinksNoCEL(t *testing.T) {
	t.Parallel()
	const module = "github.com/omninode/trestle/"
	tests := map[string]struct {
		pkg  string
		want bool
	}{
		"events":                 {"gen/omninode/codegen/v1", false},
		"every standard rule":    {"tools/gen/golang/testdata/formats/want/acme/formats/v1", false},
		"conversion of findings": {"runtime/protoviolation", false},
		"expressions":            {"tools/gen/golang/testdata/formats/want/acme/expressions/v1", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", module+tt.pkg).Output()
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(string(out), "cel-go/cel\n"); got != tt.want {
				t.Errorf("%s links CEL: %t, want %t", tt.pkg, got, tt.want)
			}
		})
	}
}
