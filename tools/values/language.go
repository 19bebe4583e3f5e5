package values

import (
	"fmt"
	"maps"
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
	single   string   // of a language of one string
	listed   *pattern // of exact, made when it is needed
}

// Everything is the language of all strings.
func (s *Space) Everything() *Language { return s.language(nil, nil, true) }

// Exactly is the language of some strings.
func (s *Space) Exactly(all ...string) *Language { return s.language(all, nil, false) }

// MatchingRE2 is the language of strings in which a regular expression of RE2 finds something, as protobuf's rules mean
// it. The error says that it is none, or too large for an automaton.
func (s *Space) MatchingRE2(expr string) (*Language, error) {
	return s.matching("re2 "+expr, func(key string) (*pattern, error) { return readRE2(key, expr) })
}

// MatchingECMA is [Space.MatchingRE2] for an expression of ECMA-262, as JSON Schema means it. One that refers back to what
// it has matched has no automaton either.
func (s *Space) MatchingECMA(expr string) (*Language, error) {
	return s.matching("ecma "+expr, func(key string) (*pattern, error) { return readECMA(key, expr) })
}

func (s *Space) matching(key string, read func(string) (*pattern, error)) (*Language, error) {
	if known := s.exprs[key]; known != nil {
		return known, nil
	}
	p, err := read(key)
	if err != nil {
		return nil, err
	}
	l := s.language(nil, []*pattern{p}, false)
	s.exprs[key] = l
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
		l.exact[e], l.single = true, e
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
		if p.matches(s) {
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
	return l.single, true
}

// automata returns the patterns of which one must match, the listed strings among them.
func (l *Language) automata() []*pattern {
	if len(l.exact) == 0 {
		return l.patterns
	}
	if l.listed == nil {
		l.listed = listing(slices.Sorted(maps.Keys(l.exact)))
	}
	if l.listed == nil {
		return l.patterns
	}
	return append(slices.Clone(l.patterns), l.listed)
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
