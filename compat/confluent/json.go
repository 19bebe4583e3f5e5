package confluent

import (
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/schema/jsontree"
	"github.com/omninode/trestle/tools/values"
)

// jsonComparison compares two JSON Schemas keyword by keyword. What it finds between two nodes has paths that count from
// these, so that it can be kept for the next time the same two meet.
type jsonComparison struct {
	docs   [2]*values.Documents
	modern [2]bool // read as draft 2019-09 or 2020-12
	merged map[*jsontree.Value]*jsontree.Value

	memo   map[nodePair][]difference
	active map[nodePair]bool
	// refused holds what an earlier pass found of pairs that contain themselves; assumed says that this pass took one
	// for compatible because it did not know better.
	refused map[nodePair][]difference
	assumed bool
	err     error
}

type nodePair [2]node

// jsonDifferences says for what differences a registry refuses the second of two JSON Schemas after the first.
func jsonDifferences(first, second *side, a, b *schema.File) ([]difference, error) {
	c := &jsonComparison{
		docs: [2]*values.Documents{first.docs, second.docs}, merged: map[*jsontree.Value]*jsontree.Value{},
	}
	was, is := first.docs.Files[a.Path], second.docs.Files[b.Path]
	c.modern = [2]bool{isModern(was), isModern(is)}
	// A pair that contains itself is taken for compatible while it is being compared. Where that was wrong, the next
	// pass knows; there is one more only as long as more pairs turn out incompatible.
	for {
		c.memo, c.active, c.assumed = map[nodePair][]difference{}, map[nodePair]bool{}, false
		out := c.compare(c.read(0, a.Path, was), c.read(1, b.Path, is))
		refused := map[nodePair][]difference{}
		for pair, diffs := range c.memo {
			if len(diffs) > 0 {
				refused[pair] = diffs
			}
		}
		if c.err != nil || !c.assumed || len(refused) == len(c.refused) {
			return withPrefix("#", out), c.err
		}
		c.refused = refused
	}
}

func differs(path, kind string) []difference { return []difference{{path, kind}} }

// withPrefix puts a path before those of differences.
func withPrefix(path string, diffs []difference) []difference {
	out := make([]difference, 0, len(diffs))
	for _, d := range diffs {
		out = append(out, difference{path + d.path, d.kind})
	}
	return out
}

// mostDifferences limits what is told of one pair: recursion could repeat it without end.
const mostDifferences = 100

func (c *jsonComparison) compare(old, new node) []difference {
	old, new = c.resolve(old), c.resolve(new)
	pair := nodePair{old, new}
	if known, ok := c.memo[pair]; ok {
		return known
	}
	if c.active[pair] {
		c.assumed = c.assumed || c.refused[pair] == nil
		return c.refused[pair]
	}
	c.active[pair] = true
	out := c.compareKinds(old, new)
	out = out[:min(len(out), mostDifferences)]
	delete(c.active, pair)
	c.memo[pair] = out
	return out
}

func (c *jsonComparison) compatible(old, new node) bool { return len(c.compare(old, new)) == 0 }

func (c *jsonComparison) compareKinds(old, new node) []difference {
	switch {
	case old.kind != kindCombined && new.kind == kindCombined:
		parts := c.parts(new)
		if len(parts) == 1 || new.combinator != "allOf" {
			for _, p := range parts {
				if c.compatible(old, p) {
					return nil
				}
			}
		}
	case old.kind == kindCombined && new.kind != kindCombined:
		parts := c.parts(old)
		if len(parts) == 1 || old.combinator == "allOf" {
			for _, p := range parts {
				if c.compatible(p, new) {
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
		return c.combined(old, new)
	case "not":
		if !c.compatible(c.child(new, new.v.Get("not")), c.child(old, old.v.Get("not"))) {
			return differs("/not", "NOT_TYPE_EXTENDED")
		}
	case "object":
		return c.objects(old, new)
	case "array":
		return c.arrays(old, new)
	}
	return nil
}

// isConnectBytes says whether a schema is what Kafka Connect writes for bytes, whose form in JSON has changed once.
func isConnectBytes(v *jsontree.Value) bool {
	t := v.Get("connect.type")
	return t != nil && t.Text == "bytes"
}

func (c *jsonComparison) combined(old, new node) []difference {
	olds, news := c.parts(old), c.parts(new)
	wasOne, isOne := len(olds) == 1, len(news) == 1
	if old.combinator != new.combinator && new.combinator != "anyOf" && !(wasOne && (isOne || new.combinator == "oneOf")) && !(isOne && old.combinator == "allOf") {
		return differs("", "COMBINED_TYPE_CHANGED")
	}
	olds, news = distinctParts(olds), distinctParts(news)
	var out []difference
	switch {
	case len(olds) < len(news) && new.combinator == "allOf":
		out = differs("", "PRODUCT_TYPE_EXTENDED")
	case len(olds) > len(news) && old.combinator != "allOf":
		out = differs("", "SUM_TYPE_NARROWED")
	}
	// Each part of the shorter list has to have one of its own in the other.
	fits := make([][]int, len(olds))
	for i, a := range olds {
		for j, b := range news {
			if c.compatible(a, b) {
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
func distinctParts(parts []node) []node {
	seen := map[string]bool{}
	var out []node
	for _, p := range parts {
		if key := p.kind + p.combinator + p.v.JSON(); !seen[key] {
			seen[key] = true
			out = append(out, p)
		}
	}
	return out
}
