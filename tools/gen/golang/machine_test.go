package golang

import (
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestMachineMatchesAsRegexp holds machines to regexp, on texts of an expression's own characters and some others.
func TestMachineMatchesAsRegexp(t *testing.T) {
	t.Parallel()
	for _, expression := range []string{
		`^\d+\.\d+\.\d+$`, `^\d+\.\d+\.\d+`, `^ord_`, `^(a|ab|b)$`, `^(success|failed|warning)$`, `^a*b?c$`, `^[a-c]*$`, `^a{2,4}$`, `^(ab)+$`,
		`^(a|b)*abb$`, `^[a-z][a-z0-9_]*$`, `\Aa(b|c)\z`, `^a(b$|c)`, `^(?:a|b){3}`, `^[^\x20-\x{10FFFF}]$`, `^$`, `^(a|)$`, `^a$b`,
		`^a+a$`, `^a?a?a?$`, `^\x00\x7f$`, `^"\\$`,
	} {
		t.Run(expression, func(t *testing.T) {
			t.Parallel()
			m, want := newMachine(expression), regexp.MustCompile(expression)
			if m == nil {
				t.Fatal("there is no machine")
			}
			rng := rand.New(rand.NewPCG(1, 2))
			alphabet := []rune(expression + "ab1.é\xff_")
			matched := 0
			texts := []string{"", "success", "ord_1", "1.22.333", "1.2.3é", "ab", "abb", "a\n", "aaaa", "\x00\x7f", `"\`, "\x1f"}
			for range 2000 {
				var b strings.Builder
				for range rng.IntN(6) {
					b.WriteRune(alphabet[rng.IntN(len(alphabet))])
				}
				texts = append(texts, b.String(), b.String()+"\xff")
			}
			finite := m.texts(100)
			for _, text := range texts {
				got := m.match(text)
				if got != want.MatchString(text) {
					t.Errorf("%q: %t", text, got)
				}
				if got {
					matched++
				}
				if len(finite) > 0 && slices.Contains(finite, text) != got {
					t.Errorf("%q is in %q: %t", text, finite, !got)
				}
			}
			if matched == 0 && expression != `^a$b` {
				t.Error("nothing matched")
			}
		})
	}
}

// TestNoMachine holds expressions that a machine over ASCII cannot stand for to having none.
func TestNoMachine(t *testing.T) {
	t.Parallel()
	for _, expression := range []string{`a`, `a$`, `^a|b`, `(?i)^a$`, `^.$`, `^é$`, `^[^a]$`, `^a\b`, `(?m)^a$`, `^`, `^a*`, `(`, `^a{900}$`} {
		if m := newMachine(expression); m != nil {
			t.Errorf("%s has a machine of %d states", expression, len(m.states))
		}
	}
}

// match walks through a text as the generated function does.
func (m *machine) match(text string) bool {
	state := 0
	for i := range len(text) {
		c := text[i]
		if c >= 128 || m.states[state].next[c] < 0 {
			return false
		}
		if state = m.states[state].next[c]; m.states[state].done {
			return true
		}
	}
	return m.states[state].end
}

func FuzzMachine(f *testing.F) {
	f.Add(`^\d+\.\d+$`, "1.2")
	f.Add(`^(a|ab)*c$`, "aabc")
	f.Fuzz(func(t *testing.T, expression, text string) {
		if len(expression) > 50 {
			return
		}
		m := newMachine(expression)
		if m == nil {
			return
		}
		want := regexp.MustCompile(expression).MatchString(text)
		if got := m.match(text); got != want {
			t.Errorf("%q matches %q: %t, want %t", expression, text, got, want)
		}
	})
}
