// Package ecmatest makes random regular expressions of ECMA-262 and texts to run them on, for tests that hold two readers of
// them to each other.
package ecmatest

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// Maker makes an expression, and texts that have much in common with it.
type Maker struct {
	*rand.Rand
	groups int
	// Plain leaves out what no automaton stands for: references back.
	Plain bool
}

// NewMaker returns a maker for one expression.
func NewMaker(rng *rand.Rand) *Maker { return &Maker{Rand: rng} }

// Expression returns an expression; a few are none.
func (m *Maker) Expression() string { return m.disjunction(3) }

var characters = []rune("aab1-_ \n\r\u2028\u00a0\ufeffé\u0085٣😀AK\u212as.x\"")

// Text returns a short text.
func (m *Maker) Text() string {
	var b strings.Builder
	for range m.IntN(7) {
		n := 4
		if m.IntN(3) == 0 {
			n = len(characters)
		}
		b.WriteRune(characters[m.IntN(n)])
	}
	return b.String()
}

func (m *Maker) pick(all ...string) string { return all[m.IntN(len(all))] }

func (m *Maker) disjunction(depth int) string {
	out := m.alternative(depth)
	for m.IntN(4) == 0 {
		out += "|" + m.alternative(depth)
	}
	return out
}

func (m *Maker) alternative(depth int) string {
	out := ""
	for range m.IntN(4) + m.IntN(2) {
		out += m.term(depth)
	}
	return m.pick("", "", "^") + out + m.pick("", "", "$")
}

func (m *Maker) term(depth int) string {
	if m.IntN(8) == 0 {
		return m.assertion(depth)
	}
	atom := m.atom(depth)
	switch m.IntN(6) {
	case 0:
		return atom + m.pick("*", "+", "?") + m.pick("", "?")
	case 1:
		low := m.IntN(3)
		return atom + m.pick(fmt.Sprintf("{%d}", low), fmt.Sprintf("{%d,}", low), fmt.Sprintf("{%d,%d}", low, low+m.IntN(3))) + m.pick("", "?")
	}
	return atom
}

func (m *Maker) assertion(depth int) string {
	if depth == 0 || m.IntN(3) == 0 {
		return m.pick(`\b`, `\B`, "^", "$")
	}
	return m.pick("(?=", "(?!", "(?<=", "(?<!") + m.disjunction(depth-1) + ")"
}

func (m *Maker) atom(depth int) string {
	if depth > 0 && m.IntN(4) == 0 {
		switch m.IntN(3) {
		case 0:
			return "(?:" + m.disjunction(depth-1) + ")"
		case 1:
			m.groups++
			return fmt.Sprintf("(?<g%d>", m.groups) + m.disjunction(depth-1) + ")"
		}
		m.groups++
		return "(" + m.disjunction(depth-1) + ")"
	}
	switch m.IntN(9) {
	case 0:
		if !m.Plain && m.groups > 0 && m.IntN(2) == 0 {
			return fmt.Sprintf(`(?:\%d)`, 1+m.IntN(m.groups))
		}
		return "."
	case 1:
		return m.pick(`\d`, `\D`, `\w`, `\W`, `\s`, `\S`, `\p{Lu}`, `\P{L}`, `\p{Script=Latin}`)
	case 2:
		return m.pick(`\x61`, `\u0061`, `\u{1f600}`, `\ud83d\ude00`, `\cJ`, `\n`, `\r`, `\0`, `\.`, `\/`, `\v`, `\u2028`)
	case 3:
		return m.class()
	}
	return m.pick("a", "a", "b", "1", "-", "_", " ", "é")
}

func (m *Maker) class() string {
	out := "[" + m.pick("", "", "^")
	for range m.IntN(4) {
		out += m.pick("a", "b", "a-c", "0-9", `\d`, `\s`, `\S`, `\w`, `\-`, `\b`, "é", `\u{80}-\u{ff}`, ".", `\]`, "[", "_")
	}
	return out + m.pick("", "", "-") + "]"
}

// Broken takes out, puts in or doubles a character.
func (m *Maker) Broken(expr string) string {
	runes := []rune(expr)
	if len(runes) == 0 {
		return "("
	}
	at := m.IntN(len(runes))
	return string(runes[:at]) + m.pick("", "(", ")", "[", "*", `\`, "{2,1}", "?", string(runes[at])+string(runes[at])) + string(runes[at+m.IntN(2):])
}
