package compat

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"

	"github.com/omninode/trestle/compat/witness"
	"github.com/omninode/trestle/tools/schema"
)

// Severity says whether a finding makes schemas incompatible.
type Severity string

// The severities.
const (
	// Error: the schemas are incompatible.
	Error Severity = "error"
	// Warning: nothing breaks by the schemas alone, but somebody should look before deploying.
	Warning Severity = "warning"
)

// Witness is an event that one side writes and the other does not take.
type Witness = witness.Witness

// Finding is one thing that the new schemas break.
type Finding struct {
	Subject
	Rule      string
	Severity  Severity
	Breaks    Direction
	Encodings []schema.Encoding // never empty
	// Path names the element: a message's or enum's full name with the field or value after a dot, or a topic's or
	// group's name.
	Path string
	// Pos is the element's place: in the new files, or in the old ones where InOld is set because the element is gone.
	Pos   schema.Position
	InOld bool
	// Change says what changed, Consequence who breaks how, Deploy in which order to roll out, Fix what to do
	// instead. Each is one line without a full stop.
	Change, Consequence, Deploy, Fix string
	// Unknown says that inclusion could not be decided: the change may be harmless.
	Unknown bool
	// Against holds the indexes of the old versions that the finding holds against; [CompareHistory] only.
	Against []int
	Witness *Witness // nil: none was found by running both sides
	// Policy says that it breaks an agreement, which no event can show.
	Policy bool
	// Stored says which records the finding is about; nil: it is about the schemas.
	Stored *Stored
	// rollout says that the finding has a say in who deploys first.
	rollout bool
}

// Message says in one sentence what changed, what follows from it, and who has to deploy first.
func (f *Finding) Message() string {
	s := f.Change
	if f.InOld {
		s += " (the position is in the old schema)"
	}
	if f.Consequence != "" {
		s += ": " + f.Consequence
	}
	if f.Deploy != "" {
		s += "; " + f.Deploy
	}
	return s
}

// Fingerprint identifies the finding across runs and unrelated edits: it depends on the rule, the element and the
// change, not on lines.
func (f *Finding) Fingerprint() string {
	if s := f.Stored; s != nil { // not on how many records there are
		return fingerprint(f.Rule, f.Path, s.Topic+" "+s.EventType+" "+s.Field+" "+s.Broken)
	}
	return fingerprint(f.Rule, f.Path, f.Change)
}

func fingerprint(rule, path, change string) string {
	h := sha256.New()
	for _, s := range []string{rule, path, change} {
		h.Write([]byte(s))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// MarshalJSON writes the shape that `trestle check --format json` promises.
func (f *Finding) MarshalJSON() ([]byte, error) {
	return marshal(struct {
		Rule      string            `json:"rule"`
		Severity  Severity          `json:"severity"`
		Breaks    []string          `json:"breaks"`
		Encodings []schema.Encoding `json:"encodings"`
		Path      string            `json:"path"`
		Location  string            `json:"location"`
		Message   string            `json:"message"`
		Fix       string            `json:"fix"`
		Witness   *Witness          `json:"witness,omitempty"`
		Stored    *Stored           `json:"stored,omitempty"`
		Print     string            `json:"fingerprint"`
	}{f.Rule, f.Severity, f.Breaks.Names(), f.Encodings, f.Path, f.Pos.String(), f.Message(), f.Fix, f.Witness, f.Stored, f.Fingerprint()})
}

// marshal is json.Marshal that leaves <, > and & readable; what is around it may still escape them.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return b.Bytes(), err
}

// sortFindings orders by file, line, rule; what is equal in these, by path and change.
func sortFindings(fs []*Finding) {
	slices.SortStableFunc(fs, func(a, b *Finding) int {
		return cmp.Or(
			cmp.Compare(a.Pos.File, b.Pos.File),
			cmp.Compare(a.Pos.Line, b.Pos.Line),
			cmp.Compare(a.Rule, b.Rule),
			cmp.Compare(a.Pos.Col, b.Pos.Col),
			cmp.Compare(a.Path, b.Path),
			cmp.Compare(a.Change, b.Change),
		)
	})
}
