package main

import (
	"os/exec"
	"strings"
	"testing"
)

// TestPublishersLinkNoDatabase keeps the promise that the runtime's root needs no database, registry or web server.
func TestPublishersLinkNoDatabase(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-deps", "github.com/omninode/trestle/runtime").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, dep := range strings.Fields(string(out)) {
		if dep == "database/sql" {
			t.Errorf("the runtime links %s", dep)
		}
		for _, banned := range []string{"github.com/jackc/", "modernc.org/", "github.com/twmb/franz-go/pkg/sr", "cel.dev/", "github.com/google/cel-go", "github.com/bufbuild/protocompile", "testing"} {
			if strings.HasPrefix(dep, banned) {
				t.Errorf("the runtime links %s", dep)
			}
		}
	}
}
