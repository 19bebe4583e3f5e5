package jsonedit

import (
	"strconv"

	"github.com/omninode/trestle/runtime/jsonio"
)

// At follows a path as violations have it, and returns the value that it leads to; where that is missing, the innermost one on the way.
func (v *Value) At(path string) *Value {
	for _, s := range jsonio.Steps(path) {
		var inner *Value
		if !s.Element {
			inner = v.Member(s.Name)
		} else if i, err := strconv.Atoi(s.Name); err == nil {
			inner = element(v, i)
		} else {
			inner = v.Member(s.Name) // of a map whose keys are no text
		}
		if inner == nil {
			break
		}
		v = inner
	}
	return v
}

// AnyIndex is a path with `[]` for each index in it: what elements have in common.
func AnyIndex(path string) string {
	out := ""
	for _, s := range jsonio.Steps(path) {
		if !s.Element {
			out = jsonio.JoinPath(out, jsonio.MemberPath(s.Name))
		} else {
			out += "[]"
		}
	}
	return out
}
