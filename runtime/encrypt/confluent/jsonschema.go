package confluent

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/omninode/trestle/runtime/genapi/ecma"
)

// kind is what a schema says that a value is, as far as encrypting it goes.
type kind uint8

const (
	otherKind  kind = iota
	recordKind      // its members are looked at
	stringKind
	plainKind // a number, a boolean, or one of listed values: it is there to be encrypted, and can't be
)

// node is a schema, with what of it leads to fields. It is not changed once it is made.
type node struct {
	kind       kind
	properties []property
	items      *node
	tupled     bool // items are a list of schemas, which Confluent's clients do not walk
	allOf      []*node
	oneOf      []branch
	anyOf      []branch
	combined   bool
	ref        *node
	typed      []branch // where its type is a list: the schema for each
	check      *jsonschema.Schema
}

// property is a member of an object that a schema names.
type property struct {
	name string
	tags []string
	node *node
}

// branch is one of several schemas.
type branch struct {
	node *node
	// takes says whether a value is of the branch.
	takes func(v any) bool
}

// jsonSchemas makes nodes of the documents that a schema consists of.
type jsonSchemas struct {
	compiler *jsonschema.Compiler
	docs     map[string]any // by address
	nodes    map[string]*node
}

// schemaBase is where schemas are for their references to one another, which are by name.
const schemaBase = "trestle:///"

// rootName is the name of the schema itself.
const rootName = "trestle-schema"

// newJSONSchema reads a schema, and those that it refers to, by name.
func newJSONSchema(text string, references map[string]string) (*node, error) {
	s := &jsonSchemas{compiler: jsonschema.NewCompiler(), docs: map[string]any{}, nodes: map[string]*node{}}
	s.compiler.DefaultDraft(jsonschema.Draft7)
	s.compiler.UseLoader(noLoader{})
	s.compiler.UseRegexpEngine(func(expr string) (jsonschema.Regexp, error) {
		re, err := ecma.Compile(expr)
		if err != nil {
			return nil, err
		}
		return re, nil
	})
	for _, format := range formats { // which Confluent's clients do not look at
		s.compiler.RegisterFormat(&jsonschema.Format{Name: format, Validate: func(any) error { return nil }})
	}
	add := func(address, text string) error {
		doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
		if err != nil {
			return err
		}
		s.docs[address] = doc
		return s.compiler.AddResource(address, doc)
	}
	for name, text := range references {
		address, err := url.Parse(name)
		if err != nil {
			return nil, fmt.Errorf("reference %q: it is no address", name)
		}
		base, _ := url.Parse(schemaBase)
		if err := add(base.ResolveReference(address).String(), text); err != nil {
			return nil, fmt.Errorf("reference %s: %w", name, err)
		}
	}
	if err := add(schemaBase+rootName, text); err != nil {
		return nil, err
	}
	compiled, err := s.compiler.Compile(schemaBase + rootName)
	if err != nil {
		said := strings.ReplaceAll(strings.Join(strings.Fields(err.Error()), " "), schemaBase, "") // in one line
		return nil, errors.New("it can't be read as JSON Schema: " + said)
	}
	return s.node(compiled.Location)
}

// formats are those that drafts before 2019-09 have values checked for.
var formats = []string{
	"date", "date-time", "duration", "email", "hostname", "idn-email", "idn-hostname", "ipv4", "ipv6", "iri", "iri-reference", "json-pointer", "period", "regex",
	"relative-json-pointer", "semver", "time", "uri", "uri-reference", "uri-template", "uuid",
}

// noLoader has no schema but those that are given.
type noLoader struct{}

// Load implements [jsonschema.URLLoader].
func (noLoader) Load(address string) (any, error) {
	return nil, fmt.Errorf("%s: the registry has no reference of that name", strings.TrimPrefix(address, schemaBase))
}

// node returns the node of the schema at an address.
func (s *jsonSchemas) node(location string) (*node, error) {
	if n := s.nodes[location]; n != nil {
		return n, nil
	}
	n := &node{}
	s.nodes[location] = n
	raw, err := s.at(location)
	if err != nil {
		return nil, err
	}
	schema, ok := raw.(map[string]any)
	if !ok {
		return n, nil // true or false
	}
	if n.check, err = s.compiler.Compile(location); err != nil {
		return nil, err
	}
	n.kind = kindOf(schema)
	under := func(keywords ...any) string { return pointer(location, keywords...) }
	if types, ok := schema["type"].([]any); ok {
		for _, t := range types {
			name, _ := t.(string)
			narrowed, err := s.narrowed(location, schema, name)
			if err != nil {
				return nil, err
			}
			n.typed = append(n.typed, branch{narrowed, func(v any) bool { return isOfType(v, name) && n.check.Validate(v) == nil }})
		}
	}
	return n, s.fill(n, schema, under)
}

// narrowed is the node of a schema with one of its types.
func (s *jsonSchemas) narrowed(location string, schema map[string]any, typed string) (*node, error) {
	one := make(map[string]any, len(schema))
	for name, value := range schema {
		one[name] = value
	}
	one["type"] = typed
	n := &node{kind: kindOf(one)}
	return n, s.fill(n, one, func(keywords ...any) string { return pointer(location, keywords...) })
}

// fill adds what is below a schema.
func (s *jsonSchemas) fill(n *node, schema map[string]any, under func(keywords ...any) string) error {
	if properties, ok := schema["properties"].(map[string]any); ok {
		for name, of := range properties {
			below, ok := of.(map[string]any)
			if !ok {
				continue
			}
			child, err := s.node(under("properties", name))
			if err != nil {
				return err
			}
			n.properties = append(n.properties, property{name, texts(below["confluent:tags"]), child})
		}
	}
	var err error
	switch schema["items"].(type) {
	case map[string]any:
		if n.items, err = s.node(under("items")); err != nil {
			return err
		}
	case []any:
		n.tupled = true
	}
	for _, keyword := range []string{"allOf", "oneOf", "anyOf"} {
		list, ok := schema[keyword].([]any)
		if !ok {
			continue
		}
		n.combined = true
		for i, of := range list {
			if _, ok := of.(map[string]any); !ok {
				continue
			}
			child, err := s.node(under(keyword, i))
			if err != nil {
				return err
			}
			takes := func(v any) bool { return child.check != nil && child.check.Validate(v) == nil }
			switch keyword {
			case "allOf":
				n.allOf = append(n.allOf, child)
			case "oneOf":
				n.oneOf = append(n.oneOf, branch{child, takes})
			default:
				n.anyOf = append(n.anyOf, branch{child, takes})
			}
		}
	}
	if _, ok := schema["$ref"].(string); ok {
		compiled, err := s.compiler.Compile(under())
		if err != nil {
			return err
		}
		if compiled.Ref == nil {
			return errors.New("a $ref leads nowhere")
		}
		n.ref, err = s.node(compiled.Ref.Location)
		return err
	}
	return nil
}

// at is what stands at an address.
func (s *jsonSchemas) at(location string) (any, error) {
	address, fragment, _ := strings.Cut(location, "#")
	at, ok := s.docs[address]
	if !ok {
		return nil, fmt.Errorf("%s: there is no such schema among the references", strings.TrimPrefix(address, schemaBase))
	}
	path, err := url.PathUnescape(fragment)
	if err != nil {
		return nil, err
	}
	if path == "" {
		return at, nil
	}
	for step := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		step = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
		switch in := at.(type) {
		case map[string]any:
			at, ok = in[step]
		case []any:
			i := -1
			if _, err := fmt.Sscan(step, &i); err != nil || i < 0 || i >= len(in) {
				return nil, fmt.Errorf("%s leads nowhere", location)
			}
			at = in[i]
		default:
			ok = false
		}
		if !ok {
			return nil, fmt.Errorf("%s leads nowhere", location)
		}
	}
	return at, nil
}

// pointer is the address of what is below a schema.
func pointer(location string, keywords ...any) string {
	address, fragment, _ := strings.Cut(location, "#")
	for _, k := range keywords {
		step := strings.NewReplacer("~", "~0", "/", "~1").Replace(fmt.Sprint(k))
		fragment += "/" + url.PathEscape(step)
	}
	return address + "#" + fragment
}

// kindOf is what Confluent's clients take a schema for: get_type in common/json_schema.py.
func kindOf(schema map[string]any) kind {
	properties, _ := schema["properties"].(map[string]any)
	if schema["const"] != nil || schema["enum"] != nil {
		return plainKind
	}
	switch schema["type"] {
	case "object":
		if len(properties) > 0 {
			return recordKind
		}
		return otherKind
	case "string":
		return stringKind
	case "integer", "number", "boolean":
		return plainKind
	case nil:
		if properties != nil {
			return recordKind
		}
	}
	if _, list := schema["type"].([]any); list && properties != nil {
		return recordKind
	}
	return otherKind
}

func isOfType(v any, name string) bool {
	switch v := v.(type) {
	case nil:
		return name == "null"
	case bool:
		return name == "boolean"
	case string:
		return name == "string"
	case []any:
		return name == "array"
	case map[string]any:
		return name == "object"
	case json.Number:
		return name == "number" || name == "integer" && !strings.ContainsAny(v.String(), ".eE")
	}
	return false
}

// texts are the texts of a list.
func texts(v any) []string {
	list, _ := v.([]any)
	var out []string
	for _, e := range list {
		if text, ok := e.(string); ok {
			out = append(out, text)
		}
	}
	return out
}
