package dynamic

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"

	trestle "github.com/omninode/trestle/runtime"
	"github.com/omninode/trestle/runtime/format"
	"github.com/omninode/trestle/tools/schema"
)

// jsonCompiler compiles the JSON Schemas of a set by their own source.
type jsonCompiler struct {
	set *schema.Set
	// mu guards the compiler, which is not for concurrent use.
	mu       sync.Mutex
	compiler *jsonschema.Compiler
}

// base is where the files of a set are for their references to each other.
const base = "trestle:///"

// compile returns the validator of a message that is a file's root, as every event is.
func (c *jsonCompiler) compile(m *schema.Message) (jsonValidator, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if m.File == nil || m.File.Root == nil || m.File.Root.Message != m {
		return jsonValidator{}, fmt.Errorf("%s: it is not the root of a schema file", m.Pos)
	}
	if c.compiler == nil {
		c.compiler = newCompiler(c)
	}
	compiled, err := c.compiler.Compile(base + m.File.Path)
	if err != nil {
		return jsonValidator{}, err
	}
	return jsonValidator{m, compiled}, nil
}

// unasserted are the formats that are notes, as in generated validators; `uuid` is checked, and `date-time` when a
// time is read.
var unasserted = []string{
	"date", "time", "duration", "date-time", "email", "hostname", "idn-hostname", "ipv4", "ipv6", "iri", "iri-reference",
	"json-pointer", "period", "regex", "relative-json-pointer", "semver", "uri", "uri-reference", "uri-template", "uuid",
}

func newCompiler(load jsonschema.URLLoader) *jsonschema.Compiler {
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.UseLoader(load)
	for _, name := range unasserted {
		c.RegisterFormat(&jsonschema.Format{Name: name, Validate: func(any) error { return nil }})
	}
	c.RegisterFormat(&jsonschema.Format{Name: "uuid", Validate: func(v any) error {
		if s, ok := v.(string); ok && !format.UUID(s) {
			return errors.New("not a UUID")
		}
		return nil
	}})
	c.AssertFormat()
	return c
}

// Load finds the file of a URL: by its path, or, for references relative to an $id, by what the URL ends in.
func (c *jsonCompiler) Load(at string) (any, error) {
	u, err := url.Parse(at)
	if err != nil {
		return nil, err
	}
	var found *schema.File
	for _, p := range c.set.Packages {
		for _, f := range p.Files {
			if f.Proto != nil || f.Source == nil {
				continue
			}
			if at == base+f.Path || identified(f, at) {
				return jsonschema.UnmarshalJSON(bytes.NewReader(f.Source))
			}
			if strings.HasSuffix(u.Path, "/"+f.Path) && (found == nil || len(f.Path) > len(found.Path)) {
				found = f
			}
		}
	}
	if found == nil {
		return nil, fmt.Errorf("%s: %w", at, fs.ErrNotExist)
	}
	return jsonschema.UnmarshalJSON(bytes.NewReader(found.Source))
}

func identified(f *schema.File, id string) bool {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(f.Source))
	object, ok := doc.(map[string]any)
	return err == nil && ok && object["$id"] == id
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
