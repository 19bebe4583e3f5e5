package values

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"unicode"

	"github.com/omninode/trestle/runtime/genapi/ecma"
	"github.com/omninode/trestle/tools/schema"
)

// patternTree is the pattern of a type, of whichever language it is; nil for none.
func patternTree(c schema.Constraints) *ecma.Node {
	if c.Pattern == "" {
		return nil
	}
	if c.Rules == nil {
		if tree, err := ecma.Parse(c.Pattern); err == nil {
			return tree.Root
		}
		return nil
	}
	if tree, err := syntax.Parse(c.Pattern, syntax.Perl); err == nil {
		return fromRE2(tree)
	}
	return nil
}

// patternOf limits strings to the pattern of a type.
func (s *Space) patternOf(c schema.Constraints) *Shape {
	if c.Rules == nil {
		return s.PatternECMA(c.Pattern)
	}
	return s.PatternRE2(c.Pattern)
}

func readECMA(key, expr string) (*pattern, error) {
	tree, err := ecma.Parse(expr)
	if err != nil {
		return nil, err
	}
	re, err := tree.Compile()
	if err != nil {
		return nil, err
	}
	return newPattern(key, tree.Root, re.MatchString)
}

func readRE2(key, expr string) (*pattern, error) {
	re, err := regexp.Compile(expr)
	if err != nil {
		return nil, err
	}
	tree, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil, err
	}
	return newPattern(key, fromRE2(tree), re.MatchString)
}

// listing is the pattern of some strings; nil where they are too many or too long for an automaton.
func listing(all []string) *pattern {
	either := &ecma.Node{Op: ecma.OpAlternate}
	for _, text := range all {
		either.Sub = append(either.Sub, letterByLetter([]rune(text), false))
	}
	whole := &ecma.Node{Op: ecma.OpConcat, Sub: []*ecma.Node{{Op: ecma.OpBegin}, either, {Op: ecma.OpEnd}}}
	p, err := newPattern("listed", whole, func(s string) bool { return slices.Contains(all, s) })
	if err != nil {
		return nil
	}
	return p
}

func letterByLetter(text []rune, fold bool) *ecma.Node {
	out := &ecma.Node{Op: ecma.OpConcat}
	for _, r := range text {
		class := []rune{r}
		for other := unicode.SimpleFold(r); fold && other != r; other = unicode.SimpleFold(other) {
			class = append(class, other)
		}
		slices.Sort(class)
		var pairs []rune
		for _, r := range class {
			pairs = append(pairs, r, r)
		}
		out.Sub = append(out.Sub, &ecma.Node{Op: ecma.OpClass, Class: pairs})
	}
	return out
}

// fromRE2 writes an expression of RE2 as the tree of one of ECMA-262.
func fromRE2(re *syntax.Regexp) *ecma.Node {
	class := func(pairs ...rune) *ecma.Node { return &ecma.Node{Op: ecma.OpClass, Class: pairs} }
	repeat := func(low, high int) *ecma.Node {
		return &ecma.Node{Op: ecma.OpRepeat, Min: low, Max: high, Sub: []*ecma.Node{fromRE2(re.Sub[0])}}
	}
	beside := func(end ecma.Op, behind bool) *ecma.Node {
		return &ecma.Node{Op: ecma.OpAlternate, Sub: []*ecma.Node{{Op: end}, {Op: ecma.OpLook, Behind: behind, Sub: []*ecma.Node{class('\n', '\n')}}}}
	}
	switch re.Op {
	case syntax.OpNoMatch:
		return class()
	case syntax.OpLiteral:
		return letterByLetter(re.Rune, re.Flags&syntax.FoldCase != 0)
	case syntax.OpCharClass:
		return class(re.Rune...)
	case syntax.OpAnyCharNotNL:
		return class(0, '\n'-1, '\n'+1, unicode.MaxRune)
	case syntax.OpAnyChar:
		return class(0, unicode.MaxRune)
	case syntax.OpBeginLine:
		return beside(ecma.OpBegin, true)
	case syntax.OpEndLine:
		return beside(ecma.OpEnd, false)
	case syntax.OpBeginText:
		return &ecma.Node{Op: ecma.OpBegin}
	case syntax.OpEndText:
		return &ecma.Node{Op: ecma.OpEnd}
	case syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		word := []rune{'0', '9', 'A', 'Z', '_', '_', 'a', 'z'}
		return &ecma.Node{Op: ecma.OpWord, Class: word, Negate: re.Op == syntax.OpNoWordBoundary}
	case syntax.OpCapture:
		return fromRE2(re.Sub[0])
	case syntax.OpStar:
		return repeat(0, -1)
	case syntax.OpPlus:
		return repeat(1, -1)
	case syntax.OpQuest:
		return repeat(0, 1)
	case syntax.OpRepeat:
		return repeat(re.Min, re.Max)
	}
	out := &ecma.Node{Op: ecma.OpConcat}
	if re.Op == syntax.OpAlternate {
		out.Op = ecma.OpAlternate
	}
	for _, sub := range re.Sub {
		out.Sub = append(out.Sub, fromRE2(sub))
	}
	return out
}

// PatternRE2 limits strings to those in which an expression of RE2 finds something; one that has no automaton is opaque.
func (s *Space) PatternRE2(expr string) *Shape {
	lang, err := s.MatchingRE2(expr)
	if err == nil {
		return s.InText(lang)
	}
	re, err := regexp.Compile(expr)
	if err != nil {
		return s.Opaque(String, "pattern "+strconv.Quote(expr), nil)
	}
	return s.Opaque(String, "pattern "+strconv.Quote(expr), textTest(re.MatchString))
}

// PatternECMA is [Space.PatternRE2] for an expression of ECMA-262.
func (s *Space) PatternECMA(expr string) *Shape {
	lang, err := s.MatchingECMA(expr)
	if err == nil {
		return s.InText(lang)
	}
	re, err := ecma.Compile(expr)
	if err != nil {
		return s.Opaque(String, "pattern "+strconv.Quote(expr)+" of ECMA-262", nil)
	}
	return s.Opaque(String, "pattern "+strconv.Quote(expr)+" of ECMA-262", textTest(re.MatchString))
}

func textTest(holds func(string) bool) func(any) bool {
	return func(v any) bool { s, ok := v.(string); return ok && holds(s) }
}
