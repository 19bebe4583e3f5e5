// Package goldentest compares what a generator makes of a small set of schemas with files that are kept beside its test.
package goldentest

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/omninode/trestle/tools/gen/output"
	"github.com/omninode/trestle/tools/schema"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// set is of two topics that share their dead letters, a group that reads both, and a request. The group's name is one that templates could
// take for theirs.
func set() *schema.Set {
	pkg := &schema.Package{Name: "orders.v1"}
	orders, returns := &schema.Topic{Name: "orders.placed.v1", Package: pkg}, &schema.Topic{Name: "orders.returned.v1", Package: pkg}
	dead := &schema.Topic{Name: "orders.dlq.v1", Package: pkg, DeadLetterOf: []*schema.Topic{returns, orders}}
	orders.DeadLetter, returns.DeadLetter = dead, dead
	confirmed := &schema.Event{Type: "OrderConfirmed", Package: pkg, Topic: orders}
	pkg.Events = []*schema.Event{{Type: "ConfirmOrder", Package: pkg, Topic: orders, Reply: confirmed}, confirmed}
	return &schema.Set{
		Packages: []*schema.Package{pkg}, Topics: []*schema.Topic{dead, orders, returns},
		Groups: []*schema.Group{{Name: "billing {{ now }}", Topics: []string{"orders.placed.v1", "orders.returned.v1"}, Owner: "finance", Package: pkg}},
	}
}

// OneFile tries a generator that makes one file, at a path: of the set, and of one with nothing in it. What it makes is to be the same each time,
// and as testdata has it; with -update it is written there.
func OneFile(t *testing.T, path string, generate func(*schema.Set) ([]output.File, error)) {
	t.Helper()
	for name, in := range map[string]*schema.Set{"orders": set(), "nothing": {}} {
		files, err := generate(in)
		if err != nil || len(files) != 1 || files[0].Path != path {
			t.Fatalf("%d files, %v", len(files), err)
		}
		again, err := generate(in)
		if err != nil || !slices.Equal(again[0].Content, files[0].Content) {
			t.Errorf("%s: another time it is another file: %v", name, err)
		}
		golden := filepath.Join("testdata", name+filepath.Ext(path))
		if *update {
			if err := os.WriteFile(golden, files[0].Content, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(files[0].Content)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
