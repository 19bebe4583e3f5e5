package compat

import "github.com/omninode/trestle/tools/schema"

var constraintTightened = Rule{
	ID:        "CONSTRAINT_TIGHTENED",
	Purpose:   "a value that was valid stays valid",
	Breaks:    Backward,
	Encodings: bothEncodings,
	Severity:  Error,
	Backward:  "consumers of %s with the new schema reject old events that were valid when they were written",
	Fix:       "keep the old constraint on %s; enforce the new one in the producer, or add a field that has it",
	Type:      func(c *Check, old, new *schema.Type) { c.reportConstraints(tighter, old, new) },
	Message:   func(c *Check, old, new *schema.Message) { c.reportMessageRules(tighter, old, new) },
}

// reportConstraints reports the changes of one relation between two types.
func (c *Check) reportConstraints(want relation, old, new *schema.Type) {
	for _, ch := range constraintChanges(old, new) {
		if ch.relation == want {
			c.Report(Problem{
				Change: c.Name() + ": " + ch.text, At: constraintPos(new), Unknown: ch.unknown, Encodings: ch.encodings,
				Rejections: ch.rules,
			})
		}
	}
}

// constraintPos is where the constraints of a type stand; the zero position where there are none.
func constraintPos(t *schema.Type) schema.Position { return t.Constraints.Pos }
