package python

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/omninode/trestle/runtime/genapi/ecma"
	"github.com/omninode/trestle/tools/schema"
)

// patternInto adds a pattern: RE2's in protobuf, ECMA-262's in JSON Schema. Pydantic's expressions are RE2's; what those lack,
// looking around and back, Python's own have.
func (g *module) patternInto(p *parts, f *schema.Field, c schema.Constraints) error {
	bad := func(err error) error {
		return refuse(c.Pos, f.Message.FullName+"."+f.Name, "pattern %q: %v", c.Pattern, err)
	}
	expression, inRE2 := c.Pattern, true
	if c.Rules == nil {
		tree, err := ecma.Parse(c.Pattern)
		if err != nil {
			return bad(err)
		}
		if expression, inRE2 = tree.RE2(); !inRE2 {
			p.check("matches", quote(pythonPattern(tree.Root)))
			return nil
		}
	}
	pattern, err := rustPattern(expression)
	if err != nil {
		return bad(err)
	}
	p.limit("pattern", quote(pattern))
	return nil
}

// pythonPattern is an expression of ECMA-262 in the syntax of Python's re.
func pythonPattern(n *ecma.Node) string {
	subs := func(separator string) string {
		var out []string
		for _, sub := range n.Sub {
			out = append(out, pythonPattern(sub))
		}
		return strings.Join(out, separator)
	}
	switch n.Op {
	case ecma.OpClass:
		return pythonClass(n.Class)
	case ecma.OpConcat:
		return "(?:" + subs("") + ")"
	case ecma.OpAlternate:
		return "(?:" + subs("|") + ")"
	case ecma.OpGroup:
		return "(" + subs("") + ")"
	case ecma.OpRepeat:
		most := ""
		if n.Max >= 0 {
			most = strconv.Itoa(n.Max)
		}
		return "(?:" + subs("") + "){" + strconv.Itoa(n.Min) + "," + most + "}" + map[bool]string{true: "?"}[n.Lazy]
	case ecma.OpBackref:
		return pythonBackref(n.Groups, n.Fold)
	case ecma.OpLook:
		return "(?" + map[bool]string{true: "<"}[n.Behind] + map[bool]string{true: "!", false: "="}[n.Negate] + subs("") + ")"
	case ecma.OpBegin:
		return `\A`
	case ecma.OpEnd:
		return `\Z`
	}
	in := pythonClass(n.Class) // at a border of words
	if n.Negate {
		return "(?:(?<=" + in + ")(?=" + in + ")|(?<!" + in + ")(?!" + in + "))"
	}
	return "(?:(?<=" + in + ")(?!" + in + ")|(?<!" + in + ")(?=" + in + "))"
}

// pythonBackref is what one of some groups has matched, the empty text where none has.
func pythonBackref(groups []int, fold bool) string {
	out := ""
	for _, group := range slices.Backward(groups) {
		same := fmt.Sprintf(`\%d`, group)
		if fold {
			same = "(?i:" + same + ")"
		}
		out = fmt.Sprintf("(?(%d)%s|%s)", group, same, out)
	}
	return "(?:" + out + ")"
}

func pythonClass(class []rune) string {
	if len(class) == 0 {
		return `(?!)`
	}
	var b strings.Builder
	for i := 0; i+1 < len(class); i += 2 {
		fmt.Fprintf(&b, `\U%08x`, class[i])
		if class[i] != class[i+1] {
			fmt.Fprintf(&b, `-\U%08x`, class[i+1])
		}
	}
	return "[" + b.String() + "]"
}
