package compat_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/omninode/trestle/compat"
	"github.com/omninode/trestle/runtime/event"
	events "github.com/omninode/trestle/tools/event"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values/valuestest"
)

// evolveDocument makes a JSON Schema of any keywords and any root, alone, behind a reference of another file, or as an
// event's, and an edit of it. Where nothing was found, readers take every value that writers write.
func evolveDocument(t *testing.T, s uint64, sum *tally) {
	t.Helper()
	m := &valuestest.Maker{Rand: rand.New(rand.NewPCG(s, 4))}
	first := m.Document(3)
	second, _ := m.Edit(first, 3).(map[string]any)
	if m.IntN(4) == 0 {
		first, second = asEvent(first), asEvent(second)
	}
	behind := m.IntN(4) == 0
	var texts [2]string
	var sets [2]*schema.Set
	var sides [2]*events.Document
	for i, v := range []map[string]any{first, second} {
		texts[i] = write(t, v)
		files := map[string][]byte{"p/v1/a.json": []byte(texts[i])}
		if behind {
			files["p/v1/b.json"] = []byte(`{"$schema": "https://json-schema.org/draft/2020-12/schema", "$ref": "a.json"}`)
		}
		set, err := load.Schemas(t.Context(), load.Files(files), load.ToCompare())
		if err != nil {
			return // it is no schema after all
		}
		for _, f := range set.Packages[0].Files {
			if f.Path == "p/v1/a.json" {
				if sides[i], err = events.New(set).Document(f, ""); err != nil {
					return
				}
			}
		}
		sets[i] = set
	}
	if texts[0] == texts[1] {
		return
	}
	sum.evolutions++
	report, err := compat.Compare(sets[0], sets[1], compat.Options{})
	if err != nil {
		t.Errorf("seed %d: %v\nold %s\nnew %s", s, err, texts[0], texts[1])
		return
	}
	broken := sum.addFindings(t, report, s, texts)[schema.EncodingJSON]
	for _, d := range directions {
		if broken&d != 0 {
			continue
		}
		sum.compatible++
		writer, reader, text := sides[0], sides[1], texts[0]
		if d == compat.Forward {
			writer, reader, text = sides[1], sides[0], texts[1]
		}
		declares := declared(t, text)
		if declares == nil {
			continue
		}
		for range 40 {
			v := m.Value(3)
			value, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			if in, sure := declares.Contains(v); !in || !sure || writer.Validate(value) != nil {
				continue
			}
			sum.events++
			if err := reader.Validate(value); err != nil {
				if _, ok := errors.AsType[*event.ValidationError](err); ok {
					t.Errorf("seed %d: %s: nothing was found, but %s is rejected: %v\nold %s\nnew %s", s, d, value, err, texts[0], texts[1])
				}
			}
		}
	}
}

// asEvent is a schema as that of an event.
func asEvent(v map[string]any) map[string]any {
	out := map[string]any{"title": "Event", "description": "An event.", "type": "object", "x-trestle": map[string]any{"event": map[string]any{"type": "e", "topic": "t"}}}
	for name, member := range v {
		out[name] = member
	}
	return out
}
