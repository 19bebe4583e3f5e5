package compat

import "github.com/omninode/trestle/tools/schema"

var groupRemoved = Rule{
	ID:        "GROUP_REMOVED",
	Purpose:   "a consumer group stays declared",
	Breaks:    Backward,
	Encodings: bothEncodings,
	Severity:  Error,
	Policy:    true,
	Backward:  "nobody watches the group's lag any more, its rights go, and what it has not read yet may never be read",
	Fix:       "keep %s declared until its service is gone",
	Group: func(c *Check, old, new *schema.Group) {
		if new == nil {
			c.Report(Problem{Change: "consumer group " + old.Name + " was removed"})
		}
	},
}
