package compat

import "github.com/omninode/trestle/tools/schema"

var constraintExchanged = Rule{
	ID:         "CONSTRAINT_EXCHANGED",
	Purpose:    "a constraint is not exchanged for another",
	Breaks:     Backward | Forward,
	Encodings:  bothEncodings,
	Severity:   Error,
	Acceptance: true,
	Backward:   "consumers of %s with the new schema reject old events that only the old constraint allows",
	Forward:    "consumers with the old schema reject new events that only the new one allows",
	Fix:        "keep the constraint on %s, and add a field for values of the new form",
	Type: func(c *Check, _, new *schema.Type) {
		for _, ch := range c.at.constraints {
			if ch.relation != exchanged {
				continue
			}
			p := ch.problem(c.Name(), new.Constraints.Pos)
			if ch.unknown {
				p.Backward = "consumers of %s with the new schema may reject old events"
				p.Forward = "consumers with the old schema may reject new events"
			}
			c.Report(p)
		}
	},
	Message: func(c *Check, _, _ *schema.Message) { c.reportConstraints(exchanged, schema.Position{}) },
}
