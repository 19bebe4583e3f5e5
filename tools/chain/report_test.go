package chain

import (
	"fmt"
	"slices"
	"testing"

	"github.com/omninode/trestle/tools/chain/judge"
)

// report is what the judges said of all values.
type report struct {
	schemas, values map[string]int
	verdicts        map[judge.Verdict]int
	refused         map[string]int
	broken          []string
	causes          map[string]*cause
}

// cause is a kind of disagreement, with the first that was met.
type cause struct {
	count   int
	example string
}

func newReport() *report {
	return &report{
		schemas: map[string]int{}, values: map[string]int{}, verdicts: map[judge.Verdict]int{}, refused: map[string]int{},
		causes: map[string]*cause{},
	}
}

func (r *report) addProject(p *project) {
	for reason, n := range p.refused {
		r.refused[reason] += n
	}
	r.broken = append(r.broken, p.broken...)
}

func (r *report) add(c *testCase) {
	r.schemas[string(c.language)]++
	for i, text := range c.texts {
		r.values[string(c.language)]++
		first := c.heard[c.judges[0]][i]
		r.verdicts[first.Verdict]++
		for _, name := range c.judges[1:] {
			if other := c.heard[name][i]; other.Verdict != first.Verdict {
				r.disagree(c, text, c.judges[0], name, first, other)
			}
		}
	}
}

func (r *report) disagree(c *testCase, value []byte, a, b string, x, y judge.Answer) {
	key := fmt.Sprintf("%s: %s %s, %s %s: %s", c.language, a, x.Verdict, b, y.Verdict, general(reasonOf(x, y)))
	if r.causes[key] == nil {
		r.causes[key] = &cause{example: fmt.Sprintf("%s\n  value %s\n  %s: %s\n  %s: %s", c.text, value, a, x.Why, b, y.Why)}
	}
	r.causes[key].count++
}

func reasonOf(x, y judge.Answer) string {
	if x.Why == "" {
		return y.Why
	}
	return x.Why
}

func (r *report) print(t *testing.T) {
	t.Helper()
	fmt.Printf("schemas %v, values %v, verdicts %v\n", r.schemas, r.values, r.verdicts)
	for _, reason := range sortedKeys(r.refused) {
		fmt.Printf("refused %d: %s\n", r.refused[reason], reason)
	}
	for _, b := range r.broken {
		t.Errorf("%s", b)
	}
	keys := sortedKeys(r.causes)
	slices.SortStableFunc(keys, func(a, b string) int { return r.causes[b].count - r.causes[a].count })
	for _, key := range keys {
		t.Errorf("%d times: %s\n%s", r.causes[key].count, key, r.causes[key].example)
	}
}
