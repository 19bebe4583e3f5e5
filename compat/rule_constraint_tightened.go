package compat

import "github.com/omninode/trestle/tools/schema"

var constraintTightened = Rule{
	ID:         "CONSTRAINT_TIGHTENED",
	Purpose:    "a value that was valid stays valid",
	Breaks:     Backward,
	Encodings:  bothEncodings,
	Severity:   Error,
	Acceptance: true,
	Backward:   "consumers of %s with the new schema reject old events that were valid when they were written",
	Fix:        "keep the old constraint on %s; enforce the new one in the producer, or add a field that has it",
	Type:       func(c *Check, _, new *schema.Type) { c.reportConstraints(tighter, new) },
	Message:    func(c *Check, old, new *schema.Message) { c.reportMessageRules(tighter, old, new) },
}

// reportConstraints reports the changes of one relation between the types that are being checked.
func (c *Check) reportConstraints(want relation, new *schema.Type) {
	for _, ch := range c.at.constraints {
		if ch.relation == want {
			c.Report(Problem{
				Change: c.Name() + ": " + ch.text, At: constraintPos(new), Unknown: ch.unknown, Encodings: ch.encodings,
				Rejections: ch.rules, Members: ch.members,
			})
		}
	}
}

// constraintPos is where the constraints of a type stand; the zero position where there are none.
func constraintPos(t *schema.Type) schema.Position { return t.Constraints.Pos }
