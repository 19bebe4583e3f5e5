package trestle_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestEverythingHasAnExample holds the package to its examples: what it exports for programs to call is called in one that runs.
func TestEverythingHasAnExample(t *testing.T) {
	t.Parallel()
	called := map[string]bool{}
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		helpers := strings.HasPrefix(entry.Name(), "example") // those of examples call what these are about, too
		for _, d := range parsed(t, path).Decls {
			if f, ok := d.(*ast.FuncDecl); helpers || ok && strings.HasPrefix(f.Name.Name, "Example") {
				ast.Inspect(d, func(n ast.Node) bool {
					if s, ok := n.(*ast.SelectorExpr); ok {
						called[s.Sel.Name] = true
					}
					return true
				})
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	exported := 0
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		for _, d := range parsed(t, path).Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || !f.Name.IsExported() || f.Recv != nil && !isFor(f, "Publisher", "Consumer", "Caller") {
				continue
			}
			if exported++; !called[f.Name.Name] {
				t.Errorf("%s: %s is in no example", path, f.Name.Name)
			}
		}
	}
	if exported < 70 {
		t.Errorf("only %d functions are exported: were they read?", exported)
	}
}

func parsed(t *testing.T, path string) *ast.File {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// isFor says whether a method is one of those types'.
func isFor(f *ast.FuncDecl, types ...string) bool {
	star, ok := f.Recv.List[0].Type.(*ast.StarExpr)
	if !ok {
		return false
	}
	name, ok := star.X.(*ast.Ident)
	return ok && slices.Contains(types, name.Name)
}
