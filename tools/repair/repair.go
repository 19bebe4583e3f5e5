package repair

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/omninode/trestle/tools/expr"
	"github.com/omninode/trestle/tools/jsonedit"
)

// Kind is what a repair is written in.
type Kind string

// The kinds.
const (
	MergePatch Kind = "merge-patch"
	Expression Kind = "cel"
)

// MaxBytes is how long a repair may be: it goes into the record of changes as a whole.
const MaxBytes = 64 << 10

// Repair changes payloads. It may be used from many goroutines.
type Repair struct {
	kind    Kind
	text    string
	patch   *jsonedit.Value
	program *expr.Program
}

// Kind is what the repair is written in.
func (r *Repair) Kind() Kind { return r.kind }

// Text is the repair as it was written.
func (r *Repair) Text() string { return r.text }

// Digest is the SHA-256 of its text, in hex.
func (r *Repair) Digest() string {
	sum := sha256.Sum256([]byte(r.text))
	return hex.EncodeToString(sum[:])
}

// Read reads a repair that somebody has named: the file FILE.json is a merge patch, FILE.cel an expression; what else it is, [Parse] says.
func Read(argument string) (*Repair, error) {
	switch name := strings.TrimSpace(argument); {
	case name == "":
		return nil, errors.New("it is empty: want a merge patch, an expression in CEL, or a file FILE.json or FILE.cel with one")
	case strings.HasSuffix(name, ".json"):
		return readFile(name, parsePatch)
	case strings.HasSuffix(name, ".cel"):
		return readFile(name, parseExpression)
	}
	return Parse(argument)
}

func readFile(name string, parse func(string) (*Repair, error)) (*Repair, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, MaxBytes+1))
	if err == nil {
		var r *Repair
		if r, err = parse(string(text)); err == nil {
			return r, nil
		}
	}
	return nil, fmt.Errorf("%s: %w", name, err)
}

// Parse reads a repair: a JSON object is a merge patch, anything else an expression in CEL.
func Parse(text string) (*Repair, error) {
	if !strings.HasPrefix(strings.TrimSpace(text), "{") {
		return parseExpression(text)
	}
	patch, err := parsePatch(text)
	if err == nil {
		return patch, nil
	}
	expression, exprErr := parseExpression(text)
	if exprErr == nil {
		return expression, nil
	}
	return nil, fmt.Errorf("it is neither a merge patch (%w) nor an expression in CEL: %w", err, exprErr)
}

func tooLong(text string) error {
	if len(text) > MaxBytes {
		return fmt.Errorf("a repair has at most %d bytes", MaxBytes)
	}
	return nil
}

func parsePatch(text string) (*Repair, error) {
	if err := tooLong(text); err != nil {
		return nil, err
	}
	patch, err := jsonedit.Parse([]byte(text))
	switch {
	case err != nil:
		return nil, err
	case patch.Kind != '{':
		return nil, errors.New("a merge patch of a payload is an object: another would take the place of the whole payload")
	}
	return &Repair{kind: MergePatch, text: text, patch: patch}, nil
}
