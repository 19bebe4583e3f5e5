package gentest

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/jsonio"
)

// schemaOf compiles the generated JSON Schema of an event type.
func schemaOf(t testing.TB, info *event.EventInfo) *jsonschema.Schema {
	t.Helper()
	pkg := info.FullName[:strings.LastIndexByte(info.FullName, '.')]
	path := filepath.Join(append([]string{"..", "..", "..", "gen", "jsonschema"}, append(strings.Split(pkg, "."), info.Type+".json")...)...)
	compiler := jsonschema.NewCompiler()
	compiler.UseLoader(jsonschema.FileLoader{})
	compiled, err := compiler.Compile(path)
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

func accepts(t testing.TB, s *jsonschema.Schema, text []byte) error {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	return s.Validate(v)
}

// TestSchemaAcceptsCorpus validates what the guide's classes write, and the examples, against the generated schemas.
func TestSchemaAcceptsCorpus(t *testing.T) {
	t.Parallel()
	known := events()
	for _, r := range corpus(t) {
		t.Run(r.File, func(t *testing.T) {
			t.Parallel()
			if err := accepts(t, schemaOf(t, known[r.EventType]), r.Value); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestSchemaAcceptsOurs validates what we write: defaults filled in, written by the generated encoder.
func TestSchemaAcceptsOurs(t *testing.T) {
	t.Parallel()
	known := events()
	for _, r := range corpus(t) {
		t.Run(r.File, func(t *testing.T) {
			t.Parallel()
			e := decode(t, known[r.EventType], r.Payload)
			e.SetDefaults(time.Now())
			payload, err := e.AppendJSON(nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := accepts(t, schemaOf(t, known[r.EventType]), with(t, r.Value, "payload", string(payload))); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestSchemaRefuses holds the schemas to what readers refuse: one change of a good record each.
func TestSchemaRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		file string
		path string // of what is changed, dots between
		text string // empty: taken away
	}{
		"other event type":         {"CodegenStatusEvent.pydantic.json", "event_type", `"CodegenMixinRequest"`},
		"no correlation id":        {"CodegenStatusEvent.pydantic.json", "correlation_id", ""},
		"no UUID":                  {"CodegenStatusEvent.pydantic.json", "correlation_id", `"x"`},
		"no payload":               {"CodegenStatusEvent.pydantic.json", "payload", ""},
		"progress past the bound":  {"CodegenStatusEvent.pydantic.json", "payload.progress_percentage", "100.5"},
		"progress below the bound": {"CodegenStatusEvent.pydantic.json", "payload.progress_percentage", "-1"},
		"unknown status":           {"CodegenStatusEvent.pydantic.json", "payload.status", `"asleep"`},
		"no status":                {"CodegenStatusEvent.pydantic.json", "payload.status", ""},
		"no message":               {"CodegenStatusEvent.pydantic.json", "payload.message", ""},
		"metadata is a list":       {"CodegenStatusEvent.pydantic.json", "payload.metadata", "[]"},
		"limit 0":                  {"CodegenPatternRequest.pydantic.json", "payload.limit", "0"},
		"limit 21":                 {"CodegenPatternRequest.pydantic.json", "payload.limit", "21"},
		"limit is text":            {"CodegenPatternRequest.pydantic.json", "payload.limit", `"5"`},
		"limit is a fraction":      {"CodegenPatternRequest.pydantic.json", "payload.limit", "5.5"},
		"no list":                  {"CodegenMixinRequest.pydantic.json", "payload.requirements", ""},
		"list of numbers":          {"CodegenMixinRequest.pydantic.json", "payload.requirements", "[1]"},
		"no source":                {"hook.service.lifecycle.started.dumps.json", "source", ""},
		"no instance":              {"hook.service.lifecycle.started.dumps.json", "source.instance_id", ""},
		"port 0":                   {"hook.service.lifecycle.started.dumps.json", "payload.service_info.port", "0"},
		"version":                  {"hook.service.lifecycle.started.dumps.json", "payload.service_info.version", `"1"`},
		"no startup_info":          {"hook.service.lifecycle.started.dumps.json", "payload.startup_info", ""},
	}
	known := events()
	records := map[string]record{}
	for _, r := range corpus(t) {
		records[r.File] = r
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, ok := records[tt.file]
			if !ok {
				t.Fatalf("no file %s", tt.file)
			}
			changed := with(t, r.Value, tt.path, tt.text)
			if err := accepts(t, schemaOf(t, known[r.EventType]), changed); err == nil {
				t.Errorf("accepted: %s", changed)
			}
		})
	}
}

// TestSchemaIsWhatReadersDemand takes every single field out of every payload: the schema must go with the decoder and
// the validator, defaults and the envelope's ids filled in.
func TestSchemaIsWhatReadersDemand(t *testing.T) {
	t.Parallel()
	known := events()
	for _, r := range corpus(t) {
		t.Run(r.File, func(t *testing.T) {
			t.Parallel()
			compiled := schemaOf(t, known[r.EventType])
			for _, path := range paths(t, r.Payload, "") {
				changed := with(t, r.Payload, path, "")
				readable := readable(known[r.EventType], changed)
				err := accepts(t, compiled, with(t, r.Value, "payload", string(changed)))
				if readable != (err == nil) {
					t.Errorf("without %s: readers accept: %t, the schema says: %v", path, readable, err)
				}
			}
		})
	}
}

// readable says whether a reader takes the payload, in an envelope that has ids and a timestamp.
func readable(info *event.EventInfo, payload []byte) bool {
	e := info.New()
	r := jsonio.NewReader(payload)
	e.DecodeJSON(r)
	r.End()
	var v event.Violations
	e.ShareEnvelope(&event.Envelope{CorrelationID: id, SessionID: id, Timestamp: time.Now()}, &v)
	e.SetDefaults(time.Now())
	return r.Err() == nil && len(r.Faults()) == 0 && e.Validate() == nil
}

// paths lists the members of an object, and of those inside it.
func paths(t testing.TB, text []byte, prefix string) []string {
	t.Helper()
	var members map[string]json.RawMessage
	if json.Unmarshal(text, &members) != nil {
		return nil
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(members)) {
		out = append(out, prefix+name)
		out = append(out, paths(t, members[name], prefix+name+".")...)
	}
	return out
}

// with returns the object with one member changed, or taken away when text is empty.
func with(t testing.TB, object []byte, path, text string) []byte {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal(object, &members); err != nil {
		t.Fatal(err)
	}
	name, rest, nested := strings.Cut(path, ".")
	switch {
	case nested:
		members[name] = with(t, members[name], rest, text)
	case text == "":
		delete(members, name)
	default:
		members[name] = json.RawMessage(text)
	}
	out, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestEverySchemaCompiles compiles the schemas of all events, those without a corpus too.
func TestEverySchemaCompiles(t *testing.T) {
	t.Parallel()
	for name, info := range events() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			schemaOf(t, info)
		})
	}
	if _, err := os.Stat(filepath.Join("..", "..", "..", "gen", "jsonschema", "omninode", "hooks", "v1", "EventSource.json")); err != nil {
		t.Error(err)
	}
}

// TestSchemaGoesWithValidator holds generated schemas and validators to one verdict, on values at and around every
// bound. What JSON Schema has no word for is accepted by the schema and left to the validator.
func TestSchemaGoesWithValidator(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		valid   validated
		beyond  []string // rules that the schema has no word for
		invalid int      // at least so many messages that both refuse
	}{
		"Numbers": {validNumbers(), []string{"double.finite", "float.finite"}, 100},
		"Texts": {validTexts(), []string{
			"string.min_bytes", "string.max_bytes", "string.len_bytes", "bytes.len", "bytes.min_len", "bytes.max_len",
			"bytes.prefix", "bytes.suffix", "bytes.contains", "bytes.in", "bytes.not_in",
		}, 100},
		"Containers": {validContainers(), []string{"message.oneof", "int32.gte"}, 100}, // the latter of keys of maps
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			compiler := jsonschema.NewCompiler()
			compiled, err := compiler.Compile(filepath.Join("..", "golang", "testdata", "rules", "want", "jsonschema", "acme", "rules", "v1", name+".json"))
			if err != nil {
				t.Fatal(err)
			}
			valid, invalid := 0, 0
			for msg := range samples(tt.valid, 500) {
				text, err := msg.(event.Event).AppendJSON(nil)
				if err != nil {
					continue // has no JSON form
				}
				violations := actual(t, msg.(validated))
				refused := slices.ContainsFunc(violations, func(f finding) bool { return !slices.Contains(tt.beyond, f.Rule) })
				schemaErr := accepts(t, compiled, text)
				switch {
				case len(violations) == 0 && schemaErr != nil:
					t.Fatalf("valid, and refused by the schema: %v\n%s", schemaErr, text)
				case refused && schemaErr == nil && bytes.Contains(text, []byte("-0.0")): // which a JSON Schema cannot tell from zero
				case refused && schemaErr == nil:
					t.Fatalf("accepted by the schema, and invalid: %v\n%s", violations, text)
				case refused:
					invalid++
				case len(violations) == 0:
					valid++
				}
			}
			if valid < 10 || invalid < tt.invalid {
				t.Errorf("%d valid and %d invalid samples are too few", valid, invalid)
			}
		})
	}
}
