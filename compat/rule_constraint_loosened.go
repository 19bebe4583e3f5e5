package compat

import "github.com/omninode/trestle/tools/schema"

var constraintLoosened = Rule{
	ID:         "CONSTRAINT_LOOSENED",
	Purpose:    "a value that becomes valid is one that readers already accept",
	Breaks:     Forward,
	Encodings:  bothEncodings,
	Severity:   Error,
	Acceptance: true,
	Forward:    "consumers of %s that still have the old schema validate what they read, and reject new events",
	Fix:        "keep the old constraint on %s until every consumer has a schema with the new one",
	Type:       func(c *Check, _, new *schema.Type) { c.reportConstraints(looser, new.Constraints.Pos) },
	Message:    func(c *Check, _, _ *schema.Message) { c.reportConstraints(looser, schema.Position{}) },
}
