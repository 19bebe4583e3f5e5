package ecma

import (
	"regexp"
	"strconv"
)

// Regexp is an expression that can be run. It is safe for concurrent use.
type Regexp struct {
	expr string
	re2  *regexp.Regexp // nil where RE2 lacks something
	prog *program
}

// Compile prepares an expression to be run. The error is a [*SyntaxError].
func Compile(expr string) (*Regexp, error) {
	tree, err := Parse(expr)
	if err != nil {
		return nil, err
	}
	return tree.Compile()
}

// Compile is [Compile] of an expression that was read. It fails where repetitions inside of repetitions are too many.
func (t *Tree) Compile() (*Regexp, error) {
	if translated, ok := t.RE2(); ok {
		if re, err := regexp.Compile(translated); err == nil {
			return &Regexp{expr: t.Expr, re2: re}, nil
		}
	}
	prog, err := t.compile()
	if err != nil {
		return nil, err
	}
	return &Regexp{expr: t.Expr, prog: prog}, nil
}

// MustCompile is [Compile] of what is known to be an expression.
func MustCompile(expr string) *Regexp {
	r, err := Compile(expr)
	if err != nil {
		panic("ecma: " + strconv.Quote(expr) + ": " + err.Error())
	}
	return r
}

// MatchString says whether the expression matches somewhere in a text. A text that takes more than ten million steps does
// not.
func (r *Regexp) MatchString(s string) bool {
	if r.re2 != nil {
		return r.re2.MatchString(s)
	}
	return r.prog.match(s)
}

// String is the expression as it was written.
func (r *Regexp) String() string { return r.expr }
