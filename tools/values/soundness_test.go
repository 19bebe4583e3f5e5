package values_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/omninode/trestle/runtime/genapi/ecma"
	"github.com/omninode/trestle/tools/schema/jsontree"
	"github.com/omninode/trestle/tools/values"
	"github.com/omninode/trestle/tools/values/valuestest"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

var (
	evolutions = flag.Int("evolutions", 2000, "how many random evolutions to try")
	seed       = flag.Uint64("seed", 0, "where to begin; 0: anywhere")
)

func compile(t testing.TB, text string) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	c.UseRegexpEngine(func(expr string) (jsonschema.Regexp, error) { // Go's own take a carriage return for any other character
		re, err := ecma.Compile(expr)
		if err != nil {
			return nil, err // not a nil pointer in an interface
		}
		return re, nil
	})
	if err := c.AddResource("mem:///a.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("mem:///a.json")
	if err != nil {
		return nil // no schema after all
	}
	return s
}

func text(t testing.TB, v any) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestSoundness makes random schemas and edits of them. The algebra and a validator have to agree on each value, no
// value may contradict an inclusion, and each difference that is shown has to be one. Every processor takes evolutions of
// its own; all stop at the first contradiction.
func TestSoundness(t *testing.T) {
	t.Parallel()
	from := *seed
	if from == 0 {
		from = uint64(time.Now().UnixNano())
	}
	workers := uint64(runtime.GOMAXPROCS(0))
	counts := make([]map[values.Inclusion]int, workers)
	var next atomic.Uint64
	t.Run("workers", func(t *testing.T) {
		for w := range workers {
			counts[w] = map[values.Inclusion]int{}
			t.Run(fmt.Sprint(w), func(t *testing.T) {
				t.Parallel()
				for i := next.Add(1) - 1; i < uint64(*evolutions); i = next.Add(1) - 1 {
					s := from + i
					evolve(t, s, counts[w])
					if t.Failed() {
						contradicted.Store(true)
						t.Fatalf("seed %d (go test -run '^TestSoundness$' -evolutions 1 -seed %d)", s, s)
					}
					if contradicted.Load() {
						return
					}
				}
			})
		}
	})
	sum := map[values.Inclusion]int{}
	for _, of := range counts {
		for answer, n := range of {
			sum[answer] += n
		}
	}
	t.Logf("seed %d: %d evolutions: %d included, %d not, %d unknown", from, *evolutions, sum[values.Included], sum[values.NotIncluded], sum[values.Unknown])
}

// contradicted says that one of the searches found a contradiction.
var contradicted atomic.Bool

// TestSoundnessKept holds the evolutions that once were contradictions.
func TestSoundnessKept(t *testing.T) {
	t.Parallel()
	for _, s := range kept {
		t.Run(fmt.Sprint(s), func(t *testing.T) {
			t.Parallel()
			evolve(t, s, map[values.Inclusion]int{})
		})
	}
}

var kept = []uint64{
	1795456665335995273, // propertyNames with a keyword beside its $ref
	1795603204609880386, // two demands that one member has to serve, under a name of both
}

func evolve(t *testing.T, s uint64, count map[values.Inclusion]int) {
	t.Helper()
	m := &valuestest.Maker{Rand: rand.New(rand.NewPCG(s, 1)), Draft7: s%4 == 0}
	first := m.Document(3)
	second, _ := m.Edit(first, 3).(map[string]any)
	texts := []string{text(t, first), text(t, second)}
	var schemas []*jsonschema.Schema
	var shapes []*values.Shape
	p := values.NewProver()
	for _, x := range texts {
		c := compile(t, x)
		if c == nil {
			return
		}
		schemas = append(schemas, c)
		v, err := jsontree.Parse([]byte(x))
		if err != nil {
			t.Fatal(err)
		}
		a, err := p.FromJSONSchema(&values.Documents{Files: map[string]*jsontree.Value{"a.json": v}}, x, "a.json", "", values.Strict)
		if err != nil {
			return // it is part of itself, with nothing between
		}
		shapes = append(shapes, a)
	}
	var answers []values.Answer
	for i := range 2 {
		a := p.Includes(shapes[i], shapes[1-i])
		answers = append(answers, a)
		count[a.Inclusion]++
		if a.Inclusion == values.NotIncluded {
			if schemas[i].Validate(a.Member) != nil || schemas[1-i].Validate(a.Member) == nil {
				t.Errorf("%sin %sis said not to be, by %s, which is not so", texts[i], texts[1-i], text(t, a.Member))
			}
		}
	}
	for range 40 {
		v := m.Value(3)
		var valid [2]bool
		for i := range 2 {
			valid[i] = schemas[i].Validate(v) == nil
			if in, sure := shapes[i].Contains(v); sure && in != valid[i] {
				t.Errorf("%s: the validator says %t of %s", texts[i], valid[i], text(t, v))
			}
		}
		for i, a := range answers {
			if a.Inclusion == values.Included && valid[i] && !valid[1-i] {
				t.Errorf("%sin %sis said to be, but %s", texts[i], texts[1-i], text(t, v))
			}
		}
	}
}
