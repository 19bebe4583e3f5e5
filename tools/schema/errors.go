package schema

import "strings"

// Error is one fault in a schema.
type Error struct {
	Pos     Position
	Message string // lower case, one line: what is wrong and what to do
}

// Error renders file:line:col: message.
func (e *Error) Error() string {
	if e.Pos.File == "" {
		return e.Message
	}
	return e.Pos.String() + ": " + e.Message
}

// Errors are the faults found in schemas, sorted by place. Loading returns it when the schemas are wrong; other errors say
// that they could not be read.
type Errors []*Error

// Error renders the faults, one a line.
func (es Errors) Error() string {
	lines := make([]string, len(es))
	for i, e := range es {
		lines[i] = e.Error()
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns the faults.
func (es Errors) Unwrap() []error {
	out := make([]error, len(es))
	for i, e := range es {
		out[i] = e
	}
	return out
}
