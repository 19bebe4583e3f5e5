package gen_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/omninode/trestle/tools/gen"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

// TestUpToDate holds what is committed to what the schemas make.
func TestUpToDate(t *testing.T) {
	t.Parallel()
	files, err := gen.All(t.Context(), repository(t), gen.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if stale := gen.Stale(filepath.Join("..", "..", "gen"), files); len(stale) > 0 {
		t.Errorf("not what the schemas make, regenerate: %s", strings.Join(stale, ", "))
	}
}

func TestOnly(t *testing.T) {
	t.Parallel()
	files, err := gen.All(t.Context(), repository(t), gen.Options{Only: []string{"catalog"}})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 1 || files[0].Path != "catalog.json" {
		t.Errorf("got %d files, want catalog.json", len(files))
	}
	if _, err := gen.All(t.Context(), repository(t), gen.Options{Only: []string{"cobol"}}); err == nil {
		t.Error("an unknown generator was accepted")
	}
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := gen.All(ctx, repository(t), gen.Options{}); err == nil {
		t.Error("generated in spite of a cancelled context")
	}
}

func repository(t *testing.T) *schema.Set {
	t.Helper()
	set, err := load.Schemas(t.Context(), load.Dir(filepath.Join("..", "..", "schemas")))
	if err != nil {
		t.Fatal(err)
	}
	return set
}
