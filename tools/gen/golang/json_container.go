package golang

import (
	"fmt"

	"github.com/omninode/trestle/tools/schema"
)

func (g *file) arrayKeywords(r valueRule, c schema.Constraints) ([]string, error) {
	var lines []string
	add := func(cond, rule, message string) {
		lines = append(lines, g.check(cond, r, finding{rule: rule, text: message}))
	}
	if c.MinItems != nil && *c.MinItems > 0 {
		add(fmt.Sprintf("len(%s) < %d", r.expr, size(*c.MinItems)), "minItems", "must contain at least "+plural(*c.MinItems, "item"))
	}
	if c.MaxItems != nil {
		add(fmt.Sprintf("len(%s) > %d", r.expr, size(*c.MaxItems)), "maxItems", "must contain at most "+plural(*c.MaxItems, "item"))
	}
	if c.Unique && !left(c, "uniqueItems") {
		add("!"+g.format("Unique")+"("+r.expr+")", "uniqueItems", "must not contain an item twice")
	}
	i, e := at("i", r.depth), at("e", r.depth)
	item := valueRule{field: r.field, typ: r.typ.Elem, expr: e, path: joined(r.path, "[", "strconv.Itoa("+i+")", "]"), depth: r.depth + 1}
	head := "for " + i + ", " + e + " := range " + r.expr + " {"
	if r.typ.Elem.Kind == schema.MessageKind {
		item.expr, head = r.expr+"["+i+"]", "for "+i+" := range "+r.expr+" {"
	}
	inner, err := g.keywords(item)
	if err != nil || len(inner) == 0 {
		return lines, err
	}
	g.std("strconv", "Itoa")
	return append(lines, guarded(head, inner)...), nil
}

// sizeKeywords checks how many members an object has, count being the expression that says so.
func (g *file) sizeKeywords(r valueRule, c schema.Constraints, count string) []string {
	var lines []string
	add := func(cond, rule, message string) {
		lines = append(lines, g.check(cond, r, finding{rule: rule, text: message}))
	}
	if c.MinPairs != nil && *c.MinPairs > 0 {
		add(fmt.Sprintf("%s < %d", count, size(*c.MinPairs)), "minProperties", "must have at least "+plural(*c.MinPairs, "entry"))
	}
	if c.MaxPairs != nil {
		add(fmt.Sprintf("%s > %d", count, size(*c.MaxPairs)), "maxProperties", "must have at most "+plural(*c.MaxPairs, "entry"))
	}
	return lines
}

func (g *file) mapKeywords(r valueRule, c schema.Constraints) ([]string, error) {
	lines := g.sizeKeywords(r, c, "len("+r.expr+")")
	k, e := at("k", r.depth), at("e", r.depth)
	path := joined(r.path, "[", "strconv.Quote("+keyText(g, k, r.typ.Key)+")", "]")
	keys, err := g.keywords(valueRule{field: r.field, typ: r.typ.Key, expr: k, path: path, depth: r.depth + 1})
	if err != nil {
		return nil, err
	}
	values, err := g.keywords(valueRule{field: r.field, typ: r.typ.Elem, expr: e, path: path, depth: r.depth + 1})
	if err != nil || len(keys)+len(values) == 0 {
		return lines, err
	}
	g.std("strconv", "Quote")
	return append(lines, g.sortedLoop(k, e, r.expr, keys, values)...), nil
}
