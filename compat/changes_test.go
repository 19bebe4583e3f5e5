package compat_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/omninode/trestle/compat"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

// change is an edit of schemas under a name.
type change struct {
	group, name string
	old, new    map[string][]byte // by path
}

// changes reads testdata/changes/*.diff. A file begins with a frame, in whose line `…` the text of every case is put; a
// case begins with `## name`, and its lines with a space, or with - or + where they are in the old or the new text
// alone. The line `>> path` begins a file of its own, without the frame. A frame with DRAFT in it stands for two.
func changes(t *testing.T) []change {
	t.Helper()
	files, err := filepath.Glob("testdata/changes/*.diff")
	if err != nil || len(files) == 0 {
		t.Fatalf("no changes: %v", err)
	}
	var out []change
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		group := strings.TrimSuffix(filepath.Base(file), ".diff")
		frame, cases, ok := strings.Cut(string(text), "\n## ")
		if !ok {
			t.Fatalf("%s has no case", file)
		}
		drafts := map[string]string{"": ""}
		if strings.Contains(frame, "DRAFT") {
			drafts = map[string]string{" draft-07": "http://json-schema.org/draft-07/schema#", " 2020-12": "https://json-schema.org/draft/2020-12/schema"}
		}
		for draft, url := range drafts {
			within := strings.ReplaceAll(frame, "DRAFT", url)
			for c := range strings.SplitSeq(cases, "\n## ") {
				name, body, _ := strings.Cut(c, "\n")
				out = append(out, change{group + draft, name, sideOf(t, within, body, '-'), sideOf(t, within, body, '+')})
			}
		}
	}
	slices.SortStableFunc(out, func(a, b change) int { return strings.Compare(a.group, b.group) })
	return append(append(out, typeChanges()...), ruleChanges(t)...)
}

// sideOf returns the files of one side of a case, that of the lines with the sign and of those with a space.
func sideOf(t *testing.T, frame, body string, sign byte) map[string][]byte {
	t.Helper()
	path, files := "", map[string]*strings.Builder{"": {}}
	for line := range strings.Lines(body) {
		if strings.TrimSpace(line) == "" {
			continue
		}
		switch line[0] {
		case ' ', sign:
		case '-', '+':
			continue
		default:
			t.Fatalf("a line begins with neither space, - nor +: %s", line)
		}
		if name, ok := strings.CutPrefix(line[1:], ">> "); ok {
			path = strings.TrimSpace(name)
			files[path] = &strings.Builder{}
			continue
		}
		files[path].WriteString(line[1:])
	}
	out := map[string][]byte{}
	for path, text := range files {
		switch {
		case path != "":
			out[path] = []byte(text.String())
		case text.Len() > 0 || len(files) == 1:
			whole := strings.Replace(frame, "…", text.String(), 1)
			name := "shop/v1/event.proto"
			if strings.HasPrefix(strings.TrimSpace(whole), "{") {
				name = "shop/v1/event.json"
			}
			out[name] = []byte(whole)
		}
	}
	return out
}

func loadFiles(t *testing.T, files map[string][]byte) *schema.Set {
	t.Helper()
	s, err := load.Schemas(t.Context(), load.Files(files), load.ToCompare())
	if err != nil {
		t.Fatalf("%v\n%s", err, files)
	}
	return s
}

// TestChanges holds the verdict on every change, in every mode of both profiles, and that each break of data is shown by
// an event which both readers are seen to treat as it says.
//
// In a mode that looks at the last version only, the change is held against what was before it; in a transitive one the
// new text is in the history already, as the last version, so that the break is with an older one.
func TestChanges(t *testing.T) {
	t.Parallel()
	all := changes(t)
	lines := make([]string, len(all))
	t.Run("each", func(t *testing.T) {
		for i, c := range all {
			t.Run(c.group+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				lines[i] = verdicts(t, c)
			})
		}
	})
	var out strings.Builder
	out.WriteString(changesHead)
	group := ""
	for i, c := range all {
		if c.group != group {
			group = c.group
			fmt.Fprintf(&out, "\n%-58s b B f F u U n  b B f F u U n\n", group)
		}
		out.WriteString(lines[i])
	}
	golden(t, "testdata/changes/verdicts.txt", out.String())
}

const changesHead = `Every change in every mode of both profiles: first guide, then confluent.

b backward   B backward_transitive   f forward   F forward_transitive   u full   U full_transitive   n none
. compatible   x incompatible   ! a registry accepts what profile guide shows to break

Then the rules that find something in guide, after the bar the differences that confluent names:
< breaks backward   > breaks forward   = both   ? could not be decided   ~ a warning
`

func verdicts(t *testing.T, c change) string {
	old, new := loadFiles(t, c.old), loadFiles(t, c.new)
	var line strings.Builder
	fmt.Fprintf(&line, "%-58s", c.name)
	for _, profile := range []compat.Profile{compat.Guide, compat.Confluent} {
		line.WriteByte(' ')
		for _, mode := range compat.Modes() {
			line.WriteString(verdict(t, old, new, compat.Options{Profile: profile, Mode: mode, NoWitness: true}) + " ")
		}
	}
	guide := compare(t, old, new, compat.Options{})
	line.WriteString(" " + findingNames(guide.Findings))
	registry := compare(t, old, new, compat.Options{Profile: compat.Confluent, Mode: compat.ModeFull, NoWitness: true})
	if len(registry.Findings) > 0 {
		line.WriteString(" | " + findingNames(registry.Findings))
	}
	checkWitnesses(t, c.name, old, new, guide.Findings)
	checkDirections(t, c.name, old, new, guide)
	return strings.TrimRight(line.String(), " ") + "\n"
}

func verdict(t *testing.T, old, new *schema.Set, opts compat.Options) string {
	history := []*schema.Set{old}
	if opts.Mode.Transitive() {
		history = []*schema.Set{old, new}
	}
	r, err := compat.CompareHistory(history, new, opts)
	if err != nil {
		t.Fatal(err)
	}
	switch {
	case !r.Compatible:
		return "x"
	case slices.ContainsFunc(r.Notes, func(n compat.Note) bool { return n.Missed }):
		return "!"
	}
	return "."
}

// findingNames names what was found, each once: the rule, or what a registry calls it, with the direction.
func findingNames(findings []*compat.Finding) string {
	breaks := map[string]compat.Direction{}
	for _, f := range findings {
		name := f.Rule
		if kind, _, ok := strings.Cut(f.Change, " at "); ok && f.Rule == "REGISTRY_REFUSES" {
			name = kind
		}
		mark := ""
		switch {
		case f.Unknown:
			mark = "?"
		case f.Severity == compat.Warning:
			mark = "~"
		}
		if len(f.Encodings) == 1 && f.Rule != "REGISTRY_REFUSES" {
			mark += " in " + string(f.Encodings[0])
		}
		breaks[name+" "+mark] |= f.Breaks
	}
	var out []string
	for name, d := range breaks {
		rule, mark, _ := strings.Cut(name, " ")
		out = append(out, rule+map[compat.Direction]string{compat.Backward: "<", compat.Forward: ">", compat.Backward | compat.Forward: "="}[d]+mark)
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}
