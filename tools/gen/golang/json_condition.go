package golang

import (
	"encoding/json"
	"strings"

	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/schema/jsontree"
)

// conditional checks if with then and else, where the condition is about presence and single values, and the branches
// are about presence; false when they are about more.
func (p *presence) conditional(keywords map[string]*jsontree.Value) bool {
	condition, ok := p.condition(keywords["if"])
	if !ok {
		return false
	}
	for _, branch := range []struct {
		then *jsontree.Value
		when truth
	}{{keywords["then"], condition}, {keywords["else"], condition.inverted()}} {
		if !onlyRequires(branch.then) {
			return false
		}
	}
	p.requires(keywords["then"], condition)
	p.requires(keywords["else"], condition.inverted())
	return true
}

func onlyRequires(v *jsontree.Value) bool {
	for _, m := range v.AllMembers() {
		if m.Name != "required" && m.Name != "title" && m.Name != "description" && m.Name != "$comment" {
			return false
		}
	}
	return v == nil || v.Kind == jsontree.Object
}

// requires reports what a branch requires and the object lacks.
func (p *presence) requires(v *jsontree.Value, when truth) {
	for _, name := range v.Get("required").AllItems() {
		p.check(allOf(when, p.has(name.Text).inverted()).is, name.Text, "required", "value is required")
	}
}

// equals is the condition that a property is absent or has one of the values that a schema lists and nothing else.
func (p *presence) equals(name string, v *jsontree.Value) (truth, bool) {
	var f *schema.Field
	for _, other := range p.m.Fields {
		if other.JSONName == name {
			f = other
		}
	}
	if f == nil || v.Kind != jsontree.Object || len(v.Members) != 1 {
		return truth{}, false
	}
	values := []*jsontree.Value{v.Get("const")}
	if list := v.Get("enum"); list != nil {
		values = list.Items
	}
	view := p.g.view(f)
	var same []truth
	for _, value := range values {
		literal, ok := p.literal(f.Type, value)
		if !ok {
			return truth{}, false
		}
		switch literal {
		case "true":
			same = append(same, truth{view.value, "!" + view.value})
		case "false":
			same = append(same, truth{"!" + view.value, view.value})
		default:
			same = append(same, truth{view.value + " == " + literal, view.value + " != " + literal})
		}
	}
	there := p.has(name)
	value := anyOf(same...)
	switch {
	case f.JSONRequired: // or null
		return allOf(truth{view.has, view.hasNot}, value), true
	case f.TellsNull():
		null := "x.Nulls.Has(" + goString(name) + ")"
		absent := truth{"(" + view.hasNot + " && !" + null + ")", "(" + view.has + " || " + null + ")"}
		return anyOf(absent, allOf(truth{view.has, view.hasNot}, value)), true
	}
	return anyOf(there.inverted(), value), true
}

// literal is a value of a property's type as Go; ok is false for a type whose values are not compared so.
func (p *presence) literal(t *schema.Type, v *jsontree.Value) (text string, ok bool) {
	if v == nil {
		return "", false
	}
	switch {
	case t.Kind == schema.String && v.Kind == jsontree.String:
		return goString(v.Text), true
	case t.Kind == schema.EnumKind && v.Kind == jsontree.String:
		return goString(v.Text), true
	case t.Kind == schema.Bool && v.Kind == jsontree.Bool:
		return v.Text, true
	case (t.Kind == schema.Int64 || t.Kind == schema.Int32) && v.Kind == jsontree.Number && !strings.ContainsAny(v.Text, ".eE"):
		var n int32
		return v.Text, json.Unmarshal([]byte(v.Text), &n) == nil
	}
	return "", false
}
