package compat

import (
	"fmt"

	"github.com/omninode/trestle/tools/schema"
)

var topicMessageSizeLowered = Rule{
	ID:        "TOPIC_MESSAGE_SIZE_LOWERED",
	Purpose:   "a topic takes records as large as it did",
	Breaks:    Backward,
	Encodings: bothEncodings,
	Severity:  Error,
	Policy:    true,
	Backward:  "the broker refuses records that producers of %s could write until now, and a replay of large ones",
	Fix:       "keep the limit of %s, or move large parts of its events out of them first",
	Topic: func(c *Check, old, new *schema.Topic) {
		if old == nil || new == nil {
			return
		}
		o, n := old.Settings.MaxMessageBytes, new.Settings.MaxMessageBytes
		if o == 0 || n == 0 || n >= o {
			return
		}
		c.Report(Problem{Change: fmt.Sprintf("largest message of %s lowered from %d to %d bytes", new.Name, o, n)})
	},
}
