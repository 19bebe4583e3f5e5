package event_test

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	trestle "github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/jsonio"
	"github.com/omninode/trestle/tools/event"
	"github.com/omninode/trestle/tools/gen/example"
	leftv1 "github.com/omninode/trestle/tools/gen/golang/testdata/left/want/acme/left/v1"
	objectsv1 "github.com/omninode/trestle/tools/gen/golang/testdata/objects/want/acme/objects/v1"
	rulesv1 "github.com/omninode/trestle/tools/gen/golang/testdata/rules/want/acme/rules/v1"
	shapesv1 "github.com/omninode/trestle/tools/gen/golang/testdata/shapes/want/acme/shapes/v1"
	"github.com/omninode/trestle/tools/load"
)

// TestSameAsGeneratedFixtures holds both to each other on what the generator is tested with: every kind of field and
// every standard rule.
func TestSameAsGeneratedFixtures(t *testing.T) {
	t.Parallel()
	for name, generated := range map[string][]*trestle.EventInfo{
		"rules": rulesv1.Events(), "shapes": shapesv1.Events(), "objects": objectsv1.Events(), "left": leftv1.Events(),
	} {
		set, err := load.Schemas(t.Context(), load.Dir(filepath.Join(root, "tools/gen/golang/testdata", name, "in")))
		if err != nil {
			t.Fatal(err)
		}
		made := map[string]*trestle.EventInfo{}
		for _, info := range event.Events(set) {
			made[info.Type] = info
		}
		examples := example.New(set)
		for _, info := range generated {
			t.Run(name+"/"+info.Type, func(t *testing.T) {
				t.Parallel()
				record := payloads(t, examples.Record(set.Event(info.Type)))
				for _, text := range mutations(t, record) {
					want, got := payload(info, text), payload(made[info.Type], text)
					if diff := cmp.Diff(want, got, ignored...); diff != "" {
						t.Fatalf("(-generated +dynamic):\n%s\npayload: %s", diff, text)
					}
				}
			})
		}
	}
}

// payloads is the payload of an example, or nothing at all where there is none.
func payloads(t *testing.T, record []byte) []byte {
	t.Helper()
	if record == nil {
		return []byte("{}")
	}
	var enveloped struct {
		Payload json.RawMessage `json:"payload"`
	}
	if err := json.Unmarshal(record, &enveloped); err != nil {
		t.Fatal(err)
	}
	if enveloped.Payload == nil {
		return record
	}
	return bytes.TrimSpace(enveloped.Payload)
}

// payload is what a type makes of a payload without its envelope.
func payload(info *trestle.EventInfo, text []byte) read {
	e := info.New()
	r := jsonio.NewReader(text)
	e.DecodeJSON(r)
	r.End()
	if err := r.Err(); err != nil {
		return read{Error: err.Error()}
	}
	decoded := trestle.Decoded{Event: e}
	var shared trestle.Violations
	e.ShareEnvelope(&decoded.Envelope, &shared)
	e.SetDefaults(time.Date(2025, 10, 16, 12, 34, 56, 0, time.UTC))
	out := readOf(decoded, e.Validate())
	out.Violations = slices.DeleteFunc(out.Violations, func(v trestle.Violation) bool { // as Decode does
		return slices.ContainsFunc(r.Faults(), func(f jsonio.Fault) bool { return strings.HasPrefix(v.Path, f.Path) })
	})
	if len(r.Faults()) > 0 {
		out.JSON, out.Key, out.Error = "", "", ""
	}
	for _, f := range r.Faults() {
		out.Violations = append(out.Violations, trestle.Violation{Path: f.Path, Rule: f.Rule, Message: f.Message, Found: f.Found})
	}
	return out
}
