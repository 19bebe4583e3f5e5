package compat

import (
	"fmt"

	"github.com/omninode/trestle/tools/schema"
)

var topicDeadLetterChanged = Rule{
	ID:        "TOPIC_DEAD_LETTER_CHANGED",
	Purpose:   "a topic keeps its dead-letter topic",
	Breaks:    Backward | Forward,
	Encodings: bothEncodings,
	Severity:  Error,
	Policy:    true,
	Backward:  "dead letters of %s that wait in the old topic are neither counted nor replayed",
	Forward:   "consumers with the old schemas keep writing to the old one",
	Fix:       "keep the dead-letter topic of %s until the old one is replayed or purged",
	Topic: func(c *Check, old, new *schema.Topic) {
		if old == nil || new == nil || old.DeadLetter == nil || deadLetterName(old) == deadLetterName(new) {
			return
		}
		p := Problem{Change: fmt.Sprintf("dead-letter topic of %s changed from %s to %s",
			new.Name, deadLetterName(old), deadLetterName(new))}
		if new.DeadLetter == nil {
			p.Change = fmt.Sprintf("%s lost its dead-letter topic %s", new.Name, deadLetterName(old))
			p.Backward = "an event of %s that cannot be handled has nowhere to go, and those that wait are neither counted nor replayed"
		}
		c.Report(p)
	},
}

func deadLetterName(t *schema.Topic) string {
	if t.DeadLetter == nil {
		return ""
	}
	return t.DeadLetter.Name
}
