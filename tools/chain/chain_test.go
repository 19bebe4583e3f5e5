package chain

import (
	"flag"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/omninode/trestle/runtime/trestletest/services"
	"github.com/omninode/trestle/tools/chain/judge"
	"github.com/omninode/trestle/tools/event"
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
)

var (
	schemasFlag = flag.Int("schemas", 0, "how many schemas TestChain draws")
	seedFlag    = flag.Uint64("seed", 0, "what TestChain draws them from; 0: another each time")
)

func TestMain(m *testing.M) { os.Exit(services.Main(m)) }

// perProject is how many schemas are compiled at once.
const perProject = 250

// TestChain has all judges say what they make of values of schemas that nobody wrote.
func TestChain(t *testing.T) {
	if *schemasFlag == 0 {
		t.Skip("no schemas are asked for: -schemas N")
	}
	python := services.Python(t)
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("seed %d", seed)
	sum := newReport()
	for first := 0; first < *schemasFlag; first += perProject {
		r := rand.New(rand.NewPCG(seed, uint64(first)))
		p := drawProject(t, r, first, min(perProject, *schemasFlag-first))
		sum.addProject(p)
		generated, py := startGenerated(t, p), startPython(t, python, p)
		bySchema := judge.New(event.Events(p.set))
		for _, s := range p.subjects {
			c := newCase(r, s)
			c.hear("tools/event", bySchema.Answer(c.question()).Answers)
			c.hear("generated Go", generated.answers(t, c.question()))
			c.hear("generated Python", py.answers(t, judge.Question{Type: s.name, JSON: c.texts}))
			sum.add(c)
		}
	}
	sum.print(t)
}

// testCase is a schema with the values that are judged by it, and what was said of them.
type testCase struct {
	*subject
	texts  [][]byte // in JSON
	binary [][]byte
	judges []string
	heard  map[string][]judge.Answer // by judge: of texts, then of binary
}

func newCase(r *rand.Rand, s *subject) *testCase {
	c := &testCase{subject: s, heard: map[string][]judge.Answer{}}
	var all []any
	if s.language == schema.JSONSchema {
		samples := newSampler(r, s.path, s.text)
		all = samples.values("", samples.root, 4)
	} else {
		samples := &messageSampler{Rand: r, maker: values.NewMaker()}
		all = samples.events(s.event.Message)
	}
	for _, v := range all {
		c.texts = append(c.texts, write(v))
	}
	return c
}

func (c *testCase) question() judge.Question {
	return judge.Question{Type: c.name, JSON: c.texts, Binary: c.binary}
}

func (c *testCase) hear(name string, answers []judge.Answer) {
	c.judges = append(c.judges, name)
	c.heard[name] = answers
}
