package event

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/santhosh-tekuri/jsonschema/v6"

	trestle "github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/genapi/jsoncompile"
	"github.com/omninode/trestle/tools/schema"
)

// jsonCompiler compiles the JSON Schemas of a set by their own source.
type jsonCompiler struct{ files *jsoncompile.Files }

func newJSONCompiler(set *schema.Set) *jsonCompiler {
	texts := map[string][]byte{}
	for _, p := range set.Packages {
		for _, f := range p.Files {
			if f.Language() == schema.JSONSchema && f.Source != nil {
				texts[f.Path] = f.Source
			}
		}
	}
	return &jsonCompiler{jsoncompile.New(texts)}
}

// compile returns the validator of a message that is a file's root, as every event is.
func (c *jsonCompiler) compile(m *schema.Message) (jsonValidator, error) {
	if m.File == nil || m.File.Root == nil || m.File.Root.Message != m {
		return jsonValidator{}, fmt.Errorf("%s: it is not the root of a schema file", m.Pos)
	}
	compiled, err := c.files.Compile(m.File.Path, "")
	if err != nil {
		return jsonValidator{}, err
	}
	return jsonValidator{m, compiled}, nil
}

// jsonValidator validates the JSON of one event type.
type jsonValidator struct {
	message *schema.Message
	schema  *jsonschema.Schema
}

// validate returns a ValidationError, in the order of the schema, or nil.
func (j jsonValidator) validate(text []byte) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return err
	}
	err = j.schema.Validate(value)
	if err == nil {
		return nil
	}
	invalid, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return err
	}
	e := explanation{message: j.message, value: value}
	e.add(invalid)
	return e.err(j.message.FullName)
}

// err orders what was found by the place in the schema.
func (e *explanation) err(fullName string) error {
	var v trestle.Violations
	for _, f := range e.sorted() {
		v.Report(f.Violation)
	}
	return v.Err(fullName)
}
