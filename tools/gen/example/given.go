package example

import (
	"encoding/json"
	"regexp"

	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/values"
)

// given is the value that a schema itself gives: for a field its examples, by the first of them that its type takes; for
// a field or an item what its comment names.
func (m *Maker) given(f *schema.Field, t *schema.Type) any {
	var texts []string
	if t == f.Type {
		texts = append(append(texts, f.Examples...), ruleExample(t))
	}
	for _, text := range append(texts, named(f.Doc, t)) {
		if v, err := values.Parse(text); err == nil && m.values.Fits(t, v) {
			return json.RawMessage(text)
		}
	}
	return nil
}

// suchAs is a value in a comment.
var suchAs = regexp.MustCompile("such as\\s+`([^`]+)`")

// named is the JSON text of the value that a comment names, empty when it names none.
func named(doc string, t *schema.Type) string {
	match := suchAs.FindStringSubmatch(doc)
	switch {
	case match == nil:
		return ""
	case t.Kind == schema.String:
		return quoted(match[1])
	}
	return match[1]
}

func quoted(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		return ""
	}
	return string(text)
}

// ruleExample is the JSON text of an example among protovalidate's rules, empty for none.
func ruleExample(t *schema.Type) string {
	rules := t.Constraints.Rules
	if rules == nil {
		return ""
	}
	m := rules.ProtoReflect()
	typed := m.WhichOneof(m.Descriptor().Oneofs().ByName("type"))
	if typed == nil || typed.Message() == nil {
		return ""
	}
	field := typed.Message().Fields().ByName("example")
	if field == nil || !field.IsList() {
		return ""
	}
	list := m.Get(typed).Message().Get(field).List()
	for i := range list.Len() {
		if text, err := json.Marshal(list.Get(i).Interface()); err == nil {
			return string(text)
		}
	}
	return ""
}
