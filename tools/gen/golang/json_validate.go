package golang

import (
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/omninode/trestle/tools/schema"
)

func uitoa(n uint64) string { return strconv.FormatUint(n, 10) }

// jsonValidate writes the Validate method of a JSON Schema object. Rule ids are the schema's keywords.
func (g *file) jsonValidate(m *schema.Message, goName string) error {
	var lines []string
	for _, f := range m.Fields {
		v := g.view(f)
		path := strconv.Quote(f.JSONName)
		field, err := g.keywords(valueRule{field: f, typ: v.Type, expr: v.value, path: path})
		if err != nil {
			return err
		}
		missing := ""
		if f.Required {
			switch v.Type.Kind {
			case schema.JSONObject, schema.JSONValue:
				missing = v.expr + ` == ""`
			case schema.Timestamp:
				missing = v.expr + ".IsZero()"
			}
		}
		if missing != "" {
			if f.Type.Constraints.Unmodelled != nil {
				field = guarded("if "+v.expr+` != "" {`, field)
			}
			r := valueRule{field: f, path: path}
			field = append([]string{g.check(missing, r, finding{rule: "required", text: "value is required"})}, field...)
		}
		if v.has != "" && len(field) > 0 && !emptyPasses(v.Type) {
			field = guarded("if "+v.has+" {", field)
		}
		lines = append(lines, g.unshown(f, path, field)...)
	}
	if m.Undeclared != nil {
		rest, err := g.restKeywords(m)
		if err != nil {
			return err
		}
		lines = append(lines, rest...)
	}
	present, rest := g.presenceKeywords(m)
	lines = append(lines, present...)
	if rest != nil {
		lines = append(lines, g.encodedAgainst(rest, goName, `""`, "x.AppendJSON(nil)", typeOf(m))...)
	}
	g.validateMethods(m, goName, lines)
	return nil
}

// emptyPasses says that an absent list or map passes all checks, so that they need not ask whether it is there.
func emptyPasses(t *schema.Type) bool {
	c := t.Constraints
	return (t.Kind == schema.List || t.Kind == schema.Map) && c.MinItems == nil && c.MinPairs == nil && c.Unmodelled == nil
}

// keywords are the checks of a value by JSON Schema's keywords: what code is generated for, then the rest.
func (g *file) keywords(r valueRule) ([]string, error) {
	lines, err := g.ownKeywords(r)
	if err != nil || r.typ.Constraints.Unmodelled == nil {
		return lines, err
	}
	rest, err := g.remainder(r)
	return append(lines, rest...), err
}

// ownKeywords are the checks that code is generated for.
func (g *file) ownKeywords(r valueRule) ([]string, error) {
	c := r.typ.Constraints
	switch r.typ.Kind {
	case schema.JSONObject:
		return g.sizeKeywords(r, c, r.expr+".Members()"), nil
	case schema.Int32, schema.Int64, schema.Uint32, schema.Uint64:
		return g.integerKeywords(r, c)
	case schema.Float, schema.Double:
		return g.numberKeywords(r, c)
	case schema.String:
		return g.stringKeywords(r, c)
	case schema.Bool:
		if c.Const != "" {
			return []string{g.check(r.expr+" != "+c.Const, r, finding{rule: "const", text: "must be " + c.Const, found: g.shown(r)})}, nil
		}
		if listed := slices.Compact(slices.Sorted(slices.Values(c.In))); len(listed) == 1 {
			return []string{g.check(r.expr+" != "+listed[0], r, finding{rule: "enum", text: "must be one of " + listed[0], found: g.shown(r)})}, nil
		}
	case schema.EnumKind:
		var names, quoted []string
		for _, v := range r.typ.Enum.Values {
			names = append(names, g.enumConst(r.typ.Enum, v))
			quoted = append(quoted, strconv.Quote(v.JSONName))
		}
		same := func(s string) string { return s }
		return []string{g.check(noneOf(r.expr, names, same), r, finding{rule: "enum", text: "must be one of " + strings.Join(quoted, ", "), found: g.format("String") + "(" + r.expr + ")"})}, nil
	case schema.MessageKind:
		return []string{g.nested(r)}, nil
	case schema.List:
		return g.arrayKeywords(r, c)
	case schema.Map:
		return g.mapKeywords(r, c)
	}
	return nil, nil
}

// integerKeywords checks integers. A bound that is no integer is drawn to the nearest one inside it.
func (g *file) integerKeywords(r valueRule, c schema.Constraints) ([]string, error) {
	if r.typ.Kind == schema.Int32 && beyond(c, math.MaxInt32-1) {
		r.expr = "int64(" + r.expr + ")" // to compare with what no int32 is
	}
	var lines []string
	add := func(cond, rule, message string) {
		lines = append(lines, g.check(cond, r, finding{rule: rule, text: message, found: g.shown(r)}))
	}
	for _, side := range []struct {
		bound                      *schema.Bound
		rule, exclusiveRule, words string
		lower                      bool
	}{
		{c.Min, "minimum", "exclusiveMinimum", "greater than", true},
		{c.Max, "maximum", "exclusiveMaximum", "less than", false},
	} {
		if side.bound == nil {
			continue
		}
		limit, ok := new(big.Rat).SetString(side.bound.Value)
		if !ok {
			return nil, refuse(c.Pos, fieldName(r.field), "%s %q is no number", side.rule, side.bound.Value)
		}
		cond, holds := integerBound(r.expr, limit, side.lower, side.bound.Exclusive)
		if holds {
			continue
		}
		if cond == "" {
			return nil, refuse(c.Pos, fieldName(r.field), "%s %s leaves no 64-bit integer", side.rule, side.bound.Value)
		}
		rule, words := side.rule, side.words+" or equal to "
		if side.bound.Exclusive {
			rule, words = side.exclusiveRule, side.words+" "
		}
		add(cond, rule, "must be "+words+side.bound.Value)
	}
	if c.MultipleOf != "" && !left(c, "multipleOf") {
		n, ok := new(big.Int).SetString(c.MultipleOf, 10)
		if !ok || n.Sign() <= 0 {
			return nil, refuse(c.Pos, fieldName(r.field), "multipleOf %s of an integer has no static validator: use a positive integer", c.MultipleOf)
		}
		cond := fmt.Sprintf("%s%%%s != 0", r.expr, n)
		if !n.IsInt64() {
			cond = r.expr + " != 0" // no other integer of 64 bits is one
		}
		add(cond, "multipleOf", "must be a multiple of "+c.MultipleOf)
	}
	list, err := g.listKeywords(r, c, func(text string) (string, error) {
		n, ok := new(big.Rat).SetString(text)
		if !ok || !n.IsInt() || !n.Num().IsInt64() {
			return "", refuse(c.Pos, fieldName(r.field), "%s is no 64-bit integer", text)
		}
		return n.Num().String(), nil
	})
	return append(lines, list...), err
}

// beyond says whether constraints name a number of a greater size than limit.
func beyond(c schema.Constraints, limit float64) bool {
	texts := slices.Concat([]string{c.MultipleOf, c.Const}, c.In, c.NotIn)
	for _, b := range []*schema.Bound{c.Min, c.Max} {
		if b != nil {
			texts = append(texts, b.Value)
		}
	}
	return slices.ContainsFunc(texts, func(text string) bool {
		n, err := strconv.ParseFloat(text, 64)
		return text != "" && (err != nil || math.Abs(n) > limit)
	})
}

// integerBound is the condition that an integer is past the limit; holds says that none can be.
func integerBound(expr string, limit *big.Rat, lower, exclusive bool) (cond string, holds bool) {
	whole := new(big.Int).Div(limit.Num(), limit.Denom()) // floor
	if lower && !limit.IsInt() {
		whole.Add(whole, big.NewInt(1))
	}
	if exclusive && limit.IsInt() {
		if lower {
			whole.Add(whole, big.NewInt(1))
		} else {
			whole.Sub(whole, big.NewInt(1))
		}
	}
	if !whole.IsInt64() {
		return "", lower == (whole.Sign() < 0)
	}
	if lower {
		return expr + " < " + whole.String(), false
	}
	return expr + " > " + whole.String(), false
}

// numberKeywords checks numbers; NaN, which has no JSON form, passes no bound.
func (g *file) numberKeywords(r valueRule, c schema.Constraints) ([]string, error) {
	var lines []string
	add := func(cond, rule, message string) {
		lines = append(lines, g.check(cond, r, finding{rule: rule, text: message, found: g.shown(r)}))
	}
	if r.typ.Kind == schema.Float && beyond(c, math.MaxFloat32) {
		r.expr = "float64(" + r.expr + ")"
	}
	for _, side := range []struct {
		bound **schema.Bound
		sign  float64
	}{{&c.Min, -1}, {&c.Max, 1}} {
		if *side.bound == nil {
			continue
		}
		n, err := strconv.ParseFloat((*side.bound).Value, 64)
		switch {
		case err == nil:
		case n*side.sign > 0:
			*side.bound = nil // no float64 is past it
		default:
			return nil, refuse(c.Pos, fieldName(r.field), "bound %s leaves no number of 64 bits", (*side.bound).Value)
		}
	}
	compared := func(b *schema.Bound, sign int, operator string) string {
		value, exclusive := shortNumber(b.Value), b.Exclusive
		if r.typ.Kind == schema.Float && !beyond(c, math.MaxFloat32) {
			value, exclusive = singleBound(b, sign)
		}
		if !exclusive {
			operator += "="
		}
		return "!(" + r.expr + " " + operator + " " + value + ")"
	}
	if b := c.Min; b != nil && b.Exclusive {
		add(compared(b, -1, ">"), "exclusiveMinimum", "must be greater than "+b.Value)
	} else if b != nil {
		add(compared(b, -1, ">"), "minimum", "must be greater than or equal to "+b.Value)
	}
	if b := c.Max; b != nil && b.Exclusive {
		add(compared(b, 1, "<"), "exclusiveMaximum", "must be less than "+b.Value)
	} else if b != nil {
		add(compared(b, 1, "<"), "maximum", "must be less than or equal to "+b.Value)
	}
	if c.MultipleOf != "" && !left(c, "multipleOf") {
		value := r.expr
		if r.typ.Kind == schema.Float {
			value = "float64(" + value + ")"
		}
		add(g.std("math", "Mod")+"("+value+", "+shortNumber(c.MultipleOf)+") != 0", "multipleOf", "must be a multiple of "+c.MultipleOf)
	}
	list, err := g.listKeywords(r, c, func(text string) (string, error) {
		if _, err := strconv.ParseFloat(text, 64); err != nil {
			return "", refuse(c.Pos, fieldName(r.field), "%s is no number", text)
		}
		return shortNumber(text), nil
	})
	return append(lines, list...), err
}

// singleBound is a bound that a float is compared with, and whether that is on the other side of it: the float nearest to
// it, which may itself be within. A float is the number that is written of it. sign is 1 for an upper bound.
func singleBound(b *schema.Bound, sign int) (value string, exclusive bool) {
	n, err := strconv.ParseFloat(b.Value, 64)
	if err != nil {
		return shortNumber(b.Value), b.Exclusive
	}
	value = strconv.FormatFloat(float64(float32(n)), 'g', -1, 32)
	nearest, ok := new(big.Rat).SetString(value)
	exact, known := new(big.Rat).SetString(b.Value)
	if !ok || !known || nearest.Cmp(exact) == 0 {
		return shortNumber(b.Value), b.Exclusive
	}
	return value, nearest.Cmp(exact) == sign
}

// shortNumber is a number as Go: one of hundreds of digits is more than a constant may have.
func shortNumber(text string) string {
	if n, err := strconv.ParseFloat(text, 64); err == nil && len(text) > 40 {
		return strconv.FormatFloat(n, 'g', -1, 64)
	}
	return text
}

// listKeywords checks const, enum and its complement; literal turns a JSON text into Go.
func (g *file) listKeywords(r valueRule, c schema.Constraints, literal func(string) (string, error)) ([]string, error) {
	var lines []string
	literals := func(texts []string) ([]string, error) {
		out := make([]string, len(texts))
		for i, text := range texts {
			value, err := literal(text)
			if err != nil {
				return nil, err
			}
			out[i] = value
		}
		return out, nil
	}
	same := func(s string) string { return s }
	if c.Const != "" {
		value, err := literal(c.Const)
		if err != nil {
			return nil, err
		}
		lines = append(lines, g.check(r.expr+" != "+value, r, finding{rule: "const", text: "must be " + c.Const, found: g.shown(r)}))
	}
	if len(c.In) > 0 {
		values, err := literals(c.In)
		if err != nil {
			return nil, err
		}
		lines = append(lines, g.check(noneOf(r.expr, values, same), r, finding{rule: "enum", text: "must be one of " + strings.Join(c.In, ", "), found: g.shown(r)}))
	}
	if len(c.NotIn) > 0 {
		values, err := literals(c.NotIn)
		if err != nil {
			return nil, err
		}
		lines = append(lines, g.check(oneOf(r.expr, values, same), r, finding{rule: "not", text: "must not be one of " + strings.Join(c.NotIn, ", "), found: g.shown(r)}))
	}
	return lines, nil
}
