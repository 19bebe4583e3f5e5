package gen

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/omninode/trestle/tools/gen/asyncapi"
	"github.com/omninode/trestle/tools/gen/catalog"
	"github.com/omninode/trestle/tools/gen/golang"
	"github.com/omninode/trestle/tools/gen/grafana"
	"github.com/omninode/trestle/tools/gen/jsonschema"
	"github.com/omninode/trestle/tools/gen/output"
	"github.com/omninode/trestle/tools/gen/prometheus"
	"github.com/omninode/trestle/tools/gen/python"
	"github.com/omninode/trestle/tools/schema"
)

// File is one generated file; its path is relative to the output folder.
type File = output.File

// Generator makes files of one kind from a model. It must not write anything, nor depend on anything but the model.
type Generator struct {
	Name     string // "go", "jsonschema", "catalog"
	Generate func(*schema.Set) ([]File, error)
	again    func(*run) ([]File, error) // with what was kept; nil: as Generate
}

// Generators returns all generators: Go's first, which says best where in a schema something is wrong, the others by name.
func Generators() []Generator {
	return []Generator{
		{"go", golang.Generate, (*run).golang},
		{"asyncapi", asyncapi.Generate, (*run).asyncapi},
		{"catalog", catalog.Generate, (*run).catalog},
		{"grafana", grafana.Generate, nil},
		{"jsonschema", jsonschema.Generate, (*run).jsonschema},
		{"prometheus", prometheus.Generate, nil},
		{"python", python.Generate, (*run).python},
	}
}

// Options select what [All] generates.
type Options struct {
	// Only names the generators to run; empty means all of them.
	Only []string
	// Kept is what earlier runs made, and keeps what this one makes; nil: everything is made anew.
	Kept *Kept
}

// All runs the generators and returns their files, sorted by path. Two files of one path, or an unknown name in
// Options.Only, are an error. What a generator cannot make of the schemas, and a key that leads nowhere, is a
// [schema.Errors], as what is wrong with the schemas themselves is.
func All(ctx context.Context, set *schema.Set, opts Options) ([]File, error) {
	known := Generators()
	for _, name := range opts.Only {
		if !slices.ContainsFunc(known, func(g Generator) bool { return g.Name == name }) {
			return nil, fmt.Errorf("generate: no generator is named %q", name)
		}
	}
	if err := set.CheckKeys(); err != nil {
		return nil, err
	}
	if len(opts.Only) > 0 {
		known = slices.DeleteFunc(known, func(g Generator) bool { return !slices.Contains(opts.Only, g.Name) })
	}
	files, err := newRun(set, opts.Kept).all(ctx, known)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	for i := 1; i < len(files); i++ {
		if files[i].Path == files[i-1].Path {
			return nil, fmt.Errorf("generate: two schemas make the file %s", files[i].Path)
		}
	}
	return files, nil
}
