package witness

import (
	"bytes"
	"encoding/json"
	"iter"
	"maps"
	"slices"

	"github.com/omninode/trestle/tools/schema"
)

// pairsAlong yields the objects at the end of some steps, as written and as read.
func pairsAlong(steps []way, written, got map[string]any) iter.Seq2[map[string]any, map[string]any] {
	return func(yield func(w, g map[string]any) bool) { walkPairs(steps, written, got, yield) }
}

func walkPairs(steps []way, written, got map[string]any, yield func(w, g map[string]any) bool) bool {
	if len(steps) == 0 {
		return yield(written, got)
	}
	s := steps[0]
	if s.writer == nil || s.reader == nil {
		return true
	}
	return within(s.writer.Type, s.reader.Type, written[s.writer.JSONName], got[s.reader.JSONName], func(w, g map[string]any) bool {
		return walkPairs(steps[1:], w, g, yield)
	})
}

// within calls f with the objects in two values, through the lists and maps that both have.
func within(w, r *schema.Type, written, got any, f func(w, g map[string]any) bool) bool {
	switch x := written.(type) {
	case []any:
		y, ok := got.([]any)
		for i := 0; ok && i < min(len(x), len(y)) && w.Kind == schema.List && r.Kind == schema.List; i++ {
			if !within(w.Elem, r.Elem, x[i], y[i], f) {
				return false
			}
		}
	case map[string]any:
		y, ok := got.(map[string]any)
		switch {
		case ok && w.Kind == schema.Map && r.Kind == schema.Map:
			for _, k := range slices.Sorted(maps.Keys(x)) {
				if !within(w.Elem, r.Elem, x[k], y[k], f) {
					return false
				}
			}
		case ok && w.Kind != schema.Map && r.Kind != schema.Map:
			return f(x, y)
		}
	}
	return true
}

// parse reads one JSON value, numbers as json.Number.
func parse(text []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var v any
	err := dec.Decode(&v)
	return v, err
}
