package compat

import (
	"fmt"

	"github.com/omninode/trestle/tools/schema"
)

var fieldCardinalityChanged = Rule{
	ID:        "FIELD_CARDINALITY_CHANGED",
	Purpose:   "one value stays one, and a list a list",
	Breaks:    Backward | Forward,
	Encodings: bothEncodings,
	Severity:  Error,
	Shown:     Written,
	Backward:  "consumers of %s with the new schema reject old JSON events, or take one value of a protobuf list",
	Forward:   "consumers with the old schema do the same with new ones",
	Fix:       "keep %s as it is, and add a field for the other form",
	Type: func(c *Check, old, new *schema.Type) {
		if cardinalityDiffers(old, new) {
			c.Report(Problem{Change: fmt.Sprintf("%s changed from %s to %s", c.Name(), typeName(old), typeName(new)), At: new.Pos})
		}
	},
}

func cardinalityDiffers(old, new *schema.Type) bool {
	return (old.Kind == schema.List) != (new.Kind == schema.List) &&
		old.Kind != schema.JSONValue && new.Kind != schema.JSONValue
}
