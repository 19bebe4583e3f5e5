package compat

import (
	"fmt"

	"github.com/omninode/trestle/tools/schema"
)

var enumValueRemoved = Rule{
	ID:         "ENUM_VALUE_REMOVED",
	Purpose:    "an enum value stays declared",
	Breaks:     Backward,
	Encodings:  bothEncodings,
	Severity:   Error,
	Shown:      Carried,
	Acceptance: true,
	Backward:   "consumers of %s with the new schema reject old events that carry the value",
	Fix:        "keep %s, and mark it deprecated",
	Enum: func(c *Check, old, new *schema.Enum) {
		if new == nil {
			c.reportValue(Problem{Change: "enum " + old.Name + " was removed"})
		}
	},
	EnumValue: func(c *Check, old, new *schema.EnumValue) {
		if new != nil {
			return
		}
		if encodings := c.unreadableIn(old, 0, 1); encodings != nil {
			c.reportValue(Problem{Change: fmt.Sprintf("value %s was removed", valueText(old)), Encodings: encodings})
		}
	},
}

// valueText renders a value as its name with what it is on the wire.
func valueText(v *schema.EnumValue) string {
	if v.JSONName == "" || v.JSONName == v.Name {
		return v.Name
	}
	return fmt.Sprintf("%s (%q)", v.Name, v.JSONName)
}
