package event

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	trestle "github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/genapi/jsoncompile"
	"github.com/omninode/trestle/runtime/genapi/jsonvalidate"
	"github.com/omninode/trestle/tools/schema"
)

// newFiles holds the set's JSON Schemas by path, and under the names that others of a registry refer to them by. They are those of
// loading, where that has compiled any: to compile a large schema takes long.
func (s *Schemas) newFiles() *jsoncompile.Files {
	texts := map[string][]byte{}
	for _, p := range s.set.Packages {
		for _, f := range p.Files {
			if f.Language() == schema.JSONSchema && f.Source != nil {
				texts[f.Path] = f.Source
			}
		}
	}
	for name, path := range s.set.Aliases {
		if text, ok := texts[path]; ok && texts[name] == nil {
			texts[name] = text
		}
	}
	if loaded, ok := s.set.Compiled.(*jsoncompile.Files); ok && loaded.HaveAll(maps.Keys(texts)) {
		return loaded
	}
	return jsoncompile.New(texts)
}

// compile returns the validator of a message by its own schema.
func (s *Schemas) compile(m *schema.Message) (jsonValidator, error) {
	if m.File == nil {
		return jsonValidator{}, errors.New("its schema is in no file")
	}
	compiled, err := s.files().Compile(m.File.Path, m.Pointer)
	if err != nil {
		return jsonValidator{}, err
	}
	return jsonValidator{&schema.Type{Kind: schema.MessageKind, Message: m}, m.FullName, compiled}, nil
}

// Document is a JSON Schema that is used as it is written: whatever it describes.
type Document struct{ validator jsonValidator }

// Document returns the JSON Schema at a pointer of a file of the set, "" for the file as a whole. It fails when it is none.
func (s *Schemas) Document(f *schema.File, pointer string) (*Document, error) {
	compiled, err := s.files().Compile(f.Path, pointer)
	if err != nil {
		return nil, fmt.Errorf("%s: not a JSON Schema: %w", f.Path, plainly(err))
	}
	v := jsonValidator{nil, f.Path, compiled}
	if pointer == "" {
		v.typ = f.Root
	}
	return &Document{v}, nil
}

// plainly says in one line where a schema breaks the rules for schemas, or leads nowhere.
func plainly(err error) error {
	if broken, ok := errors.AsType[*jsonschema.SchemaValidationError](err); ok {
		if rules, ok := errors.AsType[*jsonschema.ValidationError](broken.Err); ok {
			var said []string
			jsonvalidate.Explain(rules, nil, func(f jsonvalidate.Finding) {
				said = append(said, "#/"+strings.Join(f.Location, "/")+": "+f.Message)
			})
			return errors.New(strings.Join(said, "; "))
		}
	}
	if absent, ok := errors.AsType[*jsonschema.LoadURLError](err); ok {
		name := absent.URL
		if _, path, ok := strings.Cut(name, ":///"); ok { // one of the set's own
			name = path
		}
		return fmt.Errorf("it refers to %s, which is not there", name)
	}
	return err
}

// Validate validates a JSON text. What is wrong with it is a [trestle.ValidationError].
func (d *Document) Validate(text []byte) error { return d.validator.validate(text) }

// jsonValidator validates JSON by a schema.
type jsonValidator struct {
	typ    *schema.Type // that the schema describes, nil when the model has none
	name   string
	schema *jsonschema.Schema
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
	e := explanation{typ: j.typ, value: value}
	e.add(invalid)
	return e.err(j.name)
}

// err orders what was found by the place in the schema.
func (e *explanation) err(name string) error {
	var v trestle.Violations
	for _, f := range e.sorted() {
		v.Report(f.Violation)
	}
	return v.Err(name)
}
