package confluent

import (
	"fmt"

	"github.com/omninode/trestle/tools/schema/jsontree"
)

// itemSchemas is what a schema says of the items of an array.
type itemSchemas struct {
	all                      *jsontree.Value   // of every item
	first                    []*jsontree.Value // of the first items, one each
	rest                     *jsontree.Value   // of those after them
	unevaluated              *jsontree.Value
	minContains, maxContains *jsontree.Value
}

// one stands for the number of items that `contains` asks for by itself.
var one = &jsontree.Value{Kind: jsontree.Number, Text: "1"}

func (c *jsonComparison) items(n node) itemSchemas {
	items := n.v.Get("items")
	out := itemSchemas{minContains: n.v.Get("minContains"), maxContains: n.v.Get("maxContains")}
	if !c.modern[n.side] {
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

func (c *jsonComparison) arrays(old, new node) []difference {
	a, b := c.items(old), c.items(new)
	var out []difference
	switch {
	case b.all == nil:
	case a.all == nil:
		out = differs("/items", "SCHEMA_ADDED")
	default:
		out = withPrefix("/items", c.compare(c.child(old, a.all), c.child(new, b.all)))
	}
	for i := range max(len(a.first), len(b.first)) {
		out = append(out, withPrefix(fmt.Sprintf("/items/%d", i), c.item(old, new, a, b, i))...)
	}
	out = append(out, c.rest("additionalItems", old, new, a.rest, b.rest)...)
	out = append(out, c.unevaluated("unevaluatedItems", old, new)...)
	out = append(out, limits(old, new, "maxItems", "minItems")...)
	out = append(out, upperLimit("maxContains", a.maxContains, b.maxContains)...)
	out = append(out, lowerLimit("minContains", a.minContains, b.minContains)...)
	if !old.v.Get("uniqueItems").IsTrue() && new.v.Get("uniqueItems").IsTrue() {
		out = append(out, difference{"/uniqueItems", "UNIQUE_ITEMS_ADDED"})
	}
	return out
}

// item compares what is said of the item at an index by itself, on one side at least.
func (c *jsonComparison) item(old, new node, a, b itemSchemas, i int) []difference {
	open := func(n node, items itemSchemas) bool {
		return (items.rest == nil || items.rest.IsTrue()) && c.anything(n, items.unevaluated)
	}
	switch {
	case i < len(a.first) && i < len(b.first):
		return c.compare(c.child(old, a.first[i]), c.child(new, b.first[i]))
	case i < len(a.first) && !open(new, b):
		was := c.child(old, a.first[i])
		if rest, ok := c.restSchema(new, b.rest, b.unevaluated); ok {
			return c.covered(was, rest, "ITEM_REMOVED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL")
		} else if was.kind != kindFalse {
			return differs("", "ITEM_REMOVED_FROM_CLOSED_CONTENT_MODEL")
		}
	case i >= len(a.first) && open(old, a):
		if c.child(new, b.first[i]).kind != kindEmpty {
			return differs("", "ITEM_ADDED_TO_OPEN_CONTENT_MODEL")
		}
	case i >= len(a.first):
		if rest, ok := c.restSchema(old, a.rest, a.unevaluated); ok {
			return c.covered(rest, c.child(new, b.first[i]), "ITEM_ADDED_NOT_COVERED_BY_PARTIALLY_OPEN_CONTENT_MODEL")
		}
	}
	return nil
}
