package jsoncompile

import (
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
)

// part is some keywords of the schema at a JSON pointer.
type part struct {
	pointer  string
	keywords []string
}

// partName is the definition that a file's nth part is.
func partName(n int) string { return "trestle-part-" + strconv.Itoa(n) }

// withParts returns a copy of a document with its parts as definitions. They stand in the same document, so that their
// references lead where they led.
func withParts(doc any, parts []part) (any, error) {
	if len(parts) == 0 {
		return doc, nil
	}
	root, ok := doc.(map[string]any)
	if !ok {
		return nil, errors.New("a schema with keywords is an object")
	}
	root = maps.Clone(root)
	own, _ := root["$defs"].(map[string]any)
	defs := maps.Clone(own)
	if defs == nil {
		defs = map[string]any{}
	}
	root["$defs"] = defs
	for i, p := range parts {
		whole, err := find(doc, p.pointer)
		if err != nil {
			return nil, err
		}
		only := map[string]any{}
		for _, name := range p.keywords {
			if value, ok := whole[name]; ok {
				only[name] = value
			}
		}
		defs[partName(i)] = only
	}
	return root, nil
}

// find follows a JSON pointer to an object.
func find(v any, pointer string) (map[string]any, error) {
	for token := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		if pointer == "" {
			break
		}
		token = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
		switch inner := v.(type) {
		case map[string]any:
			v = inner[token]
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(inner) {
				return nil, fmt.Errorf("%s leads to nothing", pointer)
			}
			v = inner[i]
		default:
			return nil, fmt.Errorf("%s leads to nothing", pointer)
		}
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("%s leads to no schema with keywords", pointer)
	}
	return object, nil
}
