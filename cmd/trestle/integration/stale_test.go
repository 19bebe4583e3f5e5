package integration_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/omninode/trestle/runtime/genapi"
)

// TestStaleCodeIsRebuilt has generated code that is older than the runtime, and none at all: the command does not link
// it and writes it anew.
func TestStaleCodeIsRebuilt(t *testing.T) {
	dir := copySource(t)
	t.Run("older", func(t *testing.T) {
		const older = "github.com/omninode/trestle/runtime/genapi/version1"
		for _, file := range goFiles(t, filepath.Join(dir, "gen/omninode")) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			changed := strings.ReplaceAll(string(text), genapi.Version, older)
			changed = strings.ReplaceAll(changed, "trestle.EventInfo", "trestle.EventDescription") // of another runtime
			writeFile(t, file, changed)
		}
		for _, pkg := range []string{"gen/omninode/codegen/v1", "gen/omninode/hooks/v1"} {
			out, ok := goInside(t, dir, "build", "./"+pkg)
			if ok {
				t.Fatalf("%s builds though it is of another version", pkg)
			}
			// One error, at the import, and what go has to say about it.
			for i, line := range strings.Split(strings.TrimSpace(out), "\n") {
				if atImport := strings.HasPrefix(line, pkg+"/trestle.go:6:"); atImport != (i == 0) || !strings.Contains(line, older) {
					t.Errorf("%s: an error that is not that of the version's import:\n%s", pkg, out)
				}
			}
		}
		rebuild(t, dir)
	})
	t.Run("none", func(t *testing.T) {
		if err := os.RemoveAll(filepath.Join(dir, "gen/omninode")); err != nil {
			t.Fatal(err)
		}
		rebuild(t, dir)
	})
}

// rebuild generates, and holds the result to this project's.
func rebuild(t *testing.T, dir string) {
	t.Helper()
	for _, args := range [][]string{{"run", "./cmd/trestle", "generate"}, {"build", "./gen/..."}} {
		if out, ok := goInside(t, dir, args...); !ok {
			t.Fatalf("go %s:\n%s", strings.Join(args, " "), out)
		}
	}
	for _, file := range goFiles(t, project+"/gen") {
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		rel, err := filepath.Rel(project, file)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(filepath.Join(dir, rel)); err != nil || string(got) != string(want) {
			t.Errorf("%s is not what it is in this project: %v", rel, err)
		}
	}
}

// copySource returns a folder with what of this project the command is built from, and what it generates. It is the same
// folder in every run, so that go finds in its cache what it has built there before.
func copySource(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join(project, ".cache", "stale"))
	if err != nil {
		t.Fatal(err)
	}
	remove := func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	}
	remove()
	t.Cleanup(remove)
	for _, name := range []string{"go.mod", "go.sum", "trestle.yaml", "cmd", "compat", "gen", "migrations", "runtime", "schemas", "tools"} {
		err := filepath.WalkDir(filepath.Join(project, name), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") {
				return err
			}
			rel, err := filepath.Rel(project, path)
			if err != nil {
				return err
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			to := filepath.Join(dir, rel)
			if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
				return err
			}
			return os.WriteFile(to, text, 0o600)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func goFiles(t *testing.T, dir string) (paths []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".go") {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil || len(paths) == 0 {
		t.Fatalf("%s: %d files of Go, %v", dir, len(paths), err)
	}
	return paths
}

// goInside runs go in a folder, from the module cache alone.
func goInside(t *testing.T, dir string, args ...string) (out string, ok bool) {
	t.Helper()
	cmd := exec.CommandContext(within(t, 10*time.Minute), "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=", "GOPROXY=off", "GOSUMDB=off", "GOTOOLCHAIN=local")
	text, err := cmd.CombinedOutput()
	return string(text), err == nil
}
