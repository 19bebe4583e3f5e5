package compat

import "github.com/omninode/trestle/tools/schema"

var messageRemoved = Rule{
	ID:        "MESSAGE_REMOVED",
	Purpose:   "a message that stands on its own stays declared",
	Breaks:    Backward | Forward,
	Encodings: bothEncodings,
	Severity:  Error,
	Policy:    true,
	Backward:  "readers with the new schemas have no type for data that was written as %s",
	Forward:   "readers with the old schemas wait for data that nobody writes any more",
	Fix:       "keep %s, and mark it deprecated",
	Message: func(c *Check, old, new *schema.Message) {
		if new == nil {
			c.Report(Problem{Change: "message " + old.FullName + " was removed"})
		}
	},
}
