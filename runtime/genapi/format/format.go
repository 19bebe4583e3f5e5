// Package format holds the checks of generated validators that are more than a comparison: string formats, unique items
// and paths of field masks. Nothing in it allocates for a value that passes and is of ordinary size.
package format

import "bytes"

// few is up to how many items are compared with each other; more go through a map, which allocates.
const few = 16

// Unique reports whether no item occurs twice. NaN differs from itself.
func Unique[T comparable](items []T) bool {
	if len(items) <= few {
		for i, item := range items {
			for _, earlier := range items[:i] {
				if item == earlier {
					return false
				}
			}
		}
		return true
	}
	seen := make(map[T]struct{}, len(items))
	for _, item := range items {
		if _, twice := seen[item]; twice {
			return false
		}
		seen[item] = struct{}{}
	}
	return true
}

// UniqueBytes is [Unique] for byte strings.
func UniqueBytes(items [][]byte) bool {
	if len(items) <= few {
		for i, item := range items {
			for _, earlier := range items[:i] {
				if bytes.Equal(item, earlier) {
					return false
				}
			}
		}
		return true
	}
	seen := make(map[string]struct{}, len(items))
	for _, item := range items {
		if _, twice := seen[string(item)]; twice {
			return false
		}
		seen[string(item)] = struct{}{}
	}
	return true
}
