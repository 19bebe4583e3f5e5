package chain

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/omninode/trestle/tools/chain/judge"
	"github.com/omninode/trestle/tools/chain/outside"
	"github.com/omninode/trestle/tools/schema/jsontree"
	"github.com/omninode/trestle/tools/values"
	"github.com/omninode/trestle/tools/values/valuestest"
)

var pairsFlag = flag.Int("pairs", 200, "of how many edits of a schema TestCovers asks")

// TestCovers asks for random plain JSON Schemas and edits of them whether one admits all that the other does: the algebra
// of the checker, and jsonschema-rs. No yes may meet a no.
func TestCovers(t *testing.T) {
	t.Parallel()
	others := outside.Start(t)
	seed := drawnSeed(t, "pairs", *pairsFlag)
	said := map[string]int{} // by our verdict and theirs
	differences := map[string]int{}
	for i := 0; i < *pairsFlag; i++ {
		m := &valuestest.Maker{Rand: rand.New(rand.NewPCG(seed, uint64(i)))}
		first := m.Document(3)
		second := m.Edit(first, 3)
		texts := [2]string{string(write(first)), string(write(second))}
		shapes, ok := shapesOf(t, texts)
		if !ok {
			continue
		}
		prover := shapes.prover
		theirs := others.Covers(t, []outside.Pair{{texts[1], texts[0]}, {texts[0], texts[1]}})
		for d, their := range theirs {
			narrow, wide := d, 1-d
			ours := prover.Includes(shapes.of[narrow], shapes.of[wide])
			verdict := map[values.Inclusion]string{values.Included: "yes", values.NotIncluded: "no"}[ours.Inclusion]
			if verdict == "" {
				verdict = "unknown"
			}
			if strings.HasPrefix(their, "failed") {
				their = "failed"
			}
			said["algebra "+verdict+", jsonschema-rs "+their]++
			if verdict == "yes" && their == "no" || verdict == "no" && their == "yes" {
				why := shownCover(t, others, texts[narrow], texts[wide], ours)
				if without := withoutFormats(t, texts[narrow], texts[wide]).Inclusion; why == "" &&
					(without == values.NotIncluded && their == "no" || without == values.Included && their == "yes") {
					why = "without formats the algebra says the same: they are asserted here, and annotations for jsonschema-rs"
				}
				if why != "" {
					differences[why]++
					continue
				}
				member := ""
				if ours.HasMember {
					member = fmt.Sprintf(", as %s shows", write(ours.Member))
				}
				t.Errorf("pair %d: the algebra says %s, jsonschema-rs %s%s\nall of %s\nin     %s", i, verdict, their, member, texts[narrow], texts[wide])
			}
		}
	}
	for _, k := range slices.Sorted(maps.Keys(said)) {
		t.Logf("%6d  %s", said[k], k)
	}
	for _, k := range slices.Sorted(maps.Keys(differences)) {
		t.Logf("%6d  intended: %s", differences[k], k)
	}
}

// shapes are two schemas in one algebra.
type shapes struct {
	prover *values.Prover
	of     [2]*values.Shape
}

// shapesOf reads two schemas; false where one is no schema after all.
func shapesOf(t *testing.T, texts [2]string) (shapes, bool) {
	t.Helper()
	s := shapes{prover: values.NewProver()}
	for i, text := range texts {
		if compiled(t, text) == nil {
			return s, false
		}
		v, err := jsontree.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		s.of[i], err = s.prover.FromJSONSchema(&values.Documents{Files: map[string]*jsontree.Value{"a.json": v}}, text, "a.json", "", values.Strict)
		if err != nil {
			return s, false
		}
	}
	return s, true
}

func compiled(t *testing.T, text string) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("mem:///a.json", document); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("mem:///a.json")
	if err != nil {
		return nil
	}
	return s
}

// shownCover says why a no of the algebra stands against a yes of jsonschema-rs: a third judge, who asserts formats, finds
// the member that the algebra names valid by one schema and invalid by the other. Empty where it does not.
func shownCover(t *testing.T, others *outside.Judges, narrow, wide string, ours values.Answer) string {
	t.Helper()
	if !ours.HasMember {
		return ""
	}
	member := [][]byte{write(ours.Member)}
	in, out := others.JSONSchema(t, []byte(narrow), member)[0], others.JSONSchema(t, []byte(wide), member)[0]
	if in.Verdict != judge.Valid || out.Verdict != judge.Invalid {
		return ""
	}
	if strings.Contains(narrow+wide, `"format"`) {
		return "python-jsonschema shows it: formats are asserted here, and annotations for jsonschema-rs"
	}
	return "python-jsonschema shows it, without formats"
}

// withoutFormats is what the algebra says of two schemas without their formats.
func withoutFormats(t *testing.T, texts ...string) values.Answer {
	t.Helper()
	var without [2]string
	for i, text := range texts {
		var v any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		without[i] = string(write(withoutFormat(v)))
	}
	s, ok := shapesOf(t, without)
	if !ok {
		return values.Answer{}
	}
	return s.prover.Includes(s.of[0], s.of[1])
}

func withoutFormat(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, member := range v {
			if _, text := member.(string); name != "format" || !text {
				out[name] = withoutFormat(member)
			}
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = withoutFormat(item)
		}
		return out
	}
	return v
}
