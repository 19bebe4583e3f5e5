package values

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"
)

// Language is a set of strings: those that are listed and those that a pattern matches, or all others.
type Language struct {
	exact    map[string]bool
	patterns []*pattern
	not      bool
	key      string
	listed   *pattern // of exact, made when it is needed
}

// Everything is the language of all strings.
func (s *Space) Everything() *Language { return s.language(nil, nil, true) }

// Exactly is the language of some strings.
func (s *Space) Exactly(all ...string) *Language { return s.language(all, nil, false) }

// Matching is the language of strings in which a regular expression (RE2) finds something. The error says that it is
// none, or has assertions that automata do not take: word boundaries, ends of lines.
func (s *Space) Matching(expr string) (*Language, error) {
	if known := s.exprs[expr]; known != nil {
		return known, nil
	}
	p, err := newPattern(expr)
	if err != nil {
		return nil, err
	}
	l := s.language(nil, []*pattern{p}, false)
	s.exprs[expr] = l
	return l, nil
}

// Union is the language of all strings of some languages, none of which may be a complement but [Space.Everything].
func (s *Space) Union(all ...*Language) *Language {
	var exact []string
	var patterns []*pattern
	for _, l := range all {
		if l.not {
			return s.Everything()
		}
		for e := range l.exact {
			exact = append(exact, e)
		}
		patterns = append(patterns, l.patterns...)
	}
	return s.language(exact, patterns, false)
}

// Except is the language of all strings that are not in l.
func (s *Space) Except(l *Language) *Language {
	exact := make([]string, 0, len(l.exact))
	for e := range l.exact {
		exact = append(exact, e)
	}
	return s.language(exact, l.patterns, !l.not)
}

func (s *Space) language(exact []string, patterns []*pattern, not bool) *Language {
	exact = slices.Compact(slices.Sorted(slices.Values(exact)))
	patterns = slices.Clone(patterns)
	slices.SortFunc(patterns, func(a, b *pattern) int { return strings.Compare(a.expr, b.expr) })
	patterns = slices.CompactFunc(patterns, func(a, b *pattern) bool { return a.expr == b.expr })
	var key strings.Builder
	fmt.Fprintf(&key, "%t%q", not, exact)
	for _, p := range patterns {
		fmt.Fprintf(&key, "/%q", p.expr)
	}
	if known := s.langs[key.String()]; known != nil {
		return known
	}
	l := &Language{patterns: patterns, not: not, key: key.String(), exact: map[string]bool{}}
	for _, e := range exact {
		l.exact[e] = true
	}
	s.langs[l.key] = l
	return l
}

// Contains says whether a string is in the language.
func (l *Language) Contains(s string) bool {
	if l.exact[s] {
		return !l.not
	}
	for _, p := range l.patterns {
		if p.re.MatchString(s) {
			return !l.not
		}
	}
	return l.not
}

// only returns the one string of a language of one; ok is false for others.
func (l *Language) only() (string, bool) {
	if l.not || len(l.patterns) > 0 || len(l.exact) != 1 {
		return "", false
	}
	for e := range l.exact {
		return e, true
	}
	return "", false
}

// automata returns the patterns of which one must match, the listed strings among them.
func (l *Language) automata() []*pattern {
	if len(l.exact) == 0 {
		return l.patterns
	}
	if l.listed == nil {
		all := make([]string, 0, len(l.exact))
		for e := range l.exact {
			all = append(all, regexp.QuoteMeta(e))
		}
		slices.Sort(all)
		l.listed, _ = newPattern("^(?:" + strings.Join(all, "|") + ")$")
	}
	if l.listed == nil {
		return l.patterns
	}
	return append(slices.Clone(l.patterns), l.listed)
}

// pattern is a regular expression that is run as a deterministic automaton, made as far as it is used.
type pattern struct {
	expr   string
	re     *regexp.Regexp
	prog   *syntax.Prog
	states map[string]int
	sets   []stateSet
	next   []map[rune]int
}

type stateSet struct {
	pcs     []uint32
	begin   bool // nothing has been read
	matched bool // whatever follows, it matches
	accepts bool // when nothing follows
}

const maxStates = 20_000

func newPattern(expr string) (*pattern, error) {
	re, err := regexp.Compile(expr)
	if err != nil {
		return nil, err
	}
	tree, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return nil, err
	}
	prog, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return nil, err
	}
	for _, in := range prog.Inst {
		if in.Op == syntax.InstEmptyWidth && syntax.EmptyOp(in.Arg)&^(syntax.EmptyBeginText|syntax.EmptyEndText) != 0 {
			return nil, fmt.Errorf("pattern %q looks at what is beside a position", expr)
		}
	}
	p := &pattern{expr: expr, re: re, prog: prog, states: map[string]int{}}
	p.add(p.closure([]uint32{uint32(prog.Start)}, true, false), true)
	return p, nil
}

// closure follows what reads nothing; ends of text are passed only with end.
func (p *pattern) closure(from []uint32, begin, end bool) (pcs []uint32) {
	seen := map[uint32]bool{}
	todo := slices.Clone(from)
	for len(todo) > 0 {
		pc := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[pc] {
			continue
		}
		seen[pc] = true
		in := &p.prog.Inst[pc]
		switch in.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			todo = append(todo, in.Out, in.Arg)
		case syntax.InstCapture, syntax.InstNop:
			todo = append(todo, in.Out)
		case syntax.InstEmptyWidth:
			op := syntax.EmptyOp(in.Arg)
			if op&syntax.EmptyBeginText != 0 && !begin {
				continue
			}
			if op&syntax.EmptyEndText != 0 && !end {
				pcs = append(pcs, pc)
				continue
			}
			todo = append(todo, in.Out)
		case syntax.InstFail:
		default:
			pcs = append(pcs, pc)
		}
	}
	slices.Sort(pcs)
	return pcs
}

func (p *pattern) add(pcs []uint32, begin bool) int {
	set := stateSet{pcs: pcs, begin: begin}
	match := func(pcs []uint32) bool {
		return slices.ContainsFunc(pcs, func(pc uint32) bool { return p.prog.Inst[pc].Op == syntax.InstMatch })
	}
	if match(pcs) {
		set = stateSet{matched: true, accepts: true}
	} else {
		set.accepts = match(p.closure(pcs, begin, true))
	}
	key := fmt.Sprint(set.pcs, set.matched, begin && !set.matched)
	if i, ok := p.states[key]; ok {
		return i
	}
	p.states[key] = len(p.sets)
	p.sets = append(p.sets, set)
	p.next = append(p.next, map[rune]int{})
	return len(p.sets) - 1
}

// step returns the state after a character; ok is false when there are too many states.
func (p *pattern) step(state int, r rune) (int, bool) {
	if p.sets[state].matched {
		return state, true
	}
	if to, ok := p.next[state][r]; ok {
		return to, true
	}
	if len(p.sets) > maxStates {
		return 0, false
	}
	from := []uint32{uint32(p.prog.Start)} // a match may begin anywhere
	for _, pc := range p.sets[state].pcs {
		in := &p.prog.Inst[pc]
		if in.Op != syntax.InstEmptyWidth && in.Op != syntax.InstMatch && in.MatchRune(r) {
			from = append(from, in.Out)
		}
	}
	to := p.add(p.closure(from, false, false), false)
	p.next[state][r] = to
	return to, true
}

// cuts adds the characters at which what the pattern reads begins to differ.
func (p *pattern) cuts(add func(rune)) {
	for i := range p.prog.Inst {
		in := &p.prog.Inst[i]
		switch in.Op {
		case syntax.InstRuneAnyNotNL:
			add('\n')
			add('\n' + 1)
		case syntax.InstRune, syntax.InstRune1:
			if len(in.Rune) == 1 {
				add(in.Rune[0])
				add(in.Rune[0] + 1)
				if syntax.Flags(in.Arg)&syntax.FoldCase != 0 {
					for r := unicode.SimpleFold(in.Rune[0]); r != in.Rune[0]; r = unicode.SimpleFold(r) {
						add(r)
						add(r + 1)
					}
				}
				continue
			}
			for j := 0; j+1 < len(in.Rune); j += 2 {
				add(in.Rune[j])
				add(in.Rune[j+1] + 1)
			}
		}
	}
}

// letters returns one character for each class that some patterns tell apart, readable ones first.
func letters(patterns []*pattern) []rune {
	cuts := map[rune]bool{0: true, 0xD800: true, 0xE000: true}
	for _, p := range patterns {
		p.cuts(func(r rune) { cuts[r] = true })
	}
	var starts []rune
	for r := range cuts {
		if r <= unicode.MaxRune {
			starts = append(starts, r)
		}
	}
	slices.Sort(starts)
	var out []rune
	for i, low := range starts {
		high := rune(unicode.MaxRune)
		if i+1 < len(starts) {
			high = starts[i+1] - 1
		}
		if low >= 0xD800 && high < 0xE000 {
			continue
		}
		out = append(out, readable(low, high))
	}
	slices.SortStableFunc(out, func(a, b rune) int { return rank(a) - rank(b) })
	return out
}

func readable(low, high rune) rune {
	for _, r := range "a1A-_. é" {
		if low <= r && r <= high {
			return r
		}
	}
	for r := low; r <= high && r < low+64; r++ {
		if unicode.IsGraphic(r) {
			return r
		}
	}
	if low <= 0x20 && high >= 0x21 {
		return 0x21
	}
	return low
}

func rank(r rune) int {
	switch {
	case 'a' <= r && r <= 'z':
		return 0
	case '0' <= r && r <= '9':
		return 1
	case 'A' <= r && r <= 'Z':
		return 2
	case ' ' < r && r < 0x7f:
		return 3
	case unicode.IsGraphic(r):
		return 4
	}
	return 5
}
