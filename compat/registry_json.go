package compat

import (
	"fmt"

	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/schema/jsontree"
)

// registryJSON compares two JSON Schemas keyword by keyword. What it finds between two nodes has paths that count from
// these, so that it can be kept for the next time the same two meet.
type registryJSON struct {
	sets    [2]map[string]*jsontree.Value
	aliases [2]map[string]string
	modern  [2]bool // read as draft 2019-09 or 2020-12
	merged  map[*jsontree.Value]*jsontree.Value

	memo   map[registryPair][]difference
	active map[registryPair]bool
	// refused holds what an earlier pass found of pairs that contain themselves; assumed says that this pass took one
	// for compatible because it did not know better.
	refused map[registryPair][]difference
	assumed bool
	err     error
}

type registryPair [2]registryNode

func jsonDifferences(oldSet, newSet *schema.Set, old, new *schema.File) ([]difference, error) {
	r := &registryJSON{merged: map[*jsontree.Value]*jsontree.Value{}}
	for i, s := range []*schema.Set{oldSet, newSet} {
		r.sets[i], r.aliases[i] = map[string]*jsontree.Value{}, s.Aliases
		for _, f := range jsonFiles(s) {
			v, err := jsontree.Parse(f.Source)
			if err != nil {
				return nil, fmt.Errorf("%s:%w", f.Path, err)
			}
			r.sets[i][f.Path] = v
		}
	}
	a, b := r.sets[0][old.Path], r.sets[1][new.Path]
	r.modern = [2]bool{isModern(a), isModern(b)}
	// A pair that contains itself is taken for compatible while it is being compared. Where that was wrong, the next
	// pass knows; there is one more only as long as more pairs turn out incompatible.
	for {
		r.memo, r.active, r.assumed = map[registryPair][]difference{}, map[registryPair]bool{}, false
		out := r.compare(r.read(0, old.Path, a), r.read(1, new.Path, b))
		refused := map[registryPair][]difference{}
		for pair, diffs := range r.memo {
			if len(diffs) > 0 {
				refused[pair] = diffs
			}
		}
		if r.err != nil || !r.assumed || len(refused) == len(r.refused) {
			return under("#", out), r.err
		}
		r.refused = refused
	}
}

func differs(path, kind string) []difference { return []difference{{path, kind}} }

// under puts a path before those of differences.
func under(path string, diffs []difference) []difference {
	out := make([]difference, 0, len(diffs))
	for _, d := range diffs {
		out = append(out, difference{path + d.path, d.kind})
	}
	return out
}

// mostDifferences limits what is told of one pair: recursion could repeat it without end.
const mostDifferences = 100

func (r *registryJSON) compare(old, new registryNode) []difference {
	old, new = r.resolve(old), r.resolve(new)
	pair := registryPair{old, new}
	if known, ok := r.memo[pair]; ok {
		return known
	}
	if r.active[pair] {
		r.assumed = r.assumed || r.refused[pair] == nil
		return r.refused[pair]
	}
	r.active[pair] = true
	out := r.compareKinds(old, new)
	out = out[:min(len(out), mostDifferences)]
	delete(r.active, pair)
	r.memo[pair] = out
	return out
}

func (r *registryJSON) compatible(old, new registryNode) bool { return len(r.compare(old, new)) == 0 }

func (r *registryJSON) compareKinds(old, new registryNode) []difference {
	switch {
	case old.kind != kindCombined && new.kind == kindCombined:
		parts := r.parts(new)
		if len(parts) == 1 || new.all != "allOf" {
			for _, p := range parts {
				if r.compatible(old, p) {
					return nil
				}
			}
		}
	case old.kind == kindCombined && new.kind != kindCombined:
		parts := r.parts(old)
		if len(parts) == 1 || old.all == "allOf" {
			for _, p := range parts {
				if r.compatible(p, new) {
					return nil
				}
			}
		}
	}
	if old.kind != new.kind {
		if old.kind == kindFalse || new.kind == kindEmpty || isConnectBytes(old.v) && isConnectBytes(new.v) {
			return nil
		}
		return differs("", "TYPE_CHANGED")
	}
	switch old.kind {
	case "string":
		return append(limits(old, new, "maxLength", "minLength"), patterns(old, new)...)
	case "number":
		return numbers(old, new)
	case "enum":
		return enums(old, new)
	case "const":
		if old.v.Get("const").JSON() != new.v.Get("const").JSON() {
			return differs("/const", "ENUM_ARRAY_CHANGED")
		}
	case kindCombined:
		return r.combined(old, new)
	case "not":
		if !r.compatible(r.child(new, new.v.Get("not")), r.child(old, old.v.Get("not"))) {
			return differs("/not", "NOT_TYPE_EXTENDED")
		}
	case "object":
		return r.objects(old, new)
	case "array":
		return r.arrays(old, new)
	}
	return nil
}

// isConnectBytes says whether a schema is what Kafka Connect writes for bytes, whose form in JSON has changed once.
func isConnectBytes(v *jsontree.Value) bool {
	t := v.Get("connect.type")
	return t != nil && t.Text == "bytes"
}

func (r *registryJSON) combined(old, new registryNode) []difference {
	olds, news := r.parts(old), r.parts(new)
	wasOne, isOne := len(olds) == 1, len(news) == 1
	if old.all != new.all && new.all != "anyOf" && !(wasOne && (isOne || new.all == "oneOf")) && !(isOne && old.all == "allOf") {
		return differs("", "COMBINED_TYPE_CHANGED")
	}
	olds, news = distinctParts(olds), distinctParts(news)
	var out []difference
	switch {
	case len(olds) < len(news) && new.all == "allOf":
		out = differs("", "PRODUCT_TYPE_EXTENDED")
	case len(olds) > len(news) && old.all != "allOf":
		out = differs("", "SUM_TYPE_NARROWED")
	}
	// Each part of the shorter list has to have one of its own in the other.
	fits := make([][]int, len(olds))
	for i, a := range olds {
		for j, b := range news {
			if r.compatible(a, b) {
				fits[i] = append(fits[i], j)
			}
		}
	}
	if matching(fits) < min(len(olds), len(news)) {
		out = append(out, difference{"", "COMBINED_TYPE_SUBSCHEMAS_CHANGED"})
	}
	return out
}

// matching is the largest number of rows that can have a column each of their own, where row i may have those of
// fits[i].
func matching(fits [][]int) int {
	partner := map[int]int{}
	var place func(row int, tried map[int]bool) bool
	place = func(row int, tried map[int]bool) bool {
		for _, column := range fits[row] {
			if tried[column] {
				continue
			}
			tried[column] = true
			if other, taken := partner[column]; !taken || place(other, tried) {
				partner[column] = row
				return true
			}
		}
		return false
	}
	for row := range fits {
		place(row, map[int]bool{})
	}
	return len(partner)
}

// distinctParts leaves out what is there twice.
func distinctParts(parts []registryNode) []registryNode {
	seen := map[string]bool{}
	var out []registryNode
	for _, p := range parts {
		if key := p.kind + p.all + p.v.JSON(); !seen[key] {
			seen[key] = true
			out = append(out, p)
		}
	}
	return out
}
