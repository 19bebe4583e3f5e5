package lint

import "github.com/omninode/trestle/tools/schema"

var deadLetterMissing = Rule{
	ID:       "DEAD_LETTER_MISSING",
	Purpose:  "every event topic has a dead-letter topic",
	Why:      "An event that cannot be processed has nowhere to go: its consumer must lose it, or stand still before it.",
	Severity: Error,
	Fix:      "set dead_letter_pattern in the family, or dead_letter_topic in an event of %s",
	Topic: func(c *Check, t *schema.Topic) {
		if len(t.Events) > 0 && t.DeadLetter == nil && len(t.DeadLetterOf) == 0 {
			c.Reportf("topic %s has no dead-letter topic: an event that cannot be processed has nowhere to go", t.Name)
		}
	},
}
