package compat

import "github.com/omninode/trestle/tools/schema"

var topicRemoved = Rule{
	ID:        "TOPIC_REMOVED",
	Purpose:   "a topic stays declared",
	Breaks:    Backward | Forward,
	Encodings: bothEncodings,
	Severity:  Error,
	Policy:    true,
	Backward:  "consumers of %s with the new schemas never see what is still in it",
	Forward:   "producers and consumers with the old schemas keep using a topic that nobody looks after",
	Fix:       "keep %s declared until it is empty and no group reads it",
	Topic: func(c *Check, old, new *schema.Topic) {
		// A topic with events goes only when they go or move, and a dead-letter topic when its sources do or name
		// another, and so with a retry topic: the rules about these say so.
		if new != nil || len(old.DeadLetterOf) > 0 || old.RetryOf != nil || len(old.Events) > 0 {
			return
		}
		c.Report(Problem{Change: "topic " + old.Name + " was removed"})
	},
}
