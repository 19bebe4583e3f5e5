package values

import (
	"encoding/base64"
	"math/big"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"github.com/omninode/trestle/tools/cel"
	"github.com/omninode/trestle/tools/schema"
)

// celRule is a rule that is an expression in CEL: what rules of protovalidate could say as well is the same shape as theirs,
// anything else is run where values can be given to it, and the same as what is written alike.
func (s *Space) celRule(t *schema.Type, expr string, binary bool) *Shape {
	c, err := cel.Read(expr)
	if err != nil {
		return s.Opaque(AnyKind, "expression "+expr, nil)
	}
	return celSubject{s, t, binary, "this"}.condition(c)
}

// celSubject is what an expression is about: a value of a type, in one of its forms, and what it is called there.
type celSubject struct {
	*Space
	t      *schema.Type
	binary bool
	name   string
}

func (s celSubject) condition(c *cel.Condition) *Shape {
	var parts []*Shape
	for _, p := range c.Parts {
		parts = append(parts, s.condition(p))
	}
	switch c.Op {
	case cel.All:
		return s.And(parts...)
	case cel.Any:
		return s.Or(parts...)
	}
	switch a := s.test(c.Expr); {
	case a == nil:
		return s.celTest(c)
	case c.Negated:
		return s.Not(a)
	default:
		return a
	}
}

// test is where an expression is true, nil for one that is not recognised; of all other values it is false.
func (s celSubject) test(e ast.Expr) *Shape {
	if s.is(e) && s.t.Kind == schema.Bool {
		return s.Value(s.inForm(true))
	}
	if e.Kind() != ast.CallKind {
		return nil
	}
	c := e.AsCall()
	if c.IsMemberFunction() {
		return s.member(c)
	}
	args := c.Args()
	if len(args) != 2 {
		return nil
	}
	if c.FunctionName() == operators.In && args[1].Kind() == ast.ListKind {
		return s.among(args[0], args[1].AsList().Elements())
	}
	if a := s.comparison(c.FunctionName(), args[0], args[1]); a != nil {
		return a
	}
	return s.comparison(reversed[c.FunctionName()], args[1], args[0])
}

// reversed are comparisons by which their sides have changed places.
var reversed = map[string]string{
	operators.Less: operators.Greater, operators.Greater: operators.Less, operators.Equals: operators.Equals,
	operators.LessEquals: operators.GreaterEquals, operators.GreaterEquals: operators.LessEquals,
}

func (s celSubject) is(e ast.Expr) bool { return cel.Form(e) == s.name }

// size says whether an expression is the size of the value.
func (s celSubject) size(e ast.Expr) bool {
	if e.Kind() != ast.CallKind || e.AsCall().FunctionName() != "size" {
		return false
	}
	c := e.AsCall()
	return c.IsMemberFunction() && len(c.Args()) == 0 && s.is(c.Target()) || !c.IsMemberFunction() && len(c.Args()) == 1 && s.is(c.Args()[0])
}

// comparison holds the value, or its size, against a literal.
func (s celSubject) comparison(op string, left, right ast.Expr) *Shape {
	if right.Kind() != ast.LiteralKind {
		return nil
	}
	number, isNumber := celNumber(right)
	switch {
	case s.size(left) && isNumber:
		return s.sized(op, number)
	case isNumber && number.Sign() == 0 && op == operators.Equals && IsInteger(s.t.Kind):
		if of := s.divisor(left); of != nil {
			texts := s.Opaque(String, "texts of multiples of "+of.RatString(), func(v any) bool {
				n, ok := numberInText(v)
				return ok && Divides(n, of)
			})
			return s.And(s.MultipleOf(of), texts)
		}
	}
	switch {
	case !s.is(left):
		return nil
	case isNumber && IsNumber(s.t.Kind):
		return s.within(compared(op, number))
	case isNumber && s.t.Kind == schema.EnumKind:
		return s.numbered(compared(op, number))
	case op == operators.Equals:
		return s.equal(right)
	}
	return nil
}

// divisor is the literal by which the value is divided where an expression is what remains; nil for another.
func (s celSubject) divisor(e ast.Expr) *big.Rat {
	if e.Kind() != ast.CallKind || e.AsCall().FunctionName() != operators.Modulo {
		return nil
	}
	args := e.AsCall().Args()
	if !s.is(args[0]) || args[1].Kind() != ast.LiteralKind {
		return nil
	}
	if n, ok := celNumber(args[1]); ok && n.Sign() > 0 {
		return n
	}
	return nil
}

// compared is the interval of the numbers that a comparison with another is true of; ok is false for no comparison.
func compared(op string, n *big.Rat) (i Interval, ok bool) {
	switch op {
	case operators.Equals:
		i = Interval{Low: n, High: n}
	case operators.Less, operators.LessEquals:
		i = Interval{High: n, OpenHigh: op == operators.Less}
	case operators.Greater, operators.GreaterEquals:
		i = Interval{Low: n, OpenLow: op == operators.Greater}
	default:
		return i, false
	}
	return i, true
}

// within limits a number to an interval, also one that messages which wrap it, or the binary form, have as a text.
func (s celSubject) within(i Interval, ok bool) *Shape {
	switch {
	case !ok:
		return nil
	case IsFloat(s.t.Kind):
		var names []string
		for name, p := range namedFloats {
			if p.infinite > 0 && i.High == nil || p.infinite < 0 && i.Low == nil {
				names = append(names, name)
			}
		}
		return s.And(s.InRange(i), s.Strings(names...))
	case s.t.Kind == schema.EnumKind:
		return s.InRange(i)
	}
	return s.And(s.InRange(i), s.textOfInteger(i))
}

// numbered is an enum's values whose numbers are in an interval.
func (s celSubject) numbered(i Interval, ok bool) *Shape {
	if !ok || s.binary {
		return s.within(i, ok)
	}
	var names []string
	for _, v := range s.t.Enum.Values {
		if v.JSONName != "" && i.Contains(big.NewRat(int64(v.Number), 1)) {
			names = append(names, v.JSONName)
		}
	}
	return s.Strings(names...)
}

// sized limits the size of the value: of a string in characters.
func (s celSubject) sized(op string, n *big.Rat) *Shape {
	i, ok := compared(op, n)
	if !ok {
		return nil
	}
	if i = i.Intersect(Interval{Low: new(big.Rat)}).closed(); i.empty() {
		return s.Never()
	}
	low, high := sizeOfRat(i.Low), -1
	if i.High != nil {
		high = sizeOfRat(i.High)
	}
	switch s.t.Kind {
	case schema.String:
		return s.Length(String, low, high)
	case schema.List:
		return s.Length(Array, low, high)
	case schema.Map:
		return s.Length(Object, low, high)
	case schema.Bytes:
		least, most := uint64(low), uint64(max(high, 0))
		if high < 0 {
			return s.bytesCounted(s.binary, &least, nil)
		}
		return s.bytesCounted(s.binary, &least, &most)
	}
	return nil
}

func sizeOfRat(n *big.Rat) int {
	if !n.Num().IsInt64() {
		return counted(1 << 62)
	}
	return counted(uint64(n.Num().Int64()))
}

// equal is the value of a literal, nil where it is none of the type.
func (s celSubject) equal(e ast.Expr) *Shape {
	switch x := e.AsLiteral().(type) {
	case types.String:
		if s.t.Kind == schema.String {
			return s.Strings(string(x))
		}
	case types.Bool:
		if s.t.Kind == schema.Bool {
			return s.Value(s.inForm(bool(x)))
		}
	case types.Bytes:
		if s.t.Kind == schema.Bytes {
			return s.Value(s.inForm(base64.StdEncoding.EncodeToString(x)))
		}
	}
	return nil
}

func (s celSubject) inForm(v any) any { return form{Space: s.Space, binary: s.binary}.inForm(s.t, v) }

// among is the value being one of a list of literals.
func (s celSubject) among(e ast.Expr, list []ast.Expr) *Shape {
	var either []*Shape
	for _, item := range list {
		a := s.comparison(operators.Equals, e, item)
		if a == nil {
			return nil
		}
		either = append(either, a)
	}
	return s.Or(either...)
}

// member is a function of the value that is true, nil for one that is not recognised.
func (s celSubject) member(c ast.CallExpr) *Shape {
	if !s.is(c.Target()) {
		return nil
	}
	name, args := c.FunctionName(), c.Args()
	switch s.t.Kind {
	case schema.String:
		return s.textFunction(name, args)
	case schema.List:
		if name == "unique" && len(args) == 0 {
			return s.Unique()
		}
		if name == "all" && len(args) == 2 && args[0].Kind() == ast.IdentKind {
			each := celSubject{s.Space, s.t.Elem, s.binary, args[0].AsIdent()}
			if a := each.every(args[1]); a != nil {
				return s.Items(0, a)
			}
		}
	}
	return nil
}

// every is an expression about each item, nil where not all of it is recognised.
func (s celSubject) every(e ast.Expr) *Shape {
	c := cel.ConditionOf(e)
	if !s.recognised(c) {
		return nil
	}
	return s.condition(c)
}

func (s celSubject) recognised(c *cel.Condition) bool {
	for _, p := range c.Parts {
		if !s.recognised(p) {
			return false
		}
	}
	return c.Op != cel.Test || s.test(c.Expr) != nil
}

// textFunction is a function of a string.
func (s celSubject) textFunction(name string, args []ast.Expr) *Shape {
	var key strings.Builder
	key.WriteString(name)
	for _, a := range args {
		if a.Kind() != ast.LiteralKind {
			return nil
		}
		if text, ok := a.AsLiteral().(types.String); ok && len(args) == 1 {
			if name == "matches" {
				return s.PatternRE2(string(text))
			}
			return s.textPart(partFunctions[name], string(text))
		}
		key.WriteString(" " + cel.Form(a))
	}
	if form := formFunctions[key.String()]; form != "" {
		return s.textForm(form)
	}
	return nil
}

// partFunctions are the rules that functions with a string stand for, and formFunctions the forms of those without one.
var (
	partFunctions = map[string]string{"startsWith": "prefix", "endsWith": "suffix", "contains": "contains"}
	formFunctions = map[string]string{
		"isEmail": "email", "isHostname": "hostname", "isUri": "uri", "isUriRef": "uri_ref", "isIp": "ip", "isIp 0": "ip", "isIp 4": "ipv4",
		"isIp 6": "ipv6", "isIpPrefix": "ip_with_prefixlen", "isIpPrefix false": "ip_with_prefixlen", "isIpPrefix 4": "ipv4_with_prefixlen",
		"isIpPrefix 6": "ipv6_with_prefixlen", "isIpPrefix 4 false": "ipv4_with_prefixlen", "isIpPrefix 6 false": "ipv6_with_prefixlen",
		"isIpPrefix true": "ip_prefix", "isIpPrefix 4 true": "ipv4_prefix", "isIpPrefix 6 true": "ipv6_prefix",
		"isHostAndPort true": "host_and_port",
	}
)

// celNumber is the number that a literal is.
func celNumber(e ast.Expr) (*big.Rat, bool) {
	switch x := e.AsLiteral().(type) {
	case types.Int:
		return new(big.Rat).SetInt64(int64(x)), true
	case types.Uint:
		return new(big.Rat).SetUint64(uint64(x)), true
	case types.Double:
		r := new(big.Rat).SetFloat64(float64(x))
		return r, r != nil
	}
	return nil, false
}
