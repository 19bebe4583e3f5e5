package compat_test

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/omninode/trestle/compat"
	"github.com/omninode/trestle/compat/report"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

var update = flag.Bool("update", false, "write what is found to the files that hold what is wanted")

// TestRules runs every rule on its cases: testdata/RULE/LANGUAGE holds old, new and the report that is wanted, and
// legal the neighbour that nothing is found in.
func TestRules(t *testing.T) {
	t.Parallel()
	for _, rule := range compat.Rules() {
		t.Run(rule.ID, func(t *testing.T) {
			t.Parallel()
			langs, err := os.ReadDir(filepath.Join("testdata", rule.ID))
			if err != nil || len(langs) == 0 {
				t.Fatalf("rule %s has no cases: add testdata/%s/{proto,json}/{old,new,want.txt,legal}", rule.ID, rule.ID)
			}
			for _, lang := range langs {
				t.Run(lang.Name(), func(t *testing.T) {
					t.Parallel()
					dir := filepath.Join("testdata", rule.ID, lang.Name())
					testCase(t, rule.ID, dir)
					testLegal(t, rule.ID, filepath.Join(dir, "legal"))
				})
			}
		})
	}
}

func testCase(t *testing.T, rule, dir string) {
	t.Helper()
	r := compare(t, loadSet(t, filepath.Join(dir, "old")), loadSet(t, filepath.Join(dir, "new")), compat.Options{})
	found := false
	for _, f := range slices.Concat(r.Findings, r.Steps) {
		found = found || f.Rule == rule
	}
	if !found {
		t.Errorf("%s finds nothing in %s", rule, dir)
	}
	var got bytes.Buffer
	if err := report.Write(&got, r, report.Text); err != nil {
		t.Fatal(err)
	}
	got.WriteString(report.Steps(r) + report.Summary(r, "") + "\n" + report.Deploy(r) + "\n")
	golden(t, filepath.Join(dir, "want.txt"), got.String())
}

// golden holds text against a file, or writes it there with -update.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", file, diff)
	}
}

func testLegal(t *testing.T, rule, dir string) {
	t.Helper()
	r := compare(t, loadSet(t, filepath.Join(dir, "old")), loadSet(t, filepath.Join(dir, "new")), compat.Options{})
	for _, f := range slices.Concat(r.Findings, r.Steps) {
		t.Errorf("%s of %s: nothing is wrong here, but %s: %s", dir, rule, f.Rule, f.Message())
	}
}

// loadSet loads a folder of testdata; positions count from it, so that reports are the same everywhere.
func loadSet(t *testing.T, dir string) *schema.Set {
	t.Helper()
	s, err := load.Schemas(context.Background(), load.FS(os.DirFS(dir)), load.ToCompare())
	if err != nil {
		t.Fatalf("load %s: %v", dir, err)
	}
	return s
}

func compare(t *testing.T, old, new *schema.Set, opts compat.Options) *compat.Report {
	t.Helper()
	r, err := compat.Compare(old, new, opts)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestRuleFiles holds that each rule is complete, has a file of its own name, and that the list is sorted.
func TestRuleFiles(t *testing.T) {
	t.Parallel()
	last := ""
	for _, r := range compat.Rules() {
		if r.ID <= last {
			t.Errorf("%s comes after %s", r.ID, last)
		}
		last = r.ID
		if _, err := os.Stat("rule_" + strings.ToLower(r.ID) + ".go"); err != nil {
			t.Errorf("%s: %v", r.ID, err)
		}
		if r.Purpose == "" || r.Fix == "" || r.Breaks == 0 || r.Severity == "" || len(r.Encodings) == 0 {
			t.Errorf("%s is not complete: %+v", r.ID, r)
		}
		if r.Breaks&compat.Backward != 0 && r.Backward == "" || r.Breaks&compat.Forward != 0 && r.Forward == "" {
			t.Errorf("%s does not say what happens to readers", r.ID)
		}
	}
}
