package event_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	trestle "github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/tools/event"
	"github.com/omninode/trestle/tools/gen/example"
	"github.com/omninode/trestle/tools/load"
	"github.com/omninode/trestle/tools/schema"
)

// BenchmarkReadText reads events of JSON Schemas by the schema alone and encodes them, as `trestle validate` and `trestle
// publish` do, against one reading of the same text and one validation of its payload by the JSON Schema library.
func BenchmarkReadText(b *testing.B) {
	set, err := load.Schemas(b.Context(), load.Dir(filepath.Join("..", "..", "schemas")))
	if err != nil {
		b.Fatal(err)
	}
	examples, infos := example.New(set), event.Events(set)
	for i, e := range set.Events() {
		if e.Message.Language() != schema.JSONSchema || e.Envelope != schema.EnvelopeBaseEvent {
			continue
		}
		text := examples.Record(e)
		compiler := jsonschema.NewCompiler()
		source, err := os.ReadFile(filepath.Join("..", "..", "schemas", e.Message.File.Path))
		if err != nil {
			b.Fatal(err)
		}
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(source))
		if err != nil {
			b.Fatal(err)
		}
		if err := compiler.AddResource("mem:///schema.json", document); err != nil {
			b.Fatal(err)
		}
		validator, err := compiler.Compile("mem:///schema.json")
		if err != nil {
			continue // it refers to other files
		}
		b.Run(e.Type, func(b *testing.B) {
			var own, other time.Duration
			for b.Loop() {
				begun := time.Now()
				read, env, err := trestle.ReadText(infos[i], text, trestle.TextOptions{})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := trestle.Encode(read, &env, trestle.EncodeOptions{}); err != nil {
					b.Fatal(err)
				}
				own += time.Since(begun)
				begun = time.Now()
				value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
				if err != nil {
					b.Fatal(err)
				}
				_ = validator.Validate(value.(map[string]any)["payload"])
				other += time.Since(begun)
			}
			b.ReportMetric(float64(own)/float64(other), "times-the-library")
		})
	}
}
