package schema

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

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

// Errors are the faults found in the schemas, sorted by place. [Load] returns it when the schemas are wrong; other
// errors say that they could not be read.
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

// add appends a fault at a place.
func (es *Errors) add(pos Position, format string, args ...any) {
	*es = append(*es, &Error{Pos: pos, Message: fmt.Sprintf(format, args...)})
}

// err sorts the faults, drops repeated ones, and returns nil when there is none.
func (es Errors) err() error {
	if len(es) == 0 {
		return nil
	}
	slices.SortStableFunc(es, func(a, b *Error) int {
		return cmp.Or(comparePositions(a.Pos, b.Pos), strings.Compare(a.Message, b.Message))
	})
	return slices.CompactFunc(es, func(a, b *Error) bool { return *a == *b })
}

func comparePositions(a, b Position) int {
	return cmp.Or(strings.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Col, b.Col))
}
