package compat

import (
	"fmt"

	"github.com/omninode/trestle/tools/schema"
)

var fieldRemoved = Rule{
	ID:        "FIELD_REMOVED",
	Purpose:   "a field stays declared",
	Breaks:    Backward,
	Encodings: bothEncodings,
	Severity:  Error,
	Shown:     Carried,
	Backward:  "consumers of %s with the new schema silently drop what old events say in it",
	Forward:   "consumers with the old schema reject new events, which lack what they require",
	Fix:       "keep %s, and mark it deprecated",
	Field: func(c *Check, old, new *schema.Field) {
		if new != nil {
			return
		}
		p := Problem{Change: fmt.Sprintf("%s was removed", fieldText(old)), Breaks: Backward}
		if newMessage := c.at.messages[1]; newMessage.Closed {
			p.Backward = "consumers of %s with the new schema reject old events, as they let no undeclared property pass"
			p.Shown = Written
		}
		if requirementOf(old) != optional {
			p.Breaks |= Forward
		}
		if old.OnlyRequired && (c.at.messages[0].Closed || !c.at.messages[1].Closed) {
			// No property goes: events may lack what they had to have, and are read as before.
			p.Change, p.Breaks, p.Kind = fieldText(old)+" is no longer required", Forward, Changed
		}
		c.Report(p)
	},
	Property: func(c *Check, old, new *declaredProperty) {
		if new == nil {
			c.reportUndeclared(old.name)
		}
	},
}

// fieldText renders a field's name with its number, where it has one.
func fieldText(f *schema.Field) string {
	if f.Number == 0 {
		return f.Name
	}
	return fmt.Sprintf("%s (%d)", f.Name, f.Number)
}
