package compat_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/omninode/trestle/compat"
	"github.com/omninode/trestle/tools/event"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values/valuestest"
)

// TestLoosened makes random schemas of both languages and takes all that they take, and more, by construction: new readers
// take old data, and of a hundred such edits at most one may be refused.
func TestLoosened(t *testing.T) {
	t.Parallel()
	from := *seed
	if from == 0 {
		from = uint64(time.Now().UnixNano())
	}
	for _, language := range []struct {
		name, file string
		loosen     func(r *rand.Rand) (texts [2]string, what string)
	}{{"JSON Schema", "p/v1/a.json", loosenedJSON}, {"protobuf", "p/v1/a.proto", loosenedProto}} {
		total, refused := map[string]int{}, map[string]int{}
		count, wrong := 0, 0
		for i := range *evolutions {
			s := from + uint64(i)
			texts, what := language.loosen(rand.New(rand.NewPCG(s, 5)))
			if texts[0] == texts[1] {
				continue // nothing was found to loosen, or it is in a definition that nothing refers to
			}
			sets, ok := loadBoth(t, language.file, texts)
			if !ok || !validDefaults(t, sets[0]) || !validDefaults(t, sets[1]) {
				continue // there is no event without a property whose default is refused
			}
			count++
			total[what]++
			r := compare(t, sets[0], sets[1], compat.Options{Mode: compat.ModeBackward})
			if r.Compatible {
				continue
			}
			wrong++
			if refused[what]++; refused[what] <= 2 {
				t.Logf("seed %d: %s: %s\nold %s\nnew %s", s, what, r.Findings[0].Message(), texts[0], texts[1])
			}
		}
		for _, what := range slices.Sorted(maps.Keys(total)) {
			t.Logf("%s: %5d of %5d refused: %s", language.name, refused[what], total[what], what)
		}
		if wrong*100 > count+50 { // a hundred are too few to tell one from two
			t.Errorf("%s: seed %d: of %d edits that only loosen %d are refused", language.name, from, count, wrong)
		}
	}
}

func loosenedJSON(r *rand.Rand) (texts [2]string, what string) {
	m := &valuestest.Maker{Rand: r}
	first := m.EventSchema()
	second, what := m.Loosen(first)
	return [2]string{valuestest.EventSchemaText(first), valuestest.EventSchemaText(second)}, what
}

func loosenedProto(r *rand.Rand) (texts [2]string, what string) {
	g := &protoMaker{r}
	first := g.schema()
	second, what := g.loosen(first)
	return [2]string{first.text(), second.text()}, what
}

// loadBoth loads two versions of a file; false where no types can be made of one.
func loadBoth(t *testing.T, file string, texts [2]string) (sets [2]*schema.Set, ok bool) {
	t.Helper()
	for i, text := range texts {
		set, err := load.Schemas(t.Context(), load.Files(map[string][]byte{file: []byte(text)}), load.ToCompare())
		if err != nil {
			return sets, false
		}
		sets[i] = set
	}
	return sets, true
}

// validDefaults says whether every default is allowed by the rules of its property.
func validDefaults(t *testing.T, set *schema.Set) bool {
	t.Helper()
	schemas := event.New(set)
	for _, m := range set.Packages[0].Messages {
		for _, f := range m.Fields {
			if f.Default != "" && schemas.CheckField(f, []byte(f.Default)) != nil {
				return false
			}
		}
	}
	return true
}
