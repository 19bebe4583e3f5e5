package lint

import "github.com/omninode/trestle/tools/schema"

var uniqueMessages = Rule{
	ID:       "UNIQUE_MESSAGES",
	Purpose:  "a list that must have no item twice is one of scalars",
	Why:      "Validators cannot tell messages apart: the rule fails on every event, and no code is generated for it.",
	Severity: Error,
	Fix:      "take repeated.unique from %s, or make it a list of what tells its items apart",
	Field: func(c *Check, f *schema.Field) {
		if f.Type.Kind == schema.List && f.Type.Constraints.Rules.GetRepeated().GetUnique() && !f.Type.Elem.ToldApart() {
			c.Reportf("%s must have no item twice, and its items are messages", f.Name)
		}
	},
}
