package compat

import (
	"fmt"

	"github.com/omninode/trestle/tools/schema"
)

var fieldSensitiveRemoved = Rule{
	ID:        "FIELD_SENSITIVE_REMOVED",
	Purpose:   "what is sensitive stays so",
	Breaks:    Backward | Forward,
	Encodings: bothEncodings,
	Severity:  Error,
	Policy:    true,
	Backward:  "consumers of %s with the new schema print and log what old events hold in the field",
	Forward:   "personal or secret data is written in the clear, printed and kept",
	Fix:       "keep %s sensitive; data that is not sensitive takes a field of its own",
	Field: func(c *Check, old, new *schema.Field) {
		if old != nil && new != nil && old.Sensitive && !new.Sensitive {
			c.Report(Problem{Change: fmt.Sprintf("%s is no longer sensitive", fieldText(new))})
		}
	},
	Property: func(c *Check, old, new *declaredProperty) {
		if old != nil && new != nil && old.sensitive && !new.sensitive {
			c.Report(Problem{Change: new.name + " is no longer sensitive", Name: new.name, Encodings: jsonOnly})
		}
	},
}
