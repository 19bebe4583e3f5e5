package compat

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
)

// TestConstraintsSwap holds that going back undoes going forth: what is tighter one way is looser the other, and what
// is exchanged is exchanged both ways.
func TestConstraintsSwap(t *testing.T) {
	t.Parallel()
	rng := seeded(t)
	for range 4000 {
		a, b := randomPair(rng)
		there, back := relations(changesOf(a, b)), relations(changesOf(b, a))
		if there[tighter] != back[looser] || there[looser] != back[tighter] || there[exchanged] != back[exchanged] {
			t.Fatalf("there %v, back %v\n%s\n%s", there, back, dump(a), dump(b))
		}
	}
}

// TestConstraintsSound holds that a value which the old type accepts and the new one does not is never passed over,
// and that of a type and itself nothing is said.
func TestConstraintsSound(t *testing.T) {
	t.Parallel()
	rng := seeded(t)
	broken, silent := 0, 0
	for range 4000 {
		old, new := randomPair(rng)
		if changes := changesOf(old, old); len(changes) > 0 {
			t.Fatalf("a type against itself: %+v\n%s", changes, dump(old))
		}
		found := relations(changesOf(old, new))
		backward, forward := found[tighter]+found[exchanged] > 0, found[looser]+found[exchanged] > 0
		if !backward && !forward {
			silent++
		}
		for _, v := range samples(old.Kind) {
			inOld, inNew := values.SurelyAccepts(old, v), values.SurelyAccepts(new, v)
			if inOld && !inNew {
				broken++
			}
			if inOld && !inNew && !backward || inNew && !inOld && !forward {
				t.Fatalf("%s: in old %v, in new %v, found %v\n%s\n%s", v, inOld, inNew, found, dump(old), dump(new))
			}
		}
	}
	if broken < 1000 || silent < 50 {
		t.Errorf("%d values broke and %d pairs were silent: the generator no longer reaches both", broken, silent)
	}
}

func seeded(t *testing.T) *rand.Rand {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}

func relations(changes []constraintChange) map[relation]int {
	out := map[relation]int{}
	for _, c := range changes {
		out[c.relation]++
	}
	return out
}

// randomPair returns a type and one that differs from it in a constraint or two.
func randomPair(rng *rand.Rand) (a, b *schema.Type) {
	kind := []schema.Kind{schema.Int64, schema.Double, schema.String}[rng.IntN(3)]
	a = &schema.Type{Kind: kind}
	for range rng.IntN(4) {
		constrain(rng, a)
	}
	c := *a
	b = &c
	for range 1 + rng.IntN(2) {
		constrain(rng, b)
	}
	return a, b
}

func constrain(rng *rand.Rand, t *schema.Type) {
	c := &t.Constraints
	if rng.IntN(8) == 0 {
		*c = schema.Constraints{}
		return
	}
	if t.Kind == schema.String {
		n := uint64(rng.IntN(4))
		switch rng.IntN(5) {
		case 0:
			c.MinLen = &n
		case 1:
			n += 2
			c.MaxLen = &n
		case 2:
			c.Pattern = []string{"", "^a", "b", "^[ab]*$"}[rng.IntN(4)]
		case 3:
			c.In = [][]string{nil, {`"a"`}, {`"a"`, `"ab"`}, {`"b"`, `"abc"`}}[rng.IntN(4)]
		case 4:
			c.NotIn = [][]string{nil, {`"a"`}, {`"a"`, `"ab"`}}[rng.IntN(3)]
		}
		return
	}
	bound := &schema.Bound{Value: fmt.Sprint(rng.IntN(5)), Exclusive: rng.IntN(2) == 0}
	if t.Kind == schema.Double && rng.IntN(2) == 0 {
		bound.Value += ".5"
	}
	switch rng.IntN(5) {
	case 0:
		c.Min = bound
	case 1:
		bound.Value = "1" + bound.Value
		c.Max = bound
	case 2:
		c.MultipleOf = []string{"", "0.5", "1", "2", "3"}[rng.IntN(5)]
	case 3:
		c.In = [][]string{nil, {"1"}, {"1", "2.0"}, {"4", "11"}}[rng.IntN(4)]
	case 4:
		c.NotIn = [][]string{nil, {"1"}, {"1", "4"}}[rng.IntN(3)]
	}
}

func samples(k schema.Kind) []string {
	var out []string
	if k == schema.String {
		for _, s := range []string{"", "a", "b", "ab", "ba", "abc", "aaaa", "cccccc"} {
			text, _ := json.Marshal(s)
			out = append(out, string(text))
		}
		return out
	}
	for n := -2; n <= 16; n++ {
		out = append(out, fmt.Sprint(n))
		if k == schema.Double {
			out = append(out, fmt.Sprintf("%d.25", n+2), fmt.Sprintf("%d.5", n+2))
		}
	}
	return out
}

func dump(t *schema.Type) string {
	text, _ := json.Marshal(t)
	return string(text)
}

func changesOf(old, new *schema.Type) []constraintChange {
	return constraintChanges(values.NewProver(), old, new, [2]readOutcome{readsJSON(old, new), readsJSON(new, old)})
}
