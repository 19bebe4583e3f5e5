package python_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/omninode/trestle/runtime/trestletest/services"
	"github.com/omninode/trestle/tools/gen/python"
	"github.com/omninode/trestle/tools/schema"
)

// TestClean holds what is generated, from this repository's schemas and from those of the golden files, to mypy and
// ruff as the package itself configures them.
func TestClean(t *testing.T) {
	t.Parallel()
	interpreter := services.Python(t)
	cache := t.TempDir() // pydantic is analysed once
	sets := map[string]*schema.Set{"repository": loadRepository(t)}
	for _, name := range []string{"left", "secrets", "known", "sealed"} {
		sets[name] = loadSet(t, filepath.Join("..", "golang", "testdata", name, "in"))
	}
	for _, name := range []string{"rules", "shapes", "objects", "retries", "any"} {
		sets[name] = loadSet(t, filepath.Join("testdata", name, "in"))
	}
	for name, set := range sets {
		t.Run(name, func(t *testing.T) {
			dir, module := distribution(t, set)
			if out, err := mypy(interpreter, cache, dir, module); err != nil {
				t.Errorf("mypy: %v\n%s", err, out)
			}
			if out, err := ruff(interpreter, dir, "check"); err != nil {
				t.Errorf("ruff: %v\n%s", err, out)
			}
			if out, err := ruff(interpreter, dir, "format", "--check"); err != nil {
				t.Errorf("ruff format would change what is generated: %v\n%s", err, out)
			}
		})
	}
	t.Run("unclean", func(t *testing.T) {
		dir, module := distribution(t, sets["objects"])
		appendTo(t, filepath.Join(dir, module, "topics.py"), "\n\nimport os\n\n\ndef untyped(x):\n    return x\n")
		if out, err := mypy(interpreter, cache, dir, module); err == nil || !strings.Contains(string(out), "no-untyped-def") {
			t.Errorf("mypy does not find a function without types: %v\n%s", err, out)
		}
		if out, err := ruff(interpreter, dir, "check"); err == nil || !strings.Contains(string(out), "F401") {
			t.Errorf("ruff does not find an import that nothing uses: %v\n%s", err, out)
		}
	})
}

// consumer is a program that uses the installed package as its readme says, every name with its type.
const consumer = `import uuid

from omninode_events import RecordError, parse_record, topics
from omninode_events.codegen.v1 import CodegenPatternRequest, NodeType

request = CodegenPatternRequest(
    correlation_id=uuid.uuid4(), session_id=uuid.uuid4(), node_description="x", node_type=NodeType.EFFECT
)
record = request.to_record()
received = parse_record(record.value, record.headers, topic=record.topic)
assert isinstance(received.event, CodegenPatternRequest), received
assert received.event.limit == 5, received
try:
    parse_record(b"{}", (), topic=record.topic)
except RecordError as error:
    text: str = str(error)
print(record.topic, len(topics.TOPICS) > 0)
`

// TestWheel builds the package, installs the wheel with what it depends on into a new environment, and uses it there;
// its types are seen from outside.
func TestWheel(t *testing.T) {
	t.Parallel()
	interpreter, wheels := services.Python(t), services.PythonWheels(t)
	source, _ := distribution(t, loadRepository(t))
	dir := t.TempDir()
	run := func(name string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "PYTHONPATH=", "PYTHONHOME=", "PIP_USER=0", "PIP_TARGET=", "PIP_DISABLE_PIP_VERSION_CHECK=1")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, out)
		}
		return string(out)
	}
	run(interpreter, "-m", "pip", "wheel", "--quiet", "--no-index", "--no-build-isolation", "--no-deps", "--wheel-dir", "dist", source)
	built, err := filepath.Glob(filepath.Join(dir, "dist", "omninode_events-*-py3-none-any.whl"))
	if err != nil || len(built) != 1 {
		t.Fatalf("built %v, %v", built, err)
	}
	run(interpreter, "-m", "venv", "fresh")
	fresh := filepath.Join(dir, "fresh", "bin", "python")
	run(fresh, "-m", "pip", "install", "--quiet", "--no-index", "--find-links", wheels, built[0])
	run(fresh, "-m", "pip", "check")
	if err := os.WriteFile(filepath.Join(dir, "use.py"), []byte(consumer), 0o644); err != nil {
		t.Fatal(err)
	}
	if got, want := run(fresh, "use.py"), "omninode_codegen_request_pattern_v1 True\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	run(interpreter, "-m", "mypy", "--strict", "--python-executable", fresh, "--cache-dir", filepath.Join(dir, "cache"), "use.py")
}

// distribution writes what is generated from a set, and returns its folder and the name of its package.
func distribution(t *testing.T, set *schema.Set) (dir, module string) {
	t.Helper()
	files, err := python.Generate(set)
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	write(t, root, files)
	dir = filepath.Join(root, "python")
	typed, err := filepath.Glob(filepath.Join(dir, "*", "py.typed"))
	if err != nil || len(typed) != 1 {
		t.Fatalf("py.typed: %v, %v", typed, err)
	}
	return dir, filepath.Base(filepath.Dir(typed[0]))
}

func mypy(interpreter, cache, dir, module string) ([]byte, error) {
	cmd := exec.Command(interpreter, "-m", "mypy", "--cache-dir", cache, module)
	cmd.Dir = dir
	return cmd.CombinedOutput()
}

func ruff(interpreter, dir string, what ...string) ([]byte, error) {
	cmd := exec.Command(interpreter, append(append([]string{"-m", "ruff"}, what...), "--no-cache", ".")...)
	cmd.Dir = dir
	return cmd.CombinedOutput()
}

func appendTo(t *testing.T, file, text string) {
	t.Helper()
	old, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, fmt.Append(old, text), 0o644); err != nil {
		t.Fatal(err)
	}
}
