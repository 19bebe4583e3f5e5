package compat

import (
	"fmt"

	"github.com/omninode/trestle/tools/schema"
)

var fieldNullabilityChanged = Rule{
	ID:         "FIELD_NULLABILITY_CHANGED",
	Purpose:    "null stays a value, or stays none",
	Breaks:     Backward | Forward,
	Encodings:  jsonOnly,
	Severity:   Error,
	Shown:      Null,
	Acceptance: true,
	Backward:   "consumers of %s with the new schema reject old events in which it is null",
	Forward:    "consumers of %s with the old schema reject new events in which it is null",
	Fix:        "keep null where it was allowed, and leave %s out instead of writing null where it was not",
	Field: func(c *Check, old, new *schema.Field) {
		// Protobuf's readers take null for absent, and its writers write none.
		if old == nil || new == nil || old.Nullable == new.Nullable || !old.KnowsNull() || !new.KnowsNull() {
			return
		}
		if new.Nullable {
			c.Report(Problem{Change: fmt.Sprintf("%s may be null now", new.Name), Breaks: Forward})
			return
		}
		c.Report(Problem{Change: fmt.Sprintf("%s may no longer be null", new.Name), Breaks: Backward})
	},
}
