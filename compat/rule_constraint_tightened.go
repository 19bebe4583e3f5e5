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
	Type:       func(c *Check, _, new *schema.Type) { c.reportConstraints(tighter, new.Constraints.Pos) },
	Message:    func(c *Check, _, _ *schema.Message) { c.reportConstraints(tighter, schema.Position{}) },
}

// reportConstraints reports the changes of one relation between the types or messages that are being checked, as being at
// a place; the zero position is the element's own.
func (c *Check) reportConstraints(want relation, at schema.Position) {
	for _, ch := range c.at.constraints {
		if ch.relation == want {
			c.Report(ch.problem(c.Name(), at))
		}
	}
}
