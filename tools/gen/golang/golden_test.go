package golang_test

import (
	"context"
	"flag"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/omninode/trestle/tools/gen"
	"github.com/omninode/trestle/tools/gen/output"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

var update = flag.Bool("update", false, "write the golden files")

// goldenImport is where the golden packages are; gentest imports them, so that they compile in the build.
const goldenImport = "github.com/omninode/trestle/tools/gen/golang/testdata/"

func TestGolden(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"rules", "shapes", "objects", "formats", "pairs", "peers", "left", "nulls", "secrets", "known", "aging", "sealed"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set := loadCase(t, name)
			files, err := gen.All(t.Context(), set, gen.Options{Only: []string{"catalog", "go", "jsonschema"}})
			if err != nil {
				t.Fatal(err)
			}
			want := filepath.Join("testdata", name, "want")
			if *update {
				if _, err := gen.Write(want, files); err != nil {
					t.Fatal(err)
				}
			}
			for _, f := range files {
				have, err := os.ReadFile(filepath.Join(want, filepath.FromSlash(f.Path)))
				if err != nil {
					t.Errorf("%v: run go test with -update, and look at what changed", err)
					continue
				}
				if diff := cmp.Diff(string(have), string(f.Content)); diff != "" {
					t.Errorf("%s differs (-want +got), run go test with -update if it should:\n%s", f.Path, diff)
				}
			}
			if stale := gen.Stale(want, files); len(stale) > 0 && !t.Failed() {
				t.Errorf("stale files: %v", stale)
			}
		})
	}
}

// TestDeterministic generates from models whose packages, files, topics and groups stand in another order.
func TestDeterministic(t *testing.T) {
	t.Parallel()
	sets := map[string]func() *schema.Set{
		"schemas": func() *schema.Set { return loadSet(t, filepath.Join("..", "..", "..", "schemas"), "") },
		"shapes":  func() *schema.Set { return loadCase(t, "shapes") },
		"objects": func() *schema.Set { return loadCase(t, "objects") },
		"formats": func() *schema.Set { return loadCase(t, "formats") },
		"pairs":   func() *schema.Set { return loadCase(t, "pairs") },
		"left":    func() *schema.Set { return loadCase(t, "left") },
		"nulls":   func() *schema.Set { return loadCase(t, "nulls") },
		"aging":   func() *schema.Set { return loadCase(t, "aging") },
	}
	for name, loadSet := range sets {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := generate(t, loadSet())
			for seed := range uint64(5) {
				set := loadSet()
				shuffle(set, rand.New(rand.NewPCG(seed, seed)))
				if diff := cmp.Diff(want, generate(t, set)); diff != "" {
					t.Fatalf("seed %d: (-in order +shuffled):\n%s", seed, diff)
				}
			}
		})
	}
}

// shuffle changes the order of what has no order of its own.
func shuffle(set *schema.Set, rng *rand.Rand) {
	rng.Shuffle(len(set.Packages), func(i, j int) { set.Packages[i], set.Packages[j] = set.Packages[j], set.Packages[i] })
	rng.Shuffle(len(set.Topics), func(i, j int) { set.Topics[i], set.Topics[j] = set.Topics[j], set.Topics[i] })
	rng.Shuffle(len(set.Groups), func(i, j int) { set.Groups[i], set.Groups[j] = set.Groups[j], set.Groups[i] })
	for _, p := range set.Packages {
		rng.Shuffle(len(p.Files), func(i, j int) { p.Files[i], p.Files[j] = p.Files[j], p.Files[i] })
	}
}

func generate(t *testing.T, set *schema.Set) map[string]string {
	t.Helper()
	files, err := gen.All(t.Context(), set, gen.Options{Only: []string{"catalog", "go", "jsonschema"}})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for _, f := range files {
		if !output.Generated(f.Content) {
			t.Errorf("%s has no marker", f.Path)
		}
		out[f.Path] = string(f.Content)
	}
	return out
}

func loadCase(t *testing.T, name string) *schema.Set {
	t.Helper()
	return loadSet(t, filepath.Join("testdata", name, "in"), goldenImport+name+"/want")
}

func loadSet(t *testing.T, dir, prefix string) *schema.Set {
	t.Helper()
	var opts []load.Option
	if prefix != "" {
		opts = append(opts, load.WithGoPrefix(prefix))
	}
	set, err := load.Schemas(context.Background(), load.Dir(dir), opts...)
	if err != nil {
		t.Fatal(err)
	}
	return set
}
