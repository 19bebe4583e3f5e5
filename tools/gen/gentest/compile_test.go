package gentest

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/omninode/trestle/tools/gen/gentest/hostile"
	"github.com/omninode/trestle/tools/gen/golang"
	"github.com/omninode/trestle/tools/gen/output"
	"github.com/omninode/trestle/tools/load"
)

var (
	compiled = flag.Int("compiled", 12, "how many random sets of schemas TestCompiles generates and compiles")
	only     = flag.String("sets", "", "which of the named sets it compiles, as a regular expression; empty: all")
)

// TestCompiles generates Go from schemas that are hard on generators, all of it as packages of one module, and vets that.
func TestCompiles(t *testing.T) {
	t.Parallel()
	m := newModule(t)
	for _, s := range slices.Concat(hostile.Edges(), hostile.Named(min(len(hostile.Words), max(16, *compiled)))) {
		if regexp.MustCompile(*only).MatchString(s.Name) && !m.add(s) {
			t.Errorf("%s is refused", s.Name)
		}
	}
	generated := 0
	for _, s := range hostile.Random(1, *compiled) {
		if m.add(s) {
			generated++
		}
	}
	if 10*generated < 9**compiled {
		t.Errorf("of %d sets %d are generated", *compiled, generated)
	}
	m.vet()
}

// positioned matches an error that begins with its place in a schema.
var positioned = regexp.MustCompile(`^[^\s:]+:\d+:\d+: [^\n]*$`)

// module is a Go module of generated packages, which takes this one from its folder.
type module struct {
	t   *testing.T
	dir string
}

func newModule(t *testing.T) *module {
	t.Helper()
	m := &module{t: t, dir: t.TempDir()}
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	m.write("go.sum", sums) // what `go get` would write, without asking anybody
	const trestle = "github.com/omninode/trestle"
	m.run("go", "mod", "init", "example.org/hostile")
	m.run("go", "mod", "edit", "-require="+trestle+"@v0.0.0", "-replace="+trestle+"="+root)
	return m
}

func (m *module) write(name string, text []byte) {
	m.t.Helper()
	path := filepath.Join(m.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		m.t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		m.t.Fatal(err)
	}
}

// add generates a set into a folder of its own, and says whether it was generated. A refusal must have a position.
func (m *module) add(s hostile.Schemas) bool {
	m.t.Helper()
	set, err := load.Schemas(m.t.Context(), load.Files(s.Files), load.WithGoPrefix("example.org/hostile/"+s.Name+"/gen"))
	if err != nil {
		m.t.Errorf("%s: %v", s.Name, err)
		return false
	}
	files, err := golang.Generate(set)
	if err != nil {
		if !positioned.MatchString(err.Error()) {
			m.t.Errorf("%s: refused without a position: %v", s.Name, err)
		}
		m.t.Logf("%s: refused: %v", s.Name, err)
		return false
	}
	user := "package use\n\n"
	imported := map[string]bool{}
	for i, f := range files {
		if slices.ContainsFunc(files[:i], func(other output.File) bool { return strings.EqualFold(other.Path, f.Path) }) {
			m.t.Errorf("%s: two files have the path %s", s.Name, f.Path)
		}
		m.write(s.Name+"/gen/"+f.Path, f.Content)
		if dir := path.Dir(f.Path); !imported[dir] {
			imported[dir] = true
			user += fmt.Sprintf("import _ %q\n", path.Join("example.org/hostile", s.Name, "gen", dir))
		}
	}
	m.write(s.Name+"/use/use.go", []byte(user)) // all that is generated can be used from outside
	return true
}

func (m *module) vet() {
	m.t.Helper()
	m.run("go", "vet", "./...")
}

func (m *module) run(name string, args ...string) {
	m.t.Helper()
	cmd := exec.CommandContext(m.t.Context(), name, args...)
	cmd.Dir = m.dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod", "GOPROXY=off", "GOSUMDB=off", "GOTOOLCHAIN=local")
	if out, err := cmd.CombinedOutput(); err != nil {
		m.t.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, out)
	}
}
