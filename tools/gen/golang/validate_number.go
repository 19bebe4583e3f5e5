package golang

import (
	"fmt"
	"math"
	"strconv"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// number is a value of a numeric rule: its literal in Go and its text in a message.
type number struct{ literal, text string }

// bounds are a numeric type's rules, read by reflection: all twelve types spell them the same way.
type bounds struct {
	name   protoreflect.Name // "int64"
	goType string
	msg    protoreflect.Message
	float  bool
}

func (b bounds) get(rule protoreflect.Name) (number, protoreflect.Value, bool) {
	fd := b.msg.Descriptor().Fields().ByName(rule)
	if fd == nil || !b.msg.Has(fd) {
		return number{}, protoreflect.Value{}, false
	}
	value := b.msg.Get(fd)
	return b.number(value), value, true
}

func (b bounds) list(rule protoreflect.Name) []number {
	fd := b.msg.Descriptor().Fields().ByName(rule)
	values := b.msg.Get(fd).List()
	out := make([]number, values.Len())
	for i := range out {
		out[i] = b.number(values.Get(i))
	}
	return out
}

func (b bounds) number(v protoreflect.Value) number {
	switch n := v.Interface().(type) {
	case int32:
		return number{strconv.FormatInt(int64(n), 10), strconv.FormatInt(int64(n), 10)}
	case int64:
		return number{strconv.FormatInt(n, 10), strconv.FormatInt(n, 10)}
	case uint32:
		return number{strconv.FormatUint(uint64(n), 10), strconv.FormatUint(uint64(n), 10)}
	case uint64:
		return number{strconv.FormatUint(n, 10), strconv.FormatUint(n, 10)}
	case float32:
		return b.floatNumber(float64(n))
	default:
		return b.floatNumber(v.Float())
	}
}

func (b bounds) floatNumber(f float64) number {
	text := strconv.FormatFloat(f, 'f', -1, 64)
	switch {
	case math.IsInf(f, 1):
		return number{b.goType + "(math.Inf(1))", "Infinity"}
	case math.IsInf(f, -1):
		return number{b.goType + "(math.Inf(-1))", "-Infinity"}
	}
	return number{strconv.FormatFloat(f, 'g', -1, 64), text}
}

// numberRules are const, in, not_in, finite and the bounds, in protovalidate's order.
func (g *file) numberRules(r valueRule) ([]string, error) {
	if r.rules == nil {
		return nil, nil
	}
	msg := r.rules.ProtoReflect()
	typed := msg.WhichOneof(msg.Descriptor().Oneofs().ByName("type"))
	if typed == nil {
		return nil, nil
	}
	b := bounds{name: typed.Name(), msg: msg.Get(typed).Message(), goType: scalarTypes[r.typ.Kind]}
	b.float = b.name == "float" || b.name == "double"
	for _, rule := range []protoreflect.Name{"const", "lt", "lte", "gt", "gte"} {
		if _, value, ok := b.get(rule); ok && b.float {
			if math.IsNaN(value.Float()) {
				return nil, refuse(r.field.Pos, fieldName(r.field), "%s.%s is NaN, which no value can satisfy", b.name, rule)
			}
			g.std("math", "Inf") // for a bound that is infinite
		}
	}
	var lines []string
	add := func(cond, rule, text string) {
		id := string(b.name) + "." + rule
		lines = append(lines, g.check(cond, r, finding{id, id, text, g.shown(r)}))
	}
	if n, _, ok := b.get("const"); ok {
		add(r.expr+" != "+n.literal, "const", "must equal "+n.text)
	}
	literal := func(n number) string { return n.literal }
	text := func(n number) string { return n.text }
	if in := b.list("in"); len(in) > 0 {
		add(noneOf(r.expr, in, literal), "in", "must be in list "+list(in, text))
	}
	if notIn := b.list("not_in"); len(notIn) > 0 {
		add(oneOf(r.expr, notIn, literal), "not_in", "must not be in list "+list(notIn, text))
	}
	if fd := b.msg.Descriptor().Fields().ByName("finite"); fd != nil && b.msg.Get(fd).Bool() {
		wide := r.expr
		if b.name == "float" {
			wide = "float64(" + r.expr + ")"
		}
		add(fmt.Sprintf("%s(%s) || %s(%s, 0)", g.std("math", "IsNaN"), wide, g.std("math", "IsInf"), wide), "finite", "must be finite")
	}
	if line := g.rangeRule(b, r); line != "" {
		lines = append(lines, line)
	}
	return lines, nil
}

// rangeRule is the check of the bounds.
func (g *file) rangeRule(b bounds, r valueRule) string {
	limits := bounded{name: string(b.name), found: g.shown(r), float: b.float}
	limits.compare = func(op, literal string) string { return r.expr + " " + op + " " + literal }
	low, lowValue, hasLow := b.get("gt")
	if hasLow {
		limits.setLow("gt", low.literal, low.text)
	} else if low, lowValue, hasLow = b.get("gte"); hasLow {
		limits.setLow("gte", low.literal, low.text)
	}
	high, highValue, hasHigh := b.get("lt")
	if hasHigh {
		limits.setHigh("lt", high.literal, high.text)
	} else if high, highValue, hasHigh = b.get("lte"); hasHigh {
		limits.setHigh("lte", high.literal, high.text)
	}
	limits.crossed = hasLow && hasHigh && !atMost(lowValue, highValue)
	return limits.check(g, r)
}

// atMost says whether low <= high, for values of one numeric type.
func atMost(low, high protoreflect.Value) bool {
	switch low.Interface().(type) {
	case int32, int64:
		return low.Int() <= high.Int()
	case uint32, uint64:
		return low.Uint() <= high.Uint()
	default:
		return low.Float() <= high.Float()
	}
}
