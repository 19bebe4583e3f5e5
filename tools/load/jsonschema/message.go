package jsonschema

import (
	"cmp"
	"slices"

	trestlev1 "github.com/omninode/trestle/gen/trestle/v1"
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/schema/jsontree"
)

// fillMessage reads the properties of an object.
func (j *jsonLoader) fillMessage(d declaredMessage) {
	m, f, v := d.message, d.from, d.content
	if v == d.schema && v == f.root {
		j.refuseDefault(f, v, "a whole event")
	}
	parts, _ := j.merged(f, v)
	for _, p := range parts {
		for _, property := range p.schema.Get("properties").AllMembers() {
			j.addProperty(m, p.file, property)
		}
	}
	j.readUnmodelled(d)
	for _, p := range parts {
		j.readRequired(p.file, p.schema, m)
	}
	switch rest := v.Get("additionalProperties"); {
	case rest == nil || rest.IsTrue() || v.Get("patternProperties") != nil || len(parts) > 1:
		m.KeepUnknown = !m.Closed
	case rest.IsFalse():
		m.Closed = true
	default:
		m.KeepUnknown = true
		m.Undeclared = j.part(f, rest, f.pos(rest.Place), "additionalProperties")
	}
	if word := d.schema.Get("x-trestle").Get("event"); word != nil {
		option := &trestlev1.Event{}
		at := j.decodeOption(d.file.path, word, option)
		j.AddEvent(m, option, at)
	}
}

// addProperty adds a property to an object. Of several of one name the last is the object's, in the place of the first.
func (j *jsonLoader) addProperty(m *schema.Message, f *jsonFile, property jsontree.Member) {
	field := j.newProperty(f, m, property)
	if field == nil {
		return
	}
	for i, other := range m.Fields {
		if other.Name == field.Name {
			field.Sensitive, field.Deterministic = field.Sensitive || other.Sensitive, field.Deterministic || other.Deterministic
			field.EncryptionKey = cmp.Or(field.EncryptionKey, other.EncryptionKey)
			m.Fields[i] = field
			return
		}
	}
	m.Fields = append(m.Fields, field)
}

// readUnmodelled reads what an object's schema says beside its properties, and what the schema of a file that only refers
// to it adds.
func (j *jsonLoader) readUnmodelled(d declaredMessage) {
	m, f, v := d.message, d.from, d.content
	allowed, advice := keywordsOfMessage, removeIt
	if !j.whole(f) {
		advice = inTarget
	}
	left := j.checkKeywords(f, v, allowed, "an object with properties", advice)
	left = j.settle(f, v, m, left)
	if v == d.schema {
		m.Unmodelled = j.unmodelled(f, v, left)
		return
	}
	beside := j.checkKeywords(d.file, d.schema, []string{"$ref"}, "a reference", inTarget)
	if len(left) == 0 {
		m.Unmodelled = j.unmodelled(d.file, d.schema, beside)
		return
	}
	m.Unmodelled = j.unmodelled(d.file, d.schema, append(slices.Clone(beside), "$ref"))
	if m.Unmodelled == nil || len(m.Unmodelled.Keywords) == 0 {
		return
	}
	if own := j.unmodelled(d.file, d.schema, beside); own != nil {
		m.Unmodelled.Parts = append(m.Unmodelled.Parts, own)
	}
	if inner := j.unmodelled(f, v, left); inner != nil {
		m.Unmodelled.Parts = append(m.Unmodelled.Parts, inner)
	}
}

// settle takes from the keywords that are left what is held after all: allOf, when all of it is merged, and
// unevaluatedProperties beside it. What is not held of additionalProperties it adds.
func (j *jsonLoader) settle(f *jsonFile, v *jsontree.Value, m *schema.Message, left []string) []string {
	if j.whole(f) {
		return left
	}
	parts, held := j.merged(f, v)
	without := func(keyword string) {
		left = slices.DeleteFunc(left, func(k string) bool { return k == keyword })
	}
	if held {
		without("allOf")
	}
	if v.Get("unevaluatedProperties").IsFalse() && v.Get("additionalProperties") == nil && !slices.ContainsFunc(left, func(k string) bool {
		return k == "allOf" || k == "patternProperties" || evaluates(m, v.Get(k), k)
	}) {
		without("unevaluatedProperties")
		m.Closed = true
	}
	if v.Get("additionalProperties") != nil && (v.Get("patternProperties") != nil || len(parts) > 1) {
		left = append(left, "properties", "additionalProperties")
	}
	return left
}

// newProperty makes the model of a property; nil when its schema has faults.
func (j *jsonLoader) newProperty(f *jsonFile, m *schema.Message, p jsontree.Member) *schema.Field {
	v := p.Value
	j.placed[v] = true
	t := j.typeOf(f, v)
	if t == nil {
		return nil
	}
	field := &schema.Field{
		Name: p.Name, JSONName: p.Name, Doc: describe(v), Message: m, Type: t.Type, Explicit: true, Nullable: t.nullable,
		Pos: f.pos(p.Place),
	}
	if v.Get("deprecated").IsTrue() {
		field.Deprecated = &schema.Deprecation{}
	}
	if list := v.Get("examples"); list != nil {
		for _, item := range list.Items {
			field.Examples = append(field.Examples, item.JSON())
		}
	}
	at := field.Pos
	if word := v.Get("x-trestle").Get("field"); word != nil {
		option := &trestlev1.Field{}
		locate := j.decodeOption(f.path, word, option)
		j.DescribeField(field, option, locate)
		at = locate("default", -1)
		if field.Default != "" && field.Default != "now" {
			j.Fault(at, "x-trestle.field.default is for now, the time of publishing: write another default as the keyword default")
			field.Default = ""
		}
		if option.GetJsonRequired() {
			j.Fault(locate("json_required", -1), "json_required is for protobuf: list the property under required")
		}
	}
	if d := v.Get("default"); d != nil {
		if field.Default == "now" {
			j.Fault(f.pos(d.Place), "property %s has two defaults, this one and now: keep one", p.Name)
		}
		// A default of null is none: nothing is filled in.
		if at = f.pos(d.Place); d.Kind != jsontree.Null {
			field.Default = d.JSON()
		}
	}
	faults := len(j.Errs)
	if j.CheckDefault(field, at); j.options.ToCompare && len(j.Errs) > faults {
		j.Errs, field.Default = j.Errs[:faults], "" // nobody fills it in
	}
	return field
}

func (j *jsonLoader) readRequired(f *jsonFile, v *jsontree.Value, m *schema.Message) {
	list := v.Get("required")
	if list == nil {
		return
	}
	if list.Kind != jsontree.Array {
		j.Fault(f.pos(list.Place), "required is %s: it is a list of properties", list.Kind)
	}
	fields := make(map[string]*schema.Field, len(m.Fields))
	for _, field := range m.Fields {
		fields[field.Name] = field
	}
	seen := make(map[string]bool, len(list.Items))
	for _, item := range list.Items {
		field, twice := fields[item.Text], seen[item.Text]
		seen[item.Text] = true
		switch {
		case item.Kind != jsontree.String:
			j.Fault(f.pos(item.Place), "required holds %s: it is a list of properties", item.JSON())
		case twice && j.options.ToCompare:
		case twice:
			j.Fault(f.pos(item.Place), "required names %q twice", item.Text)
		case field == nil:
			switch {
			case v.Get("properties").Get(item.Text) != nil:
			case j.options.ToCompare:
				// It is required to be there, whatever it is.
				m.Fields = append(m.Fields, &schema.Field{
					Name: item.Text, JSONName: item.Text, Message: m, Type: &schema.Type{Kind: schema.JSONValue, Pos: f.pos(item.Place)},
					Explicit: true, Nullable: true, JSONRequired: true, OnlyRequired: true, Pos: f.pos(item.Place),
				})
			default:
				j.Fault(f.pos(item.Place), "required names %q, which is no property: declare it under properties", item.Text)
			}
		case field.Nullable:
			// The key must be there, and null is a value.
			field.JSONRequired = true
		default:
			field.Required = true
		}
	}
}

// fillEnum reads the values of an enum.
func (j *jsonLoader) fillEnum(f *jsonFile, v *jsontree.Value, e *schema.Enum) {
	seen := map[string]bool{}
	add := func(at *jsontree.Value, ev *schema.EnumValue) {
		if seen[at.Text] {
			j.Fault(f.pos(at.Place), "%s is listed twice", at.JSON())
			return
		}
		seen[at.Text] = true
		j.addEnumValue(f, e, at, ev)
	}
	name, _ := typeName(v)
	if t := v.Get("type"); t != nil && name != "string" {
		j.Fault(f.pos(t.Place), "type %s does not fit a list of strings", t.JSON())
	}
	if list := v.Get("enum"); list != nil {
		if v.Get("oneOf") != nil {
			j.Fault(f.pos(list.Place), "enum and oneOf both list values: keep one of them")
		}
		for _, item := range list.Items {
			if !isNull(item) {
				add(item, &schema.EnumValue{Name: item.Text})
			}
		}
		return
	}
	for _, choice := range v.Get("oneOf").Items {
		j.checkKeywords(f, choice, []string{"const", "type"}, "a value of a list", removeIt)
		value := choice.Get("const")
		ev := &schema.EnumValue{Name: value.Text, Doc: describe(choice)}
		if title := choice.Get("title"); title != nil && title.Text != "" {
			ev.Name = title.Text
		}
		if choice.Get("deprecated").IsTrue() {
			ev.Deprecated = &schema.Deprecation{}
		}
		if word := choice.Get("x-trestle").Get("enum_value"); word != nil {
			option := &trestlev1.EnumValue{}
			if at := j.decodeOption(f.path, word, option); option.GetJsonName() != value.Text {
				j.Fault(at("json_name", -1), "json_name is %q and const %q: they are the same thing", option.GetJsonName(), value.Text)
			}
		}
		add(value, ev)
	}
}

func (j *jsonLoader) addEnumValue(f *jsonFile, e *schema.Enum, at *jsontree.Value, v *schema.EnumValue) {
	v.JSONName, v.Number, v.Pos = at.Text, int32(len(e.Values)), f.pos(at.Place)
	switch {
	case at.Kind != jsontree.String:
		j.Fault(v.Pos, "%s among strings: a list of values has one type", at.JSON())
		return
	case at.Text == "":
		j.Fault(v.Pos, "an empty string cannot be told from an absent one: leave it out")
		return
	}
	e.Values = append(e.Values, v)
}
