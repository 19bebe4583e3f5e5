package trestletest

import (
	"slices"
	"testing"
)

// Of what is hidden it is told that it differs, neither where in it nor in how many places: names in it may be what is sensitive.
func TestHiddenDifferences(t *testing.T) {
	t.Parallel()
	hidden := func(value any) any { return map[string]any{"answers": value, "id": "a"} }
	shown := map[string]any{"answers": "***", "id": "a"}
	for name, c := range map[string]struct {
		got, want any
		lines     []string
	}{
		"another name":  {map[string]any{"a": "b"}, map[string]any{"secret": "b"}, []string{"answers: *** differs"}},
		"another value": {map[string]any{"a": "b"}, map[string]any{"a": "c"}, []string{"answers: *** differs"}},
		"another count": {[]any{"a"}, []any{"a", "b"}, []string{"answers: *** differs"}},
		"another type":  {"a", []any{"a"}, []string{"answers: *** differs"}},
		"none":          {nil, map[string]any{"secret": "b"}, []string{"answers: absent, want ***"}},
		"more":          {map[string]any{"a": "b", "c": "d"}, map[string]any{"a": "b"}, nil},
		"the same":      {[]any{"a", "b"}, []any{"a", "b"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var compared comparison
			compared.compare("", view{hidden(c.got), shown}, view{hidden(c.want), shown})
			if !slices.Equal(compared.lines, c.lines) {
				t.Errorf("got %q, want %q", compared.lines, c.lines)
			}
		})
	}
}
