package golang

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/omninode/trestle/runtime/genapi/ecma"
)

const (
	maxTexts  = 16 // that a pattern is written as comparisons for
	maxStates = 12 // that a pattern is written as a function for
)

// patterns are a package's regular expressions. Each is a function named after its first use: of a text, where the
// expression can be written as Go, else one that returns it compiled. Those of JSON Schema are written as RE2 has them, and
// kept as they are where it lacks something.
type patterns struct {
	written, compiled, ecma map[string]string // expression → function
	parts                   parts             // of schemas, likewise
}

const ecmaPath = "github.com/omninode/trestle/runtime/genapi/ecma"

// matchesECMA is the condition that a string matches an expression of ECMA-262.
func (s *patterns) matchesECMA(expression, hint, expr string) (string, error) {
	tree, err := ecma.Parse(expression)
	if err == nil {
		_, err = tree.Compile()
	}
	if err != nil {
		return "", err
	}
	if translated, ok := tree.RE2(); ok {
		return s.matches(translated, hint, expr), nil
	}
	return s.name(&s.ecma, expression, hint) + "().MatchString(" + expr + ")", nil
}

// matches is the condition that a string matches the expression.
func (s *patterns) matches(expression, hint, expr string) string {
	m := newMachine(expression)
	if m == nil {
		return s.regexp(expression, hint) + "().MatchString(" + expr + ")"
	}
	if texts := m.texts(maxTexts); len(texts) > 0 {
		return "(" + oneOf(expr, texts, goString) + ")"
	}
	if len(m.states) > maxStates {
		return s.regexp(expression, hint) + "().MatchString(" + expr + ")"
	}
	return s.name(&s.written, expression, hint) + "(" + expr + ")"
}

// regexp returns the function that returns the compiled expression.
func (s *patterns) regexp(expression, hint string) string {
	return s.name(&s.compiled, expression, hint)
}

func (s *patterns) name(names *map[string]string, expression, hint string) string {
	if name, ok := (*names)[expression]; ok {
		return name
	}
	if *names == nil {
		*names = map[string]string{}
	}
	name := "pattern" + hint
	for n := 2; s.used(name); n++ {
		name = "pattern" + hint + strconv.Itoa(n)
	}
	(*names)[expression] = name
	return name
}

func (s *patterns) used(name string) bool {
	return slices.ContainsFunc([]map[string]string{s.written, s.compiled, s.ecma}, func(names map[string]string) bool {
		return slices.Contains(slices.Collect(maps.Values(names)), name)
	})
}

// byName returns expressions in the order of their functions' names.
func byName(names map[string]string) []string {
	return slices.SortedFunc(maps.Keys(names), func(a, b string) int { return strings.Compare(names[a], names[b]) })
}

// patternFunctions writes the package's patterns.
func (g *file) patternFunctions() {
	for _, expression := range byName(g.patterns.written) {
		g.machine(g.patterns.written[expression], expression)
	}
	if len(g.patterns.compiled)+len(g.patterns.ecma) == 0 {
		return
	}
	g.p("// The patterns of the schemas that are compiled, when they are first needed.")
	g.p("var (")
	for _, expression := range byName(g.patterns.compiled) {
		g.p("%s = %s(func() *%s { return %s(%s) })", g.patterns.compiled[expression], g.std("sync", "OnceValue"),
			g.std("regexp", "Regexp"), g.std("regexp", "MustCompile"), goString(expression))
	}
	for _, expression := range byName(g.patterns.ecma) {
		pkg := g.pkg(ecmaPath, "ecma")
		g.p("%s = %s(func() *%s.Regexp { return %s.MustCompile(%s) })", g.patterns.ecma[expression], g.std("sync", "OnceValue"), pkg, pkg, goString(expression))
	}
	g.p(")")
}

// machine writes a function that walks through a text byte by byte.
func (g *file) machine(name, expression string) {
	m := newMachine(expression)
	g.p("// %s reports whether s matches %s.", name, goString(expression))
	g.p("func %s(s string) bool {", name)
	g.p("state := 0")
	g.p("for i := range len(s) {")
	g.p("switch c := s[i]; state {")
	for i, st := range m.states {
		if st.done {
			continue
		}
		g.p("case %d:", i)
		g.p("switch {")
		for _, to := range st.targets() {
			g.p("case %s:", strings.Join(st.ranges(to), " || "))
			switch {
			case m.states[to].done:
				g.p("return true")
			case to != i:
				g.p("state = %d", to)
			}
		}
		g.p("default:")
		g.p("return false")
		g.p("}")
	}
	g.p("}")
	g.p("}")
	var ends []string
	for i, st := range m.states {
		if st.end && !st.done {
			ends = append(ends, "state == "+strconv.Itoa(i))
		}
	}
	if len(ends) == 0 {
		ends = []string{"false"}
	}
	g.p("return %s", strings.Join(ends, " || "))
	g.p("}\n")
}
