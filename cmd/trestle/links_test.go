package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestPublishersLinkNoDatabase keeps the promise that the runtime's root needs no database, registry or web server.
func TestPublishersLinkNoDatabase(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-deps", "github.com/omninode/trestle/runtime").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, dep := range strings.Fields(string(out)) {
		if dep == "database/sql" {
			t.Errorf("the runtime links %s", dep)
		}
		for _, banned := range []string{"github.com/jackc/", "modernc.org/", "github.com/twmb/franz-go/pkg/sr", "cel.dev/", "github.com/google/cel-go", "github.com/bufbuild/protocompile", "testing", "github.com/twmb/franz-go/pkg/kfake", "github.com/omninode/trestle/gen"} {
			if strings.HasPrefix(dep, banned) {
				t.Errorf("the runtime links %s", dep)
			}
		}
	}
}

// TestOnlyTestsLinkTheirCluster keeps the cluster of the test kit, and package testing, out of all that services link.
func TestOnlyTestsLinkTheirCluster(t *testing.T) {
	t.Parallel()
	const root = "github.com/omninode/trestle/"
	out, err := exec.Command("go", "list", "-f", "{{.ImportPath}} {{join .Deps \" \"}}", root+"runtime/...", root+"gen/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	kits := 0
	for line := range strings.Lines(string(out)) {
		deps := strings.Fields(line)
		if strings.Contains(deps[0], "test") { // trestletest, storetest and others, which only tests import
			kits++
			continue
		}
		for _, banned := range []string{"github.com/twmb/franz-go/pkg/kfake", root + "runtime/trestletest", "testing"} {
			if slices.Contains(deps, banned) {
				t.Errorf("%s links %s", deps[0], banned)
			}
		}
	}
	if kits == 0 {
		t.Error("the kit is not among the packages: were they listed?")
	}
}

// TestCommandsParseAndPrint keeps work out of the commands, which parse flags, call ops and print; and flags out of ops.
func TestCommandsParseAndPrint(t *testing.T) {
	t.Parallel()
	for folder, banned := range map[string][]string{
		".":        {"github.com/twmb/", "github.com/omninode/trestle/tools/load", "database/sql"},
		"scaffold": {"github.com/twmb/", "github.com/omninode/trestle/tools", "github.com/spf13/", "database/sql"},
		"ops":      {"github.com/spf13/"},
		"ops/gate": {"github.com/spf13/", "github.com/twmb/"},
	} {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", folder, len(files), err)
		}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, spec := range file.Imports {
				path, err := strconv.Unquote(spec.Path.Value)
				if err != nil {
					t.Fatal(err)
				}
				if slices.ContainsFunc(banned, func(b string) bool { return strings.HasPrefix(path, b) }) {
					t.Errorf("%s imports %s", name, path)
				}
			}
			if folder == "." {
				loadsNothing(t, name, file)
			}
		}
	}
}

// loadsNothing holds a command's file to the model of schemas: what loads them is for ops to call.
func loadsNothing(t *testing.T, name string, file *ast.File) {
	t.Helper()
	loaders := []string{"Load", "LoadDocument", "Dir", "FS", "FileAt", "Files", "Git", "Image", "ImageBytes", "In", "Locator", "ParseLocation", "WriteImage"}
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			if pkg, ok := s.X.(*ast.Ident); ok && pkg.Name == "schema" && slices.Contains(loaders, s.Sel.Name) {
				t.Errorf("%s calls schema.%s", name, s.Sel.Name)
			}
		}
		return true
	})
}
