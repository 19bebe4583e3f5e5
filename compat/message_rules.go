package compat

import (
	"fmt"
	"slices"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"github.com/omninode/trestle/tools/schema"
	"google.golang.org/protobuf/proto"
)

// reportMessageRules reports the changes of one relation between the rules on whole messages: CEL, message oneofs,
// and oneofs of which one field must be set.
func (c *Check) reportMessageRules(want relation, old, new *schema.Message) {
	if old == nil || new == nil {
		return
	}
	for _, ch := range messageRuleChanges(old, new) {
		if ch.relation != want {
			continue
		}
		p := Problem{Change: c.Name() + ": " + ch.text, Unknown: ch.unknown, Rejections: ch.rules}
		if ch.unknown {
			p.Change += " (unknown: whether one holds the other could not be decided)"
		}
		c.Report(p)
	}
}

func messageRuleChanges(old, new *schema.Message) []constraintChange {
	out := oneofChanges(old, new)
	o, n := messageRules(old.Rules), messageRules(new.Rules)
	for _, p := range pairBy(o, n, func(r *messageRule) string { return r.name }) {
		var ch constraintChange
		switch {
		case p[0] == nil:
			ch = constraintChange{relation: tighter, text: fmt.Sprintf("rule %s was added", p[1].name), rules: []string{p[1].id}}
		case p[1] == nil:
			ch = constraintChange{relation: looser, text: fmt.Sprintf("rule %s was removed", p[0].name), rules: []string{p[0].id}}
		case !proto.Equal(p[0].rule, p[1].rule):
			ch = constraintChange{
				relation: exchanged, unknown: true, text: fmt.Sprintf("rule %s changed", p[0].name), rules: []string{p[0].id},
			}
		default:
			continue
		}
		out = append(out, ch)
	}
	return out
}

func oneofChanges(old, new *schema.Message) []constraintChange {
	var out []constraintChange
	for _, p := range pairBy(old.Oneofs, new.Oneofs, func(o *schema.Oneof) string { return o.Name }) {
		if p[1] == nil || p[0] == nil && !p[1].Required {
			continue
		}
		was := p[0] != nil && p[0].Required
		if ch := switched(was, p[1].Required, "one of "+p[1].Name+" must be set"); ch.relation != same {
			ch.rules = []string{"required"}
			out = append(out, ch)
		}
	}
	return out
}

// messageRule is a rule on a message under a name that survives edits, with the id of its violations.
type messageRule struct {
	name, id string
	rule     proto.Message
}

func messageRules(rules *validate.MessageRules) []*messageRule {
	var out []*messageRule
	for _, r := range rules.GetCel() {
		out = append(out, &messageRule{"cel " + r.GetId(), r.GetId(), &validate.Rule{Expression: proto.String(r.GetExpression())}})
	}
	for _, e := range rules.GetCelExpression() {
		out = append(out, &messageRule{fmt.Sprintf("cel %q", e), e, &validate.Rule{Expression: proto.String(e)}})
	}
	for _, o := range rules.GetOneof() {
		names := slices.Sorted(slices.Values(o.GetFields()))
		out = append(out, &messageRule{fmt.Sprintf("oneof %v", names), "oneof", &validate.MessageOneofRule{Required: proto.Bool(o.GetRequired())}})
	}
	return out
}
