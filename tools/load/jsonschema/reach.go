package jsonschema

import (
	"slices"

	"github.com/omninode/trestle/tools/load/internal/draft"
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/schema/jsontree"
	"github.com/omninode/trestle/tools/schema/subschema"
)

// reach is how far a schema reaches into others: what would exhaust a validator is refused.
type reach struct {
	depth int // how many references follow one another, at most; those in a circle count once
	ways  int // how many schemas a value may be held against at once, each as often as there is a way to it
}

const maxWays = 100_000

// inPlace are the keywords whose schemas are for the same value.
var inPlace = []string{"allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas"}

func (j *jsonLoader) reachOf(f *jsonFile, v *jsontree.Value) reach {
	if known, ok := j.reaches[v]; ok {
		return known
	}
	if j.reaches == nil {
		j.reaches = map[*jsontree.Value]reach{}
	}
	j.reaches[v] = reach{}
	out := reach{ways: 1}
	if file, target := j.follow(f, v); target != nil {
		far := j.reachOf(file, target)
		out.depth, out.ways = far.depth+1, out.ways+far.ways
	}
	subschema.Each(v, func(s subschema.Subschema) {
		if s.Keyword == "$defs" || s.Keyword == "definitions" {
			return
		}
		inner := j.reachOf(f, s.Schema)
		out.depth = max(out.depth, inner.depth)
		if slices.Contains(inPlace, s.Keyword) {
			out.ways += inner.ways
		}
	})
	out.ways = min(out.ways, maxWays+1)
	j.reaches[v] = out
	return out
}

// follow returns what a schema refers to; nil where only the library knows, or where nothing is.
func (j *jsonLoader) follow(f *jsonFile, v *jsontree.Value) (*jsonFile, *jsontree.Value) {
	ref := v.Get("$ref")
	if ref == nil || j.forLibrary(f, v, ref) {
		return nil, nil
	}
	faults := len(j.Errs)
	defer func() { j.Errs = j.Errs[:faults] }()
	return j.resolve(f, ref)
}

// circular says whether a schema leads to itself for the same value. around holds the schemas that were looked at: true
// for those on the way to this one.
func (j *jsonLoader) circular(f *jsonFile, v *jsontree.Value, around map[*jsontree.Value]bool) bool {
	if on, met := around[v]; met {
		return on
	}
	around[v] = true
	found := false
	if file, target := j.follow(f, v); target != nil {
		found = j.circular(file, target, around)
	}
	subschema.Each(v, func(s subschema.Subschema) {
		if !found && slices.Contains(inPlace, s.Keyword) {
			found = j.circular(f, s.Schema, around)
		}
	})
	around[v] = false
	return found
}

// refuseReach finds fault with a schema that a validator could not work with.
func (j *jsonLoader) refuseReach(f *jsonFile, v *jsontree.Value, at schema.Position) bool {
	switch far := j.reachOf(f, v); {
	case far.depth > draft.MaxDepth:
		j.Fault(at, "schemas refer to one another more than %d deep", draft.MaxDepth)
	case far.ways > maxWays:
		j.Fault(at, "a value would be held against more than %d schemas at once: let fewer refer to one another twice", maxWays)
	case j.circular(f, v, map[*jsontree.Value]bool{}):
		j.Fault(at, "the schema is part of itself without an object between: put a property between")
	default:
		return false
	}
	return true
}
