// Package jsonvalidate checks what generated validators leave to a JSON Schema library: keywords such as if, not and
// contains. Only packages whose schemas have such keywords import it, and with it the library.
package jsonvalidate

import (
	"bytes"
	"errors"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/genapi/jsoncompile"
	"github.com/omninode/trestle/runtime/jsonio"
)

// Schemas are the files of a package, by path.
type Schemas struct{ files *jsoncompile.Files }

// New returns the files of these texts, which refer to one another by path or $id.
func New(texts map[string]string) *Schemas {
	files := make(map[string][]byte, len(texts))
	for path, text := range texts {
		files[path] = []byte(text)
	}
	return &Schemas{jsoncompile.New(files)}
}

// Part is a schema that values are held against. It is for concurrent use.
type Part struct {
	schema func() (*jsonschema.Schema, error)
	masks  jsonio.Masks
	typ    string // by which masks describe the values
}

// Part returns the schema at a JSON pointer in a file, compiled when it is first used. With keywords, only those of it
// count.
func (s *Schemas) Part(path, pointer string, keywords ...string) *Part {
	return &Part{schema: sync.OnceValues(s.files.Part(path, pointer, keywords...))}
}

// Masked is the part for values of which the masks hide something, by the name of their type: of what is wrong there, not
// where in it is told.
func (p *Part) Masked(masks jsonio.Masks, typ string) *Part {
	return &Part{schema: p.schema, masks: masks, typ: typ}
}

// Check adds what is wrong with the JSON of a value to v, paths under path, unless it is there already. err says that the
// value has no JSON form. Check says whether to stop.
func (p *Part) Check(v *event.Violations, path string, text []byte, err error) (stop bool) {
	if err != nil {
		return v.Fail(err)
	}
	compiled, err := p.schema()
	if err != nil {
		return v.Fail(err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return v.Fail(err)
	}
	err = compiled.Validate(value)
	if err == nil {
		return false
	}
	invalid, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return v.Fail(err)
	}
	Explain(invalid, value, func(f Finding) {
		at := jsonio.JoinPath(path, pathOf(value, p.masks.Shown(text, f.Location, p.typ)))
		if !stop && !v.Has(at, f.Rule) {
			stop = v.Report(event.Violation{Path: at, Rule: f.Rule, Message: f.Message, ForKey: f.ForKey})
		}
	})
	return stop
}

// pathOf names a place in a value as violations do.
func pathOf(value any, location []string) string {
	path := ""
	for _, name := range location {
		switch v := value.(type) {
		case []any:
			path += "[" + name + "]"
			value = element(v, name)
		case map[string]any:
			path = jsonio.JoinPath(path, jsonio.MemberPath(name))
			value = v[name]
		}
	}
	return path
}
