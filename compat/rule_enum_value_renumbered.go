package compat

import (
	"fmt"

	"github.com/omninode/trestle/tools/schema"
)

var enumValueRenumbered = Rule{
	ID:        "ENUM_VALUE_RENUMBERED",
	Purpose:   "an enum value keeps its number",
	Breaks:    Backward | Forward,
	Encodings: protobufOnly,
	Severity:  Error,
	Shown:     Carried,
	Backward:  "consumers of %s with the new schema take old values for others, or for none",
	Forward:   "consumers with the old schema do the same with new values",
	Fix:       "give %s its old number back",
	EnumValue: func(c *Check, old, new *schema.EnumValue) {
		if old == nil || new == nil || old.Number == new.Number || !c.hasNumbers() {
			return
		}
		c.reportValue(Problem{Change: fmt.Sprintf("number of %s changed from %d to %d", new.Name, old.Number, new.Number)})
	},
}

// hasNumbers says whether the enum has numbers on both sides.
func (c *Check) hasNumbers() bool { return c.at.enums[0].HasNumbers() && c.at.enums[1].HasNumbers() }
