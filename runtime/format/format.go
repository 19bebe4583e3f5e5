// Package format holds the checks of generated validators that are more than a comparison: string formats and unique
// items. Nothing in it allocates for a value that passes and is of ordinary size.
package format

import "bytes"

// UUID reports whether s is a UUID in its canonical form of 36 characters, in upper or lower case, of any version.
func UUID(s string) bool {
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return false
	}
	return hex(s[0:8]) && hex(s[9:13]) && hex(s[14:18]) && hex(s[19:23]) && hex(s[24:36])
}

// TrimmedUUID reports whether s is a UUID without its dashes: 32 hexadecimal digits.
func TrimmedUUID(s string) bool { return len(s) == 32 && hex(s) }

func hex(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c >= '0' && c <= '9', c >= 'a' && c <= 'f', c >= 'A' && c <= 'F':
		default:
			return false
		}
	}
	return true
}

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
