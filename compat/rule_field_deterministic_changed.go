package compat

import "github.com/omninode/trestle/tools/schema"

var fieldDeterministicChanged = Rule{
	ID:        "FIELD_DETERMINISTIC_CHANGED",
	Purpose:   "an encrypted value has one ciphertext, or each time another",
	Breaks:    Backward | Forward,
	Encodings: bothEncodings,
	Severity:  Error,
	Backward:  "consumers of %s with the new schema refuse the field in old events, which was encrypted deterministically",
	Forward:   "consumers of %s with the old schema refuse the field in new events, which is encrypted deterministically",
	Fix:       "keep deterministic of %s as it is; what is to be compared while it is encrypted takes a field of its own",
	Field: func(c *Check, old, new *schema.Field) {
		if old != nil && new != nil && old.EncryptionKey != "" && new.EncryptionKey != "" {
			c.reportDeterministic(fieldText(new), old.Deterministic, new.Deterministic, Problem{})
		}
	},
	Property: func(c *Check, old, new *declaredProperty) {
		if old != nil && new != nil && old.key != "" && new.key != "" {
			c.reportDeterministic(new.name, old.deterministic, new.deterministic, Problem{Name: new.name, Encodings: jsonOnly})
		}
	},
}

// reportDeterministic reports it of readers that are told of no such values, which refuse them; the others take both.
func (c *Check) reportDeterministic(field string, old, new bool, p Problem) {
	if old == new {
		return
	}
	p.Encrypted = true
	if p.Change, p.Breaks = field+" is encrypted deterministically, and was not", Forward; old {
		p.Change, p.Breaks = field+" is no longer encrypted deterministically, so that its ciphertexts cannot be compared", Backward
	}
	c.Report(p)
}
