// Package cel reads protovalidate's rules that are expressions in CEL, as conditions that can be compared: blanks,
// parentheses, comments, messages, the order of what commutes and the names of variables make no difference.
package cel

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/parser"
)

// Op says what a condition is made of.
type Op uint8

// The ops.
const (
	Test Op = iota // an expression that is true, or, negated, false
	All            // of the parts
	Any            // of the parts
)

// Condition is when a rule lets a value pass. An expression that cannot be evaluated lets none pass.
type Condition struct {
	Op      Op
	Parts   []*Condition
	Expr    ast.Expr // of a Test; macros in it are calls
	Negated bool
}

// Read reads a rule: an expression that is true, or an empty message, where a value is valid.
func Read(expr string) (*Condition, error) {
	tree, err := Parse(expr)
	if err != nil {
		return nil, err
	}
	if c := emptyMessage(tree); c != nil {
		return c, nil
	}
	return ConditionOf(tree), nil
}

// Parse reads an expression. Macros in it are calls.
func Parse(expr string) (ast.Expr, error) {
	p, err := parser.NewParser(parser.EnableIdentEscapeSyntax(true)) // without macros, which would be hard to recognise
	if err != nil {
		return nil, err
	}
	tree, faults := p.Parse(common.NewTextSource(expr))
	if len(faults.GetErrors()) > 0 {
		return nil, fmt.Errorf("expression %q: %s", expr, faults.GetErrors()[0].Message)
	}
	return tree.Expr(), nil
}

// Same says whether two rules let the same values pass as far as how they are written tells.
func Same(a, b string) bool {
	if a == b {
		return true
	}
	x, errX := Read(a)
	y, errY := Read(b)
	return errX == nil && errY == nil && x.Form() == y.Form()
}

// Conditions are the parts of which all must hold.
func (c *Condition) Conditions() []*Condition {
	if c.Op == All {
		return c.Parts
	}
	return []*Condition{c}
}

// ConditionOf is when an expression is true, of those that a condition is made of.
func ConditionOf(e ast.Expr) *Condition { return condition(e, false) }

// emptyMessage is when an expression that chooses between messages gives an empty one; nil for another.
func emptyMessage(e ast.Expr) *Condition {
	if text, ok := literal(e).(types.String); ok {
		if text == "" {
			return &Condition{Op: All}
		}
		return &Condition{Op: Any}
	}
	args := call(e, operators.Conditional)
	if args == nil {
		return nil
	}
	then, other := emptyMessage(args[1]), emptyMessage(args[2])
	if then == nil || other == nil {
		return nil
	}
	return choice(args[0], then, other)
}

// choice is one condition where an expression is true, and another where it is false.
func choice(when ast.Expr, then, other *Condition) *Condition {
	return join(Any, join(All, condition(when, false), then), join(All, condition(when, true), other))
}

// condition is when an expression is true, or, negated, false.
func condition(e ast.Expr, negated bool) *Condition {
	if value, ok := literal(e).(types.Bool); ok {
		if bool(value) != negated {
			return &Condition{Op: All}
		}
		return &Condition{Op: Any}
	}
	if args := call(e, operators.LogicalNot); args != nil {
		return condition(args[0], !negated)
	}
	if args := call(e, operators.Conditional); args != nil {
		return choice(args[0], condition(args[1], negated), condition(args[2], negated))
	}
	for name, op := range map[string]Op{operators.LogicalAnd: All, operators.LogicalOr: Any} {
		if args := call(e, name); args != nil {
			if negated {
				op = All + Any - op
			}
			var parts []*Condition
			for _, a := range args {
				parts = append(parts, condition(a, negated))
			}
			return join(op, parts...)
		}
	}
	if args := call(e, operators.NotEquals); args != nil {
		return &Condition{Expr: equality(args), Negated: !negated}
	}
	return &Condition{Expr: e, Negated: negated}
}

func equality(args []ast.Expr) ast.Expr {
	return ast.NewExprFactory().NewCall(0, operators.Equals, args...)
}

// join makes one condition of some, without those that change nothing.
func join(op Op, parts ...*Condition) *Condition {
	var out []*Condition
	for _, p := range parts {
		switch {
		case p.Op == op: // an empty one is neutral
			out = append(out, p.Parts...)
		case p.Op != Test && len(p.Parts) == 0:
			return p
		default:
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b *Condition) int { return strings.Compare(a.Form(), b.Form()) })
	out = slices.CompactFunc(out, func(a, b *Condition) bool { return a.Form() == b.Form() })
	if len(out) == 1 {
		return out[0]
	}
	return &Condition{Op: op, Parts: out}
}

// literal is the value of a literal, nil for another expression.
func literal(e ast.Expr) any {
	if e.Kind() == ast.LiteralKind {
		return e.AsLiteral()
	}
	return nil
}

// call returns the arguments of a call of a function, nil for another expression.
func call(e ast.Expr, function string) []ast.Expr {
	if e.Kind() != ast.CallKind || e.AsCall().FunctionName() != function || e.AsCall().IsMemberFunction() {
		return nil
	}
	return e.AsCall().Args()
}
