package values

import (
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/omninode/trestle/runtime/genapi/ecma"
	"github.com/omninode/trestle/runtime/genapi/ecma/ecmatest"
)

// run walks through a text.
func (p *pattern) run(text string) bool {
	state := 0
	for _, r := range text {
		var ok bool
		if state, ok = p.step(state, r); !ok {
			return false
		}
	}
	return p.sets[state].accepts
}

// TestAutomatonMatches holds automata of random expressions to what readers run.
func TestAutomatonMatches(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	decided, without, matched := 0, 0, 0
	for range 4000 {
		m := ecmatest.NewMaker(rng)
		m.Plain = true
		expr := m.Expression()
		if _, err := ecma.Parse(expr); err != nil {
			continue
		}
		p, err := readECMA("", expr)
		if err != nil {
			without++
			continue
		}
		decided++
		for range 12 {
			text := m.Text()
			want := p.matches(text)
			if got := p.run(text); got != want {
				t.Errorf("%q on %q: automaton %t, want %t", expr, text, got, want)
			}
			if want {
				matched++
			}
		}
	}
	t.Logf("%d automata, %d expressions without one, %d texts match", decided, without, matched)
	if decided < 2000 || without > decided/5 || matched < decided {
		t.Error("too few of one kind")
	}
}

// TestAutomatonOfRE2 is the same for expressions of RE2.
func TestAutomatonOfRE2(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	for _, expr := range []string{
		`(?i)k[a-c]`, `(?m)^a$`, `(?s)a.b`, `a.b`, `\Aa|b\z`, `\bab\b`, `\Ba`, `(?U)a+b`, `[[:alpha:]]+$`, `\pL`, `\s`, `a{2,3}`, `x*`, `(?i)[^k]$`, `\Qa.b\E`,
	} {
		p, err := readRE2("", expr)
		if err != nil {
			t.Fatal(err)
		}
		re := regexp.MustCompile(expr)
		alphabet := []rune("aabbkK\u212a. \n\u00a0A-")
		for range 3000 {
			var b strings.Builder
			for range rng.IntN(6) {
				b.WriteRune(alphabet[rng.IntN(len(alphabet))])
			}
			if got, want := p.run(b.String()), re.MatchString(b.String()); got != want {
				t.Errorf("%q on %q: %t", expr, b.String(), got)
			}
		}
	}
}
