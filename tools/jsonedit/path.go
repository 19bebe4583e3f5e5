package jsonedit

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/omninode/trestle/runtime/jsonio"
)

// step is a member or, with an index of 0 or more, an element.
type step struct {
	name  string
	index int
}

// steps reads a path as violations have it: `items[2].quantity`, `labels["a b"]`. What is no path ends it.
func steps(path string) []step {
	var out []step
	for path != "" {
		switch {
		case path[0] == '.':
			path = path[1:]
		case strings.HasPrefix(path, `["`):
			d := json.NewDecoder(strings.NewReader(path[1:]))
			token, err := d.Token()
			name, ok := token.(string)
			end := 1 + int(d.InputOffset())
			if err != nil || !ok || end >= len(path) || path[end] != ']' {
				return out
			}
			out, path = append(out, step{name, -1}), path[end+1:]
		case path[0] == '[':
			digits, rest, closed := strings.Cut(path[1:], "]")
			index, err := strconv.Atoi(digits)
			if !closed || err != nil || index < 0 {
				return out
			}
			out, path = append(out, step{index: index}), rest
		default:
			end := strings.IndexAny(path, ".[")
			if end < 0 {
				end = len(path)
			}
			out, path = append(out, step{path[:end], -1}), path[end:]
		}
	}
	return out
}

// At follows a path as violations have it, and returns the value that it leads to; where that is missing, the innermost one on the way.
func (v *Value) At(path string) *Value {
	for _, s := range steps(path) {
		var inner *Value
		if s.index < 0 {
			inner = v.Member(s.name)
		} else if s.index < len(v.Elements) {
			inner = v.Elements[s.index]
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
	for _, s := range steps(path) {
		if s.index < 0 {
			out = jsonio.JoinPath(out, jsonio.MemberPath(s.name))
		} else {
			out += "[]"
		}
	}
	return out
}
