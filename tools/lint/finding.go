package lint

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"slices"

	"github.com/omninode/trestle/tools/schema"
)

// Severity says whether a finding makes the answer no.
type Severity string

// The severities.
const (
	// Error: events will be lost, reordered, misread or refused, or the schema contradicts itself.
	Error Severity = "error"
	// Warning: it works, and somebody will be sorry.
	Warning Severity = "warning"
)

// Finding is one place where the schemas break a rule.
type Finding struct {
	Rule     string
	Severity Severity
	// Pos is the element's place; its file is relative to the set's root.
	Pos schema.Position
	// Path names the element: a message's or enum's full name with the field or value after a dot (an event goes by its
	// message), a topic's or group's name, or a package's.
	Path string
	// Message says what is wrong, Fix what to do about it. Each is one line without a full stop.
	Message, Fix string
}

// MarshalJSON writes the shape that `trestle lint --format json` promises.
func (f *Finding) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Rule     string   `json:"rule"`
		Severity Severity `json:"severity"`
		Path     string   `json:"path"`
		Location string   `json:"location"`
		Message  string   `json:"message"`
		Fix      string   `json:"fix"`
	}{f.Rule, f.Severity, f.Path, f.Pos.String(), f.Message, f.Fix})
}

// Count returns how many findings are errors, and how many warnings.
func Count(findings []*Finding) (errors, warnings int) {
	for _, f := range findings {
		if f.Severity == Error {
			errors++
		} else {
			warnings++
		}
	}
	return errors, warnings
}

// WriteText writes findings for a person: place, rule, message, and the fix on a line of its own. A warning says that
// it is one. Files are shown below root, which may be empty.
func WriteText(w io.Writer, root string, findings []*Finding) error {
	for _, f := range findings {
		at := f.Pos
		if root != "" {
			at.File = path.Join(root, at.File)
		}
		kind := ""
		if f.Severity == Warning {
			kind = " (warning)"
		}
		if _, err := fmt.Fprintf(w, "%s: %s: %s%s\n  fix: %s\n", at, f.Rule, f.Message, kind, f.Fix); err != nil {
			return err
		}
	}
	return nil
}

// sortFindings orders by file, line, rule; what is equal in these, by column, path and message.
func sortFindings(fs []*Finding) {
	slices.SortStableFunc(fs, func(a, b *Finding) int {
		return cmp.Or(
			cmp.Compare(a.Pos.File, b.Pos.File),
			cmp.Compare(a.Pos.Line, b.Pos.Line),
			cmp.Compare(a.Rule, b.Rule),
			cmp.Compare(a.Pos.Col, b.Pos.Col),
			cmp.Compare(a.Path, b.Path),
			cmp.Compare(a.Message, b.Message),
		)
	})
}
