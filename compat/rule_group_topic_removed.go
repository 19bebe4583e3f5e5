package compat

import (
	"fmt"
	"slices"

	"github.com/omninode/trestle/tools/schema"
)

var groupTopicRemoved = Rule{
	ID:        "GROUP_TOPIC_REMOVED",
	Purpose:   "a consumer group keeps reading the topics it reads",
	Breaks:    Backward,
	Encodings: bothEncodings,
	Severity:  Error,
	Policy:    true,
	Backward:  "what the group has not read of the topic yet is not read any more",
	Fix:       "keep the topic in %s until its service no longer reads it",
	Group: func(c *Check, old, new *schema.Group) {
		if old == nil || new == nil {
			return
		}
		for _, t := range old.Topics {
			// A topic that is gone is another rule's.
			if !slices.Contains(new.Topics, t) && c.NewSet().Topic(t) != nil {
				c.Report(Problem{Change: fmt.Sprintf("consumer group %s no longer reads %s", new.Name, t)})
			}
		}
	},
}
