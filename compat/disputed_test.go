package compat_test

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/omninode/trestle/compat"
)

// TestDisputed holds our verdicts on changes that registries and checkers are known to disagree on, or to have had
// wrong. testdata/disputed/*.diff is as testdata/changes, where after its name each case says, in lines that begin with
// a percent sign, the public thread, what it says of others, and what profile guide, and confluent, find: nothing is
// "compatible". The rest of the line is why.
func TestDisputed(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/disputed/*.diff")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		frame, cases, _ := strings.Cut(string(text), "\n## ")
		for c := range strings.SplitSeq(cases, "\n## ") {
			count++
			name, body, _ := strings.Cut(c, "\n")
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				said, change := saidOf(body)
				if len(said) != 4 || !strings.HasPrefix(said[0], "https://github.com/") {
					t.Fatalf("got %q, want a link, what others say, guide and confluent", said)
				}
				old, new := loadFiles(t, sideOf(t, frame, change, '-')), loadFiles(t, sideOf(t, frame, change, '+'))
				guide := compare(t, old, new, compat.Options{})
				checkWitnesses(t, name, old, new, guide.Findings)
				found, why, _ := strings.Cut(strings.TrimPrefix(said[2], "guide: "), " | ")
				if got := cmp.Or(findingNames(guide.Findings), "compatible"); got != found || why == "" {
					t.Errorf("guide: got %s, want %s, because %s", got, found, why)
				}
				registry := compare(t, old, new, compat.Options{Profile: compat.Confluent, Mode: compat.ModeFull, NoWitness: true})
				if got := cmp.Or(findingNames(registry.Findings), "compatible"); "confluent: "+got != said[3] {
					t.Errorf("confluent: got %s, want %s", got, said[3])
				}
			})
		}
	}
	if count < 25 {
		t.Errorf("only %d cases", count)
	}
}

// saidOf parts what is said of a change from its text.
func saidOf(body string) (said []string, change string) {
	for {
		line, rest, _ := strings.Cut(body, "\n")
		text, ok := strings.CutPrefix(line, "% ")
		if !ok {
			return said, body
		}
		said, body = append(said, text), rest
	}
}
