package python_test

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/omninode/trestle/runtime/trestletest/services"
	"github.com/omninode/trestle/tools/gen/gentest/hostile"
	"github.com/omninode/trestle/tools/gen/output"
	"github.com/omninode/trestle/tools/gen/python"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

var compiled = flag.Int("compiled", 12, "how many random sets of schemas TestCompiles generates and imports")

// importer imports every module below folders and prints the names in JSON of each model's fields.
const importer = `import importlib, json, pathlib, sys, warnings

warnings.simplefilter("error")  # pydantic warns of a field that shadows a member
sys.path.insert(0, ".")
for package in sys.argv[1:]:
    support = importlib.import_module(package + "._support.model")
    models = []
    for path in sorted(pathlib.Path(package).rglob("*.py")):
        parts = list(path.with_suffix("").parts)
        if parts[-1] == "__init__":
            parts.pop()
        module = importlib.import_module(".".join(parts))
        if "_support" in parts:
            continue
        for model in list(vars(module).values()):
            if isinstance(model, type) and issubclass(model, support.Model) and model.__module__ == module.__name__:
                model.model_rebuild(force=True)
                assert not [name for name in model.model_fields if name in dir(support.Model)], model
                models.append(sorted(model._names()))
                if package == "gen_fields" and "json" in parts and model.__name__.startswith(("One", "Pair")):
                    value = {name: "ab" for name in model._names() if not name.endswith("_list")}
                    written = json.loads(model.from_json(json.dumps(value)).to_json())
                    assert written == value, (model, value, written)
    print(json.dumps(sorted(models), ensure_ascii=False))
`

// TestCompiles generates Python from schemas that are hard on generators. It imports, mypy finds nothing, and no field is
// lost.
func TestCompiles(t *testing.T) {
	t.Parallel()
	interpreter := services.Python(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "importer.py"), []byte(importer), 0o600); err != nil {
		t.Fatal(err)
	}
	var packages []string
	want := map[string][][]string{}
	sets := slices.Concat(hostile.Edges(), hostile.Named(min(len(hostile.Words), max(16, *compiled))), hostile.Random(2, *compiled))
	for _, s := range sets {
		set, err := load.Schemas(t.Context(), load.Files(s.Files))
		if err != nil {
			t.Errorf("%s: %v", s.Name, err)
			continue
		}
		files, err := python.Generate(set)
		if err != nil {
			if !regexp.MustCompile(`^[^\s:]+:\d+:\d+: [^\n]*$`).MatchString(err.Error()) || !strings.HasPrefix(s.Name, "random") {
				t.Errorf("%s: refused: %v", s.Name, err)
			}
			t.Logf("%s: refused: %v", s.Name, err)
			continue
		}
		writePackage(t, filepath.Join(dir, "gen_"+s.Name), files)
		packages = append(packages, "gen_"+s.Name)
		want["gen_"+s.Name] = fieldsOf(set)
	}
	if 10*len(packages) < 9*len(sets) {
		t.Errorf("of %d sets %d are generated", len(sets), len(packages))
	}
	cmd := exec.CommandContext(t.Context(), interpreter, append([]string{"importer.py"}, packages...)...)
	cmd.Dir = dir
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("import: %v", err)
	}
	for i, got := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		var models [][]string
		if err := json.Unmarshal([]byte(got), &models); err != nil || i >= len(packages) {
			t.Errorf("the importer printed %q: %v", got, err)
			break
		}
		if diff := cmp.Diff(want[packages[i]], models); diff != "" {
			t.Errorf("%s: fields (-want +got):\n%s", packages[i], diff)
		}
	}
	config := "[mypy]\nstrict = True\n[mypy-jsonschema.*]\nignore_missing_imports = True\n[mypy-google.*]\nignore_missing_imports = True\n"
	if err := os.WriteFile(filepath.Join(dir, "mypy.ini"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd = exec.CommandContext(t.Context(), interpreter, append([]string{"-m", "mypy", "--cache-dir", filepath.Join(dir, "cache")}, packages...)...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("mypy: %v\n%s", err, out)
	}
}

// writePackage writes the package of a distribution under another name: its imports are relative.
func writePackage(t *testing.T, dir string, files []output.File) {
	t.Helper()
	seen := map[string]bool{}
	for _, f := range files {
		parts := strings.Split(f.Path, "/") // python, the package, what is in it
		if len(parts) < 3 {
			continue
		}
		path := filepath.Join(append([]string{dir}, parts[2:]...)...)
		if seen[strings.ToLower(path)] {
			t.Errorf("two files have the path %s", path)
		}
		seen[strings.ToLower(path)] = true
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f.Content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// fieldsOf are the names in JSON of the fields of a set's messages, as importer prints them.
func fieldsOf(set *schema.Set) [][]string {
	models := [][]string{}
	var add func(messages []*schema.Message)
	add = func(messages []*schema.Message) {
		for _, m := range messages {
			names := []string{}
			for _, f := range m.Fields {
				names = append(names, f.JSONName)
			}
			slices.Sort(names)
			models = append(models, names)
			add(m.Messages)
		}
	}
	for _, pkg := range set.Packages {
		if pkg.Name != "trestle.v1" {
			add(pkg.Messages)
		}
	}
	slices.SortFunc(models, slices.Compare)
	return models
}
