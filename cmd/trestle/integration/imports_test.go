package integration_test

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/omninode/trestle/"

// encodeOnly is a program that encodes, decodes and validates events.
const encodeOnly = module + "cmd/trestle/integration/testdata/encodeonly"

// goPackage is a package that programs of this module link, tests aside.
type goPackage struct {
	ImportPath, Name, Dir, Doc string
	Standard                   bool
	GoFiles, Imports           []string
}

// packages are those of this module, of encodeOnly, and whatever they link.
var packages = sync.OnceValues(func() (map[string]goPackage, error) {
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Name,Dir,Doc,Standard,GoFiles,Imports", "./...", encodeOnly)
	cmd.Dir = project
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	all := map[string]goPackage{}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		switch err := d.Decode(&p); {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, err
		}
		all[p.ImportPath] = p
	}
})

// ours calls each for every package of this module, by its path in it, in order.
func ours(t *testing.T, each func(path string, p goPackage)) {
	t.Helper()
	all, err := packages()
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if path, ok := strings.CutPrefix(name, module); ok {
			found++
			each(path, all[name])
		}
	}
	if found < 50 {
		t.Fatalf("%d packages are too few", found)
	}
}

// links returns every package that one links, with the chain of imports that leads to it.
func links(t *testing.T, path string) map[string][]string {
	t.Helper()
	all, err := packages()
	if err != nil {
		t.Fatal(err)
	}
	chains := map[string][]string{}
	for next := [][]string{{path}}; len(next) > 0; next = next[1:] {
		chain := next[0]
		last := chain[len(chain)-1]
		if _, seen := chains[last]; seen {
			continue
		}
		chains[last] = chain
		for _, imported := range all[last].Imports {
			next = append(next, append(slices.Clone(chain), imported))
		}
	}
	return chains
}

// noClient reports where a package links a client of Kafka, telemetry or HTTP.
func noClient(t *testing.T, path string) {
	t.Helper()
	chains := links(t, path)
	for _, name := range slices.Sorted(maps.Keys(chains)) {
		if isWithin("github.com/twmb", name) || isWithin("go.opentelemetry.io", name) || name == "net/http" {
			t.Errorf("%s links %s: %s", strings.TrimPrefix(path, module), name, strings.Join(chains[name], " → "))
			return // one chain says enough
		}
	}
}

// TestEventsLinkNoClient keeps clients and telemetry out of what reads, writes, checks and compares events. The linter
// sees direct imports only.
func TestEventsLinkNoClient(t *testing.T) {
	t.Parallel()
	want := []string{"compat", "tools/event", "tools/values", "runtime/event", "runtime/genapi", "gen/omninode/codegen/v1", "gen/omninode/hooks/v1"}
	ours(t, func(path string, p goPackage) {
		i := slices.Index(want, path)
		if i >= 0 {
			want = slices.Delete(want, i, i+1)
		}
		if i >= 0 || isWithin("compat", path) || isWithin("runtime/genapi", path) || isWithin("gen", path) {
			noClient(t, p.ImportPath)
		}
	})
	if len(want) > 0 {
		t.Errorf("there is no package %v", want)
	}
}

// TestCommandLinksNoGeneratedEvents has the command run where generated code does not compile.
func TestCommandLinksNoGeneratedEvents(t *testing.T) {
	t.Parallel()
	chains := links(t, module+"cmd/trestle")
	for _, name := range slices.Sorted(maps.Keys(chains)) {
		if isWithin(module+"gen/omninode", name) {
			t.Errorf("the command links %s: %s", name, strings.Join(chains[name], " → "))
		}
	}
}

// TestEncodingLinksLittle says what a program pays for events alone.
func TestEncodingLinksLittle(t *testing.T) {
	t.Parallel()
	noClient(t, encodeOnly)
	all, err := packages()
	if err != nil {
		t.Fatal(err)
	}
	others := 0
	for name := range links(t, encodeOnly) {
		if p, ok := all[name]; ok && !p.Standard && name != encodeOnly {
			others++
		}
	}
	program := filepath.Join(t.TempDir(), "encodeonly")
	cmd := exec.Command("go", "build", "-o", program, encodeOnly)
	cmd.Dir = project
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := exec.Command(program).CombinedOutput(); err != nil || string(out) != "CodegenStatusEvent <nil>\n" {
		t.Errorf("the program says %q, %v", out, err)
	}
	size, err := os.Stat(program)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d packages beyond the standard library, %.1f MB", others, float64(size.Size())/1e6)
}

// isWithin says whether a path is a folder or below it.
func isWithin(folder, path string) bool { return path == folder || strings.HasPrefix(path, folder+"/") }
