package compat_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/omninode/trestle/compat"
	"github.com/omninode/trestle/runtime/genapi/jsoncompile"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values/valuestest"
)

// drafts are those that schemas to compare may be of.
var drafts = []string{
	"http://json-schema.org/draft-04/schema#", "http://json-schema.org/draft-06/schema#", "http://json-schema.org/draft-07/schema#",
	"https://json-schema.org/draft/2019-09/schema", "https://json-schema.org/draft/2020-12/schema",
}

// TestEveryValidSchemaIsCompared compares random schemas of every draft, those that refer to embedded ones by id, by anchor
// and dynamically too, with themselves and with one that asks for less. There is always a verdict, nothing breaks between a
// schema and itself, and where less is asked for nothing is seen to break backward.
func TestEveryValidSchemaIsCompared(t *testing.T) {
	t.Parallel()
	for i, draft := range drafts {
		t.Run(draft, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(uint64(i), 1))
			valid, loosened := 0, 0
			for range 120 {
				doc := randomOf(r, draft)
				text := textOf(t, doc)
				if _, err := jsoncompile.New(map[string][]byte{"x.json": text}).Compile("x.json", ""); err != nil {
					continue
				}
				valid++
				set := loadNamed(t, text)
				for _, f := range verdictsOf(t, set, loadNamed(t, text)) {
					t.Fatalf("%s\nand itself: %s: %s", text, f.Rule, f.Message())
				}
				if !loosen(r, doc) {
					continue
				}
				loosened++
				for _, f := range verdictsOf(t, set, loadNamed(t, textOf(t, doc))) {
					if f.Breaks&compat.Backward != 0 && !f.Unknown {
						t.Errorf("%s\nloosened to\n%s\n%s: %s", text, textOf(t, doc), f.Rule, f.Message())
					}
				}
			}
			if valid < 60 || loosened < 20 {
				t.Errorf("only %d schemas were valid, and %d could be loosened", valid, loosened)
			}
		})
	}
}

// verdictsOf compares in both profiles, and returns what guide finds.
func verdictsOf(t *testing.T, old, new *schema.Set) []*compat.Finding {
	t.Helper()
	compare(t, old, new, compat.Options{Profile: compat.Confluent, NoWitness: true})
	r := compare(t, old, new, compat.Options{})
	if r.Events+r.Schemas == 0 {
		t.Fatalf("nothing was compared of\n%s", old.Packages[0].Files[0].Source)
	}
	return r.Findings
}

func loadNamed(t *testing.T, text []byte) *schema.Set {
	t.Helper()
	s, err := load.Schemas(t.Context(), load.Files(map[string][]byte{"x.json": text}), load.ToCompare())
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return s
}

// textOf writes a schema in the words of its draft.
func textOf(t *testing.T, doc map[string]any) []byte {
	t.Helper()
	text, err := json.Marshal(inDraft(doc, slices.Index(drafts, fmt.Sprint(doc["$schema"]))))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// randomOf makes a random schema of a draft: one in three has no object at its root.
func randomOf(r *rand.Rand, draft string) map[string]any {
	m := &valuestest.Maker{Rand: r, Draft7: !strings.Contains(draft, "20")}
	doc := m.Document(2)
	if r.IntN(3) == 0 {
		if root, ok := m.Schema(2).(map[string]any); ok {
			root["$defs"] = doc["$defs"]
			doc = root
		}
	}
	doc["$schema"] = draft
	defs := doc["$defs"].(map[string]any)
	ways := []func() (ref map[string]any){
		func() map[string]any {
			defs["e"] = map[string]any{"$id": "https://x.org/e", "allOf": []any{m.Schema(1)}}
			return map[string]any{"$ref": "https://x.org/e"}
		},
		func() map[string]any {
			doc["$id"] = "https://x.org/root.json"
			defs["e"] = map[string]any{"$id": "e", "items": map[string]any{"$ref": "#/$defs/i"}, "$defs": map[string]any{"i": map[string]any{"type": "string"}}}
			return map[string]any{"$ref": "e"}
		},
		func() map[string]any {
			if m.Draft7 {
				defs["s"] = map[string]any{"$id": "#s", "allOf": []any{m.Schema(1)}}
			} else {
				defs["s"] = map[string]any{"$anchor": "s", "allOf": []any{m.Schema(1)}}
			}
			return map[string]any{"$ref": "#s"}
		},
		func() map[string]any {
			defs["s"] = map[string]any{"$dynamicAnchor": "s", "allOf": []any{m.Schema(1)}}
			return map[string]any{"$dynamicRef": "#s"}
		},
		func() map[string]any { return map[string]any{"items": map[string]any{"$recursiveRef": "#"}} },
		func() map[string]any { return map[string]any{"$ref": draft} },
		func() map[string]any {
			return map[string]any{"type": "string", "pattern": `^(?!a)\u0041(?<n>x{0,2000})\k<n>$`}
		},
	}
	if r.IntN(2) == 0 {
		doc["properties"] = map[string]any{"a": ways[r.IntN(len(ways))]()}
	}
	return doc
}

// loosen takes away something that the schema as a whole asks for; false where it asks for nothing of the kind.
func loosen(r *rand.Rand, doc map[string]any) bool {
	asks := []string{
		"const", "enum", "maxItems", "maxLength", "maxProperties", "maximum", "minItems", "minLength", "minProperties", "minimum",
		"multipleOf", "not", "pattern", "required", "uniqueItems",
	}
	has := slices.DeleteFunc(slices.Sorted(maps.Keys(doc)), func(k string) bool { return !slices.Contains(asks, k) })
	if len(has) == 0 {
		return false
	}
	delete(doc, has[r.IntN(len(has))])
	return true
}

// inDraft writes a value of a schema as a draft does, by its index: 0 is draft-04.
func inDraft(v any, draft int) any {
	switch x := v.(type) {
	case []any:
		out := make([]any, len(x))
		for i, e := range x {
			out[i] = inDraft(e, draft)
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for _, k := range slices.Sorted(maps.Keys(x)) {
			value := inDraft(x[k], draft)
			switch {
			case k == "$defs" && draft <= 2:
				k = "definitions"
			case k == "$ref" && draft <= 2:
				value = strings.ReplaceAll(fmt.Sprint(value), "/$defs/", "/definitions/")
			case k == "$id" && draft == 0:
				k = "id"
			case (k == "exclusiveMinimum" || k == "exclusiveMaximum") && draft == 0:
				out[strings.ToLower(k[len("exclusive"):])], value = value, true
			}
			if schema, isBool := value.(bool); isBool && draft == 0 && !strings.HasPrefix(k, "exclusive") && k != "uniqueItems" && k != "const" {
				value = map[string]any{}
				if !schema {
					value = map[string]any{"not": map[string]any{}}
				}
			}
			out[k] = value
		}
		return out
	}
	return v
}
