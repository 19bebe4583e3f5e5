package lint

import (
	"fmt"
	"strings"
	"time"

	"github.com/omninode/trestle/tools/schema"
)

var deadLetterRetention = Rule{
	ID:       "DEAD_LETTER_RETENTION",
	Purpose:  "dead letters are kept at least as long as the events they hold",
	Why:      "A dead letter waits for somebody to look at it, mend the cause and replay it. The broker must not delete it before the event itself would have gone.",
	Severity: Error,
	Topic: func(c *Check, t *schema.Topic) {
		if len(t.DeadLetterOf) == 0 {
			return
		}
		if policy := t.Settings.CleanupPolicy; strings.Contains(policy, "compact") {
			c.Report(Problem{
				Message: fmt.Sprintf("dead-letter topic %s is compacted: of the dead letters with the same key only the last is kept", t.Name),
				Fix:     `set cleanup_policy of the dead letters to "delete"`,
			})
		}
		longest := t.DeadLetterOf[0]
		for _, source := range t.DeadLetterOf[1:] {
			if shorter(longest.Settings.Retention, source.Settings.Retention) {
				longest = source
			}
		}
		if !shorter(t.Settings.Retention, longest.Settings.Retention) {
			return
		}
		c.Report(Problem{
			Message: fmt.Sprintf("dead-letter topic %s keeps records for %s, and its source %s for %s",
				t.Name, keepWords(t.Settings.Retention), longest.Name, keepWords(longest.Settings.Retention)),
			Fix: "set retention_ms of the dead letters, in the family's dead_letter_settings, to " + leastRetention(longest.Settings.Retention),
		})
	},
}

// shorter compares times that records are kept; a negative one is for ever.
func shorter(a, b time.Duration) bool {
	return a >= 0 && (b < 0 || a < b)
}

// leastRetention says, as the vocabulary writes it, how long is long enough.
func leastRetention(d time.Duration) string {
	if d < 0 {
		return "-1, for ever"
	}
	return fmt.Sprintf("%d or more", d.Milliseconds())
}

// keepWords renders a retention in the largest unit that divides it.
func keepWords(d time.Duration) string {
	if d < 0 {
		return "ever"
	}
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		switch {
		case d == u.unit:
			return "1 " + u.name
		case d > u.unit && d%u.unit == 0:
			return fmt.Sprintf("%d %ss", d/u.unit, u.name)
		}
	}
	return d.String()
}
