package lint

import (
	"fmt"

	"github.com/omninode/trestle/tools/schema"
)

var deadLetterSize = Rule{
	ID:      "DEAD_LETTER_SIZE",
	Purpose: "a dead-letter topic takes the largest event of its sources, wrapped",
	Why: "A dead letter holds the original event, a third larger where it must be base64, with its headers and the error beside it. " +
		"A topic that takes no more than its source refuses the dead letters of the largest events, which are then lost or stop their consumer.",
	Severity: Error,
	Topic: func(c *Check, t *schema.Topic) {
		var largest *schema.Topic
		for _, source := range t.DeadLetterOf {
			if largest == nil || source.Settings.MaxMessageBytes > largest.Settings.MaxMessageBytes {
				largest = source
			}
		}
		if largest == nil || t.Settings.MaxMessageBytes == 0 || largest.Settings.MaxMessageBytes == 0 {
			return
		}
		has, least := int64(t.Settings.MaxMessageBytes), leastDeadLetterSize(largest.Settings.MaxMessageBytes)
		if has >= least {
			return
		}
		c.Report(Problem{
			Message: fmt.Sprintf("dead-letter topic %s takes %d bytes and its source %s %d: the dead letter of a large event does not fit, since it holds the event and more",
				t.Name, has, largest.Name, largest.Settings.MaxMessageBytes),
			Fix: fmt.Sprintf("set max_message_bytes of the dead letters, in the family's dead_letter_settings, to %d or more", least),
		})
	},
}

// leastDeadLetterSize is one and a half times the source's: four thirds for base64, the rest for headers and the error.
func leastDeadLetterSize(source int32) int64 { return (int64(source)*3 + 1) / 2 }
