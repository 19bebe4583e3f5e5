package chain

import (
	"flag"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/omninode/trestle/runtime/trestletest/services"
	"github.com/omninode/trestle/tools/chain/judge"
	"github.com/omninode/trestle/tools/chain/outside"
	"github.com/omninode/trestle/tools/event"
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
)

var (
	schemasFlag = flag.Int("schemas", 40, "how many schemas TestChain draws at least")
	seedFlag    = flag.Uint64("seed", 0, "what TestChain and TestCovers draw from, as a failing run prints it; 0: another each time")
	firstFlag   = flag.Int("first", 0, "the number of the schema at which TestChain begins, as if those before it were judged; rounded down to what is compiled at once")
)

func TestMain(m *testing.M) { os.Exit(services.Main(m)) }

// perProject is how many schemas are compiled at once.
const perProject = 250

// TestChain has all judges say what they make of values of schemas that nobody wrote.
func TestChain(t *testing.T) {
	python, others := services.Python(t), outside.Start(t)
	seed := drawnSeed(t, "schemas", *schemasFlag)
	sum := newReport()
	for p := range drawAhead(t, seed, *schemasFlag) {
		sum.addProject(p)
		all := startJudges(t, python, others, p)
		bySchema := event.New(p.set)
		for _, s := range p.subjects {
			sum.add(all.hear(t, newCase(t, p.rand, bySchema, s)))
		}
		all.close()
		remove(p.dir)
		sum.progress(t)
	}
	sum.print(t)
}

// drawnSeed is the seed that was asked for, or a fresh one, and says how to run the test with it again.
func drawnSeed(t *testing.T, size string, n int) uint64 {
	t.Helper()
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("again: go test ./tools/chain -run '^%s$' -count=1 -v -%s %d -seed %d", t.Name(), size, n, seed)
	return seed
}

// drawAhead draws projects until they have so many schemas, the next while one is judged. What a project holds depends on
// the seed and its first schema's number alone, but for the last, which may be smaller.
func drawAhead(t *testing.T, seed uint64, schemas int) <-chan *project {
	projects := make(chan *project)
	var cache *buildCache
	if schemas > 4*perProject { // fewer are not worth the time in which libraries are compiled again
		cache = newBuildCache(t)
	}
	go func() {
		defer close(projects)
		for first := *firstFlag / perProject * perProject; schemas > 0; first += perProject {
			r := rand.New(rand.NewPCG(seed, uint64(first)))
			p := drawProject(t, r, cache, first, min(perProject, 2*schemas))
			schemas -= len(p.subjects)
			projects <- p
		}
	}()
	return projects
}

// testCase is a schema with the values that are judged by it.
type testCase struct {
	*subject
	texts  [][]byte // in JSON
	binary [][]byte // in protobuf's binary form
}

func newCase(t *testing.T, r *rand.Rand, schemas *event.Schemas, s *subject) *testCase {
	t.Helper()
	c := &testCase{subject: s}
	typ, err := schemas.Type(s.event.Message)
	if err != nil {
		t.Fatalf("%v\n%s", err, s.text)
	}
	var all []any
	if s.language == schema.JSONSchema {
		samples := newSampler(r, s.path, s.text)
		all = samples.values("", samples.root, 4)
	} else {
		samples := &messageSampler{Rand: r, maker: values.NewMaker(), typ: typ}
		all = samples.events(s.event.Message)
	}
	good := []byte("{}")
	for _, v := range all {
		text := write(v)
		c.texts = append(c.texts, text)
		read, err := typ.ReadJSON(text, judge.Now)
		if _, ok := v.(object); ok && (err == nil || string(good) == "{}" && r.IntN(3) == 0) {
			good = text
		}
		if only := onlyBinary(typ, text); only != nil {
			c.binary = append(c.binary, only)
		}
		if b, ok := read.(event.Binary); ok && r.IntN(6) == 0 {
			c.binary = append(c.binary, spoilt(r, binaryOf(b))...)
		}
	}
	if s.language == schema.Protobuf {
		c.binary = append(c.binary, odd(s.event.Message.Proto)...)
	}
	c.texts = append(c.texts, hostile(r, good)...)
	return c
}
