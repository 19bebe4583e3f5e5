package compat_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/omninode/trestle/compat"
	"github.com/omninode/trestle/compat/witness"
	"github.com/omninode/trestle/tools/schema"
)

// checkWitnesses holds that every breaking finding about data has a witness that both readers are seen to treat as it
// says, and that a finding of another kind has none.
func checkWitnesses(t *testing.T, name string, old, new *schema.Set, findings []*compat.Finding) {
	t.Helper()
	sides := map[string][]*witness.Reader{}
	for _, f := range findings {
		w := f.Witness
		if w != nil && len(sides) == 0 {
			finder := witness.NewFinder(old, new, nil)
			sides["old"], sides["new"] = readers(t, finder, old), readers(t, finder, new)
		}
		switch {
		case f.Policy || f.Severity != compat.Error:
			if w != nil {
				t.Errorf("%s: a rule about policy has a witness: %s: %s", name, f.Rule, f.Message())
			}
		case f.Rule == "FIELD_DETERMINISTIC_CHANGED": // TestEncryptedReaders shows it
			if w != nil {
				t.Errorf("%s: a witness of what readers with keys refuse: %s", name, f.Message())
			}
		case strings.HasPrefix(f.Rule, "FIELD_ENCRYPTION_"):
			if w == nil || !slices.ContainsFunc(sides[other[w.WrittenBy]], func(r *witness.Reader) bool { return readsEncrypted(r, w) }) {
				t.Errorf("%s: no reader does this: %s: %s: %+v", name, f.Rule, f.Path, w)
			}
		case w == nil && !f.Unknown:
			t.Errorf("%s: no witness: %s: %s: %s", name, f.Rule, f.Path, f.Message())
		case w != nil && !confirmed(sides[w.WrittenBy], sides[other[w.WrittenBy]], w):
			t.Errorf("%s: neither reader does this: %s: %s: %+v", name, f.Rule, f.Path, w)
		}
	}
}

// readsEncrypted says that a reader treats an event with a ciphertext as the witness says. Its writer has keys, and is not run.
func readsEncrypted(r *witness.Reader, w *compat.Witness) bool {
	got, err := r.Read(w.Event)
	text, _ := json.Marshal(got)
	switch w.Outcome {
	case witness.Rejected:
		return err != nil
	case witness.Misread:
		return err == nil && bytes.Contains(text, []byte(`":"trs:`))
	default:
		return err == nil && bytes.Contains(w.Event, []byte(`_encrypted":"trs:`))
	}
}

// checkDirections holds, of findings that break both ways, that a mode of one direction shows each by an event of that
// direction.
func checkDirections(t *testing.T, name string, old, new *schema.Set, full *compat.Report) {
	t.Helper()
	both := compat.Backward | compat.Forward
	if !slices.ContainsFunc(full.Findings, func(f *compat.Finding) bool { return f.Breaks == both && f.Witness != nil }) {
		return
	}
	for mode, writer := range map[compat.Mode]string{compat.ModeBackward: "old", compat.ModeForward: "new"} {
		r := compare(t, old, new, compat.Options{Mode: mode})
		checkWitnesses(t, name+" "+string(mode), old, new, r.Findings)
		for _, f := range r.Findings {
			if f.Witness != nil && f.Witness.WrittenBy != writer {
				t.Errorf("%s: %s is shown in mode %s by what is written by %s", name, f.Rule, mode, f.Witness.WrittenBy)
			}
		}
	}
}

// confirmed says whether some message, or file, of both sides treats the event as the witness says.
func confirmed(writers, readers []*witness.Reader, w *compat.Witness) bool {
	for _, a := range writers {
		for _, b := range readers {
			if witness.Confirm(a, b, w) == nil {
				return true
			}
		}
	}
	return false
}

var other = map[string]string{"old": "new", "new": "old"}

func readers(t *testing.T, f *witness.Finder, s *schema.Set) []*witness.Reader {
	t.Helper()
	out, err := f.Readers(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
