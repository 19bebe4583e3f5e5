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
		lines = append(lines, g.check(cond, r, finding{rule: "repeated." + rule, at: "repeated." + rule, text: message}))
	}
	if n := rules.GetMinItems(); n > 0 {
		add(fmt.Sprintf("len(%s) < %d", r.expr, size(n)), "min_items", fmt.Sprintf("must contain at least %d item(s)", n))
	}
	if rules.HasMaxItems() {
		add(fmt.Sprintf("len(%s) > %d", r.expr, size(rules.GetMaxItems())), "max_items", fmt.Sprintf("must contain no more than %d item(s)", rules.GetMaxItems()))
	}
	if rules.GetUnique() {
		function := "Unique"
		if r.typ.Elem.Kind == schema.Bytes {
			function = "UniqueBytes"
		}
		add("!"+g.format(function)+"("+r.expr+")", "unique", "repeated value must contain unique items")
	}
	path := joined(r.path, "[", "strconv.Itoa(i)", "]")
	item := valueRule{field: r.field, typ: r.typ.Elem, rules: rules.GetItems(), expr: "e", path: path, at: "repeated.items."}
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
	lines, err := g.valueRules(r)
	if err != nil || len(lines) == 0 {
		return nil, err
	}
	if r.rules.GetIgnore() == validate.Ignore_IGNORE_IF_ZERO_VALUE {
		lines = guarded("if "+g.notZero(r)+" {", lines)
	}
	return lines, nil
}

// notZero is the condition that an item is not what an absent one would be.
func (g *file) notZero(r valueRule) string {
	switch r.typ.Kind {
	case schema.Float, schema.Double:
		return r.expr + " != 0" // of items, negative zero is zero too
	case schema.EnumKind:
		return fmt.Sprintf("%s != %d", r.expr, r.typ.Enum.Values[0].Number)
	case schema.MessageKind, schema.Timestamp, schema.JSONObject, schema.JSONValue:
		return g.pkg("google.golang.org/protobuf/proto", "proto") + ".Size(" + r.expr + ") > 0"
	}
	has, _ := zeroConditions(g, r.typ.Kind, r.expr)
	return has
}

// mapRules are the rules of a map, then those of its keys and values, reported in the order of the keys.
func (g *file) mapRules(r valueRule) ([]string, error) {
	rules := r.rules.GetMap()
	var lines []string
	add := func(cond, rule, message string) {
		lines = append(lines, g.check(cond, r, finding{rule: rule, at: rule, text: message}))
	}
	if n := rules.GetMinPairs(); n > 0 {
		add(fmt.Sprintf("len(%s) < %d", r.expr, size(n)), "map.min_pairs", fmt.Sprintf("map must be at least %d entries", n))
	}
	if rules.HasMaxPairs() {
		add(fmt.Sprintf("len(%s) > %d", r.expr, size(rules.GetMaxPairs())), "map.max_pairs", fmt.Sprintf("map must be at most %d entries", rules.GetMaxPairs()))
	}
	index := keyIndex(r.typ.Key.Kind)
	path := joined(r.path, "[", index, "]")
	keys, err := g.itemRules(valueRule{field: r.field, typ: r.typ.Key, rules: rules.GetKeys(), expr: "k", path: path, at: "map.keys.", forKey: true})
	if err != nil {
		return nil, err
	}
	values, err := g.itemRules(valueRule{field: r.field, typ: r.typ.Elem, rules: rules.GetValues(), expr: "e", path: path, at: "map.values."})
	if err != nil || len(keys)+len(values) == 0 {
		return lines, err
	}
	g.std("strconv", "Quote")
	return append(lines, g.sortedLoop("k", "e", r.expr, keys, values)...), nil
}

// sortedLoop checks a map's entries as they come, and sorts what it found by path.
func (g *file) sortedLoop(k, e, expr string, keys, values []string) []string {
	head := "for " + k + " := range " + expr + " {"
	if len(values) > 0 {
		head = "for " + k + ", " + e + " := range " + expr + " {"
	}
	lines := append([]string{"{", "first := v.Len()"}, guarded(head, append(keys, values...))...)
	return append(lines, "if v.Sort(first) {", "return", "}", "}")
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
