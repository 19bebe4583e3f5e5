package compat_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/omninode/trestle/compat"
	"github.com/omninode/trestle/compat/report"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

func cases(t *testing.T, path ...string) (old, new *schema.Set) {
	t.Helper()
	dir := filepath.Join(append([]string{"testdata"}, path...)...)
	return loadSet(t, filepath.Join(dir, "old")), loadSet(t, filepath.Join(dir, "new"))
}

// TestModes holds each mode against a change that breaks one direction, and one that breaks both.
func TestModes(t *testing.T) {
	t.Parallel()
	backward, forward := "FIELD_REQUIRED_ADDED", "FIELD_REQUIRED_REMOVED"
	wants := map[compat.Mode]map[string]bool{ // rule → compatible
		"":                            {backward: false, forward: false, "FIELD_CARDINALITY_CHANGED": false},
		compat.ModeBackward:           {backward: false, forward: true, "FIELD_CARDINALITY_CHANGED": false},
		compat.ModeBackwardTransitive: {backward: false, forward: true, "FIELD_CARDINALITY_CHANGED": false},
		compat.ModeForward:            {backward: true, forward: false, "FIELD_CARDINALITY_CHANGED": false},
		compat.ModeForwardTransitive:  {backward: true, forward: false, "FIELD_CARDINALITY_CHANGED": false},
		compat.ModeFull:               {backward: false, forward: false, "FIELD_CARDINALITY_CHANGED": false},
		compat.ModeFullTransitive:     {backward: false, forward: false, "FIELD_CARDINALITY_CHANGED": false},
		compat.ModeNone:               {backward: true, forward: true, "FIELD_CARDINALITY_CHANGED": true},
	}
	for mode, rules := range wants {
		for rule, want := range rules {
			for _, lang := range []string{"proto", "json"} {
				t.Run(strings.Join([]string{string(mode), rule, lang}, "/"), func(t *testing.T) {
					t.Parallel()
					old, new := cases(t, rule, lang)
					r := compare(t, old, new, compat.Options{Mode: mode})
					if r.Compatible != want || want != (len(r.Findings) == 0) {
						t.Errorf("compatible is %v with %d findings, want %v", r.Compatible, len(r.Findings), want)
					}
				})
			}
		}
	}
}

func TestOptionsRefused(t *testing.T) {
	t.Parallel()
	for want, opts := range map[string]compat.Options{
		`profile "strict" does not exist: use "guide" or "confluent"`: {Profile: "strict"},
		`mode "sideways" does not exist`:                              {Mode: "sideways"},
	} {
		_, err := compat.Compare(&schema.Set{}, &schema.Set{}, opts)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

// TestSelf holds that nothing is wrong, or worth a note, between a set and itself.
func TestSelf(t *testing.T) {
	t.Parallel()
	dir := filepath.Join("..", "schemas")
	r := compare(t, loadSet(t, dir), loadSet(t, dir), compat.Options{})
	if !r.Compatible || len(r.Findings) > 0 || len(r.Notes) > 0 || r.DeployFirst != compat.Either {
		t.Errorf("got %+v", r)
	}
	if r.Events < 20 {
		t.Errorf("only %d events were compared", r.Events)
	}
}

// TestDeterministic holds that two runs over sets loaded twice write the same bytes in every format.
func TestDeterministic(t *testing.T) {
	t.Parallel()
	for _, rule := range []string{"CONSTRAINT_TIGHTENED", "FIELD_TYPE_CHANGED", "FIELD_ONEOF_CHANGED"} {
		var first []byte
		for range 3 {
			old, new := cases(t, rule, "proto")
			var got bytes.Buffer
			r := compare(t, old, new, compat.Options{})
			for _, f := range report.Formats() {
				if err := report.Write(&got, r, f); err != nil {
					t.Fatal(err)
				}
			}
			if first == nil {
				first = got.Bytes()
			}
			if diff := cmp.Diff(string(first), got.String()); diff != "" {
				t.Errorf("%s: two runs differ:\n%s", rule, diff)
			}
		}
	}
}

// TestHistory holds that a transitive mode looks at every version, and another at the last alone.
func TestHistory(t *testing.T) {
	t.Parallel()
	first, second := cases(t, "FIELD_REMOVED", "proto") // the field is gone in second
	third := second
	olds := []*schema.Set{first, second}
	transitive, err := compat.CompareHistory(olds, third, compat.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(transitive.Findings) != 1 || !cmp.Equal(transitive.Findings[0].Against, []int{0}) {
		t.Errorf("transitive: got %+v", transitive.Findings)
	}
	last, err := compat.CompareHistory(olds, third, compat.Options{Mode: compat.ModeFull})
	if err != nil {
		t.Fatal(err)
	}
	if !last.Compatible {
		t.Errorf("last: got %+v", last.Findings)
	}
	both, err := compat.CompareHistory([]*schema.Set{first, first}, third, compat.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(both.Findings) != 1 || !cmp.Equal(both.Findings[0].Against, []int{0, 1}) {
		t.Errorf("twice: got %+v", both.Findings)
	}
	if _, err := compat.CompareHistory(nil, third, compat.Options{}); err == nil {
		t.Error("an empty history passed")
	}
}

func TestDeployFirst(t *testing.T) {
	t.Parallel()
	for rule, want := range map[string]compat.DeployFirst{
		"FIELD_REQUIRED_ADDED": compat.Producers, "FIELD_REQUIRED_REMOVED": compat.Consumers,
		"FIELD_CARDINALITY_CHANGED": compat.Neither, "TOPIC_PARTITIONS_CHANGED": compat.Either,
	} {
		old, new := cases(t, rule, "proto")
		if got := compare(t, old, new, compat.Options{Mode: compat.ModeNone}).DeployFirst; got != want {
			t.Errorf("%s: got %s, want %s", rule, got, want)
		}
	}
}

// TestNotes holds that a passing change is told, with who deploys first.
func TestNotes(t *testing.T) {
	t.Parallel()
	old, new := cases(t, "EVENT_REMOVED", "json", "legal")
	var got []string
	for _, n := range compare(t, old, new, compat.Options{}).Notes {
		got = append(got, n.Path+": "+n.Message())
	}
	want := []string{"shop.v1.OrderMore: event order.more was added: deploy its consumers before its producers"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("notes differ (-want +got):\n%s", diff)
	}
}

// TestWitnesses holds that every breaking finding about data in the cases is shown by an event.
func TestWitnesses(t *testing.T) {
	t.Parallel()
	dirs, err := filepath.Glob("testdata/*/*/old")
	if err != nil || len(dirs) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, dir := range dirs {
		name := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(dir)), "testdata/")
		old, new := cases(t, name)
		checkWitnesses(t, name, old, new, compare(t, old, new, compat.Options{}).Findings)
	}
}

// TestShape holds the JSON that scripts depend on.
func TestShape(t *testing.T) {
	t.Parallel()
	old, new := cases(t, "ENUM_VALUE_ADDED", "json")
	text, err := json.Marshal(compare(t, old, new, compat.Options{}))
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	finding := got["findings"].([]any)[0].(map[string]any)
	for _, k := range []string{"message", "fix", "fingerprint"} {
		if s, _ := finding[k].(string); s == "" {
			t.Errorf("%s is missing", k)
		}
		delete(finding, k)
	}
	want := map[string]any{
		"compatible": false,
		"findings": []any{map[string]any{
			"rule": "ENUM_VALUE_ADDED", "severity": "error", "breaks": []any{"forward"}, "encodings": []any{"json"},
			"path": "shop.v1.OrderPlacedStatus.lost", "location": "shop/v1/order.json:26:9",
			"witness": map[string]any{
				"event": map[string]any{"id": "a", "status": "lost"}, "written_by": "new", "outcome": "rejected",
				"detail": "status: must be one of \"open\", \"paid\", got \"lost\" [enum]",
			},
		}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("JSON differs (-want +got):\n%s", diff)
	}
	empty, err := json.Marshal(&compat.Report{Compatible: true})
	if want := `{"compatible":true,"findings":[]}`; err != nil || string(empty) != want {
		t.Errorf("got %s, %v, want %s", empty, err, want)
	}
}

func TestExemptions(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 6, 30, 23, 0, 0, 0, time.UTC)
	const head = "exemptions:\n"
	entry := func(rule, path, expires string) string {
		return "  - rule: " + rule + "\n    path: " + path + "\n    reason: all consumers know it\n    expires: " + expires + "\n"
	}
	tests := []struct {
		name, text       string
		parse, apply     string // what the errors hold
		compatible, gone bool
	}{
		{name: "exempts", text: head + entry("FIELD_REMOVED", "shop.v1.OrderPlaced.note", "2026-06-30"), compatible: true, gone: true},
		{name: "below a path", text: head + entry("FIELD_REMOVED", "shop.v1.OrderPlaced.*", "2026-12-31"), compatible: true, gone: true},
		{name: "empty file", text: ""},
		{name: "expired", text: head + entry("FIELD_REMOVED", "shop.v1.OrderPlaced.note", "2026-06-29"), apply: "x.yaml:2: exemption of FIELD_REMOVED at shop.v1.OrderPlaced.note expired on 2026-06-29"},
		{name: "other place", text: head + entry("FIELD_REMOVED", "shop.v1.OrderPlaced.id", "2026-12-31"), apply: "exempts nothing: remove it"},
		{name: "other rule", text: head + entry("FIELD_RENAMED", "shop.v1.OrderPlaced.note", "2026-12-31"), apply: "exempts nothing: remove it"},
		{name: "unknown rule", text: head + entry("FIELD_GONE", "a", "2026-12-31"), parse: "x.yaml:2: rule FIELD_GONE does not exist"},
		{name: "no reason", text: head + "  - {rule: FIELD_REMOVED, path: a, expires: 2026-12-31}\n", parse: "reason is missing"},
		{name: "unknown member", text: head + "  - {rule: FIELD_REMOVED, place: a}\n", parse: `unknown member "place"`},
		{name: "bad day", text: head + entry("FIELD_REMOVED", "a", "soon"), parse: `expires is "soon"`},
		{name: "unknown head", text: "exempt: []\n", parse: "x.yaml: yaml:"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			old, new := cases(t, "FIELD_REMOVED", "proto")
			r := compare(t, old, new, compat.Options{})
			x, err := compat.ParseExemptions("x.yaml", []byte(tt.text))
			if !matches(err, tt.parse) {
				t.Fatalf("parse: got %v, want %q", err, tt.parse)
			}
			if err != nil {
				return
			}
			if err := x.Apply(r, now); !matches(err, tt.apply) {
				t.Errorf("apply: got %v, want %q", err, tt.apply)
			}
			if r.Compatible != tt.compatible || tt.gone != (len(r.Exempted) == 1) || tt.gone == (len(r.Findings) == 1) {
				t.Errorf("got compatible %v, %d findings, %d exempted", r.Compatible, len(r.Findings), len(r.Exempted))
			}
		})
	}
}

func matches(err error, want string) bool {
	if err == nil || want == "" {
		return err == nil && want == ""
	}
	return strings.Contains(err.Error(), want)
}

// TestMoved holds what moving an event to the other language breaks, there and back.
func TestMoved(t *testing.T) {
	t.Parallel()
	const head = `{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"OrderPlaced",
"x-trestle":{"event":{"type":"order.placed","topic":"shop.orders","key":["id"]}},"type":"object","required":["id"REQUIRED],
"properties":{"id":{"type":"string"},`
	tests := []struct {
		name, proto, json string
		there, back       []string // from protobuf to JSON Schema, and back
		needed            bool     // a note is required in JSON
	}{
		{"an integer", "optional int64 n = 2;", `"n":{"type":"integer"}}}`, nil, nil, false},
		{"a narrower integer", "optional int32 n = 2;", `"n":{"type":"integer"}}}`, []string{"FIELD_TYPE_CHANGED forward"}, []string{"FIELD_TYPE_CHANGED backward"}, false},
		{"a closed schema", "optional int64 n = 2;", `"n":{"type":"integer"}},"additionalProperties":false}`,
			nil, nil, false},
		{"a list of objects", "repeated Line lines = 2;", `"lines":{"type":"array","items":{"title":"Line","type":"object","properties":{"sku":{"type":"string"}}}}}}`, nil, nil, false},
		{"a value that is required within", "optional Line line = 2;",
			`"line":{"title":"Line","type":"object","required":["sku"],"properties":{"sku":{"type":"string"}}}}}`,
			[]string{"FIELD_REQUIRED_ADDED backward"}, []string{"FIELD_REQUIRED_REMOVED forward"}, false},
		{"null", "optional string note = 2;", `"note":{"type":["string","null"]}}}`, nil, nil, false},
		{"null for what is required", "optional string note = 2 [(buf.validate.field).required = true];", `"note":{"type":["string","null"]}}}`,
			[]string{"MESSAGE_NOT_READ forward"}, []string{"MESSAGE_NOT_READ backward"}, true},
		{"a time", "google.protobuf.Timestamp at = 2;", `"at":{"type":"string","format":"date-time"}}}`, nil, nil, false},
		{"members by name", "map<string, int64> counts = 2 [(buf.validate.field).map.max_pairs = 3];",
			`"counts":{"type":"object","additionalProperties":{"type":"integer"},"maxProperties":3}}}`, nil, nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			proto := loadProto(t, `syntax = "proto3";
package shop.v1;
import "buf/validate/validate.proto";
import "google/protobuf/timestamp.proto";
import "trestle/v1/options.proto";
message OrderPlaced {
  option (trestle.v1.event) = {type: "order.placed" topic: "shop.orders" key: "id"};
  optional string id = 1 [(buf.validate.field).required = true];
`+tt.proto+"}\nmessage Line { optional string sku = 1; }")
			required := ""
			if tt.needed {
				required = `,"note"`
			}
			moved := loadText(t, strings.Replace(head, "REQUIRED", required, 1)+tt.json)
			for i, sets := range [][2]*schema.Set{{proto, moved}, {moved, proto}} {
				var got []string
				for _, f := range compare(t, sets[0], sets[1], compat.Options{}).Findings {
					if f.Rule == "MESSAGE_REMOVED" {
						continue // of a line that is not used
					}
					got = append(got, f.Rule+" "+f.Breaks.String())
					if f.Witness == nil {
						t.Errorf("%s has no witness", f.Message())
					}
				}
				if diff := cmp.Diff([][]string{tt.there, tt.back}[i], got); diff != "" {
					t.Errorf("findings differ (-want +got):\n%s", diff)
				}
			}
		})
	}
}

// TestCrossLanguage holds that an event may move between languages as long as its JSON stays the same.
func TestCrossLanguage(t *testing.T) {
	t.Parallel()
	proto, err := load.Schemas(t.Context(), load.Files(map[string][]byte{"shop/v1/order.proto": []byte(`syntax = "proto3";
package shop.v1;
import "buf/validate/validate.proto";
import "trestle/v1/options.proto";
message OrderPlaced {
  option (trestle.v1.event) = {type: "order.placed" topic: "shop.orders" key: "id"};
  optional string id = 1 [(buf.validate.field).required = true];
  optional int64 quantity = 2 [(buf.validate.field).int64 = {gte: 1 lte: 20}];
}`)}))
	if err != nil {
		t.Fatal(err)
	}
	text := `{"$schema":"https://json-schema.org/draft/2020-12/schema","title":"OrderPlaced",
"x-trestle":{"event":{"type":"order.placed","topic":"shop.orders","key":["id"]}},"type":"object","required":["id"],
"properties":{"id":{"type":"string"},"quantity":{"type":"integer","minimum":1,"maximum":MAX}}}`
	for limit, rules := range map[string][]string{"20": nil, "10": {"CONSTRAINT_TIGHTENED"}, "30": {"CONSTRAINT_LOOSENED"}} {
		moved, err := load.Schemas(t.Context(), load.Files(map[string][]byte{
			"shop/v1/order.json": []byte(strings.Replace(text, "MAX", limit, 1)),
		}))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, f := range compare(t, proto, moved, compat.Options{}).Findings {
			got = append(got, f.Rule)
			if f.Witness == nil {
				t.Errorf("%s has no witness", f.Rule)
			}
		}
		if diff := cmp.Diff(rules, got); diff != "" {
			t.Errorf("maximum %s differs (-want +got):\n%s", limit, diff)
		}
	}
}

// TestNoWitness holds that a report without witnesses says the same otherwise, of few changes and of many.
func TestNoWitness(t *testing.T) {
	t.Parallel()
	for name, made := range twice {
		for _, n := range []int{3, 30} {
			t.Run(fmt.Sprint(name, " ", n), func(t *testing.T) {
				t.Parallel()
				from, to := made(n)
				old, new := loadFiles(t, from), loadFiles(t, to)
				said := func(opts compat.Options) (out []string) {
					for _, f := range compare(t, old, new, opts).Findings {
						if got := f.Witness != nil; got && opts.NoWitness && f.Rule != "DOCUMENT_NOT_READ" {
							t.Errorf("%s has a witness", f.Message())
						}
						out = append(out, fmt.Sprint(f.Pos, f.Rule, f.Path, f.Breaks, f.Encodings, f.Unknown, f.Message()))
					}
					return out
				}
				if diff := cmp.Diff(said(compat.Options{}), said(compat.Options{NoWitness: true})); diff != "" {
					t.Errorf("without witnesses (-with +without):\n%s", diff)
				}
			})
		}
	}
}
