package witness

import (
	"bytes"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/omninode/trestle/tools/schema"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// jsonSide validates by a schema's own source.
type jsonSide struct {
	msg    *schema.Message
	schema *jsonschema.Schema
}

// base is where the files of a set are for their references to each other.
const base = "mem:///"

// newJSONSide compiles the schema of a message that is a file's root.
func newJSONSide(c *jsonschema.Compiler, m *schema.Message) (*jsonSide, error) {
	if m.File == nil || m.File.Root == nil || m.File.Root.Message != m {
		return nil, fmt.Errorf("%s is not the root of a file", m.FullName)
	}
	s, err := c.Compile(base + m.File.Path)
	if err != nil {
		return nil, err
	}
	return &jsonSide{m, s}, nil
}

// newJSONCompiler returns a compiler that knows the JSON Schemas of a set. What one schema refers to, it compiles once
// for all.
func newJSONCompiler(set *schema.Set) (*jsonschema.Compiler, error) {
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	for _, p := range set.Packages {
		for _, f := range p.Files {
			if f.Source == nil || f.Language() != schema.JSONSchema {
				continue
			}
			doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(f.Source))
			if err != nil {
				return nil, err
			}
			if err := c.AddResource(base+f.Path, doc); err != nil {
				return nil, err
			}
		}
	}
	return c, nil
}

func (s *jsonSide) read(event map[string]any) (map[string]any, error) {
	kept := keep(s.msg, event, true)
	// The validator sees what no schema declares too: a closed one rejects it.
	seen := make(map[string]any, len(event)+len(kept))
	for k, v := range event {
		seen[k] = v
	}
	for k, v := range kept {
		seen[k] = v
	}
	if err := s.schema.Validate(any(seen)); err != nil {
		return nil, explain(err)
	}
	if err := hold(s.msg, kept); err != nil {
		return nil, &rejection{[]string{err.Error()}}
	}
	return kept, nil
}

// explain returns the causes of a validation error, each with its place.
func explain(err error) error {
	invalid, ok := errors.AsType[*jsonschema.ValidationError](err)
	if !ok {
		return err
	}
	r := &rejection{}
	var collect func(e *jsonschema.ValidationError, at []string)
	collect = func(e *jsonschema.ValidationError, at []string) {
		at = append(at[:len(at):len(at)], e.InstanceLocation...)
		within := []string(nil)
		if names, ok := e.ErrorKind.(*kind.PropertyNames); ok { // the name is the instance of what is below
			within = append(at[:len(at):len(at)], names.Property)
		}
		for _, cause := range e.Causes {
			collect(cause, within)
		}
		if len(e.Causes) > 0 {
			return
		}
		text := causeText(e.ErrorKind) + " [" + keywordOf(e.ErrorKind) + "]"
		if len(at) > 0 {
			text = strings.Join(at, ".") + ": " + text
		}
		r.causes = append(r.causes, text)
	}
	collect(invalid, nil)
	slices.Sort(r.causes) // properties are validated in no particular order
	return r
}

// keywordOf is the keyword of a cause; the validator names none for not, and false is a schema without one.
func keywordOf(k jsonschema.ErrorKind) string {
	switch k.(type) {
	case *kind.Not:
		return "not"
	case *kind.FalseSchema:
		return "false"
	}
	return strings.Join(k.KeywordPath(), "/")
}

// causeText puts a cause into words: those of protovalidate where it has the same rule, so that both languages read
// alike, and the validator's otherwise.
func causeText(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.Minimum:
		return bound("greater than or equal to", k.Want, k.Got)
	case *kind.Maximum:
		return bound("less than or equal to", k.Want, k.Got)
	case *kind.ExclusiveMinimum:
		return bound("greater than", k.Want, k.Got)
	case *kind.ExclusiveMaximum:
		return bound("less than", k.Want, k.Got)
	case *kind.MultipleOf:
		return bound("a multiple of", k.Want, k.Got)
	case *kind.MinLength:
		return fmt.Sprintf("must be at least %d characters, got %d", k.Want, k.Got)
	case *kind.MaxLength:
		return fmt.Sprintf("must be at most %d characters, got %d", k.Want, k.Got)
	case *kind.Not:
		return "must not be what the schema excludes"
	case *kind.FalseSchema:
		return "must not be present"
	}
	return k.LocalizedString(message.NewPrinter(language.English))
}

func bound(relation string, want, got *big.Rat) string {
	return fmt.Sprintf("must be %s %s, got %s", relation, decimal(want), decimal(got))
}

// decimal writes a rational as schemas and events do, without zeros at its end.
func decimal(r *big.Rat) string {
	if r.IsInt() {
		return r.Num().String()
	}
	f, _ := r.Float64()
	return strconv.FormatFloat(f, 'g', -1, 64)
}

// keep returns what a reader of a message keeps of an object: declared properties with defaults filled in, and with
// undeclared others where the message keeps them.
func keep(m *schema.Message, event map[string]any, undeclared bool) map[string]any {
	out := map[string]any{}
	if undeclared && (m.KeepUnknown || m.Closed) {
		for k, v := range event {
			out[k] = v
		}
	}
	for _, f := range m.Fields {
		v, there := event[f.JSONName]
		if !there {
			if d, ok := defaultOf(f); ok {
				out[f.JSONName] = d
			}
			continue
		}
		out[f.JSONName] = keepValue(f.Type, v, undeclared)
	}
	return out
}

func keepValue(t *schema.Type, v any, undeclared bool) any {
	switch x := v.(type) {
	case map[string]any:
		switch t.Kind {
		case schema.MessageKind:
			return keep(t.Message, x, undeclared)
		case schema.Map:
			out := make(map[string]any, len(x))
			for k, e := range x {
				out[k] = keepValue(t.Elem, e, undeclared)
			}
			return out
		}
	case []any:
		if t.Kind == schema.List {
			out := make([]any, len(x))
			for i, e := range x {
				out[i] = keepValue(t.Elem, e, undeclared)
			}
			return out
		}
	}
	return v
}
