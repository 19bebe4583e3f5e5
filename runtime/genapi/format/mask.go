package format

import (
	"slices"
	"strings"
)

// Within reports whether every path of a field mask is one of roots, or below one.
func Within(paths []string, roots ...string) bool {
	for _, path := range paths {
		if !below(path, roots) {
			return false
		}
	}
	return true
}

// Without reports whether no path of a field mask is one of roots, or below one.
func Without(paths []string, roots ...string) bool {
	return !slices.ContainsFunc(paths, func(path string) bool { return below(path, roots) })
}

func below(path string, roots []string) bool {
	for _, root := range roots {
		if rest, ok := strings.CutPrefix(path, root); ok && (rest == "" || rest[0] == '.') {
			return true
		}
	}
	return false
}
