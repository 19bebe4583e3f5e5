package lint_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/omninode/trestle/tools/lint"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

var update = flag.Bool("update", false, "write testdata/*/want.txt")

func loadSet(t *testing.T, dir string) *schema.Set {
	t.Helper()
	set, err := load.Schemas(t.Context(), load.Dir(dir))
	if err != nil {
		t.Fatalf("%s:\n%v", dir, err)
	}
	return set
}

func text(t *testing.T, findings []*lint.Finding) string {
	t.Helper()
	var b bytes.Buffer
	if err := lint.WriteText(&b, "", findings); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Every rule finds what testdata/<RULE>/in breaks, and it alone; its legal neighbour breaks nothing at all.
func TestRules(t *testing.T) {
	t.Parallel()
	for _, rule := range lint.Rules() {
		t.Run(rule.ID, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join("testdata", rule.ID)
			findings := lint.Run(loadSet(t, filepath.Join(dir, "in")), lint.Options{})
			if !slices.ContainsFunc(findings, func(f *lint.Finding) bool { return f.Rule == rule.ID }) {
				t.Errorf("%s finds nothing in its own %s/in", rule.ID, dir)
			}
			got, golden := text(t, findings), filepath.Join(dir, "want.txt")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", golden, diff)
			}
			if legal := lint.Run(loadSet(t, filepath.Join(dir, "legal")), lint.Options{}); len(legal) > 0 {
				t.Errorf("the legal neighbour is not silent:\n%s", text(t, legal))
			}
		})
	}
}

// A folder of testdata without a rule is left over from one.
func TestTestdataHasRules(t *testing.T) {
	t.Parallel()
	entries, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if !slices.ContainsFunc(lint.Rules(), func(r lint.Rule) bool { return r.ID == e.Name() }) {
			t.Errorf("testdata/%s: there is no such rule", e.Name())
		}
	}
}

func TestRulesAreComplete(t *testing.T) {
	t.Parallel()
	rules := lint.Rules()
	if !slices.IsSortedFunc(rules, func(a, b lint.Rule) int { return strings.Compare(a.ID, b.ID) }) {
		t.Error("rules are not sorted by id")
	}
	for i, r := range rules {
		if i > 0 && rules[i-1].ID == r.ID {
			t.Errorf("%s is there twice", r.ID)
		}
		if r.Purpose == "" || r.Why == "" || r.Severity == "" {
			t.Errorf("%s lacks its purpose, its reason or its severity", r.ID)
		}
	}
}

// The project's own schemas keep its rules.
func TestOwnSchemas(t *testing.T) {
	t.Parallel()
	findings := lint.Run(loadSet(t, "../../schemas"), lint.Options{})
	if errors, _ := lint.Count(findings); errors > 0 {
		t.Errorf("schemas/ break the rules:\n%s", text(t, findings))
	}
}
