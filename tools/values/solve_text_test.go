package values

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// TestTexts holds what is said of random limits on strings, of lengths in characters and in bytes, patterns, forms and
// lists, to short strings of every width, all of them, and to texts of forms.
func TestTexts(t *testing.T) {
	t.Parallel()
	texts := []string{""}
	for from := 0; len(texts) < 5000; from++ {
		for _, r := range "aB1é€\U0001F600" {
			texts = append(texts, texts[from]+string(r))
		}
	}
	texts = append(texts, formSeeds...)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	count := map[Inclusion]int{}
	for range 400 {
		p := NewProver()
		a, nameA := randomTexts(rng, p.Space)
		b, nameB := randomTexts(rng, p.Space)
		got := p.Includes(a, b)
		count[got.Inclusion]++
		at := slices.IndexFunc(texts, func(s string) bool { return a.contains(s, 0) == yes && b.contains(s, 0) == no })
		if at >= 0 && got.Inclusion == Included {
			t.Errorf("%s is said to be within %s, %q is not", nameA, nameB, texts[at])
		}
		if got.Inclusion == NotIncluded && (a.contains(got.Member, 0) != yes || b.contains(got.Member, 0) != no) {
			t.Errorf("%s, not within %s: %q is no such text", nameA, nameB, got.Member)
		}
	}
	t.Logf("%d included, %d not, %d unknown", count[Included], count[NotIncluded], count[Unknown])
	if count[Included] < 20 || count[NotIncluded] < 100 || count[Unknown] > 20 {
		t.Errorf("%d included, %d not, %d unknown", count[Included], count[NotIncluded], count[Unknown])
	}
}

// randomTexts is a set of strings by one or two limits, and what it is.
func randomTexts(rng *rand.Rand, s *Space) (*Shape, string) {
	parts, names := []*Shape{s.OfKind(String)}, []string{}
	for range 1 + rng.IntN(2) {
		low := rng.IntN(5)
		high := low + rng.IntN(5)
		if rng.IntN(3) == 0 {
			high = -1
		}
		var a *Shape
		name := ""
		switch rng.IntN(6) {
		case 0, 1:
			a, name = s.Length(String, low, high), fmt.Sprintf("characters %d..%d", low, high)
		case 2, 3:
			low, high = low*2, high*2
			a, name = s.ByteLength(low, max(high, -1)), fmt.Sprintf("bytes %d..%d", low, max(high, -1))
		case 4:
			exprs := []string{"^[aB]*$", "^[^1]{2,3}$", "é", "^(?:€|\U0001F600)+$", "^(?!a)", "1$", "^a?é?$"}
			expr := exprs[rng.IntN(len(exprs))]
			a, name = s.PatternECMA(expr), expr
		default:
			forms := []string{"uuid", "ipv4", "date", "duration", "uri-reference", "hostname", "tuuid"}
			form := forms[rng.IntN(len(forms))]
			a, name = s.textForm(form), form
		}
		if rng.IntN(6) == 0 {
			a, name = s.Not(a), "not "+name
		}
		parts, names = append(parts, a), append(names, name)
	}
	return s.And(parts...), strings.Join(names, " and ")
}

// TestTextLengths holds the lengths of strings in bytes to those in characters.
func TestTextLengths(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		a, b   func(s *Space) *Shape
		within bool
	}{
		"four bytes a character":      {chars(0, 4), octets(0, 16), true},
		"and not one more":            {chars(0, 4), octets(0, 15), false},
		"one byte a character":        {chars(4, 4), octets(4, -1), true},
		"many characters":             {chars(0, 1<<29), octets(0, 1<<31), true},
		"bytes bound characters":      {octets(0, 4), chars(0, 4), true},
		"bytes make characters":       {octets(4, 4), chars(1, 4), true},
		"but not one for each":        {octets(4, 4), chars(2, 4), false},
		"of a pattern":                {expr("^[a-z]{40}$"), octets(40, 40), true},
		"of a pattern that is wider":  {expr("^[a-zé]{40}$"), octets(40, 80), true},
		"of one too wide":             {expr("^[a-zé]{40}$"), octets(40, 79), false},
		"of a long pattern":           {expr("^[^\\n]{1,500}$"), octets(1, 2000), true},
		"of a pattern without an end": {expr("^é+$"), octets(2, -1), true},
		"even or odd":                 {expr("^(?:éé)+$"), octets(4, -1), true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := NewProver()
			got := p.Includes(p.And(p.OfKind(String), tt.a(p.Space)), tt.b(p.Space))
			if want := map[bool]Inclusion{true: Included, false: NotIncluded}[tt.within]; got.Inclusion != want {
				t.Errorf("got %v, want %v: %s", got.Inclusion, want, got.Why)
			}
		})
	}
}

func chars(low, high int) func(*Space) *Shape {
	return func(s *Space) *Shape { return s.Length(String, low, high) }
}

func octets(low, high int) func(*Space) *Shape {
	return func(s *Space) *Shape { return s.ByteLength(low, high) }
}

func expr(e string) func(*Space) *Shape {
	return func(s *Space) *Shape { return s.PatternECMA(e) }
}
