package gentest

import (
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	hooksv1 "github.com/omninode/trestle/gen/omninode/hooks/v1"
	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/jsonio"
)

// record is the value of a record that a peer wrote.
type record struct {
	File      string
	EventType string
	Payload   []byte
	Value     []byte // with its envelope
}

// peers is where the files are that the guide and its Python classes wrote.
var peers = filepath.Join("..", "..", "..", "runtime", "event", "testdata")

// corpus reads them: what the guide's classes write as it is, the examples with the envelope they lack.
func corpus(t testing.TB) []record {
	t.Helper()
	var out []record
	for _, pattern := range []string{"python-writes", "examples"} {
		paths, err := filepath.Glob(filepath.Join(peers, pattern, "*.json"))
		if err != nil || len(paths) < 10 {
			t.Fatalf("%s: %d files, %v", pattern, len(paths), err)
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, parse(t, filepath.Base(path), text))
		}
	}
	return out
}

func parse(t testing.TB, file string, text []byte) record {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	r := record{File: file, Payload: members["payload"], Value: text}
	if err := json.Unmarshal(members["event_type"], &r.EventType); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if members["source"] == nil && members["envelope_version"] == nil {
		members["event_id"] = json.RawMessage(`"0f8fad5b-d9cb-469f-a165-70867728950e"`)
		members["source"] = json.RawMessage(`{"service_name":"omniagent","service_version":"1.2.3","instance_id":"omniagent-prod-001"}`)
		var err error
		if r.Value, err = json.Marshal(members); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

// events are all generated event types.
func events() map[string]*event.EventInfo {
	out := map[string]*event.EventInfo{}
	for _, info := range append(codegenv1.Events(), hooksv1.Events()...) {
		out[info.Type] = info
	}
	return out
}

// decode reads a payload; faults are fatal.
func decode(t testing.TB, info *event.EventInfo, payload []byte) event.Event {
	t.Helper()
	e := info.New()
	r := jsonio.NewReader(payload)
	e.DecodeJSON(r)
	r.End()
	if err := r.Err(); err != nil {
		t.Fatalf("decode %s: %v", info.Type, err)
	}
	if faults := r.Faults(); len(faults) > 0 {
		t.Fatalf("decode %s: %+v", info.Type, faults)
	}
	return e
}

// written is the event that runtime/event/testdata/python-writes has of a type, nil when it has none.
func written(t testing.TB, info *event.EventInfo) event.Event {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(peers, "python-writes", info.Type+".pydantic.json"))
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return decode(t, info, parse(t, info.Type, text).Payload)
}

// value is a JSON value with exact numbers, for comparing.
func value(t testing.TB, text []byte) any {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(string(text)))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return exact(v)
}

// exact makes numbers comparable by value: 1.0 and 1 are equal, 2^53 and 2^53+1 are not.
func exact(v any) any {
	switch x := v.(type) {
	case json.Number:
		if r, ok := new(big.Rat).SetString(x.String()); ok {
			return "number " + r.RatString()
		}
	case map[string]any:
		for k := range x {
			x[k] = exact(x[k])
		}
	case []any:
		for i := range x {
			x[i] = exact(x[i])
		}
	}
	return v
}

// faultsOf reads a payload and returns its faults, each "path rule".
func faultsOf(eventType, payload string) ([]string, error) {
	e := events()[eventType].New()
	r := jsonio.NewReader([]byte(payload))
	e.DecodeJSON(r)
	r.End()
	var out []string
	for _, f := range r.Faults() {
		out = append(out, f.Path+" "+f.Rule)
	}
	return out, r.Err()
}
