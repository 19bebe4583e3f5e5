package schema_test

import (
	"os/exec"
	"strings"
	"testing"
)

// Whoever has the model links no loader with it.
func TestModelLinksNoLoader(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-deps", "github.com/omninode/trestle/tools/schema").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, dep := range strings.Fields(string(out)) {
		if dep == "github.com/omninode/trestle/runtime/jsonio" {
			continue // the JSON engine loads nothing: it has the form of what masks sensitive fields
		}
		for _, banned := range []string{
			"github.com/omninode/trestle/tools/load", "github.com/omninode/trestle/gen", "github.com/omninode/trestle/runtime",
			"github.com/bufbuild/protocompile", "github.com/santhosh-tekuri", "os/exec",
		} {
			if strings.HasPrefix(dep, banned) {
				t.Errorf("the model links %s", dep)
			}
		}
	}
}
