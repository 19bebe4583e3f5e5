// Package suite reads the official JSON-Schema-Test-Suite, draft 2020-12: its required tests, and those of formats.
package suite

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const draft = "draft2020-12"

// Group is a schema and values that it is held against.
type Group struct {
	Keyword     string // the file that the group is in, "format/date" for a format
	Index       int    // in its file
	Description string
	Schema      json.RawMessage
	Tests       []Test
}

// Test is a value, and whether it is valid.
type Test struct {
	Description string
	Data        json.RawMessage
	Valid       bool
}

// Load reads the groups of a suite: the folder that holds tests and remotes.
func Load(dir string) ([]Group, error) {
	var out []Group
	for _, at := range []struct{ folder, prefix string }{{"", ""}, {"optional/format", "format/"}} {
		files, err := filepath.Glob(filepath.Join(dir, "tests", draft, at.folder, "*.json"))
		if err != nil || len(files) == 0 {
			return nil, fmt.Errorf("no tests in %s: is it the suite's folder? (%v)", dir, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				return nil, err
			}
			var groups []Group
			if err := json.Unmarshal(text, &groups); err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
			for i := range groups {
				groups[i].Keyword = at.prefix + strings.TrimSuffix(filepath.Base(file), ".json")
				groups[i].Index = i
			}
			out = append(out, groups...)
		}
	}
	return out, nil
}

// Remotes reads the schemas that groups refer to by URL: their texts by URL.
func Remotes(dir string) (map[string][]byte, error) {
	root := filepath.Join(dir, "remotes")
	out := map[string][]byte{}
	err := filepath.WalkDir(root, func(name string, entry os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && filepath.Dir(name) == root && entry.Name() != draft:
			return filepath.SkipDir // of another draft
		case entry.IsDir():
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, name)
		out["http://localhost:1234/"+filepath.ToSlash(relative)] = text
		return err
	})
	return out, err
}

// Typed returns a group with its schema narrowed to a JSON type, and the values of that type, where the schema says
// nothing of types; ok is false where it does, where the schema refers to itself as a whole, and where there is no value.
func (g Group) Typed(name string) (typed Group, ok bool) {
	var members map[string]json.RawMessage
	if json.Unmarshal(g.Schema, &members) != nil || members["type"] != nil || members["$id"] != nil || bytes.Contains(g.Schema, []byte(`"#"`)) {
		return Group{}, false
	}
	typed = g
	typed.Tests = nil
	for _, t := range g.Tests {
		if isOf(t.Data, name) {
			typed.Tests = append(typed.Tests, t)
		}
	}
	text := strings.TrimSpace(string(g.Schema))
	typed.Schema = json.RawMessage(`{"type":"` + name + `",` + strings.TrimPrefix(text, "{"))
	return typed, len(typed.Tests) > 0 && len(members) > 0
}

// Types are the JSON types that groups are narrowed to.
var Types = []string{"string", "integer", "number", "boolean", "array", "object"}

func isOf(data json.RawMessage, name string) bool {
	switch first := data[0]; {
	case first == '"':
		return name == "string"
	case first == '[':
		return name == "array"
	case first == '{':
		return name == "object"
	case first == 't' || first == 'f':
		return name == "boolean"
	case first == 'n':
		return false
	}
	var n json.Number
	if json.Unmarshal(data, &n) != nil {
		return false
	}
	_, err := n.Int64()
	return name == "number" || name == "integer" && err == nil
}
