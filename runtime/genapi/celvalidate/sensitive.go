package celvalidate

import (
	"fmt"
	"slices"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
)

// expressions are rules with expressions of a schema's own.
type expressions interface {
	GetCel() []*validate.Rule
	GetCelExpression() []string
}

// Texts are what the expressions of rules say where they are false. An expression may also write a text itself, of what it
// sees.
func Texts(rules expressions) []string {
	var texts []string
	add := func(message, expression string) {
		if message == "" {
			message = fmt.Sprintf("%q returned false", expression)
		}
		texts = append(texts, message)
	}
	for _, rule := range rules.GetCel() {
		add(rule.GetMessage(), rule.GetExpression())
	}
	for _, expression := range rules.GetCelExpression() {
		add("", expression)
	}
	return texts
}

// FieldTexts are [Texts] of a field's rules and of those of its items, keys and values.
func FieldTexts(rules *validate.FieldRules) []string {
	if rules == nil {
		return nil
	}
	return slices.Concat(Texts(rules), FieldTexts(rules.GetRepeated().GetItems()),
		FieldTexts(rules.GetMap().GetKeys()), FieldTexts(rules.GetMap().GetValues()))
}

// Unquoted is the message of a violation where what it is about is sensitive: one that an expression has written may quote
// it, and is left out. texts are those that its expressions have of their own.
func Unquoted(violation *protovalidate.Violation, texts []string) string {
	p, rule := violation.Proto, violation.RuleDescriptor
	standard := rule != nil && !rule.IsExtension() && rule.Name() != "cel" && rule.Name() != "cel_expression"
	if standard || p.GetRuleId() == "required" || p.GetRuleId() == "message.oneof" || slices.Contains(texts, p.GetMessage()) {
		return p.GetMessage()
	}
	return "must follow the rule, which says more of it than is shown: it is sensitive"
}
