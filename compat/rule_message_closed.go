package compat

import (
	"slices"

	"github.com/omninode/trestle/tools/schema"
)

var messageClosed = Rule{
	ID:        "MESSAGE_CLOSED",
	Purpose:   "a message that lets unknown properties pass keeps doing so",
	Breaks:    Backward,
	Encodings: jsonOnly,
	Severity:  Error,
	Shown:     Undeclared,
	Backward:  "consumers of %s with the new schema reject old events that carry a property which it does not declare",
	Fix:       "leave %s open: additionalProperties stays as it was",
	Message: func(c *Check, old, new *schema.Message) {
		switch {
		case old == nil || new == nil || !old.KeepUnknown || limitsUndeclared(old.Unmodelled): // nothing undeclared was written
		case new.Closed:
			c.Report(Problem{
				Change:     new.Name + " no longer lets undeclared properties pass",
				Rejections: []string{"additionalProperties"}, Acceptance: true,
			})
		case new.Undeclared != nil && old.Undeclared == nil && new.Undeclared.Kind != schema.JSONValue:
			c.Report(Problem{Change: new.Name + " lets only undeclared properties pass that are " + typeName(new.Undeclared), Acceptance: true})
		case new.Undeclared != nil && old.Undeclared != nil && !isOpaque(old.Undeclared) && !isOpaque(new.Undeclared) && readsJSON(old.Undeclared, new.Undeclared) != readsAll:
			c.Report(Problem{Change: "undeclared properties of " + new.Name + " changed from " +
				typeName(old.Undeclared) + " to " + typeName(new.Undeclared)})
		}
	},
}

// limitsUndeclared says whether a message says of undeclared properties what its model does not hold.
func limitsUndeclared(u *schema.Unmodelled) bool {
	return u != nil && slices.ContainsFunc(u.Texts(), func(k schema.KeywordText) bool {
		return k.Keyword == "additionalProperties" || k.Keyword == "unevaluatedProperties"
	})
}
