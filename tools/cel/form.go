package cel

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// Form is how the condition is written where no two that mean the same need differ.
func (c *Condition) Form() string {
	var parts []string
	switch c.Op {
	case Test:
		if c.Negated {
			return "!" + Form(c.Expr)
		}
		return Form(c.Expr)
	case All:
		if len(c.Parts) == 0 {
			return "true"
		}
	case Any:
		if len(c.Parts) == 0 {
			return "false"
		}
	}
	for _, p := range c.Parts {
		parts = append(parts, p.Form())
	}
	return "(" + strings.Join(parts, map[Op]string{All: " && ", Any: " || "}[c.Op]) + ")"
}

// Form is how an expression is written where no two that mean the same need differ.
func Form(e ast.Expr) string { return former{}.expr(e) }

// former names variables of macros by how deep they are.
type former struct {
	names map[string]string
	depth int
}

// macros are the calls whose first arguments are variables for the others.
var macros = map[string]bool{"all": true, "exists": true, "exists_one": true, "existsOne": true, "map": true, "filter": true}

// swapped are comparisons the other way round.
var swapped = map[string]string{operators.Greater: operators.Less, operators.GreaterEquals: operators.LessEquals}

func (f former) expr(e ast.Expr) string {
	switch e.Kind() {
	case ast.IdentKind:
		if name, ok := f.names[e.AsIdent()]; ok {
			return name
		}
		return e.AsIdent()
	case ast.LiteralKind:
		return literalForm(e)
	case ast.SelectKind:
		return f.expr(e.AsSelect().Operand()) + "." + e.AsSelect().FieldName()
	case ast.ListKind:
		return "[" + strings.Join(f.all(e.AsList().Elements()), ", ") + "]"
	case ast.MapKind:
		var out []string
		for _, entry := range e.AsMap().Entries() {
			out = append(out, f.expr(entry.AsMapEntry().Key())+": "+f.expr(entry.AsMapEntry().Value()))
		}
		return "{" + strings.Join(out, ", ") + "}"
	case ast.StructKind:
		var out []string
		for _, field := range e.AsStruct().Fields() {
			out = append(out, field.AsStructField().Name()+": "+f.expr(field.AsStructField().Value()))
		}
		slices.Sort(out)
		return e.AsStruct().TypeName() + "{" + strings.Join(out, ", ") + "}"
	case ast.CallKind:
		return f.call(e.AsCall())
	}
	return fmt.Sprintf("?%d", e.ID()) // there is none: macros are not expanded
}

func (f former) all(list []ast.Expr) []string {
	out := make([]string, len(list))
	for i, e := range list {
		out[i] = f.expr(e)
	}
	return out
}

func (f former) call(c ast.CallExpr) string {
	name, args := c.FunctionName(), c.Args()
	if c.IsMemberFunction() {
		target := f.expr(c.Target())
		if macros[name] && len(args) > 1 && args[0].Kind() == ast.IdentKind {
			f, args = f.with(args[0].AsIdent()), args[1:]
		}
		return target + "." + name + "(" + strings.Join(f.all(args), ", ") + ")"
	}
	switch name {
	case "size":
		if len(args) == 1 {
			return f.expr(args[0]) + ".size()"
		}
	case operators.LogicalNot, operators.LogicalAnd, operators.LogicalOr:
		if expr := f.logic(name, args); expr != "" {
			return expr
		}
	case operators.In:
		if args[1].Kind() == ast.ListKind { // of which the order does not matter
			list := f.all(args[1].AsList().Elements())
			slices.Sort(list)
			return name + "(" + f.expr(args[0]) + ", [" + strings.Join(slices.Compact(list), ", ") + "])"
		}
	}
	forms := f.all(args)
	switch {
	case swapped[name] != "":
		name = swapped[name]
		slices.Reverse(forms)
	case name == operators.Equals, name == operators.NotEquals:
		slices.Sort(forms)
	}
	return name + "(" + strings.Join(forms, ", ") + ")"
}

// logic writes what is joined in an order of its own.
func (f former) logic(name string, args []ast.Expr) string {
	if name == operators.LogicalNot {
		if inner := call(args[0], name); inner != nil {
			return f.expr(inner[0])
		}
		return ""
	}
	var forms []string
	var add func(args []ast.Expr)
	add = func(args []ast.Expr) {
		for _, a := range args {
			if inner := call(a, name); inner != nil {
				add(inner)
			} else {
				forms = append(forms, f.expr(a))
			}
		}
	}
	add(args)
	slices.Sort(forms)
	if forms = slices.Compact(forms); len(forms) == 1 {
		return forms[0]
	}
	return name + "(" + strings.Join(forms, ", ") + ")"
}

// with has a variable named by how many there are around it.
func (f former) with(variable string) former {
	out := former{names: map[string]string{}, depth: f.depth + 1}
	maps.Copy(out.names, f.names)
	out.names[variable] = "@" + strconv.Itoa(f.depth)
	return out
}

func literalForm(e ast.Expr) string {
	switch v := e.AsLiteral().(type) {
	case types.String:
		return strconv.Quote(string(v))
	case types.Bytes:
		return "b" + strconv.Quote(string(v))
	case types.Uint:
		return strconv.FormatUint(uint64(v), 10) + "u"
	case types.Double:
		return strconv.FormatFloat(float64(v), 'e', -1, 64)
	default:
		return fmt.Sprint(v.Value())
	}
}
