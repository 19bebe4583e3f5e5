package compat

import (
	"cmp"
	"fmt"
	"slices"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"github.com/omninode/trestle/tools/cel"
	"github.com/omninode/trestle/tools/schema"
)

// messageConstraintChanges compares the rules on whole messages: CEL, message oneofs, and oneofs of which one field must
// be set.
func messageConstraintChanges(fields *fieldPairs, old, new *schema.Message) []constraintChange {
	out := oneofChanges(fields, old, new)
	o, n := messageRules(old.Rules), messageRules(new.Rules)
	for _, p := range pairBy(o, n, func(r *messageRule) string { return r.name }) {
		stays, stayed := p[0] == nil || implied(n, p[0]), p[1] == nil || implied(o, p[1])
		var ch constraintChange
		switch {
		case stays && stayed:
			continue
		case p[0] == nil:
			ch = constraintChange{relation: tighter, text: fmt.Sprintf("rule %s was added", p[1].name), rules: []string{p[1].id}}
		case p[1] == nil:
			ch = constraintChange{relation: looser, text: fmt.Sprintf("rule %s was removed", p[0].name), rules: []string{p[0].id}}
		case p[0].oneof != nil:
			ch = toggled(p[0].oneof.GetRequired(), p[1].oneof.GetRequired(), fmt.Sprintf("one of %v must be set", p[1].oneof.GetFields()))
			ch.rules = []string{p[1].id}
		default:
			ch = constraintChange{
				relation: relate(stays, stayed), text: fmt.Sprintf("rule %s changed", p[0].name), rules: []string{p[0].id},
			}
			ch.unknown = ch.relation == exchanged
		}
		ch.part = &part{message: func(m *schema.Message) *schema.Message {
			out := *m
			out.Rules, out.Oneofs = messageRuleNamed(m.Rules, cmp.Or(p[0], p[1]).name), nil
			return &out
		}}
		out = append(out, ch)
	}
	return out
}

// messageRuleNamed keeps the rules on a message with a name of [messageRules].
func messageRuleNamed(of *validate.MessageRules, name string) *validate.MessageRules {
	out := &validate.MessageRules{}
	for _, r := range messageRules(of) {
		switch {
		case r.name != name:
		case r.oneof != nil:
			out.Oneof = append(out.Oneof, r.oneof)
		case r.cel != nil:
			out.Cel = append(out.Cel, r.cel)
		default:
			out.CelExpression = append(out.CelExpression, r.id)
		}
	}
	return out
}

// oneofChanges compares the oneofs of which one member must be set: what satisfied the other side has to satisfy this.
func oneofChanges(fields *fieldPairs, old, new *schema.Message) []constraintChange {
	var out []constraintChange
	change := func(name string, r relation, was bool) {
		text := "one of " + name + " must be set"
		switch {
		case was && r == tighter:
			text += ", and fields that are not in it any more do not count"
		case was:
			text += ", and fields count that were not in it"
		case r == tighter:
			text += ", which was not so"
		default:
			text += " no longer"
		}
		only := &part{message: func(m *schema.Message) *schema.Message {
			out := *m
			out.Rules, out.Oneofs = nil, slices.DeleteFunc(slices.Clone(m.Oneofs), func(o *schema.Oneof) bool { return o.Name != name })
			return &out
		}}
		out = append(out, constraintChange{relation: r, text: text, rules: []string{"required"}, part: only})
	}
	toOld := func(f *schema.Field) *schema.Field { return fields.toOld[f] }
	toNew := func(f *schema.Field) *schema.Field { return fields.toNew[f] }
	for _, o := range new.Oneofs {
		if o.Required && !satisfied(o, old, toOld, toNew) {
			change(o.Name, tighter, needsOneof(old, o.Name))
		}
	}
	for _, o := range old.Oneofs {
		if o.Required && !satisfied(o, new, toNew, toOld) {
			change(o.Name, looser, needsOneof(new, o.Name))
		}
	}
	return out
}

func needsOneof(m *schema.Message, name string) bool {
	return slices.ContainsFunc(m.Oneofs, func(o *schema.Oneof) bool { return o.Required && o.Name == name })
}

// satisfied says whether every event of a writer has a member of a oneof of the reader set.
func satisfied(o *schema.Oneof, writer *schema.Message, toWriter, toReader func(*schema.Field) *schema.Field) bool {
	for _, f := range o.Fields {
		if w := toWriter(f); w != nil && w.Required {
			return true
		}
	}
	return slices.ContainsFunc(writer.Oneofs, func(w *schema.Oneof) bool {
		return w.Required && !slices.ContainsFunc(w.Fields, func(f *schema.Field) bool {
			r := toReader(f)
			return r == nil || r.Oneof != o
		})
	})
}

// messageRule is a rule on a message under a name that survives edits, with the id of its violations.
type messageRule struct {
	name, id   string
	conditions []string                   // of an expression: forms of what must be true
	oneof      *validate.MessageOneofRule // nil for an expression
	cel        *validate.Rule             // nil for an expression alone
}

// implied says whether rules hold what a rule says: fields exclude each other where more of them do.
func implied(rules []*messageRule, r *messageRule) bool {
	if r.oneof == nil {
		return !slices.ContainsFunc(r.conditions, func(c string) bool {
			return !slices.ContainsFunc(rules, func(other *messageRule) bool { return slices.Contains(other.conditions, c) })
		})
	}
	return slices.ContainsFunc(rules, func(other *messageRule) bool {
		if other.oneof == nil || r.oneof.GetRequired() && !(other.oneof.GetRequired() && r.name == other.name) {
			return false
		}
		return !slices.ContainsFunc(r.oneof.GetFields(), func(f string) bool { return !slices.Contains(other.oneof.GetFields(), f) })
	})
}

func messageRules(rules *validate.MessageRules) []*messageRule {
	var out []*messageRule
	for _, r := range rules.GetCel() {
		out = append(out, &messageRule{name: "cel " + r.GetId(), id: r.GetId(), conditions: conditions(r.GetExpression()), cel: r})
	}
	for _, e := range rules.GetCelExpression() {
		out = append(out, &messageRule{name: fmt.Sprintf("cel %q", e), id: e, conditions: conditions(e)})
	}
	for _, o := range rules.GetOneof() {
		names := slices.Sorted(slices.Values(o.GetFields()))
		out = append(out, &messageRule{name: fmt.Sprintf("oneof %v", names), id: "oneof", oneof: o})
	}
	return out
}

// conditions are what must be true where an expression lets a message pass.
func conditions(expr string) []string {
	c, err := cel.Read(expr)
	if err != nil {
		return []string{expr}
	}
	var out []string
	for _, part := range c.Conditions() {
		out = append(out, part.Form())
	}
	return out
}
