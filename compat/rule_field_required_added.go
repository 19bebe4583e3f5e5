package compat

import (
	"fmt"

	"github.com/omninode/trestle/tools/schema"
)

var fieldRequiredAdded = Rule{
	ID:         "FIELD_REQUIRED_ADDED",
	Purpose:    "nothing becomes required that old events may lack",
	Breaks:     Backward,
	Encodings:  bothEncodings,
	Severity:   Error,
	Shown:      Absent,
	Acceptance: true,
	Backward:   "consumers of %s with the new schema reject old events, which may lack it",
	Fix:        "make %s optional, or give it a default, which readers fill in",
	Field: func(c *Check, old, new *schema.Field) {
		switch {
		case new == nil || requirementOf(new) == optional:
		case old == nil:
			c.Report(Problem{
				Change:    fmt.Sprintf("%s was added, %s and without a default", fieldText(new), requirementOf(new)),
				Encodings: requirementEncodings(new), Unknown: requirementUncertain(new),
			})
		case requirementOf(new) > requirementOf(old) && declaredRequirement(new) > declaredRequirement(old):
			c.Report(Problem{
				Change:    fmt.Sprintf("%s changed from %s to %s, without a default", fieldText(new), requirementOf(old), requirementOf(new)),
				Encodings: requirementEncodings(new), Unknown: requirementUncertain(new),
			})
		}
	},
}
