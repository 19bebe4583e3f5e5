package gen_test

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/omninode/trestle/tools/gen"
	"github.com/omninode/trestle/tools/load"
)

// TestKept edits schemas one after the other, and holds what is made with what was kept of the last run to what is made
// anew.
func TestKept(t *testing.T) {
	t.Parallel()
	files := map[string][]byte{}
	root := filepath.Join("..", "..", "schemas")
	for _, pattern := range []string{"*/*/*.proto", "*/*/*/*.proto", "*/*/*/*.json"} {
		names, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			path, err := filepath.Rel(root, name)
			if err != nil {
				t.Fatal(err)
			}
			files[filepath.ToSlash(path)] = text
		}
	}
	// A package that others refer to, of each language, and a reference that only merges what it leads to.
	files["base/v1/money.proto"] = []byte("syntax = \"proto3\";\npackage base.v1;\n// Money is an amount.\nmessage Money {\n  // Cents.\n  int64 cents = 1;\n}\n")
	files["shop/v1/bill.proto"] = []byte("syntax = \"proto3\";\npackage shop.v1;\nimport \"base/v1/money.proto\";\nimport \"trestle/v1/options.proto\";\n// Bill is a bill.\nmessage Bill {\n  option (trestle.v1.event) = { topic: \"shop_bill_v1\" };\n  // The sum.\n  base.v1.Money sum = 1;\n}\n")
	files["base/j1/part.json"] = []byte(`{"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Part", "description": "Part is one.", "type": "object", "properties": {"size": {"description": "Its size.", "type": "integer"}}}`)
	files["shop/j1/whole.json"] = []byte(`{"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Whole", "description": "Whole is one.", "type": "object", "allOf": [{"$ref": "../../base/j1/part.json"}], "x-trestle": {"event": {"type": "whole", "topic": "shop_whole_v1"}}}`)
	var kept gen.Kept
	check := func(edit string) {
		t.Helper()
		set, err := load.Schemas(t.Context(), load.Files(files))
		if err != nil {
			t.Fatalf("%s: %v", edit, err)
		}
		want, err := gen.All(t.Context(), set, gen.Options{})
		if err != nil {
			t.Fatalf("%s: %v", edit, err)
		}
		got, err := gen.All(t.Context(), set, gen.Options{Kept: &kept})
		if err != nil {
			t.Fatalf("%s: %v", edit, err)
		}
		if len(got) != len(want) {
			t.Fatalf("%s: %d files of what was kept, %d anew", edit, len(got), len(want))
		}
		for i := range want {
			if got[i].Path != want[i].Path || !bytes.Equal(got[i].Content, want[i].Content) {
				t.Errorf("%s: %s is not what is made anew", edit, want[i].Path)
			}
		}
	}
	check("the first run")
	replace := func(path string, old, new string) {
		t.Helper()
		if !strings.Contains(string(files[path]), old) {
			t.Fatalf("%s has no %s", path, old)
		}
		files[path] = []byte(strings.Replace(string(files[path]), old, new, 1))
		check(path + ": " + new)
	}
	replace("base/v1/money.proto", "int64 cents", "int32 pence")
	replace("base/j1/part.json", "size", "length")
	replace("shop/v1/bill.proto", "shop_bill_v1", "shop_bills_v1")
	replace("shop/v1/bill.proto", "sum = 1", "sum = 1 [(trestle.v1.field).sensitive = true]")
	replace("shop/j1/whole.json", `"type": "whole"`, `"type": "part"`)
	// Words in comments and descriptions of any file.
	word := regexp.MustCompile(`(?m)^ *// [A-Z][a-z]+|"description": "[A-Z][a-z]+`)
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(files)), func(name string) bool { return !word.Match(files[name]) })
	random := rand.New(rand.NewPCG(1, uint64(len(names))))
	for range 4 {
		name := names[random.IntN(len(names))]
		at := word.FindAllIndex(files[name], -1)
		end := at[random.IntN(len(at))][1]
		files[name] = slices.Concat(files[name][:end], []byte("ish"), files[name][end:])
		check(name)
	}
}
