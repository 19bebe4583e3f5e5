package integration_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	"github.com/omninode/trestle/runtime/trestletest"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

// TestREADME builds the README's example as a user would, in a module of its own that imports this one, and runs it on
// an embedded broker and on a real one.
func TestREADME(t *testing.T) {
	program := buildExample(t)
	for _, c := range []struct {
		name    string
		brokers func(*testing.T) []string
	}{
		{"embedded", func(t *testing.T) []string { return trestletest.NewCluster(t, codegenv1.Topics()).Brokers() }},
		{"Apache Kafka", func(t *testing.T) []string {
			return connect(t, services.SharedKafka(t).Brokers()).withTopics(1).brokers
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cmd := exec.CommandContext(within(t, patience), program)
			cmd.Env = append(os.Environ(), "TRESTLE_BROKERS="+strings.Join(c.brokers(t), ","))
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			if err := cmd.Run(); err != nil {
				t.Fatalf("the example: %v\n%s%s", err, stdout.String(), stderr.String())
			}
			if got, want := stdout.String(), `answered: {"pattern":"outbox","score":0.91}`+"\n"; got != want {
				t.Errorf("the example printed %q, want %q", got, want)
			}
		})
	}
}

// buildExample builds the README's main.go, from the module cache alone, and returns the program.
func buildExample(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name string, text []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("main.go", []byte(exampleIn(t, filepath.Join(root, "README.md"))))
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	write("go.sum", sums) // what `go get` would write, without asking anybody
	const module = "github.com/omninode/trestle"
	for _, args := range [][]string{
		{"mod", "init", "example.org/orders"},
		{"mod", "edit", "-require=" + module + "@v0.0.0", "-replace=" + module + "=" + root},
		{"build", "-o", "example", "."},
		{"vet", "."},
	} {
		cmd := exec.CommandContext(within(t, 2*patience), "go", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod", "GOPROXY=off", "GOSUMDB=off", "GOTOOLCHAIN=local")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
	return filepath.Join(dir, "example")
}

// exampleIn returns the block of Go in a Markdown file that says that it is main.go.
func exampleIn(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(text), "\n```go\n// example: main.go\n")
	code, _, closed := strings.Cut(rest, "\n```\n")
	if !found || !closed {
		t.Fatalf("%s has no block of Go that begins with `// example: main.go`", file)
	}
	return code + "\n"
}
