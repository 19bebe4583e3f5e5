package compat

import (
	"fmt"

	"github.com/omninode/trestle/tools/schema"
)

var enumValueAdded = Rule{
	ID:         "ENUM_VALUE_ADDED",
	Purpose:    "a closed enum gains no value that its readers do not know",
	Breaks:     Forward,
	Encodings:  bothEncodings,
	Severity:   Error,
	Shown:      Carried,
	Acceptance: true,
	Forward:    "consumers of %s with the old schema reject new events that carry the value, as of an unknown name",
	Fix:        "add a field for %s beside the old one, or exempt the value until every consumer has the new schema and publish it only then",
	EnumValue: func(c *Check, old, new *schema.EnumValue) {
		if old != nil || c.unused() {
			return
		}
		if encodings := c.unreadableIn(new, 1, 0); encodings != nil {
			c.Report(Problem{Change: fmt.Sprintf("value %s was added", valueText(new)), Encodings: encodings})
		}
	},
}
