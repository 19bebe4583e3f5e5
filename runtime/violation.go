package trestle

import (
	"fmt"
	"strings"
)

// Violation is one rule that an event breaks.
type Violation struct {
	// Path of the field in the payload: `limit`, `items[2].quantity`, `labels["a"]`; what the envelope itself gets
	// wrong is under `envelope.`.
	Path string
	// Rule is protovalidate's rule id (`int64.gte_lte`), or JSON Schema's keyword (`maxLength`).
	Rule string
	// Message says what must hold, in protovalidate's words where the rule is one of its.
	Message string
	// Found is the value found, as JSON, shortened to 64 bytes; empty where there is none or the field is sensitive.
	Found string
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
type Violations struct{ list []Violation }

// Add adds a violation. found is rendered as JSON ([Found] semantics of Violation); nil for none.
func (vs *Violations) Add(path, rule, message string, found any) {
	vs.list = append(vs.list, Violation{Path: path, Rule: rule, Message: message, Found: renderFound(found)})
}

// Nested adds the violations of a part of the event, its paths under prefix: `service_info`, `steps[3]`.
func (vs *Violations) Nested(prefix string, err error) {
	if err == nil {
		return
	}
	part, ok := err.(*ValidationError)
	if !ok {
		vs.list = append(vs.list, Violation{Path: prefix, Message: err.Error()})
		return
	}
	for _, v := range part.Violations {
		v.Path = joinPath(prefix, v.Path)
		vs.list = append(vs.list, v)
	}
}

// Err returns a *ValidationError for the type with that full name, or nil when nothing was added.
func (vs *Violations) Err(fullName string) error {
	if len(vs.list) == 0 {
		return nil
	}
	return &ValidationError{Type: fullName, Violations: vs.list}
}

// List returns what was added.
func (vs *Violations) List() []Violation { return vs.list }

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

func joinPath(prefix, path string) string {
	if path == "" {
		return prefix
	}
	if path[0] == '[' {
		return prefix + path
	}
	return prefix + "." + path
}

const maxFound = 64

func renderFound(found any) string {
	var s string
	switch f := found.(type) {
	case nil:
		return ""
	case string:
		s = fmt.Sprintf("%q", f)
	default:
		s = fmt.Sprint(f)
	}
	if len(s) > maxFound {
		cut := maxFound
		for cut > 0 && s[cut]&0xC0 == 0x80 {
			cut--
		}
		s = s[:cut] + "…"
	}
	return s
}
