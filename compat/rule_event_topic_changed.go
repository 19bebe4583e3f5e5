package compat

import (
	"fmt"

	"github.com/omninode/trestle/tools/schema"
)

var eventTopicChanged = Rule{
	ID:        "EVENT_TOPIC_CHANGED",
	Purpose:   "an event keeps its topic",
	Breaks:    Backward | Forward,
	Encodings: bothEncodings,
	Severity:  Error,
	Policy:    true,
	Backward:  "consumers with the new schemas never see what is still in the old topic",
	Forward:   "consumers with the old schemas never see what goes to the new one",
	Fix:       "keep the topic of %s; for a breaking change add a version of the event, in a package and topic of its own, beside this one",
	Event: func(c *Check, old, new *schema.Event) {
		if old == nil || new == nil || topicName(old) == topicName(new) {
			return
		}
		c.Report(Problem{
			Change: fmt.Sprintf("topic of %s changed from %s to %s", new.Type, orNone(topicName(old)), orNone(topicName(new))),
			Name:   new.Type,
		})
	},
}

func topicName(e *schema.Event) string {
	if e.Topic == nil {
		return ""
	}
	return e.Topic.Name
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}
