package compat

import (
	"fmt"

	"github.com/omninode/trestle/tools/schema"
)

var fieldRenumbered = Rule{
	ID:        "FIELD_RENUMBERED",
	Purpose:   "a field keeps its number",
	Breaks:    Backward | Forward,
	Encodings: protobufOnly,
	Severity:  Error,
	Shown:     Carried,
	Backward:  "consumers of %s with the new schema look for the field where old protobuf records do not have it",
	Forward:   "consumers with the old schema look for it where new ones do not have it",
	Fix:       "give %s its old number back",
	Field: func(c *Check, old, new *schema.Field) {
		if old == nil || new == nil || old.Number == 0 || new.Number == 0 || old.Number == new.Number {
			return
		}
		c.Report(Problem{Change: fmt.Sprintf("number of %s changed from %d to %d", new.Name, old.Number, new.Number)})
	},
}
