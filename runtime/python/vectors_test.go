package python_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/omninode/trestle/runtime/encrypt"
	"github.com/omninode/trestle/runtime/encrypt/kek"
	"github.com/omninode/trestle/runtime/trestletest/services"
)

// TestMain runs the tests, or is the program that Python's CommandKEK runs.
func TestMain(m *testing.M) {
	if file := os.Getenv(servedKEK); file != "" {
		if err := kek.Serve(context.Background(), kek.NewFile(file), os.Stdin, os.Stdout); err != nil {
			panic(err)
		}
		os.Exit(0)
	}
	os.Exit(services.Main(m))
}

// servedKEK names the file of a KEK that a program of this test's serves.
const servedKEK = "TRESTLE_TEST_SERVED_KEK"

var update = flag.Bool("update", false, "seal the values of testdata/sealed.json again")

// vector is a value that was sealed: by Go in testdata/sealed.json, by Python in what tests/seal.py writes.
type vector struct {
	Key           uuid.UUID
	Secret        []byte
	Format        encrypt.Format
	Deterministic bool
	EventType     string
	EventID       string
	Pointer       string
	Schema        string
	Value         []byte
	Sealed        string
}

func (v *vector) place() encrypt.Place {
	return encrypt.Place{EventType: v.EventType, EventID: v.EventID, Pointer: v.Pointer, Schema: v.Schema}
}

// check opens what was sealed, and seals it again where that gives the same.
func (v *vector) check(t *testing.T) {
	t.Helper()
	key, err := encrypt.NewKey(v.Key, v.Secret)
	if err != nil {
		t.Fatal(err)
	}
	s, err := encrypt.ParseText([]byte(v.Sealed))
	if err != nil {
		t.Fatalf("%s: %v", v.Sealed, err)
	}
	place := v.place()
	if s.KeyID != v.Key || s.Format != v.Format || s.IsDeterministic() != v.Deterministic {
		t.Errorf("%s: key %s, format %d, deterministic: %t", v.Sealed, s.KeyID, s.Format, s.IsDeterministic())
	}
	if got, err := key.AppendOpened(nil, &place, &s); err != nil || !bytes.Equal(got, v.Value) {
		t.Errorf("%s: %q, %v, want %q", v.Sealed, got, err, v.Value)
	}
	if again := v.seal(t); v.Deterministic && again != v.Sealed {
		t.Errorf("%q is sealed as %s, and was as %s", v.Value, again, v.Sealed)
	}
}

func (v *vector) seal(t *testing.T) string {
	t.Helper()
	key, err := encrypt.NewKey(v.Key, v.Secret)
	if err != nil {
		t.Fatal(err)
	}
	place := v.place()
	text, err := key.AppendText(nil, &place, v.Format, v.Value, v.Deterministic)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestSealed holds Go and Python to the values that testdata/sealed.json keeps: both open them, and seal the deterministic ones to the same bytes.
// tests/test_cipher.py is Python's side of it.
func TestSealed(t *testing.T) {
	t.Parallel()
	file := filepath.Join("testdata", "sealed.json")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var vectors []*vector
	if err := json.Unmarshal(text, &vectors); err != nil {
		t.Fatal(err)
	}
	if *update {
		for _, v := range vectors {
			v.Sealed = v.seal(t)
		}
		if text, err = json.MarshalIndent(vectors, "", " "); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, append(text, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[[2]any]bool{}
	for _, v := range vectors {
		v.check(t)
		seen[[2]any{v.Format, v.Deterministic}] = true
	}
	if len(seen) != 8 {
		t.Errorf("values of %d kinds, want 4 formats in 2 modes", len(seen))
	}
}

// TestSealedByPython has Go open what Python seals.
func TestSealedByPython(t *testing.T) {
	t.Parallel()
	var vectors []*vector
	if err := json.Unmarshal(run(t, "tests/seal.py"), &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) < 100 {
		t.Fatalf("%d values", len(vectors))
	}
	for _, v := range vectors {
		v.check(t)
	}
}

// TestPython runs the package's own tests, which are Python.
func TestPython(t *testing.T) {
	t.Parallel()
	run(t, "-W", "error", "-m", "unittest", "discover", "--start-directory", "tests", "--top-level-directory", ".")
}

// run runs Python with the package as it stands here, and returns what it writes to its standard output.
func run(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), services.Python(t), args...)
	cmd.Env = append(os.Environ(), "PYTHONDONTWRITEBYTECODE=1", "PYTHONPATH=.")
	var out, errors bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errors
	if err := cmd.Run(); err != nil {
		t.Fatalf("python %s: %v\n%s%s", strings.Join(args, " "), err, out.Bytes(), errors.Bytes())
	}
	return out.Bytes()
}

// TestClean holds the package and its tests to mypy and ruff, as pyproject.toml says.
func TestClean(t *testing.T) {
	t.Parallel()
	run(t, "-m", "mypy", "--cache-dir", t.TempDir(), "trestle_runtime", "tests")
	run(t, "-m", "ruff", "check", "--no-cache", ".")
	run(t, "-m", "ruff", "format", "--check", "--no-cache", ".")
}

// TestWheel builds the package, installs the wheel with its extras into a new environment, and uses it there.
func TestWheel(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	source := filepath.Join(dir, "source")
	if err := os.CopyFS(source, os.DirFS(".")); err != nil {
		t.Fatal(err)
	}
	run(t, "-m", "pip", "wheel", "--quiet", "--no-index", "--no-build-isolation", "--no-deps", "--wheel-dir", dir, source)
	built, err := filepath.Glob(filepath.Join(dir, "trestle_runtime-*-py3-none-any.whl"))
	if err != nil || len(built) != 1 {
		t.Fatalf("built %v, %v", built, err)
	}
	run(t, "-m", "venv", filepath.Join(dir, "fresh"))
	for _, args := range [][]string{
		{"-m", "pip", "install", "--quiet", "--no-index", "--find-links", services.PythonWheels(t), built[0] + "[encryption,kafka]"},
		{"-m", "pip", "check"},
		{"-c", "import trestle_runtime.encryption, trestle_runtime.kafka; print(trestle_runtime.__file__)"},
	} {
		cmd := exec.CommandContext(t.Context(), filepath.Join(dir, "fresh", "bin", "python"), args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "PYTHONPATH=", "PYTHONHOME=", "PIP_USER=0", "PIP_TARGET=", "PIP_DISABLE_PIP_VERSION_CHECK=1")
		if out, err := cmd.CombinedOutput(); err != nil || args[0] == "-c" && !strings.Contains(string(out), dir) {
			t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}
