package python_test

import (
	"errors"
	"flag"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/omninode/trestle/tools/gen/output"
	"github.com/omninode/trestle/tools/gen/python"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

var update = flag.Bool("update", false, "write the golden files")

// TestGolden generates from schemas with every kind and rule; TestEveryRule runs what such schemas become.
func TestGolden(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]string{
		"rules": filepath.Join("testdata", "rules", "in"), "shapes": filepath.Join("testdata", "shapes", "in"),
		"objects": filepath.Join("testdata", "objects", "in"), "left": filepath.Join("..", "golang", "testdata", "left", "in"), "nulls": filepath.Join("..", "golang", "testdata", "nulls", "in"),
		"secrets": filepath.Join("..", "golang", "testdata", "secrets", "in"), "retries": filepath.Join("testdata", "retries", "in"),
		"sealed": filepath.Join("..", "golang", "testdata", "sealed", "in"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := generate(t, loadSet(t, in))
			dir := filepath.Join("testdata", name, "want")
			if *update {
				write(t, dir, files)
			}
			want := map[string]string{}
			err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
				if err != nil || entry.IsDir() {
					return err
				}
				text, err := os.ReadFile(path)
				rel, relErr := filepath.Rel(dir, path)
				want[filepath.ToSlash(rel)] = string(text)
				return errors.Join(err, relErr)
			})
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for _, f := range files {
				got[f.Path] = string(f.Content)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got), run go test with -update if it should differ:\n%s", diff)
			}
		})
	}
}

func write(t *testing.T, dir string, files []output.File) {
	t.Helper()
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		path := filepath.Join(dir, filepath.FromSlash(f.Path))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDeterministic generates from models whose packages, files, topics and groups stand in another order.
func TestDeterministic(t *testing.T) {
	t.Parallel()
	want, err := python.Generate(loadRepository(t))
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(5) {
		set := loadRepository(t)
		rng := rand.New(rand.NewPCG(seed, seed))
		rng.Shuffle(len(set.Packages), func(i, j int) { set.Packages[i], set.Packages[j] = set.Packages[j], set.Packages[i] })
		rng.Shuffle(len(set.Topics), func(i, j int) { set.Topics[i], set.Topics[j] = set.Topics[j], set.Topics[i] })
		rng.Shuffle(len(set.Groups), func(i, j int) { set.Groups[i], set.Groups[j] = set.Groups[j], set.Groups[i] })
		for _, p := range set.Packages {
			rng.Shuffle(len(p.Files), func(i, j int) { p.Files[i], p.Files[j] = p.Files[j], p.Files[i] })
		}
		got, err := python.Generate(set)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("seed %d (-in order +shuffled):\n%s", seed, diff)
		}
	}
}

// generate makes the files that depend on schemas: the others are the same for all.
func generate(t *testing.T, set *schema.Set) []output.File {
	t.Helper()
	files, err := python.Generate(set)
	if err != nil {
		t.Fatal(err)
	}
	var out []output.File
	for _, f := range files {
		if !output.Generated(f.Content) {
			t.Errorf("%s has no marker", f.Path)
		}
		if filepath.Base(filepath.Dir(f.Path)) != "_support" {
			out = append(out, f)
		}
	}
	return out
}

func loadRepository(t *testing.T) *schema.Set {
	t.Helper()
	return loadSet(t, filepath.Join("..", "..", "..", "schemas"))
}

func loadSet(t *testing.T, dir string) *schema.Set {
	t.Helper()
	set, err := load.Schemas(t.Context(), load.Dir(dir))
	if err != nil {
		t.Fatal(err)
	}
	return set
}
