package jsonschema

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/omninode/trestle/runtime/encrypt"
	runtime "github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/tools/event"
	"github.com/omninode/trestle/tools/gen/internal/orderedjson"
	"github.com/omninode/trestle/tools/gen/output"
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/schema/jsontree"
)

// Dir is the folder of the schemas, below the output folder.
const Dir = "jsonschema"

// SourceName is the name of the message that describes an event's source, and with .json that of its schema.
const SourceName = "EventSource"

const dialect = "https://json-schema.org/draft/2020-12/schema"

type object = orderedjson.Object

// Path is where an event's schema is, below the output folder: "jsonschema/omninode/codegen/v1/CodegenStatusEvent.json".
func Path(e *schema.Event) string { return path(e.Package, e.Type) }

func path(pkg *schema.Package, name string) string {
	return strings.Join(append([]string{Dir}, append(folders(pkg), name+".json")...), "/")
}

func folders(pkg *schema.Package) []string {
	if pkg.Dir == "" || pkg.Dir == "." {
		return nil
	}
	return strings.Split(pkg.Dir, "/")
}

// Generate makes the schemas of a set's events whose encoding is JSON, and those they refer to.
func Generate(set *schema.Set) ([]output.File, error) {
	byPackage, err := Packages(set, nil)
	if err != nil {
		return nil, err
	}
	var files []output.File
	for _, pkg := range set.Packages {
		files = append(files, byPackage[pkg]...)
	}
	return files, nil
}

// Packages is [Generate] for the packages of those names, nil for all, each package's files apart.
func Packages(set *schema.Set, names []string) (map[*schema.Package][]output.File, error) {
	readers := event.New(set)
	out := map[*schema.Package][]output.File{}
	for _, pkg := range set.Packages {
		if names != nil && !slices.Contains(names, pkg.Name) {
			continue
		}
		files, err := packageFiles(readers, pkg)
		if err != nil {
			return nil, err
		}
		out[pkg] = files
	}
	return out, nil
}

func packageFiles(readers *event.Schemas, pkg *schema.Package) ([]output.File, error) {
	var files []output.File
	source := sourceOf(pkg)
	needsSource := false
	for _, e := range pkg.Events {
		if e.Encoding != schema.EncodingJSON {
			continue
		}
		needsSource = needsSource || e.Envelope == schema.EnvelopeBaseEvent
		if !filepath.IsLocal(filepath.FromSlash(Path(e))) || strings.HasSuffix(e.Type, "/") || strings.ContainsRune(e.Type, 0) {
			return nil, &schema.Error{Pos: e.Pos, Message: fmt.Sprintf("event type %q cannot be the name of a file, which its JSON Schema is: name it otherwise", e.Type)}
		}
		content, err := eventSchema(readers, e, source != nil)
		if err != nil {
			return nil, err
		}
		files = append(files, output.File{Path: Path(e), Content: content})
	}
	if source != nil && needsSource {
		content, err := messageSchema(readers, source)
		if err != nil {
			return nil, err
		}
		files = append(files, output.File{Path: path(pkg, SourceName), Content: content})
	}
	return files, nil
}

// sourceOf returns the message that describes an event's source in a package, nil when it has none.
func sourceOf(pkg *schema.Package) *schema.Message {
	i := slices.IndexFunc(pkg.Messages, func(m *schema.Message) bool { return m.Name == SourceName })
	if i < 0 {
		return nil
	}
	return pkg.Messages[i]
}

// References returns the names of the schemas that an event's schema refers to, sorted: [EventSource.json] or none.
func References(e *schema.Event) []string {
	if e.Envelope == schema.EnvelopeBaseEvent && sourceOf(e.Package) != nil {
		return []string{SourceName + ".json"}
	}
	return nil
}

// start begins a document.
func start(title, description string) *object {
	root := &object{}
	root.Set("$schema", dialect)
	root.Set("$comment", output.Marker)
	root.Set("title", title)
	root.SetText("description", description)
	return root
}

// messageSchema is the schema of a message by itself.
func messageSchema(readers *event.Schemas, m *schema.Message) ([]byte, error) {
	b := newBuilder(readers)
	root := start(m.Name, output.Prose(m.Doc))
	if err := b.messageInto(root, m, nil); err != nil {
		return nil, err
	}
	b.defsInto(root)
	return orderedjson.Indent(root)
}

// eventSchema is the schema of a record's value.
func eventSchema(readers *event.Schemas, e *schema.Event, hasSource bool) ([]byte, error) {
	b := newBuilder(readers)
	root := start(e.Type, output.Prose(e.Message.Doc))
	if e.Envelope == schema.EnvelopeNone {
		if err := b.messageInto(root, e.Message, nil); err != nil {
			return nil, err
		}
		b.defsInto(root)
		return orderedjson.Indent(root)
	}
	payload := &object{}
	payload.SetText("description", output.Prose(e.Message.Doc))
	if err := b.messageInto(payload, e.Message, e.Envelope.Shared()); err != nil {
		return nil, err
	}
	switch e.Envelope {
	case schema.EnvelopeOnexV1:
		onexInto(root, e.Type, payload)
	case schema.EnvelopeBaseEvent:
		baseEventInto(root, e.Type, payload, hasSource)
	default:
		return nil, &schema.Error{Pos: e.Pos, Message: fmt.Sprintf("%s: no JSON Schema is known for envelope %q", e.Type, e.Envelope)}
	}
	b.defsInto(root)
	return orderedjson.Indent(root)
}

// builder makes the schemas of one document.
type builder struct {
	defs  map[string]*object
	names map[definition]string
	// unruled says that no rules hold of what is being described: it stands in a field whose rules are always ignored.
	unruled bool
	// What was copied from the source of schemas: parsed files, and the definitions that schemas in them became.
	sources map[*schema.File]*jsontree.Value
	copies  map[*jsontree.Value]string
	readers *event.Schemas
}

// definition is a message, or one of which no rules hold.
type definition struct {
	message *schema.Message
	unruled bool
}

func newBuilder(readers *event.Schemas) *builder {
	return &builder{
		defs: map[string]*object{}, names: map[definition]string{},
		sources: map[*schema.File]*jsontree.Value{}, copies: map[*jsontree.Value]string{},
		readers: readers,
	}
}

// defsInto adds the definitions, by name.
func (b *builder) defsInto(root *object) {
	if len(b.defs) == 0 {
		return
	}
	var names []string
	for name := range b.defs {
		names = append(names, name)
	}
	slices.Sort(names)
	defs := &object{}
	for _, name := range names {
		defs.Set(name, b.defs[name])
	}
	root.Set("$defs", defs)
}

// ref refers to a message's definition, made when it is first asked for.
func (b *builder) ref(m *schema.Message) (string, error) {
	key := definition{m, b.unruled}
	name, ok := b.names[key]
	if !ok {
		name = defName(m)
		if b.unruled {
			name += ".without_rules"
		}
		if _, taken := b.defs[name]; taken {
			name = strings.Replace(name, defName(m), m.FullName, 1)
		}
		def := &object{}
		b.names[key], b.defs[name] = name, def
		def.SetText("description", output.Prose(m.Doc))
		if err := b.messageInto(def, m, nil); err != nil {
			return "", err
		}
	}
	return "#/$defs/" + name, nil
}

func defName(m *schema.Message) string {
	if m.Parent != nil {
		return defName(m.Parent) + "." + m.Name
	}
	return m.Name
}

// messageInto describes an object. optional names fields that are not required though the schema's source says so.
func (b *builder) messageInto(o *object, m *schema.Message, optional []string) error {
	o.Set("type", "object")
	var required []string
	properties := &object{}
	for _, f := range m.Fields {
		needed, err := b.isRequired(f)
		if err != nil {
			return err
		}
		beside := f.EncryptionKey != "" && f.Type.SealedBeside()
		needed = needed && !beside && !slices.Contains(optional, f.JSONName)
		// In protobuf, null is absent.
		property, err := b.field(f, f.Nullable || !f.KnowsNull() && !needed)
		if err != nil {
			return err
		}
		properties.Set(f.JSONName, property)
		if beside {
			properties.Set(f.JSONName+schema.SealedSuffix, sealedText("The text of "+f.JSONName+", where that is encrypted."))
		}
		if needed {
			required = append(required, f.JSONName)
		}
	}
	if len(required) > 0 {
		o.Set("required", required)
	}
	if properties.Len() > 0 {
		o.Set("properties", properties)
	}
	switch {
	case m.Closed:
		o.Set("additionalProperties", false)
	case m.Undeclared != nil:
		rest := &object{}
		if err := b.typeInto(rest, m.Undeclared, nil, false); err != nil {
			return err
		}
		o.Set("additionalProperties", rest)
	}
	var choices []any
	for _, oneof := range m.Oneofs {
		if !oneof.Required || b.unruled {
			continue
		}
		var any []*object
		for _, f := range oneof.Fields {
			any = append(any, present(f.JSONName))
			if f.EncryptionKey != "" && f.Type.SealedBeside() {
				any = append(any, present(f.JSONName+schema.SealedSuffix))
			}
		}
		choice := &object{}
		choice.Set("anyOf", any)
		choices = append(choices, choice)
	}
	if len(choices) > 0 {
		o.Set("allOf", choices)
	}
	if m.HoldsEncrypted {
		return nil // it is said of the object as it is before something in it is encrypted
	}
	return b.unmodelledInto(o, m.Unmodelled)
}

// isRequired says whether an event without the field is invalid. Where rules speak of what stands for an absent field, the
// reader by schema is asked.
func (b *builder) isRequired(f *schema.Field) (bool, error) {
	c := f.Type.Constraints
	switch {
	case f.Default != "" || f.Oneof != nil:
		return false, nil
	case b.unruled:
		return f.JSONRequired || f.RequiredOnWire(), nil
	case f.Required || f.JSONRequired || f.Explicit || c.Rules == nil:
		return f.Required || f.JSONRequired, nil
	}
	err := b.readers.CheckField(f, []byte("null"))
	if _, ok := errors.AsType[*runtime.ValidationError](err); ok {
		return true, nil
	}
	return false, err
}

// sealedText describes the text of an encrypted value.
func sealedText(description string) *object {
	o := &object{}
	o.SetText("description", description)
	o.Set("type", "string")
	o.Set("pattern", "^"+regexp.QuoteMeta(encrypt.Prefix))
	return o
}

// present is an object that has a member which is not null.
func present(name string) *object {
	null, not, member, o := &object{}, &object{}, &object{}, &object{}
	null.Set("type", "null")
	not.Set("not", null)
	member.Set(name, not)
	o.Set("required", []string{name})
	o.Set("properties", member)
	return o
}

// field describes a property.
func (b *builder) field(f *schema.Field, null bool) (*object, error) {
	o := &object{}
	o.SetText("description", output.Prose(f.Doc))
	t := *f.Type
	if f.Required && !f.Explicit {
		t.Constraints = notZero(t)
	}
	described := o
	inPlace := f.EncryptionKey != "" && !t.SealedBeside()
	if inPlace {
		described = &object{}
	}
	if err := b.typeInto(described, &t, f, null); err != nil {
		return nil, err
	}
	if inPlace {
		o.Set("anyOf", []*object{described, sealedText("")})
	}
	if f.Default != "" && f.Default != "now" {
		o.Set("default", json.RawMessage(f.Default))
	}
	if f.Deprecated != nil {
		o.Set("deprecated", true)
		if reason := f.Deprecated.Reason; reason != "" {
			o.Set("description", strings.TrimSpace(output.Prose(f.Doc)+"\n\nDeprecated: "+reason))
		}
	}
	if f.Sensitive {
		field, words := &object{}, &object{}
		field.Set("sensitive", true)
		field.SetText("encryption_key", f.EncryptionKey)
		if f.EncryptionKey != "" && f.Deterministic {
			field.Set("deterministic", true)
		}
		words.Set("field", field)
		o.Set("x-trestle", words)
	}
	return o, nil
}
