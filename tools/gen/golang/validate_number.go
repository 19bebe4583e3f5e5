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
	id := func(rule string) string { return string(b.name) + "." + rule }
	var lines []string
	if n, _, ok := b.get("const"); ok {
		lines = append(lines, check(r.expr+" != "+n.literal, r.path, id("const"), "must equal "+n.text, r.found(r.expr)))
	}
	literal := func(n number) string { return n.literal }
	text := func(n number) string { return n.text }
	if in := b.list("in"); len(in) > 0 {
		lines = append(lines, check(noneOf(r.expr, in, literal), r.path, id("in"), "must be in list "+list(in, text), r.found(r.expr)))
	}
	if notIn := b.list("not_in"); len(notIn) > 0 {
		lines = append(lines, check(oneOf(r.expr, notIn, literal), r.path, id("not_in"), "must not be in list "+list(notIn, text), r.found(r.expr)))
	}
	if fd := b.msg.Descriptor().Fields().ByName("finite"); fd != nil && b.msg.Get(fd).Bool() {
		wide := r.expr
		if b.name == "float" {
			wide = "float64(" + r.expr + ")"
		}
		cond := fmt.Sprintf("%s(%s) || %s(%s, 0)", g.std("math", "IsNaN"), wide, g.std("math", "IsInf"), wide)
		lines = append(lines, check(cond, r.path, id("finite"), "must be finite", r.found(r.expr)))
	}
	if line := rangeRule(b, r, id); line != "" {
		lines = append(lines, line)
	}
	return lines, nil
}

// rangeRule is the check of the bounds. Two bounds make one rule: `int64.gte_lte`, and `…_exclusive` where the upper
// one is below the lower and the values between are excluded. NaN is in no range.
func rangeRule(b bounds, r valueRule, id func(string) string) string {
	lowRule, lowOp, lowWords := "gt", ">", "greater than "
	low, lowValue, hasLow := b.get("gt")
	if !hasLow {
		if low, lowValue, hasLow = b.get("gte"); hasLow {
			lowRule, lowOp, lowWords = "gte", ">=", "greater than or equal to "
		}
	}
	highRule, highOp, highWords := "lt", "<", "less than "
	high, highValue, hasHigh := b.get("lt")
	if !hasHigh {
		if high, highValue, hasHigh = b.get("lte"); hasHigh {
			highRule, highOp, highWords = "lte", "<=", "less than or equal to "
		}
	}
	above := r.expr + " " + lowOp + " " + low.literal
	below := r.expr + " " + highOp + " " + high.literal
	report := func(cond, rule, message string) string {
		return check(cond, r.path, id(rule), "must be "+message, r.found(r.expr))
	}
	switch {
	case hasLow && hasHigh && atMost(lowValue, highValue):
		return report(negated(b, above, below, "&&"), lowRule+"_"+highRule, lowWords+low.text+" and "+highWords+high.text)
	case hasLow && hasHigh:
		return report(negated(b, above, below, "||"), lowRule+"_"+highRule+"_exclusive", lowWords+low.text+" or "+highWords+high.text)
	case hasLow:
		return report(negated(b, above, "", ""), lowRule, lowWords+low.text)
	case hasHigh:
		return report(negated(b, below, "", ""), highRule, highWords+high.text)
	}
	return ""
}

// opposites of comparison operators, for types without NaN.
var opposites = map[string]string{">": "<=", ">=": "<", "<": ">=", "<=": ">"}

// negated is the condition that the comparisons do not hold. For floats it is written as a negation, which NaN meets.
func negated(b bounds, first, second, joined string) string {
	if b.float {
		if second == "" {
			return "!(" + first + ")"
		}
		return "!(" + first + " " + joined + " " + second + ")"
	}
	if second == "" {
		return opposite(first)
	}
	if joined == "&&" {
		return opposite(first) + " || " + opposite(second)
	}
	return opposite(first) + " && " + opposite(second)
}

func opposite(comparison string) string {
	var expr, op, value string
	fmt.Sscan(comparison, &expr, &op, &value)
	return expr + " " + opposites[op] + " " + value
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
