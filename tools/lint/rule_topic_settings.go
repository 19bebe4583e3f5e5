package lint

import (
	"fmt"

	"github.com/omninode/trestle/tools/schema"
)

var topicSettings = Rule{
	ID:       "TOPIC_SETTINGS",
	Purpose:  "a compacted topic holds only events with a key",
	Why:      "Compaction keeps the last record of each key, and the broker refuses a record that has none.",
	Severity: Error,
	Topic: func(c *Check, t *schema.Topic) {
		if !t.Settings.Compacted() || len(t.DeadLetterOf) > 0 {
			return
		}
		for _, e := range t.Events {
			if len(e.Key) == 0 || mayLackKey(c, e) {
				c.Report(Problem{
					Message: fmt.Sprintf("topic %s is compacted, and %s may be without a key: the broker refuses such a record", t.Name, e.Type),
					Fix:     fmt.Sprintf("give %s a key that is always there, or set cleanup_policy of the topic to \"delete\"", e.Type),
				})
			}
		}
	},
}
