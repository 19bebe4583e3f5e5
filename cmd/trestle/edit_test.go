package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/omninode/trestle/cmd/trestle/ops"
)

// word is an event that is one word: "bad" is not valid.
type word struct {
	sent string
	fail error
}

func (w *word) Text() ([]byte, error) { return []byte("was"), nil }

func (w *word) Check(text []byte) (*ops.EditedLetter, error) {
	e := &ops.EditedLetter{Changed: string(text) != "same"}
	if string(text) == "bad" {
		e.Violations = []ops.PlacedViolation{{Violation: ops.Violation{Rule: "r", Message: "it is bad"}, Line: 1, Column: 2}}
	}
	w.sent = string(text)
	return e, nil
}

func (w *word) Replay(context.Context, *ops.EditedLetter) (ops.ResolvedDeadLetters, error) {
	if w.fail != nil {
		return ops.ResolvedDeadLetters{}, w.fail
	}
	return ops.ResolvedDeadLetters{Selected: 1, Done: 1}, nil
}

// TestEditSession holds what is asked, what is sent, and that no text is lost.
func TestEditSession(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		edits    []string // what the editor makes of the text, each time; "!" has it fail
		file     string   // "-": standard input
		terminal bool
		yes      bool
		answers  string
		fail     error

		sent  bool
		says  string // the error
		asked int
		kept  string // what is in the file that the error names
	}{
		"sent":                          {edits: []string{"new"}, yes: true, sent: true},
		"asked for":                     {edits: []string{"new"}, terminal: true, answers: "y\n", sent: true, asked: 1},
		"not wanted":                    {edits: []string{"new"}, terminal: true, answers: "\n", says: "nothing was sent: say so with --yes", asked: 1, kept: "new"},
		"nobody there to be asked":      {edits: []string{"new"}, says: "not confirmed", kept: "new"},
		"left as it was":                {edits: []string{"was"}, terminal: true},
		"another spelling of it":        {edits: []string{"same"}, terminal: true},
		"invalid, then mended":          {edits: []string{"bad", "new"}, terminal: true, answers: "\ny\n", sent: true, asked: 2},
		"invalid, and given up":         {edits: []string{"bad"}, terminal: true, answers: "n\n", says: "invalid in 1 places", asked: 1, kept: "bad"},
		"invalid, and the input ended":  {edits: []string{"bad"}, terminal: true, says: "invalid in 1 places", asked: 1, kept: "bad"},
		"invalid, and nobody there":     {edits: []string{"bad"}, yes: true, says: "invalid in 1 places", kept: "bad"},
		"the editor fails":              {edits: []string{"!half"}, yes: true, says: "editor: it broke", kept: "half"},
		"the cluster is away":           {edits: []string{"new"}, yes: true, fail: errors.New("away"), says: "away", kept: "new"},
		"from standard input":           {file: "-", answers: "new", yes: true, sent: true},
		"from standard input, invalid":  {file: "-", answers: "bad", yes: true, says: "invalid in 1 places", kept: "bad"},
		"from standard input, unasked":  {file: "-", answers: "new", terminal: true, says: "not confirmed", kept: "new"},
		"from a file, as it was before": {file: "same", yes: true},
		"from a file, asked for":        {file: "new", terminal: true, answers: "yes\n", sent: true, asked: 1},
		"from a file, invalid":          {file: "bad", yes: true, says: "invalid in 1 places"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			var path string
			w := &word{fail: tt.fail}
			s := &editSession{letter: w, terminal: tt.terminal, yes: tt.yes, in: bufio.NewReader(strings.NewReader(tt.answers)), out: &out}
			file := tt.file
			if tt.edits != nil {
				s.edit = func(p string) error {
					path = p
					text, broken := strings.CutPrefix(tt.edits[0], "!")
					tt.edits = tt.edits[1:]
					if err := os.WriteFile(p, []byte(text), 0o600); err != nil || broken {
						return errors.Join(err, errors.New("editor: it broke"))
					}
					return nil
				}
			} else if file != "-" {
				file = filepath.Join(t.TempDir(), "event.json")
				if err := os.WriteFile(file, []byte(tt.file), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			resolved, err := s.run(t.Context(), file)
			if sent := resolved.Done == 1; sent != tt.sent || sent && w.sent != "new" || (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("%+v, %v; it says %s", resolved, err, &out)
			}
			if asked := strings.Count(out.String(), "[Y/n]") + strings.Count(out.String(), "[y/N]"); asked != tt.asked {
				t.Errorf("asked %d times, not %d: %s", asked, tt.asked, &out)
			}
			if strings.Contains(tt.says, "invalid") && !strings.Contains(out.String(), ":1:2: it is bad [r]\n") {
				t.Errorf("it says %s", &out)
			}
			if tt.kept == "" {
				if _, err := os.Stat(path); path != "" && !errors.Is(err, os.ErrNotExist) {
					t.Errorf("%s is still there: %v", path, err)
				}
				return
			}
			_, kept, _ := strings.Cut(err.Error(), "the text is in ")
			text, readErr := os.ReadFile(kept)
			t.Cleanup(func() { os.Remove(kept) })
			if readErr != nil || string(text) != tt.kept {
				t.Errorf("%v: it holds %q, %v", err, text, readErr)
			}
		})
	}
}
