package golang

import (
	"fmt"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"

	"github.com/omninode/trestle/tools/schema"
)

// listRules are the rules of a list, then those of its items.
func (g *file) listRules(r valueRule) ([]string, error) {
	rules := r.rules.GetRepeated()
	var lines []string
	add := func(cond, rule, message string) {
		lines = append(lines, check(cond, r.path, "repeated."+rule, message, "nil"))
	}
	if n := rules.GetMinItems(); n > 0 {
		add(fmt.Sprintf("len(%s) < %d", r.expr, n), "min_items", fmt.Sprintf("must contain at least %d item(s)", n))
	}
	if rules.HasMaxItems() {
		add(fmt.Sprintf("len(%s) > %d", r.expr, rules.GetMaxItems()), "max_items", fmt.Sprintf("must contain no more than %d item(s)", rules.GetMaxItems()))
	}
	if rules.GetUnique() {
		switch r.typ.Elem.Kind {
		case schema.Record, schema.Timestamp, schema.JSONObject, schema.JSONValue:
			return nil, refuse(r.field.Pos, fieldName(r.field), "repeated.unique has no static validator for messages: use it for scalars")
		case schema.Bytes:
			add("!"+g.format("UniqueBytes")+"("+r.expr+")", "unique", "repeated value must contain unique items")
		default:
			add("!"+g.format("Unique")+"("+r.expr+")", "unique", "repeated value must contain unique items")
		}
	}
	path := joined(r.path, "[", "strconv.Itoa(i)", "]")
	item := valueRule{field: r.field, typ: r.typ.Elem, rules: rules.GetItems(), expr: "e", path: path}
	inner, err := g.itemRules(item)
	if err != nil || len(inner) == 0 {
		return lines, err
	}
	g.std("strconv", "Itoa")
	return append(lines, guarded("for i, e := range "+r.expr+" {", inner)...), nil
}

// joined concatenates a path expression that ends in a string literal with a bracketed index.
func joined(path, open, index, closing string) string {
	if strings.HasSuffix(path, `"`) {
		return path[:len(path)-1] + open + `"+` + index + `+"` + closing + `"`
	}
	return path + `+"` + open + `"+` + index + `+"` + closing + `"`
}

// itemRules are the checks of an item, a key or a map's value. A message costs nothing until it is invalid: its path is
// made only then.
func (g *file) itemRules(r valueRule) ([]string, error) {
	if r.rules.GetIgnore() == validate.Ignore_IGNORE_ALWAYS {
		return nil, nil
	}
	if r.rules.GetRequired() {
		return nil, refuse(r.field.Pos, fieldName(r.field), "rule required has no meaning for items: an item is always there")
	}
	lines, err := g.valueRules(r)
	if err != nil || len(lines) == 0 {
		return nil, err
	}
	if r.typ.Kind == schema.Record {
		lines = []string{"if err := " + r.expr + ".Validate(); err != nil {\nv.Nested(" + r.path + ", err)\n}"}
	}
	if r.rules.GetIgnore() == validate.Ignore_IGNORE_IF_ZERO_VALUE {
		if r.typ.Kind == schema.Record {
			return nil, refuse(r.field.Pos, fieldName(r.field), "ignore of zero messages has no static validator")
		}
		has := r.expr + " != 0" // of items, negative zero is zero too
		if r.typ.Kind != schema.Float && r.typ.Kind != schema.Double {
			has, _ = zeroConditions(g, r.typ.Kind, r.expr)
		}
		lines = guarded("if "+has+" {", lines)
	}
	return lines, nil
}

// mapRules are the rules of a map, then those of its keys and values, reported in the order of the keys.
func (g *file) mapRules(r valueRule) ([]string, error) {
	rules := r.rules.GetMap()
	var lines []string
	if n := rules.GetMinPairs(); n > 0 {
		lines = append(lines, check(fmt.Sprintf("len(%s) < %d", r.expr, n), r.path, "map.min_pairs", fmt.Sprintf("map must be at least %d entries", n), "nil"))
	}
	if rules.HasMaxPairs() {
		lines = append(lines, check(fmt.Sprintf("len(%s) > %d", r.expr, rules.GetMaxPairs()), r.path, "map.max_pairs", fmt.Sprintf("map must be at most %d entries", rules.GetMaxPairs()), "nil"))
	}
	index := keyIndex(r.typ.Key.Kind)
	path := joined(r.path, "[", index, "]")
	keys, err := g.itemRules(valueRule{field: r.field, typ: r.typ.Key, rules: rules.GetKeys(), expr: "k", path: path})
	if err != nil {
		return nil, err
	}
	values, err := g.itemRules(valueRule{field: r.field, typ: r.typ.Elem, rules: rules.GetValues(), expr: "e", path: path})
	if err != nil || len(keys)+len(values) == 0 {
		return lines, err
	}
	g.std("strconv", "Quote")
	return append(lines, g.sortedLoop(r.expr, keys, values)...), nil
}

// sortedLoop checks a map's entries as they come, and sorts what it found by path.
func (g *file) sortedLoop(expr string, keys, values []string) []string {
	head := "for k := range " + expr + " {"
	if len(values) > 0 {
		head = "for k, e := range " + expr + " {"
	}
	lines := append([]string{"{", "first := len(v.List())"}, guarded(head, append(keys, values...))...)
	return append(lines,
		g.std("slices", "SortStableFunc")+"(v.List()[first:], func(a, b "+g.trestle("Violation")+") int {",
		"return "+g.std("strings", "Compare")+"(a.Path, b.Path)",
		"})", "}")
}

// keyIndex is the expression of a key in a path.
func keyIndex(kind schema.Kind) string {
	switch kind {
	case schema.String:
		return "strconv.Quote(k)"
	case schema.Bool:
		return "strconv.FormatBool(k)"
	case schema.Uint32, schema.Uint64:
		return "strconv.FormatUint(uint64(k), 10)"
	default:
		return "strconv.FormatInt(int64(k), 10)"
	}
}
