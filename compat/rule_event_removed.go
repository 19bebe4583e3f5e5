package compat

import "github.com/omninode/trestle/tools/schema"

var eventRemoved = Rule{
	ID:        "EVENT_REMOVED",
	Purpose:   "an event type stays declared",
	Breaks:    Backward | Forward,
	Encodings: bothEncodings,
	Severity:  Error,
	Policy:    true,
	Backward:  "consumers of %s with the new schemas send records of the type to the dead letters, as of an unknown type",
	Forward:   "consumers with the old schemas wait for events that nobody writes any more",
	Fix:       "keep %s, mark it deprecated, and stop publishing it once its consumers are gone",
	Event: func(c *Check, old, new *schema.Event) {
		if new != nil {
			return
		}
		c.Report(Problem{Change: "event " + old.Type + " was removed", Name: old.Type})
	},
}
