package golang

import (
	"slices"
	"strings"

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
}

// Generate makes the Go code of every package of the set. Paths are below the output folder, by the package's folder:
// "omninode/codegen/v1/status.trestle.go".
func Generate(set *schema.Set) ([]output.File, error) { return GenerateWith(set, Options{}) }

// GenerateWith is [Generate] with options.
func GenerateWith(set *schema.Set, opts Options) ([]output.File, error) {
	wanted := func(p *schema.Package) bool {
		return len(opts.Packages) == 0 || slices.Contains(opts.Packages, p.Name)
	}
	if err := refuseCycles(set, wanted); err != nil {
		return nil, err
	}
	plugin, names, err := newPlugin(set, opts)
	if err != nil {
		return nil, err
	}
	json := newJSONNames()
	var files []output.File
	for _, pkg := range set.Packages {
		if !wanted(pkg) {
			continue
		}
		var made []output.File
		if pkg.Language == schema.Protobuf {
			if names.taken, err = names.declared(pkg, opts); err != nil {
				return nil, err
			}
			if !opts.WithoutMessages {
				made, err = protoMessages(plugin, pkg)
				if err != nil {
					return nil, err
				}
				files = append(files, made...)
			}
			if pkg.Name == vocabulary {
				continue
			}
			made, err = protoPackage(set, pkg, names, opts)
		} else {
			made, err = jsonPackage(set, pkg, json)
		}
		if err != nil {
			return nil, err
		}
		files = append(files, made...)
	}
	return files, nil
}

// sorted returns the package's files by path: what is named after its first use depends on their order.
func sorted(pkg *schema.Package) []*schema.File {
	files := slices.Clone(pkg.Files)
	slices.SortFunc(files, func(a, b *schema.File) int { return strings.Compare(a.Path, b.Path) })
	return files
}
