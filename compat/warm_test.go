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
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

// TestSharedVerdict edits random schemas of several files, and holds what is said of versions that were loaded together,
// and so have most files in common, to what is said of the same that were loaded alone.
func TestSharedVerdict(t *testing.T) {
	t.Parallel()
	var shared load.Shared
	for s := range uint64(60) {
		g := &protoMaker{rand.New(rand.NewPCG(s, 6))}
		first := g.schema()
		edit := g.edit(first)
		files := func(made protoSchema) map[string][]byte {
			return map[string][]byte{
				"p/v1/a.proto": []byte(made.text()),
				// That imports what is edited, and is the same itself.
				"q/v1/b.proto": []byte("syntax = \"proto3\";\npackage q.v1;\nimport \"p/v1/a.proto\";\nmessage Q {\n  p.v1.A a = 1;\n  R r = 2;\n}\nmessage R {\n  string s = 1;\n}\n"),
				"r/v1/c.proto": []byte("syntax = \"proto3\";\npackage r.v1;\nmessage R {\n  string s = 1;\n}\n"),
			}
		}
		said := func(opts ...load.Option) string {
			var sets [2]*schema.Set
			for i, made := range []protoSchema{first, edit} {
				set, err := load.Schemas(t.Context(), load.Files(files(made)), append(opts, load.WithoutComments())...)
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
		if alone, together := said(), said(load.WithShared(&shared)); alone != together {
			t.Errorf("seed %d: loaded alone\n%s\nloaded together\n%s", s, alone, together)
		}
	}
}

// BenchmarkCompareWarm edits one file of a thousand messages, loads the schemas again with what the version before has
// loaded, and compares. It reports the time as a part of the tenth of a second that it may take for protobuf, of which loads
// share what is the same, and as a part of what the same takes where nothing was loaded before.
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
		begun := time.Now()
		compared(old, loaded(&shared))
		warm += time.Since(begun)
		begun = time.Now()
		next := loaded(nil)
		files[edited] = []byte(text)
		compared(loaded(nil), next)
		cold += time.Since(begun)
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
