package scaffold_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/omninode/trestle/cmd/trestle/scaffold"
	"github.com/omninode/trestle/tools/gen"
	"github.com/omninode/trestle/tools/lint"
	"github.com/omninode/trestle/tools/load"
)

const root = "../../.."

// TestNewProjectCompiles builds what a new project generates, and the program in its README, from the module cache
// alone.
func TestNewProjectCompiles(t *testing.T) {
	t.Parallel()
	checkout, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	p := scaffold.Project{Name: "my_shop", Module: "example.org/my-shop", Checkout: checkout}
	dir := newProject(t, p)
	set, err := load.Schemas(t.Context(), load.Dir(filepath.Join(dir, "schemas")))
	if err != nil {
		t.Fatal(err)
	}
	if findings := lint.Run(set, lint.Options{}); len(findings) > 0 {
		t.Errorf("lint: %+v", findings)
	}
	generated, err := gen.All(t.Context(), set, gen.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := gen.Write(filepath.Join(dir, "gen"), generated); err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "go.sum"), sums) // what `go mod tidy` would write, without asking anybody
	program := exampleIn(t, filepath.Join(dir, "README.md"))
	write(t, filepath.Join(dir, "main.go"), []byte(program))
	if out := command(t, dir, "gofmt", "-l", "main.go"); out != "" {
		t.Errorf("the README's program is not gofmt-clean")
	}
	command(t, dir, "go", "vet", "./...")
}

func newProject(t *testing.T, p scaffold.Project) string {
	t.Helper()
	files, err := p.Files()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "project")
	if err := scaffold.Write(dir, files); err != nil {
		t.Fatal(err)
	}
	return dir
}

func write(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func command(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod", "GOPROXY=off", "GOSUMDB=off", "GOTOOLCHAIN=local")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// exampleIn returns the block of Go in a Markdown file.
func exampleIn(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "\n```go\n")
	code, _, closed := strings.Cut(rest, "\n```\n")
	if !found || !closed {
		t.Fatalf("%s has no block of Go", file)
	}
	return code + "\n"
}

func TestNothingIsOverwritten(t *testing.T) {
	t.Parallel()
	p := scaffold.Project{Name: "shop", Module: "example.org/shop"}
	files, err := p.Files()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	last := files[len(files)-1].Path
	write(t, filepath.Join(dir, last), []byte("mine"))
	if err := scaffold.Write(dir, files); err == nil || !strings.Contains(err.Error(), last) {
		t.Errorf("got %v, want an error that names %s", err, last)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("%d entries, %v: want the one that was there", len(entries), err)
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for folder, want := range map[string]string{
		"shop": "shop", "My-Shop": "my_shop", "2nd.shop!": "nd_shop", "été": "t", "--": "", "a__b": "a_b",
	} {
		got := scaffold.NameOf(folder)
		if got != want {
			t.Errorf("NameOf(%q) = %q, want %q", folder, got, want)
		}
		if got != "" {
			if err := (scaffold.Project{Name: got, Module: "example.org/x"}).Check(); err != nil {
				t.Errorf("NameOf(%q): %v", folder, err)
			}
		}
	}
	for _, bad := range []scaffold.Project{
		{Name: "", Module: "a"}, {Name: "Shop", Module: "a"}, {Name: "1a", Module: "a"}, {Name: "a_", Module: "a"},
		{Name: "a", Module: ""}, {Name: "a", Module: "a b"}, {Name: "a", Module: "/a"}, {Name: "a", Module: "a//b"},
	} {
		if _, err := bad.Files(); err == nil {
			t.Errorf("%+v was accepted", bad)
		}
	}
}

func TestRequiredVersion(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]string{"": "", "v1.2.3": "require github.com/omninode/trestle v1.2.3\n"} {
		files, err := scaffold.Project{Name: "shop", Module: "example.org/shop", Version: version}.Files()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			if f.Path != "go.mod" {
				continue
			}
			_, got, _ := strings.Cut(string(f.Content), "cmd/trestle\n")
			if strings.TrimLeft(got, "\n") != want {
				t.Errorf("version %q: go.mod ends in %q, want %q", version, got, want)
			}
		}
	}
}
