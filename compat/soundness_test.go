package compat_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/omninode/trestle/compat"
	"github.com/omninode/trestle/compat/shape"
	"github.com/omninode/trestle/tools/schema/jsontree"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

var (
	evolutions = flag.Int("evolutions", 300, "how many random evolutions to try")
	seed       = flag.Uint64("seed", 0, "where to begin; 0: anywhere")
)

// TestSoundness makes random events' schemas, edits them, and holds random events against the verdict: none that the
// writer's schema declares may be rejected where nothing was found.
func TestSoundness(t *testing.T) {
	t.Parallel()
	from := *seed
	if from == 0 {
		from = uint64(time.Now().UnixNano())
	}
	quiet, tried := 0, 0
	for i := range *evolutions {
		s := from + uint64(i)
		g := &generator{rand.New(rand.NewPCG(s, 2))}
		old := g.event()
		new := g.edit(old)
		a, b := write(t, old), write(t, new)
		var breaks compat.Direction
		for _, f := range compare(t, loadText(t, a), loadText(t, b), compat.Options{}).Findings {
			breaks |= f.Breaks
		}
		for _, d := range []compat.Direction{compat.Backward, compat.Forward} {
			writer, reader := a, b
			if d == compat.Forward {
				writer, reader = b, a
			}
			if breaks&d != 0 {
				continue
			}
			quiet++
			w, r := validator(t, writer), validator(t, reader)
			declares := declared(t, writer)
			for range 60 {
				v := g.value()
				if in, sure := declares.Contains(v); !in || !sure || w.Validate(v) != nil {
					continue
				}
				tried++
				if err := r.Validate(v); err != nil {
					t.Fatalf("seed %d: %s: nothing was found, but %s is rejected\nwriter %s\nreader %s\n%v", s, d, write(t, v), writer, reader, err)
				}
			}
		}
	}
	t.Logf("seed %d: %d evolutions, %d directions without a finding, %d events", from, *evolutions, quiet, tried)
}

func write(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(v); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func validator(t *testing.T, text string) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("mem:///a.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("mem:///a.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// declared is what a writer of a schema writes.
func declared(t *testing.T, text string) *shape.Shape {
	t.Helper()
	v, err := jsontree.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	s, err := shape.NewSpace().FromJSONSchema(&shape.Documents{Files: map[string]*jsontree.Value{"a": v}}, "a", "a", "", shape.Writer)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// generator makes events' schemas that the model holds.
type generator struct{ *rand.Rand }

var names = []string{"a", "b", "c"}

func (g *generator) event() map[string]any {
	out := g.object(2)
	out["$schema"], out["title"] = "https://json-schema.org/draft/2020-12/schema", "A"
	return out
}

func (g *generator) object(depth int) map[string]any {
	properties := map[string]any{}
	for _, n := range names[:1+g.IntN(len(names))] {
		properties[n] = g.property(depth - 1)
	}
	out := map[string]any{"type": "object", "properties": properties}
	var required []any
	for _, n := range names {
		if properties[n] != nil && g.IntN(3) == 0 {
			required = append(required, n)
		}
	}
	if required != nil {
		out["required"] = required
	}
	switch g.IntN(4) {
	case 0:
		out["additionalProperties"] = false
	case 1:
		out["additionalProperties"] = g.scalar()
	}
	return out
}

func (g *generator) property(depth int) map[string]any {
	switch n := g.IntN(8); {
	case n == 0 && depth > 0:
		return g.object(depth)
	case n == 1:
		return g.limited(map[string]any{"type": "array", "items": g.scalar()}, "minItems", "maxItems", 3)
	case n == 2:
		return g.limited(map[string]any{"type": "object", "additionalProperties": g.scalar()}, "minProperties", "maxProperties", 3)
	}
	out := g.scalar()
	if g.IntN(6) == 0 && out["enum"] == nil {
		out["type"] = []any{out["type"], "null"}
	}
	return out
}

func (g *generator) scalar() map[string]any {
	switch g.IntN(6) {
	case 0:
		return map[string]any{"type": "boolean"}
	case 1:
		list := []any{"a", "ab", "b", "1"}
		g.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		return map[string]any{"type": "string", "enum": list[:1+g.IntN(3)]}
	case 2, 3:
		out := g.limited(map[string]any{"type": "string"}, "minLength", "maxLength", 4)
		if g.IntN(3) == 0 {
			out["pattern"] = []string{"^a", "b$", "^[ab]*$", "^(a|ab)$", "^.{1,2}$", "1"}[g.IntN(6)]
		}
		return out
	}
	out := g.limited(map[string]any{"type": []string{"integer", "number"}[g.IntN(2)]}, "minimum", "maximum", 6)
	if g.IntN(4) == 0 {
		out["multipleOf"] = 1 + g.IntN(3)
	}
	return out
}

func (g *generator) limited(out map[string]any, low, high string, most int) map[string]any {
	n := g.IntN(most)
	if g.IntN(3) == 0 {
		out[low] = n
	}
	if g.IntN(3) == 0 {
		out[high] = n + g.IntN(most)
	}
	return out
}

// edit changes one thing.
func (g *generator) edit(event map[string]any) map[string]any {
	var out map[string]any
	text, _ := json.Marshal(event)
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if dec.Decode(&out) != nil {
		return event
	}
	fresh := g.event()
	switch g.IntN(6) {
	case 0:
		delete(out, "additionalProperties")
		if v, ok := fresh["additionalProperties"]; ok {
			out["additionalProperties"] = v
		}
	case 1:
		properties := out["properties"].(map[string]any)
		var required []any
		for _, n := range names {
			if properties[n] != nil && g.IntN(2) == 0 {
				required = append(required, n)
			}
		}
		if delete(out, "required"); required != nil {
			out["required"] = required
		}
	default:
		properties := out["properties"].(map[string]any)
		n := names[g.IntN(len(names))]
		if p, ok := properties[n].(map[string]any); ok && g.IntN(2) == 0 {
			for _, k := range []string{"minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "multipleOf", "pattern"} {
				if p[k] != nil && g.IntN(2) == 0 {
					delete(p, k)
				}
			}
		} else {
			properties[n] = g.property(1)
		}
	}
	return out
}

func (g *generator) value() map[string]any {
	out := map[string]any{}
	for _, n := range append([]string{"d"}, names...) {
		if g.IntN(2) == 0 {
			out[n] = g.inner(2)
		}
	}
	return out
}

func (g *generator) inner(depth int) any {
	switch n := g.IntN(9); {
	case n == 0:
		return g.IntN(2) == 0
	case n == 1:
		return nil
	case n < 5:
		return []string{"", "a", "b", "ab", "1", "abb", "bbbbb"}[g.IntN(7)]
	case n == 5 && depth > 0:
		list := []any{}
		for range g.IntN(3) {
			list = append(list, g.inner(0))
		}
		return list
	case n == 6 && depth > 0:
		out := map[string]any{}
		for _, k := range names {
			if g.IntN(2) == 0 {
				out[k] = g.inner(depth - 1)
			}
		}
		return out
	}
	return json.Number(fmt.Sprint([]any{0, 1, 2, 3, 4, 6, 0.5, 2.5, -1, 12}[g.IntN(10)]))
}
