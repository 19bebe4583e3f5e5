package compat_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/omninode/trestle/compat"
	"github.com/omninode/trestle/tools/cputest"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values/valuestest"
)

// TestSharedVerdict edits random schemas of several files, and holds what is said of versions that were loaded together,
// and so have most files in common, to what is said of the same that were loaded alone.
func TestSharedVerdict(t *testing.T) {
	t.Parallel()
	protobuf := func(s uint64) (texts [2]string, files func(string) map[string][]byte) {
		g := &protoMaker{rand.New(rand.NewPCG(s, 6))}
		first := g.schema()
		return [2]string{first.text(), g.edit(first).text()}, func(text string) map[string][]byte {
			return map[string][]byte{
				"p/v1/a.proto": []byte(text),
				// That imports what is edited, and is the same itself.
				"q/v1/b.proto": []byte("syntax = \"proto3\";\npackage q.v1;\nimport \"p/v1/a.proto\";\nmessage Q {\n  p.v1.A a = 1;\n  R r = 2;\n}\nmessage R {\n  string s = 1;\n}\n"),
				"r/v1/c.proto": []byte("syntax = \"proto3\";\npackage r.v1;\nmessage R {\n  string s = 1;\n}\n"),
			}
		}
	}
	jsonSchema := func(s uint64) (texts [2]string, files func(string) map[string][]byte) {
		m := &valuestest.Maker{Rand: rand.New(rand.NewPCG(s, 6))}
		first := m.EventSchema()
		return [2]string{valuestest.EventSchemaText(first), valuestest.EventSchemaText(m.EditEventSchema(first))}, func(text string) map[string][]byte {
			const head = `{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object",`
			return map[string][]byte{
				"p/v1/a.json": []byte(text),
				// That refers to what is edited, and is the same itself; and one that refers to nothing else.
				"q/v1/b.json": []byte(head + `"title":"Q","properties":{"a":{"$ref":"../../p/v1/a.json"}}}`),
				"r/v1/c.json": []byte(head + `"title":"R","properties":{"a":{"$ref":"#/$defs/S"}},"$defs":{"S":{"type":"object","properties":{"s":{"type":"string"}}}}}`),
			}
		}
	}
	var shared load.Shared
	found := 0
	for s := range uint64(120) {
		texts, files := protobuf(s)
		if s%2 == 0 {
			texts, files = jsonSchema(s)
		}
		found += sharedVerdict(t, &shared, s, texts, files)
	}
	if found < 30 {
		t.Errorf("%d verdicts with findings say too little", found)
	}
}

// sharedVerdict holds one verdict to the other, and returns 1 where it has findings.
func sharedVerdict(t *testing.T, shared *load.Shared, s uint64, texts [2]string, files func(string) map[string][]byte) int {
	t.Helper()
	said := func(opts ...load.Option) string {
		var sets [2]*schema.Set
		for i, text := range texts {
			set, err := load.Schemas(t.Context(), load.Files(files(text)), append(opts, load.WithoutComments())...)
			if err != nil {
				return err.Error()
			}
			sets[i] = set
		}
		r, err := compat.Compare(sets[0], sets[1], compat.Options{})
		if err != nil {
			return err.Error()
		}
		text, err := json.MarshalIndent(r, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	alone, together := said(), said(load.WithShared(shared))
	if alone != together {
		t.Errorf("seed %d: loaded alone\n%s\nloaded together\n%s", s, alone, together)
	}
	if strings.Contains(alone, `"rule"`) {
		return 1
	}
	return 0
}

// BenchmarkCompareWarm edits one file of a thousand messages, loads the schemas again with what the version before has
// loaded, and compares. It reports the processor's time as a part of the tenth of a second that it may take, and as a part of
// what the same takes where nothing was loaded before.
func BenchmarkCompareWarm(b *testing.B) {
	for name, files := range map[string]map[string][]byte{"protobuf": thousandProto(), "JSON Schema": thousandJSON()} {
		b.Run(name, func(b *testing.B) { compareWarm(b, files) })
	}
}

func compareWarm(b *testing.B, files map[string][]byte) {
	edited := slices.Sorted(maps.Keys(files))[7]
	text := string(files[edited])
	loaded := func(shared *load.Shared) *schema.Set {
		set, err := load.Schemas(b.Context(), load.Files(files), load.WithoutComments(), load.WithShared(shared))
		if err != nil {
			b.Fatal(err)
		}
		return set
	}
	compared := func(old, next *schema.Set) {
		if r, err := compat.Compare(old, next, compat.Options{}); err != nil || len(r.Findings) == 0 {
			b.Fatalf("nothing is found, error %v", err)
		}
	}
	var shared load.Shared
	old := loaded(&shared)
	var warm, cold time.Duration
	n := 0
	for b.Loop() {
		n++
		files[edited] = []byte(strings.Replace(text, "64", strconv.Itoa(1+n%63), 1) + strings.Repeat(" ", n))
		begun := cputest.Used(b)
		compared(old, loaded(&shared))
		warm += cputest.Used(b) - begun
		begun = cputest.Used(b)
		next := loaded(nil)
		files[edited] = []byte(text)
		compared(loaded(nil), next)
		cold += cputest.Used(b) - begun
	}
	const limit = 0.1
	b.ReportMetric(warm.Seconds()/float64(n)/limit, "of-limit")
	b.ReportMetric(warm.Seconds()/cold.Seconds(), "warm/cold")
}

// thousandProto are events in fifty files.
func thousandProto() map[string][]byte {
	files := map[string][]byte{}
	for f := range 50 {
		var s strings.Builder
		fmt.Fprintf(&s, "syntax = \"proto3\";\npackage big.p%d.v1;\nimport \"buf/validate/validate.proto\";\nimport \"google/protobuf/timestamp.proto\";\nimport \"trestle/v1/options.proto\";\n", f)
		for m := range 20 {
			fmt.Fprintf(&s, `
message Event%[1]d {
  option (trestle.v1.event) = {topic: "big_event%[1]d_v1", key: "id"};
  string id = 1 [(buf.validate.field).required = true, (buf.validate.field).string.uuid = true];
  google.protobuf.Timestamp at = 2;
  string customer = 3 [(buf.validate.field).string = {min_len: 1, max_len: 64}];
  int64 amount = 4 [(buf.validate.field).int64 = {gte: 0, lte: 1000000}];
  optional double score = 5 [(buf.validate.field).double = {gte: 0, lte: 1}];
  repeated string tags = 6 [(buf.validate.field).repeated.max_items = 20];
  map<string, string> labels = 7;
  bool done = 8;
}
`, f*20+m)
		}
		files[fmt.Sprintf("big/p%d/v1/events.proto", f)] = []byte(s.String())
	}
	return files
}

// thousandJSON are events with a file each.
func thousandJSON() map[string][]byte {
	files := map[string][]byte{}
	for m := range 1000 {
		files[fmt.Sprintf("big/p%d/v1/event%d.json", m/20, m)] = fmt.Appendf(nil, `{
  "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Event%[1]d", "type": "object",
  "x-trestle": {"event": {"type": "event%[1]d", "topic": "big_event%[1]d_v1", "key": ["id"]}},
  "required": ["id"],
  "properties": {
    "id": {"type": "string", "format": "uuid"},
    "at": {"type": "string", "format": "date-time"},
    "customer": {"type": "string", "minLength": 1, "maxLength": 64},
    "amount": {"type": "integer", "minimum": 0, "maximum": 1000000},
    "score": {"type": "number", "minimum": 0, "maximum": 1},
    "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 20},
    "labels": {"type": "object", "additionalProperties": {"type": "string"}},
    "done": {"type": "boolean"}
  }
}`, m)
	}
	return files
}
