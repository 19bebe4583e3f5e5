package main

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/omninode/trestle/tools/release/licences"
)

// TestPage holds docs/dependencies.md to what is linked, and that a page which is not up to date is found.
func TestPage(t *testing.T) {
	if err := run("../../..", true); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../../../docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	for name, wants := range map[string][]string{
		"github.com/twmb/franz-go":             {"| yes | each |"},
		"github.com/spf13/cobra":               {"| yes | – |"},
		"github.com/jackc/pgx/v5":              {"| yes | `runtime/store/postgres` |"},
		"github.com/inconshreveable/mousetrap": {"| on Windows | – |"},
		"github.com/aws/smithy-go":             {"| – | `runtime/encrypt/awskms`, `runtime/kafka/msk` |"},
		"modernc.org/sqlite":                   {"| BSD-3-Clause AND MIT AND blessing |"},
	} {
		for _, want := range wants {
			_, line, _ := strings.Cut(string(page), "\n| "+name+" | ")
			if line, _, _ = strings.Cut(line, "\n"); !strings.Contains(line, want) {
				t.Errorf("%s: %q, want %q", name, line, want)
			}
		}
	}
	if strings.Contains(string(page), "go-cmp") {
		t.Error("the page has what tests alone import")
	}
	lines := strings.SplitAfter(string(page), "\n")
	for name, stale := range map[string]string{
		"an older version": strings.Replace(string(page), "| BSD-3-Clause |", "| MIT |", 1),
		"a line too few":   strings.Join(lines[:len(lines)-2], ""),
		"a line too many":  string(page) + "| x |\n",
	} {
		file := filepath.Join(t.TempDir(), "dependencies.md")
		if err := os.WriteFile(file, []byte(stale), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := compare(file, string(page)); err == nil || !strings.Contains(err.Error(), "run `make generate`: line ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestPurposes holds that a module whose purpose nobody wrote down is refused, as is a purpose whose module is gone, and a licence.
func TestPurposes(t *testing.T) {
	real := purposes
	t.Cleanup(func() { purposes = real })
	purposes = map[string]string{"example.com/known": "x", "example.com/gone": "y"}
	one := func(name string) *dependency {
		return &dependency{Module: licences.Module{Path: name, Version: "v1.0.0", Texts: []licences.Text{{Name: "LICENSE", Content: []byte("Ask me.")}}}}
	}
	_, err := render([]*dependency{one("example.com/known"), one("example.com/new")})
	for _, want := range []string{
		"example.com/new is linked, and nobody says what for", "example.com/gone is not linked any more", "example.com/known v1.0.0: LICENSE is of no licence",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if err != nil && strings.Contains(err.Error(), "example.com/known is linked") {
		t.Errorf("a purpose is not found: %v", err)
	}
	purposes = maps.Clone(real)
	delete(purposes, "modernc.org/sqlite")
	if err := run("../../..", true); err == nil || err.Error() != "modernc.org/sqlite is linked, and nobody says what for: write it down in tools/release/dependencies/page.go" {
		t.Errorf("a module without a purpose: %v", err)
	}
}
