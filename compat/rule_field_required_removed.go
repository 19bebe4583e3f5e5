package compat

import (
	"fmt"

	"github.com/omninode/trestle/tools/schema"
)

var fieldRequiredRemoved = Rule{
	ID:         "FIELD_REQUIRED_REMOVED",
	Purpose:    "what readers require stays required of writers",
	Breaks:     Forward,
	Encodings:  bothEncodings,
	Severity:   Error,
	Shown:      Absent,
	Acceptance: true,
	Forward:    "consumers of %s with the old schema reject new events that lack it",
	Fix:        "keep %s required until every consumer has a schema in which it is optional",
	Field: func(c *Check, old, new *schema.Field) {
		if old == nil || new == nil || requirementOf(new) >= requirementOf(old) || declaredRequirement(new) >= declaredRequirement(old) {
			return
		}
		c.Report(Problem{
			Change:    fmt.Sprintf("%s changed from %s to %s", fieldText(new), requirementOf(old), requirementOf(new)),
			Encodings: requirementEncodings(old), Unknown: requirementUncertain(old),
		})
	},
}
