// Command dependencies writes docs/dependencies.md, which says which modules are linked into the command and into programs that use the runtime, under which licences,
// and what for. With -check it writes nothing, and fails if the page is not what it would write. It fails where a licence is unknown or not allowed, and where nobody
// wrote down what a module is for.
//
//	go run ./dependencies [-check] [-root DIR]
package main

import (
	"errors"
	"flag"
	"fmt"
	"log"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/omninode/trestle/tools/release/licences"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("dependencies: ")
	root := flag.String("root", "../..", "the checkout")
	check := flag.Bool("check", false, "write nothing, and fail if the page is not up to date")
	flag.Parse()
	if err := run(*root, *check); err != nil {
		log.Fatal(err)
	}
}

func run(root string, check bool) error {
	found, err := survey(root)
	if err != nil {
		return err
	}
	page, err := render(found)
	if err != nil {
		return err
	}
	name := filepath.Join(root, "docs", "dependencies.md")
	if !check {
		return os.WriteFile(name, []byte(page), 0o644)
	}
	return compare(name, page)
}

func compare(name, page string) error {
	old, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if string(old) != page {
		return fmt.Errorf("docs/dependencies.md is not what is linked, run `make generate`: %s", difference(string(old), page))
	}
	return nil
}

// difference is the first line that differs.
func difference(old, page string) string {
	have, want := strings.Split(old, "\n"), strings.Split(page, "\n")
	for i, line := range want {
		if i >= len(have) || have[i] != line {
			return fmt.Sprintf("line %d is to be %q", i+1, line)
		}
	}
	return fmt.Sprintf("line %d and what follows are to go", len(want)+1)
}

const module = "github.com/omninode/trestle"

// platforms are those that releases are made for.
var platforms = []string{"linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64", "windows/amd64", "windows/arm64"}

// dependency is a module with where it is linked.
type dependency struct {
	licences.Module
	command  []string // on which platforms the command links it
	always   bool     // whether every program does that handles events
	packages []string // else: by which packages of ours a program does
}

// survey finds what is linked on any platform.
func survey(root string) ([]*dependency, error) {
	type answer struct {
		platform string
		modules  []*dependency
		err      error
	}
	answers := make(chan answer, len(platforms))
	for _, platform := range platforms {
		go func() {
			modules, err := surveyOn(root, platform)
			answers <- answer{platform, modules, err}
		}()
	}
	all := map[string]*dependency{}
	var wrong []error
	for range platforms {
		a := <-answers
		wrong = append(wrong, a.err)
		for _, d := range a.modules {
			key := d.Path + " " + d.Version
			known := all[key]
			if known == nil {
				all[key] = d
				continue
			}
			known.command = append(known.command, d.command...)
			known.always = known.always || d.always
			known.packages = append(known.packages, d.packages...)
			known.Texts = append(known.Texts, d.Texts...) // of packages that are linked on one platform alone
		}
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	out := slices.Collect(maps.Values(all))
	for _, d := range out {
		slices.Sort(d.command)
		slices.Sort(d.packages)
		d.packages = slices.Compact(d.packages)
	}
	slices.SortFunc(out, func(a, b *dependency) int { return licences.Compare(a.Module, b.Module) })
	return out, nil
}

// ownModules are packages of the runtime that are modules of their own.
var ownModules = []string{"runtime/kafka/msk", "runtime/encrypt/awskms", "runtime/encrypt/gcpkms", "runtime/encrypt/vault"}

func surveyOn(root, platform string) ([]*dependency, error) {
	packages, err := licences.Load(root, platform, "./cmd/trestle", "./runtime/...", "./gen/omninode/...")
	if err != nil {
		return nil, err
	}
	all := map[string]*dependency{}
	add := func(from *licences.Packages, linked func(*dependency), names ...string) error {
		modules, err := from.Linked(names...)
		for _, m := range modules {
			if m.Path == module {
				continue // of which a module of its own links packages
			}
			key := m.Path + " " + m.Version
			if all[key] == nil {
				all[key] = &dependency{Module: m}
			}
			linked(all[key])
		}
		return err
	}
	var every, optional []string
	for _, name := range packages.Own() {
		below, isRuntime := strings.CutPrefix(name, module+"/runtime/")
		switch {
		case name == module+"/runtime" || strings.HasPrefix(name, module+"/gen/omninode/"):
			every = append(every, name)
		case isRuntime && !strings.Contains(below, "test") && !strings.Contains(below, "internal"): // no program links a kit for tests
			optional = append(optional, name)
		}
	}
	if err := add(packages, func(d *dependency) { d.command = append(d.command, platform) }, module+"/cmd/trestle"); err != nil {
		return nil, err
	}
	if err := add(packages, func(d *dependency) { d.always = true }, every...); err != nil {
		return nil, err
	}
	for _, name := range optional {
		if err := add(packages, func(d *dependency) { d.packages = append(d.packages, strings.TrimPrefix(name, module+"/")) }, name); err != nil {
			return nil, err
		}
	}
	for _, name := range ownModules {
		extra, err := licences.Load(filepath.Join(root, filepath.FromSlash(name)), platform, "./...")
		if err != nil {
			return nil, err
		}
		if err := add(extra, func(d *dependency) { d.packages = append(d.packages, name) }, extra.Own()...); err != nil {
			return nil, err
		}
	}
	for _, d := range all {
		d.packages = nearest(packages, d.packages)
	}
	return slices.Collect(maps.Values(all)), nil
}

// nearest leaves out packages that link a module by way of another one that is named.
func nearest(all *licences.Packages, names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool {
		return slices.ContainsFunc(names, func(other string) bool { return all.Imports(module+"/"+name, module+"/"+other) })
	})
}
