package compat

import (
	"fmt"

	"github.com/omninode/trestle/tools/schema"
)

var fieldEncryptionKeyChanged = Rule{
	ID:        "FIELD_ENCRYPTION_KEY_CHANGED",
	Purpose:   "a field is encrypted with keys that its readers have",
	Breaks:    Backward | Forward,
	Encodings: bothEncodings,
	Severity:  Warning,
	Policy:    true,
	Backward:  "consumers of %s that have no keys of the old class cannot read the field in old events",
	Forward:   "those that have none of the new class cannot read it in new ones",
	Fix:       "give every consumer the keys of both classes before the first producer deploys, or keep the class of %s",
	Field: func(c *Check, old, new *schema.Field) {
		if old != nil && new != nil {
			c.reportKey(fieldText(new), old.EncryptionKey, new.EncryptionKey, Problem{})
		}
	},
	Property: func(c *Check, old, new *declaredProperty) {
		if old != nil && new != nil {
			c.reportKey(new.name, old.key, new.key, Problem{Name: new.name, Encodings: jsonOnly})
		}
	},
}

func (c *Check) reportKey(field, old, new string, p Problem) {
	if old != "" && new != "" && old != new {
		p.Change = fmt.Sprintf("%s is encrypted with keys of class %s, and was with those of %s", field, new, old)
		c.Report(p)
	}
}
