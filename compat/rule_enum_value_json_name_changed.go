package compat

import (
	"fmt"
	"slices"

	"github.com/omninode/trestle/tools/schema"
)

var enumValueJSONNameChanged = Rule{
	ID:        "ENUM_VALUE_JSON_NAME_CHANGED",
	Purpose:   "an enum value keeps its name in JSON",
	Breaks:    Backward | Forward,
	Encodings: jsonOnly,
	Severity:  Error,
	Shown:     Carried,
	Backward:  "consumers of %s with the new schema reject old events that carry the old name",
	Forward:   "consumers with the old schema reject new events that carry the new one",
	Fix:       "keep the JSON name of %s; its name in the schema may change",
	EnumValue: func(c *Check, old, new *schema.EnumValue) {
		if old == nil || new == nil || old.JSONName == new.JSONName {
			return
		}
		p := Problem{
			Change:     fmt.Sprintf("JSON name of %s changed from %q to %q", new.Name, old.JSONName, new.JSONName),
			Breaks:     Backward | Forward,
			Acceptance: !c.nameReused(old, new),
		}
		switch {
		case old.JSONName == "":
			p.Breaks = Forward
			p.Change = fmt.Sprintf("%s has a JSON name now: %q", new.Name, new.JSONName)
		case new.JSONName == "":
			p.Breaks = Backward
			p.Change = fmt.Sprintf("%s lost its JSON name %q", new.Name, old.JSONName)
		}
		// Of a number with several names only the first is ever written.
		if writtenAs(c.at.enums[0], old) != old {
			p.Breaks &^= Backward
		}
		if writtenAs(c.at.enums[1], new) != new {
			p.Breaks &^= Forward
		}
		if p.Breaks != 0 {
			c.reportValue(p)
		}
	},
}

// nameReused says whether one of the names is that of another value on the other side, which readers take it for.
func (c *Check) nameReused(old, new *schema.EnumValue) bool {
	has := func(e *schema.Enum, name string) bool {
		return name != "" && slices.ContainsFunc(e.Values, func(v *schema.EnumValue) bool { return v.JSONName == name })
	}
	return has(c.at.enums[1], old.JSONName) || has(c.at.enums[0], new.JSONName)
}
