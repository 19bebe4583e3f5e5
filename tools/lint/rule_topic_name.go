package lint

import (
	"fmt"
	"strings"

	"github.com/omninode/trestle/tools/schema"
)

var topicName = Rule{
	ID:       "TOPIC_NAME",
	Purpose:  "topics are named by their family's pattern, and no two are one in Kafka's metrics",
	Why:      "Access rules, dashboards and the names of dead-letter topics are made from the pattern. Kafka's metrics write a dot as an underscore, and it refuses to create a topic that would be taken for another.",
	Severity: Error,
	Topic: func(c *Check, t *schema.Topic) {
		if f := t.Package.Family; f != nil && len(t.DeadLetterOf) == 0 && t.RetryOf == nil {
			if _, ok := f.MatchTopic(t.Name); !ok && !namesDeadLetter(f, t) {
				c.Report(Problem{
					Message: fmt.Sprintf("topic %s does not follow the family's topic_pattern %q", t.Name, f.TopicPattern),
					Fix:     "rename it, or name its dead_letter_topic to say that it stands apart",
				})
			}
		}
		for _, other := range c.run.index.byMetricName[metricName(t.Name)] {
			if other == t {
				break
			}
			if collidingSources(t, other) {
				continue
			}
			c.Report(Problem{
				Message: fmt.Sprintf("topics %s and %s (%s) differ only in dots and underscores: Kafka refuses to create the second", t.Name, other.Name, other.Pos),
				Fix:     "rename one of them, and use either dots or underscores in all names",
			})
		}
	},
}

// namesDeadLetter says whether a topic's dead-letter topic has another name than the family's pattern gives it.
func namesDeadLetter(f *schema.Family, t *schema.Topic) bool {
	if t.DeadLetter == nil {
		return false
	}
	derived, ok := f.DeadLetterName(t.Name)
	return !ok || derived != t.DeadLetter.Name
}

// collidingSources says whether two dead-letter topics collide because their sources do, which is told of these.
func collidingSources(a, b *schema.Topic) bool {
	return len(a.DeadLetterOf) > 0 && len(b.DeadLetterOf) > 0 && metricName(a.DeadLetterOf[0].Name) == metricName(b.DeadLetterOf[0].Name)
}

// metricName is a topic's name in Kafka's metrics.
func metricName(topic string) string { return strings.ReplaceAll(topic, ".", "_") }
