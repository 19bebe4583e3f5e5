package compat

import (
	"fmt"
	"time"

	"github.com/omninode/trestle/tools/schema"
)

// deadLetterRetention is how long the guide promises that dead letters can be read and replayed.
const deadLetterRetention = 30 * 24 * time.Hour

var topicRetentionShortened = Rule{
	ID:        "TOPIC_RETENTION_SHORTENED",
	Purpose:   "records stay as long as consumers were promised",
	Breaks:    Backward,
	Encodings: bothEncodings,
	Severity:  Warning,
	Policy:    true,
	Backward:  "the broker deletes records of %s that consumers still count on, at once when the setting is applied",
	Fix:       "keep the retention of %s, or make sure that no consumer is further behind than the new one",
	Topic: func(c *Check, old, new *schema.Topic) {
		if old == nil || new == nil {
			return
		}
		o, n := old.Settings.Retention, new.Settings.Retention
		if n < 0 || n == o || o >= 0 && n > o {
			return
		}
		p := Problem{Change: fmt.Sprintf("retention of %s shortened from %s to %s", new.Name, keepText(o), keepText(n))}
		if least, of := leastRetention(new); n < least {
			p.Severity = Error
			p.Change += ", less than " + of
			p.Backward = "dead letters in %s are deleted before they can be looked at and replayed"
			p.Fix = fmt.Sprintf("keep at least %s on %s", days(least), new.Name)
		}
		c.Report(p)
	},
}

// leastRetention is what a dead-letter topic must keep, and why; 0 for other topics.
func leastRetention(t *schema.Topic) (time.Duration, string) {
	if len(t.DeadLetterOf) == 0 {
		return 0, ""
	}
	least, of := deadLetterRetention, "the "+days(deadLetterRetention)+" that dead letters are kept"
	for _, source := range t.DeadLetterOf {
		if keep := source.Settings.Retention; keep > least {
			least, of = keep, "its source "+source.Name+" keeps"
		}
	}
	return least, of
}

func keepText(d time.Duration) string {
	if d < 0 {
		return "for ever"
	}
	return days(d)
}
