package python_test

import (
	"path/filepath"
	"strings"
	"testing"

	knownv1 "github.com/omninode/trestle/tools/gen/golang/testdata/known/want/acme/known/v1"
	secretsv1 "github.com/omninode/trestle/tools/gen/golang/testdata/secrets/want/acme/secrets/v1"
	"github.com/omninode/trestle/tools/gen/python"
)

// TestSecrets has Python write what it writes of events with markers in every place where a secret may be: repr, str, the
// log, errors with all that they hold. None is found there.
func TestSecrets(t *testing.T) {
	t.Parallel()
	files, err := python.Generate(loadSet(t, filepath.Join("..", "golang", "testdata", "secrets", "in")))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write(t, dir, files)
	p := startPeer(t, filepath.Join(dir, "python"), "acme_events", secretsv1.Events())
	var answer struct {
		Valid, Invalid int
		Shown          []string
	}
	p.ask(t, map[string]string{"op": "secrets"}, &answer)
	t.Logf("%d valid, %d invalid", answer.Valid, answer.Invalid)
	if answer.Valid < 20 || answer.Invalid < 300 {
		t.Errorf("%d valid, %d invalid: too few of one kind", answer.Valid, answer.Invalid)
	}
	for _, shown := range answer.Shown {
		t.Errorf("%.600s", strings.ReplaceAll(shown, "\n", "\n\t"))
	}
}

// TestAssigned has models refuse what breaks a rule when it is assigned, and stay as they were; and constructors refuse
// keywords that are no fields.
func TestAssigned(t *testing.T) {
	t.Parallel()
	files, err := python.Generate(loadSet(t, filepath.Join("..", "golang", "testdata", "known", "in")))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write(t, dir, files)
	p := startPeer(t, filepath.Join(dir, "python"), "acme_events", knownv1.Events())
	var wrong []string
	p.ask(t, map[string]string{"op": "assign"}, &wrong)
	for _, w := range wrong {
		t.Error(w)
	}
}
