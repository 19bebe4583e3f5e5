package event

import (
	"slices"
	"strings"
	"time"

	"github.com/omninode/trestle/runtime/jsonio"
)

// Violation is one rule that an event breaks.
type Violation struct {
	// Path of the field in the payload: `limit`, `items[2].quantity`, `labels["a"]`; what the envelope itself gets
	// wrong is under `envelope.`.
	Path string
	// Rule is protovalidate's rule id (`int64.gte_lte`), or JSON Schema's keyword (`maxLength`).
	Rule string
	// RulePath is where protovalidate's rule stands in the field's rules: `repeated.items.string.min_len`; empty for a
	// rule that is not of a field, and for those of other languages.
	RulePath string
	// Message says what must hold, in protovalidate's words where the rule is one of its.
	Message string
	// Found is the value found, as JSON, shortened to 64 bytes; empty where there is none or the field is sensitive.
	Found string
	// ForKey says that a map's key breaks the rule, not the value under it.
	ForKey bool
}

// String renders `path: message, got found [rule]`.
func (v Violation) String() string {
	var b strings.Builder
	if v.Path != "" {
		b.WriteString(v.Path)
		b.WriteString(": ")
	}
	b.WriteString(v.Message)
	if v.Found != "" {
		b.WriteString(", got ")
		b.WriteString(v.Found)
	}
	if v.Rule != "" {
		b.WriteString(" [")
		b.WriteString(v.Rule)
		b.WriteByte(']')
	}
	return b.String()
}

// Violations collects violations; the zero value is empty and ready. Only what is added allocates.
type Violations struct {
	one   [1]Violation // the first, until there are more
	list  []Violation  // all of them, once there are more
	n     int
	made  *ValidationError // what Err returns, in one piece with the list
	err   error
	now   time.Time
	first bool
	full  bool
}

// FirstOnly returns an empty collection that is full with one violation, for validation that stops there.
func FirstOnly() Violations { return Violations{first: true} }

// single is an error with the one violation that an invalid event most often has, in one piece.
type single struct {
	err  ValidationError
	list [1]Violation
}

// several is an error with room for a few violations.
type several struct {
	err  ValidationError
	room [4]Violation
}

// Report adds a violation and says whether to stop: the collection is full.
func (vs *Violations) Report(v Violation) (stop bool) {
	if vs.full {
		return true
	}
	if vs.n == 0 {
		vs.one[0] = v
	} else {
		vs.append(v)
	}
	vs.n++
	vs.full = vs.first
	return vs.full
}

func (vs *Violations) append(v Violation) {
	if vs.list == nil {
		more := new(several)
		vs.list, vs.made = append(more.room[:0], vs.one[0]), &more.err
	}
	vs.list = append(vs.list, v)
}

// all is what was added; it is a part of vs, or of what Err returns.
func (vs *Violations) all() []Violation {
	if vs.list == nil {
		return vs.one[:vs.n]
	}
	return vs.list
}

// Add adds a violation. found is rendered as JSON, see [jsonio.Excerpt]; nil for none.
func (vs *Violations) Add(path, rule, message string, found any) {
	vs.Report(Violation{Path: path, Rule: rule, Message: message, Found: jsonio.Excerpt(found)})
}

// Fail records that validation itself went wrong: [Violations.Err] returns err, whatever was added. Only the first
// error counts. It returns true: validation is to stop.
func (vs *Violations) Fail(err error) (stop bool) {
	if vs.err == nil {
		vs.err = err
	}
	vs.full = true
	return true
}

// Now is the time that rules compare with: that of the first call, so that all of one event see the same.
func (vs *Violations) Now() time.Time {
	if vs.now.IsZero() {
		vs.now = time.Now()
	}
	return vs.now
}

// Len is the number of violations so far; see [Violations.Under].
func (vs *Violations) Len() int { return vs.n }

// Has says whether there is a violation of a rule at a path already.
func (vs *Violations) Has(path, rule string) bool {
	path = jsonio.PlainPath(path)
	return slices.ContainsFunc(vs.all(), func(v Violation) bool { return v.Rule == rule && jsonio.PlainPath(v.Path) == path })
}

// Under puts the violations from the one at index first on under a path, which is that of the part of the event they
// were found in: `service_info`, `steps[3]`. It says whether to stop.
func (vs *Violations) Under(first int, path string) (stop bool) {
	for i, list := first, vs.all(); i < len(list); i++ {
		list[i].Path = jsonio.JoinPath(path, list[i].Path)
	}
	return vs.full
}

// UnderSensitive is [Violations.Under] for a part that is sensitive: of what is wrong in it, neither where in it nor what
// was found is told.
func (vs *Violations) UnderSensitive(first int, path string) (stop bool) {
	for i, list := first, vs.all(); i < len(list); i++ {
		list[i].Path, list[i].Found = path, ""
	}
	return vs.full
}

// Sort orders the violations from the one at index first on by path, those of one path as they were. It says whether
// to stop.
func (vs *Violations) Sort(first int) (stop bool) {
	if vs.n-first > 1 {
		slices.SortStableFunc(vs.list[first:], func(a, b Violation) int { return strings.Compare(a.Path, b.Path) })
	}
	return vs.full
}

// Nested adds the violations of a part of the event, its paths under prefix: `service_info`, `steps[3]`.
func (vs *Violations) Nested(prefix string, err error) {
	if err == nil {
		return
	}
	part, ok := err.(*ValidationError)
	if !ok {
		vs.Report(Violation{Path: prefix, Message: err.Error()})
		return
	}
	for _, v := range part.Violations {
		v.Path = jsonio.JoinPath(prefix, v.Path)
		vs.Report(v)
	}
}

// AddFaults adds what a reader of JSON recorded.
func (vs *Violations) AddFaults(faults []jsonio.Fault) {
	for _, f := range faults {
		vs.Report(Violation{Path: f.Path, Rule: f.Rule, Message: f.Message, Found: f.Found})
	}
}

// AddUnfaulted adds the violations of err, but for those of fields that could not be read, or inside them: what such
// a field lacks is not the event's doing.
func (vs *Violations) AddUnfaulted(err error, faults []jsonio.Fault) {
	if err == nil {
		return
	}
	invalid, ok := err.(*ValidationError)
	if !ok {
		vs.Report(Violation{Message: err.Error()})
		return
	}
	for _, v := range invalid.Violations {
		if !slices.ContainsFunc(faults, func(f jsonio.Fault) bool { return IsAtOrUnder(v.Path, f.Path) }) {
			vs.Report(v)
		}
	}
}

// IsAtOrUnder says whether path is that of a field, or of something inside it.
func IsAtOrUnder(path, field string) bool {
	field = jsonio.PlainPath(field)
	rest, ok := strings.CutPrefix(jsonio.PlainPath(path), field)
	return ok && (rest == "" || field == "" || rest[0] == '.' || rest[0] == '[')
}

// Err returns a *ValidationError for the type with that full name, or nil when nothing was added; what
// [Violations.Fail] was given goes before both.
func (vs *Violations) Err(fullName string) error {
	if vs.err != nil {
		return vs.err
	}
	switch vs.n {
	case 0:
		return nil
	case 1:
		one := &single{list: vs.one}
		one.err = ValidationError{Type: fullName, Violations: one.list[:]}
		return &one.err
	}
	if vs.made.Type != "" { // asked before
		vs.made = new(ValidationError)
	}
	vs.made.Type, vs.made.Violations = fullName, vs.list
	return vs.made
}

// List returns what was added.
func (vs *Violations) List() []Violation { return vs.all() }

// ValidationError says that the data is wrong: retrying cannot help.
type ValidationError struct {
	Type       string // full name of the event or message type
	Violations []Violation
}

// Error renders one line with every violation.
func (e *ValidationError) Error() string {
	var b strings.Builder
	b.WriteString(e.Type)
	for i, v := range e.Violations {
		if i == 0 {
			b.WriteString(": ")
		} else {
			b.WriteString("; ")
		}
		b.WriteString(v.String())
	}
	return b.String()
}

// RuleError says that a rule of the schema itself is wrong, so that nothing can be validated by it. The generator refuses
// such rules; only validators that were generated all the same return it.
type RuleError struct{ Message string }

// Error returns the message: where the rule stands, and what is wrong with it.
func (e *RuleError) Error() string { return e.Message }
