package lint

import (
	"fmt"

	"github.com/omninode/trestle/tools/schema"
)

var keyMissing = Rule{
	ID:       "KEY_MISSING",
	Purpose:  "every event has a key",
	Why:      "Kafka keeps the order of records with the same key. Records without one are spread over the partitions, and what belongs together is read in any order.",
	Severity: Error,
	Fix:      "name a key in the event option of %s: the id of what its events must stay in order for",
	Event: func(c *Check, e *schema.Event) {
		if len(e.Key) > 0 {
			return
		}
		if c.run.index.partitions(e) > 1 {
			c.Reportf("event %s has no key: its records are spread over the %d partitions of %s in any order", e.Type, c.run.index.partitions(e), topicWords(c, e))
			return
		}
		c.Report(Problem{
			Severity: Warning,
			Message:  fmt.Sprintf("event %s has no key: its order is lost when its topic grows beyond one partition", e.Type),
		})
	},
}

// topicWords names where an event goes.
func topicWords(c *Check, e *schema.Event) string {
	if e.Topic != nil {
		return e.Topic.Name
	}
	return "its dead-letter topics"
}
