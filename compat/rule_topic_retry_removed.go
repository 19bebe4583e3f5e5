package compat

import (
	"fmt"
	"slices"

	"github.com/omninode/trestle/tools/schema"
)

var topicRetryRemoved = Rule{
	ID:        "TOPIC_RETRY_REMOVED",
	Purpose:   "a topic keeps its retry topics",
	Breaks:    Backward,
	Encodings: bothEncodings,
	Severity:  Error,
	Policy:    true,
	Backward:  "events of %s that wait in the old topic are not handled again, and have no dead letter",
	Fix:       "keep the retry topic of %s until it is empty, with the others before it",
	Topic: func(c *Check, old, new *schema.Topic) {
		if old == nil || new == nil {
			return
		}
		for _, r := range old.Retries {
			name := r.Topic.Name
			if !slices.ContainsFunc(new.Retries, func(n schema.Retry) bool { return n.Topic.Name == name }) {
				c.Report(Problem{Change: fmt.Sprintf("%s lost its retry topic %s", new.Name, name)})
			}
		}
	},
}

func retryTexts(t *schema.Topic) []string {
	var texts []string
	for _, r := range t.Retries {
		texts = append(texts, fmt.Sprintf("%s (%v, %d)", r.Topic.Name, r.Delay, r.Attempts))
	}
	return texts
}
