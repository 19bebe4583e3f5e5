package compat

import (
	"fmt"

	"github.com/omninode/trestle/tools/schema"
)

var fieldNullabilityChanged = Rule{
	ID:        "FIELD_NULLABILITY_CHANGED",
	Purpose:   "null stays a value, or stays none",
	Breaks:    Backward | Forward,
	Encodings: jsonOnly,
	Severity:  Error,
	Backward:  "consumers of %s that validate by the new schema reject old events in which it is null",
	Forward:   "consumers of %s that validate by the old schema reject new events in which it is null",
	Fix:       "keep null where it was allowed, and leave %s out instead of writing null where it was not",
	Field: func(c *Check, old, new *schema.Field) {
		// Protobuf's readers take null for absent, and its writers write none.
		if old == nil || new == nil || old.Nullable == new.Nullable || !old.KnowsNull() || !new.KnowsNull() {
			return
		}
		p := Problem{Change: fmt.Sprintf("%s may no longer be null", new.Name), Breaks: Backward}
		reader := new
		if new.Nullable {
			p = Problem{Change: fmt.Sprintf("%s may be null now", new.Name), Breaks: Forward}
			reader = old
		}
		// Readers with a protobuf schema take null for absent.
		if !reader.KnowsNull() && requirementOf(reader) == optional {
			return
		}
		// Those of this project do with a JSON Schema, too; other validators do not.
		p.AsWritten = true
		c.Report(p)
	},
}
