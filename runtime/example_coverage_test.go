package trestle_test

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// calledByHand are the folders whose functions programs call by hand.
var calledByHand = []string{
	".", "deadletter", "dedup", "outbox", "parking", "replay", "spool", "store", "store/postgres", "store/sqlite", "trestletest",
}

// TestEverythingHasAnExample holds these packages to their examples: what they export for programs to call is called in one that runs. That is
// every function, and every method but those by which a type is what others ask for: an error, what can be printed, the stores of relays,
// sinks and consumers, a testing.TB.
func TestEverythingHasAnExample(t *testing.T) {
	t.Parallel()
	folders := map[string]*folder{}
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(name) != ".go" {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution|parser.ParseComments)
		if err != nil {
			return err
		}
		dir := filepath.ToSlash(filepath.Dir(name))
		if folders[dir] == nil {
			folders[dir] = &folder{path: dir, helpers: map[*ast.File]bool{}}
		}
		folders[dir].add(entry.Name(), file)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	called := map[string]bool{}
	asked := [][]string{{"Error"}, {"Unwrap"}, {"String"}, {"Format"}, {"LogValue"}}
	for _, f := range folders {
		f.addCalls(called)
		if !strings.HasPrefix(f.path, "store") { // whose interface is of what its databases have in common
			asked = append(asked, f.interfaces()...)
		}
	}
	exported := 0
	for _, path := range calledByHand {
		f := folders[path]
		for _, e := range doc.Examples(f.tests...) {
			if e.Output == "" && !e.EmptyOutput && !f.runsItsExamples() {
				t.Errorf("%s: the example %s has no output, so it does not run", path, e.Name)
			}
		}
		for _, function := range f.exported(asked) {
			if exported++; !called[function] {
				t.Errorf("%s is in no example", function)
			}
		}
	}
	if exported < 180 {
		t.Errorf("only %d functions are exported: were they read?", exported)
	}
}

// folder is a package: its files, and those of its tests.
type folder struct {
	path           string
	sources, tests []*ast.File
	helpers        map[*ast.File]bool // files of examples, in which functions that are no examples are what these call
}

func (f *folder) add(name string, file *ast.File) {
	if !strings.HasSuffix(name, "_test.go") {
		f.sources = append(f.sources, file)
		return
	}
	f.tests = append(f.tests, file)
	f.helpers[file] = strings.HasPrefix(name, "example")
}

// runsItsExamples says whether a test does what the examples show: they need a server, and there may be none.
func (f *folder) runsItsExamples() bool {
	return slices.ContainsFunc(f.tests, func(file *ast.File) bool {
		return slices.ContainsFunc(file.Decls, func(d ast.Decl) bool {
			function, ok := d.(*ast.FuncDecl)
			return ok && function.Name.Name == "TestExample"
		})
	})
}

// addCalls notes which functions of the runtime's packages are called in the folder's examples, and which methods, of whatever type, in
// files that import which package.
func (f *folder) addCalls(called map[string]bool) {
	for _, file := range f.tests {
		imported := importsOf(file)
		for _, d := range file.Decls {
			if function, ok := d.(*ast.FuncDecl); !f.helpers[file] && (!ok || !strings.HasPrefix(function.Name.Name, "Example")) {
				continue
			}
			ast.Inspect(d, func(n ast.Node) bool {
				s, ok := n.(*ast.SelectorExpr)
				if !ok {
					return true
				}
				if x, ok := s.X.(*ast.Ident); ok && imported[x.Name] != "" {
					called[functionName(imported[x.Name], s.Sel.Name)] = true
					return true
				}
				for _, below := range imported {
					called[methodName(below, s.Sel.Name)] = true
				}
				return true
			})
		}
	}
}

// importsOf returns the packages below the runtime that a file imports, by the names that they have there.
func importsOf(file *ast.File) map[string]string {
	imported := map[string]string{}
	for _, i := range file.Imports {
		name, err := strconv.Unquote(i.Path.Value)
		below, ok := strings.CutPrefix(name, "github.com/omninode/trestle/runtime")
		if err != nil || !ok {
			continue
		}
		below = path.Clean("." + below)
		if i.Name != nil {
			imported[i.Name.Name] = below
		} else {
			imported[path.Base(below)] = below
		}
	}
	return imported
}

func functionName(path, name string) string { return path + ": " + name }

func methodName(path, name string) string { return path + ": method " + name }

// interfaces returns the names of the methods of each exported interface of several that the folder declares.
func (f *folder) interfaces() (methods [][]string) {
	for _, file := range f.sources {
		ast.Inspect(file, func(n ast.Node) bool {
			declared, ok := n.(*ast.TypeSpec)
			if !ok || !declared.Name.IsExported() {
				return true
			}
			if i, ok := declared.Type.(*ast.InterfaceType); ok {
				var names []string
				for _, m := range i.Methods.List {
					for _, name := range m.Names {
						names = append(names, name.Name)
					}
				}
				if len(names) > 1 { // a single method may well be what programs call, such as Publish
					methods = append(methods, names)
				}
			}
			return true
		})
	}
	return methods
}

// exported returns what the folder has for programs to call.
func (f *folder) exported(asked [][]string) (functions []string) {
	methods, inTests := map[string][]string{}, map[string]bool{} // by type
	for _, file := range f.sources {
		ast.Inspect(file, func(n ast.Node) bool {
			if declared, ok := n.(*ast.TypeSpec); ok && embedsTB(declared) {
				inTests[declared.Name.Name] = true
			}
			return true
		})
		for _, d := range file.Decls {
			function, ok := d.(*ast.FuncDecl)
			switch {
			case !ok || !function.Name.IsExported():
			case function.Recv == nil:
				functions = append(functions, functionName(f.path, function.Name.Name))
			default:
				of := receiver(function)
				methods[of] = append(methods[of], function.Name.Name)
			}
		}
	}
	for of, names := range methods {
		if !ast.IsExported(of) {
			continue
		}
		satisfied := map[string]bool{}
		for _, i := range asked {
			if !slices.ContainsFunc(i, func(name string) bool { return !slices.Contains(names, name) }) {
				for _, name := range i {
					satisfied[name] = true
				}
			}
		}
		for _, name := range names {
			_, ofTB := reflect.TypeFor[testing.TB]().MethodByName(name)
			if !satisfied[name] && !(inTests[of] && ofTB) {
				functions = append(functions, methodName(f.path, name))
			}
		}
	}
	slices.Sort(functions)
	return slices.Compact(functions)
}

// embedsTB says whether a type stands in for a *testing.T.
func embedsTB(declared *ast.TypeSpec) bool {
	s, ok := declared.Type.(*ast.StructType)
	return ok && slices.ContainsFunc(s.Fields.List, func(field *ast.Field) bool {
		x, ok := field.Type.(*ast.SelectorExpr)
		return ok && len(field.Names) == 0 && x.Sel.Name == "TB"
	})
}

// receiver returns the name of the type that a method is of.
func receiver(method *ast.FuncDecl) (name string) {
	ast.Inspect(method.Recv.List[0].Type, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && name == "" {
			name = id.Name
		}
		return true
	})
	return name
}
