package main

import (
	"bytes"
	"flag"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

var update = flag.Bool("update", false, "write what is promised anew, additions included")

// promisedPackages are those whose exported names stay (docs/stability.md).
var promisedPackages = []string{
	"runtime", "runtime/event", "runtime/kafka", "runtime/registry", "runtime/secure", "runtime/deadletter", "runtime/outbox", "runtime/dedup",
	"runtime/spool", "runtime/parking", "runtime/store", "runtime/trestletest",
}

// TestPromises holds that nothing is gone, or another, of what is promised to stay: commands with their flags, and exported
// names with their types. What is new is promised once -update has written it down, at the latest with a release.
func TestPromises(t *testing.T) {
	t.Parallel()
	var names []string
	for _, pkg := range promisedPackages {
		names = append(names, exportedNames(t, pkg)...)
	}
	for file, now := range map[string][]string{"commands.txt": commandLines(newRoot()), "names.txt": names} {
		path := filepath.Join("testdata", "stability", file)
		if *update {
			if err := os.WriteFile(path, []byte(strings.Join(now, "\n")+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		promised, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(promised)) {
			if line = strings.TrimSuffix(line, "\n"); !slices.Contains(now, line) {
				t.Errorf("%s: promised, and gone or another by now: %s", file, line)
			}
		}
	}
}

func commandLines(cmd *cobra.Command) []string {
	out := []string{strings.TrimSpace(strings.TrimSuffix(cmd.CommandPath()+" "+strings.Join(strings.Fields(cmd.Use)[1:], " "), " "))}
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		line := cmd.CommandPath() + " --" + f.Name
		if f.Shorthand != "" {
			line += " -" + f.Shorthand
		}
		out = append(out, line+" "+f.Value.Type())
	})
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() && c.Name() != "help" && c.Name() != "completion" {
			out = append(out, commandLines(c)...)
		}
	}
	return out
}

// exportedNames returns a line for each exported function, method, type, field, constant and variable of a package.
func exportedNames(t *testing.T, pkg string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("../..", pkg, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %v, %d files", pkg, err, len(files))
	}
	fset := token.NewFileSet()
	var out []string
	add := func(node any, before string) {
		var b bytes.Buffer
		if err := format.Node(&b, fset, node); err != nil {
			t.Fatal(err)
		}
		out = append(out, pkg+": "+before+strings.Join(strings.Fields(b.String()), " "))
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && (d.Recv == nil || exportedReceiver(d.Recv.List[0].Type)) {
					add(&ast.FuncDecl{Recv: d.Recv, Name: d.Name, Type: d.Type}, "")
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch s := spec.(type) {
					case *ast.ValueSpec:
						for _, n := range s.Names {
							if n.IsExported() {
								out = append(out, pkg+": "+d.Tok.String()+" "+n.Name)
							}
						}
					case *ast.TypeSpec:
						if s.Name.IsExported() {
							exportedType(s, add)
						}
					}
				}
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// exportedType adds a type: of a struct the exported fields one by one, since there may be more.
func exportedType(s *ast.TypeSpec, add func(node any, before string)) {
	fields, ok := s.Type.(*ast.StructType)
	if !ok {
		add(&ast.TypeSpec{Name: s.Name, TypeParams: s.TypeParams, Assign: s.Assign, Type: s.Type}, "type ")
		return
	}
	add(s.Name, "struct ")
	for _, f := range fields.Fields.List {
		for _, n := range f.Names {
			if n.IsExported() {
				add(f.Type, s.Name.Name+"."+n.Name+" ")
			}
		}
	}
}

func exportedReceiver(e ast.Expr) bool {
	switch r := e.(type) {
	case *ast.StarExpr:
		return exportedReceiver(r.X)
	case *ast.IndexExpr:
		return exportedReceiver(r.X)
	case *ast.IndexListExpr:
		return exportedReceiver(r.X)
	case *ast.Ident:
		return r.IsExported()
	}
	return false
}
