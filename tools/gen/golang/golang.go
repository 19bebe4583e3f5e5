package golang

import (
	"errors"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/omninode/trestle/tools/gen/digest"
	"github.com/omninode/trestle/tools/gen/output"
	"github.com/omninode/trestle/tools/schema"
)

// vocabulary is the package of the options: its messages are never sent, so that it has no validators and codecs.
const vocabulary = "trestle.v1"

// Options select what [GenerateWith] makes.
type Options struct {
	// WithoutMessages leaves out what protoc-gen-go makes of protobuf files, for use beside it.
	WithoutMessages bool
	// OnlyValidators leaves out codecs, defaults and events, for messages that are validated and never sent.
	OnlyValidators bool
	// KeepRefused gives a message whose rules are refused a validator that fails with what is wrong, instead of
	// refusing the whole set.
	KeepRefused bool
	// Packages names the schema packages to generate; empty means all of the set.
	Packages []string
	// Digests are those of the events' schemas; nil: they are made.
	Digests *digest.Digests
}

// Generate makes the Go code of every package of the set. Paths are below the output folder, by the package's folder:
// "omninode/codegen/v1/status.trestle.go".
func Generate(set *schema.Set) ([]output.File, error) { return GenerateWith(set, Options{}) }

// GenerateWith is [Generate] with options.
func GenerateWith(set *schema.Set, opts Options) ([]output.File, error) {
	byPackage, err := Packages(set, opts)
	if err != nil {
		return nil, err
	}
	var files []output.File
	for _, pkg := range set.Packages {
		files = append(files, byPackage[pkg]...)
	}
	return files, nil
}

// Packages is [GenerateWith], each package's files apart.
func Packages(set *schema.Set, opts Options) (map[*schema.Package][]output.File, error) {
	wanted := func(p *schema.Package) bool {
		return len(opts.Packages) == 0 || slices.Contains(opts.Packages, p.Name)
	}
	if err := refuseCycles(set, wanted); err != nil {
		return nil, err
	}
	plugin, names, err := newPlugin(set, opts, wanted)
	if err != nil {
		return nil, err
	}
	if opts.Digests == nil {
		opts.Digests = digest.New(set, opts.Packages...)
	}
	json := newJSONNames()
	made := map[*schema.Package][]unformatted{}
	var undigested *undigestedError
	for _, pkg := range set.Packages {
		if !wanted(pkg) {
			continue
		}
		if pkg.Language == schema.JSONSchema {
			if made[pkg], err = jsonPackage(set, pkg, json, opts); err != nil && !errors.As(err, &undigested) {
				return nil, err
			}
			continue
		}
		if names.taken, err = names.declared(pkg, opts); err != nil {
			return nil, err
		}
		if !opts.WithoutMessages {
			made[pkg] = protoMessages(plugin, pkg)
		}
		if pkg.Name == vocabulary {
			continue
		}
		own, err := protoPackage(set, pkg, names, opts)
		if err != nil && !errors.As(err, &undigested) {
			return nil, err
		}
		made[pkg] = append(made[pkg], own...)
	}
	if undigested != nil {
		return nil, undigested
	}
	return formatAll(set, made)
}

// undigestedError says why an event's schema has no digest: as a rule something is wrong elsewhere in the set, and is told better there.
type undigestedError struct{ err error }

func (e *undigestedError) Error() string { return e.err.Error() }
func (e *undigestedError) Unwrap() error { return e.err }

// unformatted is a file whose content is still to be assembled and formatted, which is most of the work.
type unformatted struct {
	path    string
	content func() ([]byte, error)
}

// formatAll formats files at the same time. The error is that of the first file which has one.
func formatAll(set *schema.Set, made map[*schema.Package][]unformatted) (map[*schema.Package][]output.File, error) {
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	files, errs := map[*schema.Package][]output.File{}, map[*schema.Package][]error{}
	for pkg, all := range made {
		files[pkg], errs[pkg] = make([]output.File, len(all)), make([]error, len(all))
		for i, f := range all {
			file, failed := &files[pkg][i], &errs[pkg][i]
			file.Path = f.path
			g.Go(func() error {
				file.Content, *failed = f.content()
				return nil
			})
		}
	}
	_ = g.Wait()
	for _, pkg := range set.Packages {
		for _, err := range errs[pkg] {
			if err != nil {
				return nil, err
			}
		}
	}
	return files, nil
}

// sorted returns the package's files by path: what is named after its first use depends on their order.
func sorted(pkg *schema.Package) []*schema.File {
	files := slices.Clone(pkg.Files)
	slices.SortFunc(files, func(a, b *schema.File) int { return strings.Compare(a.Path, b.Path) })
	return files
}
