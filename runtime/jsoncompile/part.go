package jsoncompile

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// partName is the definition that a part of a schema is put under.
const partName = "trestle-part"

// only returns a copy of a document with a definition more: the schema at a pointer with some of its keywords alone.
// It stands in the same document, so that its references lead where they led.
func only(doc any, pointer string, keywords []string) (any, error) {
	root, ok := doc.(map[string]any)
	if !ok {
		return nil, errors.New("a schema with keywords is an object")
	}
	whole, err := find(doc, pointer)
	if err != nil {
		return nil, err
	}
	part := map[string]any{}
	for name, value := range whole {
		if slices.Contains(keywords, name) {
			part[name] = value
		}
	}
	root = maps.Clone(root)
	defs, _ := root["$defs"].(map[string]any)
	if defs = maps.Clone(defs); defs == nil {
		defs = map[string]any{}
	}
	defs[partName] = part
	root["$defs"] = defs
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
