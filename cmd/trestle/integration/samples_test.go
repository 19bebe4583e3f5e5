package integration_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"

	codegenv1 "github.com/omninode/trestle/gen/omninode/codegen/v1"
	hooksv1 "github.com/omninode/trestle/gen/omninode/hooks/v1"
	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/wire"
)

// sample is an event as the guide shows it or as its Python classes write it.
type sample struct {
	file string
	text string
	json any
	info *trestle.EventInfo
}

// eventTypes are the event types by name.
var eventTypes = sync.OnceValue(func() map[string]*trestle.EventInfo {
	types := map[string]*trestle.EventInfo{}
	for _, info := range slices.Concat(codegenv1.Events(), hooksv1.Events()) {
		types[info.Type] = info
	}
	return types
})

// envelopeOf names the envelope of a topic's events.
func envelopeOf(topic string) wire.Kind {
	for _, info := range eventTypes() {
		if info.Topic != nil && info.Topic.Name == topic {
			return info.Envelope
		}
	}
	return wire.None
}

// peers is where the files are that the guide and its Python classes wrote.
var peers = filepath.Join("..", "..", "..", "runtime", "event", "testdata")

// loadSamples reads a folder of what peers write.
func loadSamples(t testing.TB, folder string) []sample {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(peers, folder, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no samples in %s: %v", folder, err)
	}
	samples := make([]sample, 0, len(files))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s := sample{file: filepath.Join(folder, filepath.Base(file)), text: string(text), json: parseJSON(t, text)}
		eventType, _ := member(t, s.json, "event_type").(string)
		if s.info = eventTypes()[eventType]; s.info == nil {
			t.Fatalf("%s has the event type %q, which no schema declares", file, eventType)
		}
		samples = append(samples, s)
	}
	return samples
}

// hasEnvelope says whether the sample is a whole event, and not only its type and payload.
func (s *sample) hasEnvelope() bool {
	_, ok := s.json.(map[string]any)["timestamp"]
	return ok
}

// withoutDefaults returns got without the members that want has not and that are what a schema or the envelope gives
// an event by default: an empty list or map, null, a schema version, or a string that the envelope has under the same
// name; nil for none.
func withoutDefaults(want, got any, envelope map[string]any) any {
	var strip func(want, got any) any
	strip = func(want, got any) any {
		switch got := got.(type) {
		case map[string]any:
			wanted, ok := want.(map[string]any)
			if !ok {
				return got
			}
			out := map[string]any{}
			for name, value := range got {
				if w, ok := wanted[name]; ok {
					out[name] = strip(w, value)
				} else if !isDefault(name, value, envelope) {
					out[name] = value
				}
			}
			return out
		case []any:
			wanted, ok := want.([]any)
			if !ok || len(wanted) != len(got) {
				return got
			}
			out := make([]any, len(got))
			for i := range got {
				out[i] = strip(wanted[i], got[i])
			}
			return out
		}
		return got
	}
	return strip(want, got)
}

func isDefault(name string, value any, envelope map[string]any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	case string:
		return name == "schema_version" && v == "1.0" || v == envelope[name]
	case json.Number, bool:
		return false
	}
	return false
}

func itoa(n int) string { return strconv.Itoa(n) }
