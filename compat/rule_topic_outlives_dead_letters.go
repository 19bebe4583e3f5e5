package compat

import (
	"fmt"

	"github.com/omninode/trestle/tools/schema"
)

var topicOutlivesDeadLetters = Rule{
	ID:        "TOPIC_OUTLIVES_DEAD_LETTERS",
	Purpose:   "dead letters stay at least as long as the records that they hold",
	Breaks:    Backward,
	Encodings: bothEncodings,
	Severity:  Warning,
	Policy:    true,
	Backward:  "a dead letter is deleted while records of its age are still in %s, before it may have been looked at and replayed",
	Fix:       "keep the dead letters of %s as long, in the family's dead_letter_settings",
	Topic: func(c *Check, old, new *schema.Topic) {
		if old == nil || new == nil || new.DeadLetter == nil || !outlives(new) || outlives(old) || !longer(new, old) {
			return // what shortens the dead letters is found there
		}
		c.Report(Problem{Change: fmt.Sprintf("retention of %s grew from %s to %s, and its dead letters in %s stay %s",
			new.Name, keepText(old.Settings.Retention), keepText(new.Settings.Retention), new.DeadLetter.Name, keepText(new.DeadLetter.Settings.Retention))})
	},
}

// outlives says whether a topic keeps records longer than its dead letters.
func outlives(t *schema.Topic) bool { return t.DeadLetter != nil && longer(t, t.DeadLetter) }

// longer compares retentions; one below zero is for ever.
func longer(a, b *schema.Topic) bool {
	x, y := a.Settings.Retention, b.Settings.Retention
	return y >= 0 && (x < 0 || x > y)
}
