// Package asyncapi generates asyncapi.json: an AsyncAPI 3.0 document of the whole system, for the tools that read such
// documents (viewers, gateways, mocks, generators of other languages).
//
//   - A channel is a topic, dead-letter topics included, with its settings in the Kafka binding. Replication is left to
//     the environment.
//   - A message is an event: the JSON Schema of the record's value, the headers, the key, where the correlation id is,
//     and an example. An event that travels as protobuf has its envelope in headers and names its message under
//     x-protobuf-message.
//   - An operation is what one service does with one event on one topic: `omniclaude.send.OrderPlaced`. Services are
//     those that the schemas name under published_by and consumed_by; each has a tag. A receiving operation names the
//     service's consumer groups. The operations of a request have its reply.
//
// Schemas are written for AsyncAPI's default format, a superset of JSON Schema draft 07; definitions stand under
// components, so that the document needs no other file. It names no servers: they are the environment's.
package asyncapi

import (
	"slices"
	"strconv"
	"strings"

	"github.com/omninode/trestle/tools/gen/example"
	"github.com/omninode/trestle/tools/gen/internal/orderedjson"
	"github.com/omninode/trestle/tools/gen/internal/title"
	"github.com/omninode/trestle/tools/gen/jsonschema"
	"github.com/omninode/trestle/tools/gen/output"
	"github.com/omninode/trestle/tools/schema"
)

// Path is where the document is, below the output folder.
const Path = "asyncapi.json"

// bindingVersion is that of AsyncAPI's Kafka bindings.
const bindingVersion = "0.5.0"

type object = orderedjson.Object

// Generate makes the document of a set; a set without topics and events makes none.
func Generate(set *schema.Set) ([]output.File, error) {
	schemas, err := jsonschema.Generate(set)
	if err != nil {
		return nil, err
	}
	return GenerateFrom(set, schemas, example.New(set).Shown)
}

// GenerateFrom is [Generate] of the JSON Schemas that were generated, and of the examples of events, which record returns,
// nil for none.
func GenerateFrom(set *schema.Set, schemas []output.File, record func(*schema.Event) []byte) ([]output.File, error) {
	if len(set.Topics) == 0 && len(set.Events()) == 0 {
		return nil, nil
	}
	d := &document{set: set, record: record, keys: map[*schema.Event]string{}, schemas: newBundle(schemas)}
	d.nameMessages()
	messages, err := d.messages()
	if err != nil {
		return nil, err
	}
	root := &object{}
	root.Set("asyncapi", "3.0.0")
	root.Set("x-generated", output.Marker)
	root.Set("info", d.info())
	root.Set("defaultContentType", "application/json")
	root.Set("channels", d.channels())
	root.Set("operations", d.operations())
	components := &object{}
	components.Set("schemas", d.schemas.components())
	components.Set("messages", messages)
	root.Set("components", components)
	content, err := orderedjson.Indent(root)
	if err != nil {
		return nil, err
	}
	return []output.File{{Path: Path, Content: content}}, nil
}

// document is being made.
type document struct {
	set     *schema.Set
	record  func(*schema.Event) []byte // examples
	schemas *bundle
	keys    map[*schema.Event]string // names of messages
}

// nameMessages gives each event a key of its own: its type, where that is unique.
func (d *document) nameMessages() {
	used := map[string]bool{}
	for _, e := range d.set.Events() {
		key := component(e.Type)
		if used[key] {
			key = component(e.Message.FullName)
		}
		for n := 2; used[key]; n++ {
			key = component(e.Message.FullName) + "-" + strconv.Itoa(n)
		}
		used[key] = true
		d.keys[e] = key
	}
}

// component makes a key of components: letters, digits, dot, hyphen and underscore.
func component(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune(".-_", r):
			return r
		}
		return '_'
	}, name)
}

func (d *document) info() *object {
	major := 1
	var names []string
	for _, p := range d.set.Packages {
		if len(p.Events) == 0 && p.Family == nil {
			continue
		}
		names = append(names, p.Name)
		parts := strings.Split(p.Name, ".")
		if n, err := strconv.Atoi(strings.TrimPrefix(parts[len(parts)-1], "v")); err == nil {
			major = max(major, n)
		}
	}
	var doc []string
	for _, p := range d.set.Packages {
		if text := output.Prose(p.Doc); text != "" && slices.Contains(names, p.Name) {
			doc = append(doc, "**"+p.Name+"**: "+text)
		}
	}
	o := &object{}
	o.Set("title", title.Of(d.set))
	o.Set("version", strconv.Itoa(major)+".0.0")
	o.SetText("description", strings.Join(doc, "\n\n"))
	if tags := d.serviceTags(); len(tags) > 0 {
		o.Set("tags", tags)
	}
	return o
}

func (d *document) serviceTags() []*object {
	var tags []*object
	for _, name := range d.set.Services() {
		o := &object{}
		o.Set("name", name)
		o.Set("description", "What the service "+name+" sends and receives.")
		tags = append(tags, o)
	}
	return tags
}

func tags(names ...string) []*object {
	var out []*object
	for _, name := range names {
		if name == "" {
			continue
		}
		o := &object{}
		o.Set("name", name)
		out = append(out, o)
	}
	return out
}

func reference(path ...string) *object {
	o := &object{}
	var b strings.Builder
	b.WriteByte('#')
	for _, p := range path {
		b.WriteByte('/')
		b.WriteString(strings.ReplaceAll(strings.ReplaceAll(p, "~", "~0"), "/", "~1"))
	}
	o.Set("$ref", b.String())
	return o
}
