package witness

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/omninode/trestle/tools/schema"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Documents runs an event through the validators of two JSON Schemas, and returns a witness when the writer's takes it
// and the reader's does not. The error says that one of them is no schema.
func Documents(writer, reader *schema.Set, w, r *schema.File, event any, by string) (*Witness, error) {
	ours, err := compileDocument(writer, w)
	if err != nil {
		return nil, err
	}
	theirs, err := compileDocument(reader, r)
	if err != nil {
		return nil, err
	}
	if ours.Validate(event) != nil {
		return nil, nil
	}
	rejected := theirs.Validate(event)
	if rejected == nil {
		return nil, nil
	}
	text, err := json.Marshal(event)
	if err != nil {
		return nil, err
	}
	detail := rejected.Error()
	if because, ok := errors.AsType[*rejection](explain(rejected)); ok {
		detail = because.causes[0]
	}
	return &Witness{Event: text, WrittenBy: by, Outcome: Rejected, Detail: detail}, nil
}

func compileDocument(set *schema.Set, f *schema.File) (*jsonschema.Schema, error) {
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	// What the registry, or nobody, knows is not fetched.
	c.UseLoader(jsonschema.SchemeURLLoader{})
	texts := map[string][]byte{}
	for _, p := range set.Packages {
		for _, other := range p.Files {
			if other.Language() == schema.JSONSchema && other.Source != nil {
				texts[base+other.Path] = other.Source
			}
		}
	}
	for name, path := range set.Aliases {
		if text, ok := texts[base+path]; ok {
			if _, there := texts[base+name]; !there {
				texts[base+name] = text
			}
		}
	}
	for name, text := range texts {
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			return nil, err
		}
		if err := c.AddResource(name, doc); err != nil {
			return nil, err
		}
	}
	s, err := c.Compile(base + f.Path)
	if err != nil {
		return nil, fmt.Errorf("%s: not a JSON Schema: %w", f.Path, err)
	}
	return s, nil
}
