package compat

import (
	"fmt"

	"github.com/omninode/trestle/tools/schema/jsontree"
)

// registryItems is what a schema says of the items of an array.
type registryItems struct {
	all                      *jsontree.Value   // of every item
	first                    []*jsontree.Value // of the first items, one each
	rest                     *jsontree.Value   // of those after them
	unevaluated              *jsontree.Value
	minContains, maxContains *jsontree.Value
}

// one stands for the number of items that `contains` asks for by itself.
var one = &jsontree.Value{Kind: jsontree.Number, Text: "1"}

func (r *registryJSON) items(n registryNode) registryItems {
	items := n.v.Get("items")
	out := registryItems{minContains: n.v.Get("minContains"), maxContains: n.v.Get("maxContains")}
	if !r.modern[n.side] {
		out.rest = n.v.Get("additionalItems")
		if items != nil && items.Kind == jsontree.Array {
			out.first = items.Items
		} else {
			out.all = items
		}
		return out
	}
	if n.v.Get("contains") == nil {
		out.minContains, out.maxContains = nil, nil
	} else if out.minContains == nil {
		out.minContains = one
	}
	out.unevaluated = n.v.Get("unevaluatedItems")
	if prefix := n.v.Get("prefixItems"); prefix != nil {
		out.first = prefix.Items
	}
	switch {
	case items.IsTrue():
	case items.IsFalse() || len(out.first) > 0:
		out.rest = items
	default:
		out.all = items
	}
	return out
}

func (r *registryJSON) arrays(old, new registryNode) []difference {
	a, b := r.items(old), r.items(new)
	var out []difference
	switch {
	case b.all == nil:
	case a.all == nil:
		out = differs("/items", "SCHEMA_ADDED")
	default:
		out = under("/items", r.compare(r.child(old, a.all), r.child(new, b.all)))
	}
	for i := range max(len(a.first), len(b.first)) {
		out = append(out, under(fmt.Sprintf("/items/%d", i), r.item(old, new, a, b, i))...)
	}
	out = append(out, r.rest("additionalItems", old, new, a.rest, b.rest)...)
	out = append(out, r.unevaluated("unevaluatedItems", old, new)...)
	out = append(out, limits(old, new, "maxItems", "minItems")...)
	out = append(out, upperLimit("maxContains", a.maxContains, b.maxContains)...)
	out = append(out, lowerLimit("minContains", a.minContains, b.minContains)...)
	if !old.v.Get("uniqueItems").IsTrue() && new.v.Get("uniqueItems").IsTrue() {
		out = append(out, difference{"/uniqueItems", "UNIQUE_ITEMS_ADDED"})
	}
	return out
}

// item compares what is said of the item at an index by itself, on one side at least.
func (r *registryJSON) item(old, new registryNode, a, b registryItems, i int) []difference {
	open := func(n registryNode, items registryItems) bool {
		return (items.rest == nil || items.rest.IsTrue()) && r.anything(n, items.unevaluated)
	}
	switch {
	case i < len(a.first) && i < len(b.first):
		return r.compare(r.child(old, a.first[i]), r.child(new, b.first[i]))
	case i < len(a.first) && !open(new, b):
		was := r.child(old, a.first[i])
		if rest, ok := r.restSchema(new, b.rest, b.unevaluated); ok {
			if !r.compatible(was, rest) {
				return differs("", "ITEM_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL")
			}
		} else if was.kind != kindFalse {
			return differs("", "ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL")
		}
	case i >= len(a.first) && open(old, a):
		if r.child(new, b.first[i]).kind != kindEmpty {
			return differs("", "ITEM_ADDED_TO_OPEN_CONTENT_MODEL")
		}
	case i >= len(a.first):
		if rest, ok := r.restSchema(old, a.rest, a.unevaluated); ok && !r.compatible(rest, r.child(new, b.first[i])) {
			return differs("", "ITEM_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL")
		}
	}
	return nil
}
