package compat_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/omninode/trestle/compat"
	"github.com/omninode/trestle/compat/witness"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/schema/jsontree"
	"github.com/omninode/trestle/tools/values"
	"github.com/omninode/trestle/tools/values/valuestest"
)

var (
	evolutions = flag.Int("evolutions", 300, "how many random evolutions to try")
	seed       = flag.Uint64("seed", 0, "where to begin; 0: anywhere")
)

// tally counts what a search came to.
type tally struct {
	evolutions int // that were compared; others are no schemas after all, or change nothing
	compatible int // verdicts, of one direction and encoding each
	events     int // that were held against them
	findings   int // about data
	unknown    int // of these, those that say so
}

// kinds are the kinds of schemas of which evolutions are made, and how. Of so many findings, known, at most one may be unknown:
// of schemas of any kind one in fifty has parts that no algebra looks into, as they refer to themselves with nothing between.
var kinds = []struct {
	of     string
	evolve func(*testing.T, uint64, *tally)
	known  int
}{
	{"events in JSON Schema", evolveJSON, 100}, {"events in protobuf", evolveProto, 100},
	{"events of more than the model holds", evolveBeside, 100}, {"JSON Schemas of any kind", evolveDocument, 30},
}

// TestSoundness makes random schemas of both languages, edits them, and holds random events of the writer against the
// verdict of each direction and encoding: where nothing was found, no reader may reject, misread or lose anything.
// Every processor takes evolutions of its own; all stop at the first contradiction.
func TestSoundness(t *testing.T) {
	t.Parallel()
	from := *seed
	if from == 0 {
		from = uint64(time.Now().UnixNano())
	}
	workers := uint64(runtime.GOMAXPROCS(0))
	tallies := make([][]tally, workers)
	var next atomic.Uint64
	t.Run("workers", func(t *testing.T) {
		for w := range workers {
			tallies[w] = make([]tally, len(kinds))
			t.Run(fmt.Sprint(w), func(t *testing.T) {
				t.Parallel()
				for i := next.Add(1) - 1; i < uint64(*evolutions); i = next.Add(1) - 1 {
					s := from + i
					kind := s % uint64(len(kinds))
					kinds[kind].evolve(t, s, &tallies[w][kind])
					if t.Failed() {
						contradicted.Store(true)
						t.Fatalf("seed %d: again with go test -run '^TestSoundness$' -evolutions 1 -seed %d", s, s)
					}
					if contradicted.Load() {
						return
					}
					if i > 0 && i%100_000 == 0 {
						t.Logf("%d evolutions", i)
					}
				}
			})
		}
	})
	for kind, k := range kinds {
		var sum tally
		for _, of := range tallies {
			sum.add(of[kind])
		}
		t.Logf("seed %d: %s: %+v", from, k.of, sum)
		if sum.findings > 2000 && sum.unknown*k.known > sum.findings {
			t.Errorf("%s: of %d findings %d are unknown, more than one in %d", k.of, sum.findings, sum.unknown, k.known)
		}
	}
}

// contradicted says that one of the searches found a contradiction.
var contradicted atomic.Bool

func (sum *tally) add(of tally) {
	sum.evolutions += of.evolutions
	sum.compatible += of.compatible
	sum.events += of.events
	sum.findings += of.findings
	sum.unknown += of.unknown
}

// TestSoundnessKept holds the evolutions in protobuf that once were contradictions.
func TestSoundnessKept(t *testing.T) {
	t.Parallel()
	for _, s := range []uint64{
		1795872452753165825, // zero, written in a oneof, read as absent by who has zero for a default
	} {
		evolveProto(t, s, &tally{})
	}
}

// evolution is a schema and an edit of it, as texts and as they were loaded.
type evolution struct {
	seed     uint64
	texts    [2]string
	sets     [2]*schema.Set
	messages [2]*schema.Message
	broken   map[schema.Encoding]compat.Direction
}

// newEvolution compares two versions and counts what is found.
func newEvolution(t *testing.T, seed uint64, texts [2]string, sets [2]*schema.Set, sum *tally) *evolution {
	t.Helper()
	e := &evolution{seed: seed, texts: texts, sets: sets}
	for i, s := range sets {
		if e.messages[i] = s.Packages[0].Messages[0]; s.Packages[0].Language == schema.JSONSchema {
			e.messages[i] = s.Packages[0].Files[0].Root.Message
		}
	}
	sum.evolutions++
	e.broken = sum.addFindings(t, compare(t, sets[0], sets[1], compat.Options{}), seed, texts)
	return e
}

// addFindings counts findings, and says which directions they break in which encoding. Each that is about data has an event
// that shows it, or says that it is unknown.
func (sum *tally) addFindings(t *testing.T, r *compat.Report, seed uint64, texts [2]string) map[schema.Encoding]compat.Direction {
	broken := map[schema.Encoding]compat.Direction{}
	for _, f := range r.Findings {
		for _, enc := range f.Encodings {
			broken[enc] |= f.Breaks
		}
		if f.Severity != compat.Error || f.Policy {
			continue
		}
		sum.findings++
		switch {
		case f.Unknown:
			sum.unknown++
		case f.Witness == nil:
			t.Errorf("seed %d: %s of %s says neither what shows it nor that it is unknown: %s\nold %s\nnew %s", seed, f.Rule, f.Path, f.Change, texts[0], texts[1])
		}
	}
	return broken
}

// sides are the writer's message and the reader's in a direction, and their texts.
func (e *evolution) sides(d compat.Direction) (writer, reader *schema.Message, texts [2]string) {
	if d == compat.Backward {
		return e.messages[0], e.messages[1], e.texts
	}
	return e.messages[1], e.messages[0], [2]string{e.texts[1], e.texts[0]}
}

// hold gives an event to the reader. It returns what goes wrong, which is reported where nothing was found; ok is false
// for what is no event of the writer.
func (e *evolution) hold(t *testing.T, finder *witness.Finder, d compat.Direction, enc schema.Encoding, event map[string]any, sum *tally) (w *witness.Witness, ok bool) {
	t.Helper()
	if w, ok = finder.Exchange(e.messages[0], e.messages[1], d == compat.Backward, event, enc); !ok {
		return nil, false
	}
	if e.broken[enc]&d == 0 {
		sum.events++
		if w != nil {
			t.Errorf("seed %d: %s: nothing was found in %s, but %s is %s: %s\nold %s\nnew %s",
				e.seed, d, enc, w.Event, w.Outcome, w.Detail, e.texts[0], e.texts[1])
		}
	}
	return w, true
}

var directions = []compat.Direction{compat.Backward, compat.Forward}

func evolveJSON(t *testing.T, s uint64, sum *tally) { evolveEvent(t, s, false, sum) }

// evolveBeside is evolveJSON with keywords that the model does not hold beside those that it does.
func evolveBeside(t *testing.T, s uint64, sum *tally) { evolveEvent(t, s, true, sum) }

func evolveEvent(t *testing.T, s uint64, beside bool, sum *tally) {
	t.Helper()
	m := &valuestest.Maker{Rand: rand.New(rand.NewPCG(s, 2)), Beside: beside}
	first := m.EventSchema()
	texts := [2]string{valuestest.EventSchemaText(first), valuestest.EventSchemaText(m.EditEventSchema(first))}
	if texts[0] == texts[1] {
		return
	}
	var sets [2]*schema.Set
	for i, text := range texts {
		set, err := load.Schemas(t.Context(), load.Files(map[string][]byte{"p/v1/a.json": []byte(text)}), load.ToCompare())
		if err != nil || set.Packages[0].Files[0].Root == nil || set.Packages[0].Files[0].Root.Message == nil {
			return // no types can be made of it: whole schemas are searched in the package values
		}
		sets[i] = set
	}
	e := newEvolution(t, s, texts, sets, sum)
	finder := witness.NewFinder(e.sets[0], e.sets[1], nil)
	for _, d := range directions {
		if e.broken[schema.EncodingJSON]&d != 0 {
			continue
		}
		sum.compatible++
		writer, _, texts := e.sides(d)
		declares := declared(t, texts[0])
		for i := range 40 {
			v := m.EventValue()
			if i%2 == 0 {
				v = m.Event(writer, 3)
			}
			if in, sure := declares.Contains(v); in && sure {
				e.hold(t, finder, d, schema.EncodingJSON, v, sum)
			}
		}
	}
}

func write(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// declared is what a writer of a schema writes; nil for one that is part of itself, with nothing between.
func declared(t *testing.T, text string) *values.Shape {
	t.Helper()
	v, err := jsontree.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	s, err := values.NewSpace().FromJSONSchema(&values.Documents{Files: map[string]*jsontree.Value{"a": v}}, "a", "a", "", values.Writer)
	if err != nil {
		return nil
	}
	return s
}

func evolveProto(t *testing.T, s uint64, sum *tally) {
	t.Helper()
	g := &protoMaker{rand.New(rand.NewPCG(s, 3))}
	first := g.schema()
	texts := [2]string{first.text(), g.edit(first).text()}
	if texts[0] == texts[1] {
		return
	}
	var sets [2]*schema.Set
	for i, text := range texts {
		set, err := load.Schemas(t.Context(), load.Files(map[string][]byte{"p/v1/a.proto": []byte(text)}))
		if err != nil {
			return
		}
		sets[i] = set
	}
	e := newEvolution(t, s, texts, sets, sum)
	finder := witness.NewFinder(sets[0], sets[1], nil)
	p := values.NewProver()
	for _, d := range directions {
		open := 0
		for _, enc := range []schema.Encoding{schema.EncodingJSON, schema.EncodingProtobuf} {
			if e.broken[enc]&d == 0 {
				open++
			}
		}
		if open == 0 {
			continue
		}
		sum.compatible += open
		writer, _, _ := e.sides(d)
		events := &valuestest.Maker{Rand: g.Rand}
		for range 10 {
			event := events.Event(writer, 3)
			for _, enc := range []schema.Encoding{schema.EncodingJSON, schema.EncodingProtobuf} {
				if w, ok := e.hold(t, finder, d, enc, event, sum); ok {
					e.holdShapes(t, p, d, enc, event, w)
				}
				if t.Failed() {
					return
				}
			}
		}
	}
}

// holdShapes holds an event that was read against the shapes of both sides.
func (e *evolution) holdShapes(t *testing.T, p *values.Prover, d compat.Direction, enc schema.Encoding, event map[string]any, w *witness.Witness) {
	t.Helper()
	writer, reader, texts := e.sides(d)
	var v any = event
	if enc == schema.EncodingProtobuf {
		v = values.InBinary(&schema.Type{Kind: schema.MessageKind, Message: writer}, event)
	}
	if in, sure := p.FromMessage(writer, values.Writer, enc).Contains(v); !in && sure {
		t.Errorf("seed %d: %s is written in %s, but is no member of its shape\n%s", e.seed, write(t, event), enc, texts[0])
	}
	if e.broken[enc]&d != 0 {
		return // fields of other types that are written alike do not meet in the binary form
	}
	rejected := w != nil && w.Outcome == witness.Rejected
	if in, sure := p.FromMessage(reader, values.Reader, enc).Contains(v); sure && in == rejected {
		t.Errorf("seed %d: that %s is rejected in %s is %v, but that it is in the shape, too\nwriter %s\nreader %s",
			e.seed, write(t, event), enc, rejected, texts[0], texts[1])
	}
}
