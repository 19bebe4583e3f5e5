package golang

import "math"

// size is a length that an int holds on every machine: no text or list is longer than that.
func size(n uint64) uint64 { return min(n, math.MaxInt32) }

// limit is one bound of a range: its rule, what must hold, and its value in Go and in a message.
type limit struct{ rule, op, literal, words string }

// bounded is a range with one bound or two. Two make one rule: `int64.gte_lte`, and `…_exclusive` where the upper is
// below the lower and the values between are excluded.
type bounded struct {
	name      string // of the type's rules
	low, high *limit
	crossed   bool
	// compare is the expression that compares the value with a literal.
	compare func(op, literal string) string
	// float says that there is a value that compares with none, which is in no range.
	float bool
	found string
}

func (b *bounded) setLow(rule, literal, text string) {
	b.low = &limit{rule, ">", literal, "greater than " + text}
	if rule == "gte" {
		b.low = &limit{rule, ">=", literal, "greater than or equal to " + text}
	}
}

func (b *bounded) setHigh(rule, literal, text string) {
	b.high = &limit{rule, "<", literal, "less than " + text}
	if rule == "lte" {
		b.high = &limit{rule, "<=", literal, "less than or equal to " + text}
	}
}

// check reports a value outside; empty without bounds.
func (b bounded) check(g *file, r valueRule) string {
	report := func(cond, at, rule, text string) string {
		return g.check(cond, r, finding{b.name + "." + rule, b.name + "." + at, "must be " + text, b.found})
	}
	switch {
	case b.low != nil && b.high != nil && !b.crossed:
		return report(b.outside("&&", "||"), b.low.rule, b.low.rule+"_"+b.high.rule, b.low.words+" and "+b.high.words)
	case b.low != nil && b.high != nil:
		return report(b.outside("||", "&&"), b.low.rule, b.low.rule+"_"+b.high.rule+"_exclusive", b.low.words+" or "+b.high.words)
	case b.low != nil:
		return report(b.fails(b.low), b.low.rule, b.low.rule, b.low.words)
	case b.high != nil:
		return report(b.fails(b.high), b.high.rule, b.high.rule, b.high.words)
	}
	return ""
}

// opposites of comparison operators, for types whose values all compare.
var opposites = map[string]string{">": "<=", ">=": "<", "<": ">=", "<=": ">"}

// fails is the condition that a bound does not hold. For floats it is written as a negation, which NaN meets.
func (b bounded) fails(l *limit) string {
	if b.float {
		return "!(" + b.compare(l.op, l.literal) + ")"
	}
	return b.compare(opposites[l.op], l.literal)
}

// outside is the condition that the bounds, joined by an operator, do not hold.
func (b bounded) outside(joined, opposite string) string {
	if b.float {
		return "!(" + b.compare(b.low.op, b.low.literal) + " " + joined + " " + b.compare(b.high.op, b.high.literal) + ")"
	}
	return b.fails(b.low) + " " + opposite + " " + b.fails(b.high)
}
