package jsonio

import (
	"encoding/json"
	"strings"
)

// Step is one step of a path: a member's name or, of an element, the index, or the key that is no text, as it stands in the path.
type Step struct {
	Name    string
	Element bool
}

// Steps reads a path as violations have it, `items[2].quantity` or `labels["a b"]`: what [JoinPath] and [MemberPath] make. What is no path ends it.
func Steps(path string) []Step {
	var out []Step
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
			out, path = append(out, Step{Name: name}), path[end+1:]
		case path[0] == '[':
			index, rest, closed := strings.Cut(path[1:], "]")
			if !closed {
				return out
			}
			out, path = append(out, Step{index, true}), rest
		default:
			end := strings.IndexAny(path, ".[")
			if end < 0 {
				end = len(path)
			}
			out, path = append(out, Step{Name: path[:end]}), path[end:]
		}
	}
	return out
}
