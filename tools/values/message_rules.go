package values

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"github.com/omninode/trestle/tools/cel"
	"github.com/omninode/trestle/tools/schema"
)

// oneof returns what readers demand of the members of a oneof together.
func (s form) oneof(o *schema.Oneof) *Shape {
	some := []*Shape{}
	for _, f := range o.Fields {
		some = append(some, s.WithMember(s.name(f), s.OfKind(AnyKind&^Null)))
	}
	for _, f := range o.Fields {
		if filled, ok := defaultOf(f); ok { // the first default is filled in where nothing is set
			return s.Or(append(some, s.standing(s.valueOf(f.Type, false), s.inForm(f.Type, filled)))...)
		}
	}
	if !o.Required {
		return s.Any()
	}
	return s.Or(some...)
}

// messageRules are the rules on a whole message. They are not looked into, and are the same on both sides as long as
// the fields that they speak of are.
func (s form) messageRules(m *schema.Message) []*Shape {
	var out []*Shape
	add := func(text string) {
		out = append(out, s.Opaque(Object, "rule "+text+" of "+m.Name+s.fieldsIn(m, text), nil))
	}
	expression := func(expr string) {
		c, err := cel.Read(expr)
		if err != nil {
			add(expr)
			return
		}
		for _, part := range c.Conditions() {
			if a := s.aboutField(m, part); a != nil {
				out = append(out, a)
			} else {
				add(part.Form())
			}
		}
	}
	for _, r := range m.Rules.GetCel() {
		expression(r.GetExpression())
	}
	for _, e := range m.Rules.GetCelExpression() {
		expression(e)
	}
	for _, o := range m.Rules.GetOneof() {
		if a := s.oneSet(m, o); a != nil {
			out = append(out, a)
		} else {
			add(fmt.Sprintf("oneof %t %q", o.GetRequired(), o.GetFields()))
		}
	}
	return out
}

// aboutField is a condition on a message that speaks of one of its fields alone; nil for one that is not recognised.
func (s form) aboutField(m *schema.Message, c *cel.Condition) *Shape {
	for _, f := range m.Fields {
		subject := celSubject{s.Space, f.Type, s.binary, "this." + f.Name}
		if !subject.recognised(c) {
			continue
		}
		unset, ok := s.unset(f)
		if !ok {
			return nil
		}
		value, name := subject.condition(c), s.name(f)
		absent := s.standing(value, unset)
		if zero := s.zero(f); zero != nil && f.Default != "" { // a field without presence is as good as absent when it is zero
			value = s.Or(s.And(value, s.Not(zero)), s.And(absent, zero))
		}
		return s.Or(s.OfKind(AnyKind&^Object), s.And(
			s.Members(s.Exactly(name), s.Or(value, s.OfKind(Null))),
			s.Or(absent, s.WithMember(name, s.OfKind(AnyKind&^Null))),
		))
	}
	return nil
}

// unset is the value that is read of a field which is absent; ok is false where it has no form or it is not always the same.
func (s form) unset(f *schema.Field) (v any, ok bool) {
	if v, ok := defaultOf(f); ok {
		return s.inForm(f.Type, v), f.Oneof == nil
	}
	switch f.Type.Kind {
	case schema.List:
		return []any{}, true
	case schema.Map:
		return map[string]any{}, true
	case schema.EnumKind:
		if !s.binary {
			name := zeroName(f.Type.Enum)
			return name, name != ""
		}
	}
	return s.zeroValue(f.Type), f.Type.Kind != schema.MessageKind
}

// oneSet is a rule that one field of several is set at most, or exactly one; nil where it depends on others whether one is.
func (s form) oneSet(m *schema.Message, rule *validate.MessageOneofRule) *Shape {
	var set []*Shape
	for _, f := range m.Fields {
		if !slices.Contains(rule.GetFields(), f.Name) {
			continue
		}
		a := s.isSet(f)
		if a == nil {
			return nil
		}
		set = append(set, a)
	}
	var alone []*Shape
	for i := range set {
		var others []*Shape
		for j, other := range set {
			if j != i {
				others = append(others, s.Not(other))
			}
		}
		alone = append(alone, s.And(others...))
	}
	a := s.Or(alone...)
	if rule.GetRequired() {
		a = s.And(a, s.Or(set...))
	}
	return s.Or(a, s.OfKind(AnyKind&^Object))
}

// isSet is every object in which a field is set when its default, if it has one, was filled in; nil where that depends on the
// other members of its oneof.
func (s form) isSet(f *schema.Field) *Shape {
	something, zero := s.OfKind(AnyKind&^Null), s.zero(f)
	if zero != nil {
		something = s.And(something, s.Not(zero))
	}
	if filled, ok := defaultOf(f); ok {
		in := no
		if zero != nil {
			in = zero.contains(s.inForm(f.Type, filled), 0)
		}
		switch {
		case f.Oneof != nil, in == maybe:
			return nil
		case in == no:
			return s.Any()
		}
	}
	return s.WithMember(s.name(f), something)
}

var word = regexp.MustCompile(`[A-Za-z_][A-Za-z0-9_]*`)

// fieldsIn describes the fields that a text names.
func (s form) fieldsIn(m *schema.Message, text string) string {
	names := word.FindAllString(text, -1)
	var out []string
	for _, f := range m.Fields {
		if slices.Contains(names, f.Name) {
			out = append(out, fmt.Sprintf(", %s %s %s %t %s", f.Name, s.name(f), f.Type.Kind, f.Explicit, f.Default))
		}
	}
	return strings.Join(sortedUnique(out), "")
}
