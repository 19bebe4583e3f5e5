package python

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/omninode/trestle/tools/gen/output"
	"github.com/omninode/trestle/tools/schema"
)

// module writes the module of one schema package.
type module struct {
	*project
	pkg       *schema.Package
	body      strings.Builder
	used      map[string]bool // names that are imported
	foreigns  map[*schema.Package]bool
	unchecked []string // rules of the message at hand that Python does not check
	unruled   bool     // whether what is written is in a value whose rules do not hold, with all that is in it
	written   map[*schema.Message]bool
	unions    map[*schema.Union]bool
}

func (g *module) p(format string, args ...any) { fmt.Fprintf(&g.body, format+"\n", args...) }

// use remembers that a name must be imported, and returns it.
func (g *module) use(name string) string {
	g.used[name] = true
	return name
}

func (g *module) uses(names ...string) {
	for _, name := range names {
		g.used[name] = true
	}
}

// reference is how a class is named here; one of another package stands behind its module's name.
func (g *module) reference(pkg *schema.Package, name string) string {
	if pkg == g.pkg || pkg == nil {
		return name
	}
	g.foreigns[pkg] = true
	return g.given.aliases[pkg] + "." + name
}

func (p *project) module(pkg *schema.Package) (output.File, error) {
	g := &module{
		project: p, pkg: pkg, used: map[string]bool{}, foreigns: map[*schema.Package]bool{},
		written: map[*schema.Message]bool{}, unions: map[*schema.Union]bool{},
	}
	for _, e := range allEnums(pkg) {
		if err := g.enum(e); err != nil {
			return output.File{}, err
		}
	}
	for _, m := range allMessages(pkg.Messages) {
		if err := g.message(m); err != nil {
			return output.File{}, err
		}
	}
	for _, u := range pkg.Unions {
		if err := g.union(u); err != nil {
			return output.File{}, err
		}
	}
	text := g.imports() + g.body.String()
	return p.file(path.Join(p.given.modules[pkg]...)+map[bool]string{false: ".py", true: "/__init__.py"}[p.given.inner[pkg]], text), nil
}

func allEnums(pkg *schema.Package) []*schema.Enum {
	enums := slices.Clone(pkg.Enums)
	for _, m := range allMessages(pkg.Messages) {
		enums = append(enums, m.Enums...)
	}
	return enums
}

func allMessages(messages []*schema.Message) []*schema.Message {
	var out []*schema.Message
	for _, m := range messages {
		out = append(out, m)
		out = append(out, allMessages(m.Messages)...)
	}
	return out
}

// sources says where imported names come from, in the order of the import statements.
var sources = []struct {
	from  string
	names []string
}{
	{"enum", []string{"Enum"}},
	{"typing", []string{"Annotated", "ClassVar"}},
	{"pydantic", []string{"ConfigDict", "Discriminator", "Field", "Tag", "model_validator"}},
	{"typing_extensions", []string{"Self"}},
	{"{root}", []string{"topics"}},
	{"{root}_support", []string{"checks", "formats", "variants", "wellknown"}},
	{"{root}_support.events", []string{"Event", "EventInfo"}},
	{"{root}_support.model", []string{"Discreet", "Model", "Secret"}},
	{"{root}_support.times", []string{"now"}},
	{"{root}_support.types", []string{
		"BYTES", "DOUBLE", "FLOAT", "INT32", "INT64", "KEY_INT32", "KEY_INT64", "KEY_UINT32", "KEY_UINT64", "SORTED",
		"UINT32", "UINT64", "Bool", "Bytes", "Double", "Float", "Int32", "Int64", "JsonObject", "JsonValue", "Text",
		"Timestamp", "UInt32", "UInt64", "Uuid",
	}},
	{"{root}encrypted", []string{"SEALED"}},
	{"{root}messages", []string{"MESSAGES"}},
	{"{root}schemas", []string{"SCHEMAS"}},
}

// imports are the module's documentation and import statements.
func (g *module) imports() string {
	doc := g.pkg.Doc
	if doc == "" {
		doc = "The types of " + g.pkg.Name + "."
	}
	var b strings.Builder
	b.WriteString(docstring("", doc) + "\nfrom __future__ import annotations\n")
	up := strings.Repeat(".", len(g.given.modules[g.pkg]))
	if g.given.inner[g.pkg] {
		up += "."
	}
	kind := ""
	for _, source := range sources {
		var names []string
		for _, name := range source.names {
			if g.used[name] {
				names = append(names, name)
			}
		}
		if len(names) == 0 {
			continue
		}
		next := map[bool]string{true: "own", false: "library"}[strings.HasPrefix(source.from, "{root}")]
		if source.from == "pydantic" || source.from == "typing_extensions" {
			next = "third"
		}
		if next != kind {
			kind = next
			b.WriteString("\n")
		}
		b.WriteString(importStatement(strings.ReplaceAll(source.from, "{root}", up), names))
	}
	others := make([]*schema.Package, 0, len(g.foreigns))
	for pkg := range g.foreigns {
		others = append(others, pkg)
	}
	slices.SortFunc(others, func(a, b *schema.Package) int { return strings.Compare(a.Name, b.Name) })
	for _, pkg := range others {
		parts := g.given.modules[pkg]
		name, alias := parts[len(parts)-1], g.given.aliases[pkg]
		if alias != name {
			name += " as " + alias
		}
		fmt.Fprintf(&b, "from %s%s import %s\n", up, strings.Join(parts[:len(parts)-1], "."), name)
	}
	return b.String()
}

func importStatement(from string, names []string) string {
	line := "from " + from + " import " + strings.Join(names, ", ") + "\n"
	if len(line) <= width {
		return line
	}
	return "from " + from + " import (\n    " + strings.Join(names, ",\n    ") + ",\n)\n"
}

func (g *module) enum(e *schema.Enum) error {
	name := g.className(e)
	g.p("\n\nclass %s(str, %s):", name, g.use("Enum"))
	g.body.WriteString(docstring("    ", documentation(e.Doc, name, nil)))
	first := true
	for i, member := range memberNames(e) {
		v := e.Values[i]
		if v.JSONName == "" {
			continue
		}
		if first {
			g.p("")
			first = false
		}
		g.p("    %s = %s", member, quote(v.JSONName))
		if doc := documentation(v.Doc, "", v.Deprecated); doc != "" {
			g.body.WriteString(docstring("    ", doc))
		}
	}
	return nil
}

// documentation is a comment with what is deprecated said at its end; otherwise where there is none.
func documentation(doc, otherwise string, deprecated *schema.Deprecation) string {
	doc = strings.TrimSpace(doc)
	if doc == "" {
		doc = otherwise
	}
	if deprecated != nil {
		doc = strings.TrimSpace(doc + "\n\n" + deprecation(deprecated))
	}
	return doc
}

func deprecation(d *schema.Deprecation) string {
	text := "Deprecated"
	if d.Since != "" {
		text += " since " + d.Since
	}
	if d.Reason != "" {
		return text + ": " + d.Reason
	}
	return text + "."
}

// message writes a class, those that it is made of before it.
func (g *module) message(m *schema.Message) error {
	if g.written[m] {
		return nil
	}
	g.written[m] = true
	for _, f := range m.Fields {
		for t := f.Type; t != nil; t = t.Elem {
			if t.Union != nil && t.Union.Package == g.pkg {
				if err := g.union(t.Union); err != nil {
					return err
				}
			}
			if t.Kind == schema.MessageKind && t.Message.Package == g.pkg && t.Message.FullName != "" && g.foreign(t.Message) == "" {
				if err := g.message(t.Message); err != nil {
					return err
				}
			}
		}
	}
	name := g.className(m)
	g.unchecked = nil
	var fields []field
	for _, f := range m.Fields {
		made, err := g.field(f)
		if err != nil {
			return err
		}
		fields = append(fields, made)
	}
	event := eventOf(g.pkg, m)
	var parents []string
	switch {
	case m.InSensitive:
		parents = append(parents, g.use("Secret"))
	case m.HoldsSensitive:
		parents = append(parents, g.use("Discreet"))
	case event == nil:
		parents = append(parents, g.use("Model"))
	}
	if event != nil {
		parents = append(parents, g.use("Event"))
	}
	g.p("\n\nclass %s(%s):", name, strings.Join(parents, ", "))
	g.body.WriteString(docstring("    ", g.classDoc(m, name)))
	if err := g.config(m); err != nil {
		return err
	}
	if event != nil {
		if err := g.eventInfo(event); err != nil {
			return err
		}
	}
	g.sets(fields)
	if m.Language() == schema.JSONSchema {
		g.p("\n    NULL_IS_ABSENT = False")
	}
	for i, f := range fields {
		if i == 0 {
			g.p("")
		}
		g.body.WriteString(f.text)
	}
	g.leftOver(m)
	g.expressions(m)
	if err := g.choices(m); err != nil || !g.project.unruled[m] {
		return err
	}
	return g.unruledClass(m, fields)
}

func (g *module) classDoc(m *schema.Message, name string) string {
	doc := documentation(m.Doc, name, m.Deprecated)
	if len(g.unchecked) > 0 {
		doc += "\n\nNot checked here: " + strings.Join(g.unchecked, ", ") + "."
	}
	return doc
}

// config writes the class's settings: what becomes of unknown fields, and whether errors may show values.
func (g *module) config(m *schema.Message) error {
	extra := "ignore"
	switch {
	case m.Closed:
		extra = "forbid"
	case m.KeepUnknown:
		extra = "allow"
	}
	settings := []string{"extra=" + quote(extra)}
	if m.Deprecated != nil {
		settings = append(settings, `json_schema_extra={"deprecated": True}`)
	}
	g.p("\n    model_config = %s(%s)", g.use("ConfigDict"), strings.Join(settings, ", "))
	if m.Undeclared != nil {
		rest, err := g.typeOf(&schema.Field{Name: "additionalProperties", Message: m, Pos: m.Pos, Explicit: true}, m.Undeclared, true)
		if err != nil {
			return err
		}
		g.p("\n    __pydantic_extra__: dict[str, %s] = %s(init=False)", rest, g.use("Field"))
	}
	return nil
}

func eventOf(pkg *schema.Package, m *schema.Message) *schema.Event {
	for _, e := range pkg.Events {
		if e.Message == m {
			return e
		}
	}
	return nil
}

func (g *module) eventInfo(e *schema.Event) error {
	g.p("\n    EVENT: %s[%s] = EventInfo(", g.use("ClassVar"), g.use("EventInfo"))
	g.p("        type=%s,", quote(e.Type))
	g.p("        full_name=%s,", quote(e.Message.FullName))
	g.p("        role=%s,", quote(string(e.Role)))
	g.p("        envelope=%s,", quote(string(e.Envelope)))
	topic := "None"
	if e.Topic != nil {
		topic = g.use("topics") + "." + g.given.topics[e.Topic.Name]
	}
	g.p("        topic=%s,", topic)
	g.p("        key=%s,", tuple(e.Key))
	if e.Reply != nil {
		g.p("        reply=%s,", quote(e.Reply.Type))
	}
	if e.Encoding == schema.EncodingJSON { // the package writes nothing else
		schemaDigest, err := g.digests.Event(e)
		if err != nil {
			return err
		}
		g.p("        schema_digest=%s,", quote(schemaDigest))
	}
	g.encryption(e)
	g.p("    )")
	return nil
}

// sets writes which fields are treated in a way of their own.
func (g *module) sets(fields []field) {
	for _, set := range []struct {
		name string
		has  func(field) bool
	}{
		{"ZERO_IS_ABSENT", func(f field) bool { return f.zeroIsAbsent }},
		{"NULL_IS_VALUE", func(f field) bool { return f.nullIsValue }},
		{"NULL_OR_ABSENT", func(f field) bool { return f.tellsNull }},
		{"SENSITIVE", func(f field) bool { return f.Sensitive }},
		{"DEFAULT_IS_NOW", func(f field) bool { return f.Default == "now" }},
	} {
		var names []string
		for _, f := range fields {
			if !set.has(f) {
				continue
			}
			name := quote(f.JSONName)
			if set.name == "ZERO_IS_ABSENT" {
				name += ": " + g.zeroOf(f.Type)
			}
			names = append(names, name)
		}
		switch {
		case len(names) == 0:
		case set.name == "ZERO_IS_ABSENT":
			g.p("\n    %s: %s[dict[str, object]] = {%s}", set.name, g.use("ClassVar"), strings.Join(names, ", "))
		default:
			g.p("\n    %s = frozenset({%s})", set.name, strings.Join(names, ", "))
		}
	}
}

// choices writes the check of fields that exclude each other.
func (g *module) choices(m *schema.Message) error {
	type choice struct {
		fields   []*schema.Field
		required bool
	}
	var choices []choice
	for _, rule := range m.Rules.GetOneof() {
		c := choice{required: rule.GetRequired()}
		for _, name := range rule.GetFields() {
			i := slices.IndexFunc(m.Fields, func(f *schema.Field) bool { return f.Name == name })
			if i < 0 {
				return refuse(m.Pos, m.FullName, "message oneof names %q, which is not a field", name)
			}
			c.fields = append(c.fields, m.Fields[i])
		}
		choices = append(choices, c)
	}
	for _, o := range m.Oneofs {
		choices = append(choices, choice{fields: o.Fields, required: o.Required})
	}
	if len(choices) == 0 {
		return nil
	}
	g.p("\n    @%s(mode=\"after\")", g.use("model_validator"))
	g.p("    def _check_choices(self) -> %s:", g.use("Self"))
	for _, c := range choices {
		var names, zeroed []string
		for _, f := range c.fields {
			names = append(names, g.fieldName(f))
			if zero := g.zeroOf(f.Type); zero != "" && !f.Explicit && f.Oneof == nil {
				zeroed = append(zeroed, quote(g.fieldName(f))+": "+zero)
			}
		}
		extra := ""
		if len(zeroed) > 0 {
			extra = ", zeroed={" + strings.Join(zeroed, ", ") + "}"
		}
		g.p("        %s.at_most_one(self.__dict__, %s, required=%s%s)", g.use("checks"), tuple(names), pythonBool(c.required), extra)
	}
	g.p("        return self")
	return nil
}

func pythonBool(b bool) string {
	if b {
		return "True"
	}
	return "False"
}

// pythonValue is a JSON text as a literal of Python; exact says that each of its numbers is the same number there, as _support/text.py
// reads it.
func pythonValue(text string) (literal string, exact bool, err error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return "", false, err
	}
	var b strings.Builder
	exact = writeValue(&b, v)
	return b.String(), exact, nil
}

func writeValue(b *strings.Builder, v any) (exact bool) {
	exact = true
	switch v := v.(type) {
	case nil:
		b.WriteString("None")
	case bool:
		b.WriteString(pythonBool(v))
	case string:
		b.WriteString(quote(v))
	case json.Number:
		b.WriteString(v.String())
		exact = exactLiteral(v.String())
	case []any:
		b.WriteByte('[')
		for i, item := range v {
			if i > 0 {
				b.WriteString(", ")
			}
			exact = writeValue(b, item) && exact
		}
		b.WriteByte(']')
	case map[string]any:
		b.WriteByte('{')
		for i, name := range slices.Sorted(maps.Keys(v)) {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(quote(name) + ": ")
			exact = writeValue(b, v[name]) && exact
		}
		b.WriteByte('}')
	}
	return exact
}

// longestInteger is how many digits an integer of Python's source may have, a few less.
const longestInteger = 4000

// exactLiteral says whether a number of JSON is the same number as a literal of Python: an int that is not minus zero, or a
// float that is written as that number.
func exactLiteral(text string) bool {
	if !strings.ContainsAny(text, ".eE") {
		return text != "-0" && len(text) <= longestInteger
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return false
	}
	if f == 0 {
		mantissa, _, _ := strings.Cut(strings.ToLower(text), "e")
		return strings.Trim(mantissa, "-0.") == ""
	}
	exact, ok := new(big.Rat).SetString(text)
	written, _ := new(big.Rat).SetString(strconv.FormatFloat(f, 'g', -1, 64))
	return ok && exact.Cmp(written) == 0
}
