package confluent_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/omninode/trestle/compat"
	"github.com/omninode/trestle/compat/confluent/evolutions"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

// TestEvolutions holds profile confluent to what Confluent's checkers say of each evolution at each level: whether they
// refuse it, and for which differences.
func TestEvolutions(t *testing.T) {
	t.Parallel()
	all, err := evolutions.All()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 200 {
		t.Fatalf("only %d evolutions", len(all))
	}
	seen := map[string]bool{}
	for _, e := range all {
		if seen[e.ID()] {
			t.Errorf("%s is there twice", e.ID())
		}
		seen[e.ID()] = true
		t.Run(e.ID(), func(t *testing.T) {
			t.Parallel()
			var sets []*schema.Set
			for _, text := range e.Versions() {
				set, err := load.Schemas(t.Context(), load.Files(map[string][]byte{e.File(): []byte(text)}), load.ToCompare())
				if err != nil {
					t.Fatal(err)
				}
				sets = append(sets, set)
			}
			for _, mode := range compat.Modes() {
				want := slices.Clone(e.Differences(string(mode)))
				report, err := compat.CompareHistory(sets[:len(sets)-1], sets[len(sets)-1], compat.Options{
					Profile: compat.Confluent, Mode: mode, NoWitness: true,
				})
				if err != nil {
					t.Fatal(err)
				}
				if report.Compatible != (len(want) == 0) {
					t.Errorf("%s: compatible %t, while Confluent's differences are %v", mode, report.Compatible, want)
					continue
				}
				if slices.Contains(want, evolutions.Fails) {
					continue // a checker that fails names no difference
				}
				var got []string
				for _, f := range report.Findings {
					kind, _, _ := strings.Cut(f.Change, " at ")
					got = append(got, kind)
				}
				if mode.Transitive() && len(e.Before) > 0 {
					// Confluent's checkers stop at the latest version that refuses it.
					got = slices.DeleteFunc(got, func(kind string) bool { return !slices.Contains(want, kind) })
				}
				if diff := cmp.Diff(distinct(want), distinct(got)); diff != "" {
					t.Errorf("%s: differences (-Confluent's +ours):\n%s", mode, diff)
				}
			}
		})
	}
}

func distinct(kinds []string) []string {
	slices.Sort(kinds)
	return slices.Compact(kinds)
}
