package load_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/omninode/trestle/tools/load"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares text with a file below testdata, and writes the file with -update.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; run with -update if the change is meant):\n%s", file, diff)
	}
}

// The project's own schemas, whole.
func TestRepositorySchemas(t *testing.T) {
	t.Parallel()
	set, err := load.Schemas(t.Context(), load.Dir("../../schemas"), load.WithGoPrefix("github.com/omninode/trestle/gen"))
	if err != nil {
		t.Fatal(err)
	}
	if got := len(set.Topics); got != 36 {
		t.Errorf("%d topics, want 36", got)
	}
	if got := len(set.Groups); got != 2 {
		t.Errorf("%d consumer groups, want 2", got)
	}
	perPackage := map[string]int{}
	for _, e := range set.Events() {
		perPackage[e.Package.Name]++
	}
	if diff := cmp.Diff(map[string]int{"omninode.codegen.v1": 12, "omninode.hooks.v1": 12}, perPackage); diff != "" {
		t.Errorf("events of each package (-want +got):\n%s", diff)
	}
	golden(t, "repository.txt", outline(set))
}
