package gen

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/omninode/trestle/tools/gen/asyncapi"
	"github.com/omninode/trestle/tools/gen/catalog"
	"github.com/omninode/trestle/tools/gen/digest"
	"github.com/omninode/trestle/tools/gen/example"
	"github.com/omninode/trestle/tools/gen/golang"
	"github.com/omninode/trestle/tools/gen/jsonschema"
	"github.com/omninode/trestle/tools/gen/python"
	"github.com/omninode/trestle/tools/schema"
)

// run is one run of the generators over a set. What several of them need is made once.
type run struct {
	set     *schema.Set
	kept    *Kept
	digests map[*schema.Package]string // empty where nothing is kept
	schemas func() ([]File, error)     // the JSON Schemas
	// schemaDigests are those of the events' schemas.
	schemaDigests *digest.Digests
}

func newRun(set *schema.Set, kept *Kept) *run {
	r := &run{set: set, kept: kept}
	if kept != nil {
		r.digests = digestsOf(set)
	}
	r.schemas = sync.OnceValues(func() ([]File, error) {
		byPackage, err := each(kept, set, r.digests, "jsonschema", func(packages []string) (map[*schema.Package][]File, error) {
			return jsonschema.Packages(set, packages)
		})
		return r.flat(byPackage), err
	})
	r.schemaDigests = digest.From(set, r.schemas)
	return r
}

// all runs generators at the same time. The error is that of the first in their order that has one.
func (r *run) all(ctx context.Context, generators []Generator) ([]File, error) {
	var g errgroup.Group
	made, errs := make([][]File, len(generators)), make([]error, len(generators))
	for i, one := range generators {
		g.Go(func() error {
			if errs[i] = ctx.Err(); errs[i] == nil {
				made[i], errs[i] = r.generate(one)
			}
			return nil
		})
	}
	_ = g.Wait()
	var files []File
	for i := range generators {
		if errs[i] != nil {
			return nil, errs[i]
		}
		files = append(files, made[i]...)
	}
	return files, nil
}

func (r *run) generate(g Generator) ([]File, error) {
	var files []File
	var err error
	if g.again != nil {
		files, err = g.again(r)
	} else {
		files, err = g.Generate(r.set)
	}
	if fault, ok := errors.AsType[*schema.Error](err); ok {
		return nil, schema.Errors{fault}
	}
	if err != nil {
		return nil, fmt.Errorf("generate %s: %w", g.Name, err)
	}
	return files, nil
}

func (r *run) golang() ([]File, error) {
	byPackage, err := each(r.kept, r.set, r.digests, "go", func(packages []string) (map[*schema.Package][]File, error) {
		return golang.Packages(r.set, golang.Options{Packages: packages, Digests: r.schemaDigests})
	})
	return r.flat(byPackage), err
}

func (r *run) catalog() ([]File, error) { return catalog.GenerateFrom(r.set, r.schemaDigests) }

func (r *run) python() ([]File, error) { return python.GenerateFrom(r.set, r.schemaDigests) }

func (r *run) jsonschema() ([]File, error) { return r.schemas() }

func (r *run) asyncapi() ([]File, error) {
	schemas, err := r.schemas()
	if err != nil {
		return nil, err
	}
	examples, err := each(r.kept, r.set, r.digests, "example", r.examples)
	if err != nil {
		return nil, err
	}
	return asyncapi.GenerateFrom(r.set, schemas, func(e *schema.Event) []byte {
		return examples[e.Package][slices.Index(e.Package.Events, e)]
	})
}

// examples are those of the events of packages, as documents show them.
func (r *run) examples(packages []string) (map[*schema.Package][][]byte, error) {
	maker := example.New(r.set)
	out := map[*schema.Package][][]byte{}
	for _, pkg := range r.set.Packages {
		if !slices.Contains(packages, pkg.Name) {
			continue
		}
		for _, e := range pkg.Events {
			out[pkg] = append(out[pkg], maker.Shown(e))
		}
	}
	return out, nil
}

// flat are the files of all packages.
func (r *run) flat(byPackage map[*schema.Package][]File) []File {
	var files []File
	for _, pkg := range r.set.Packages {
		files = append(files, byPackage[pkg]...)
	}
	return files
}
