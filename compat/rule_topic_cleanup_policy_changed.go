package compat

import (
	"fmt"

	"github.com/omninode/trestle/tools/schema"
)

var topicCleanupPolicyChanged = Rule{
	ID:        "TOPIC_CLEANUP_POLICY_CHANGED",
	Purpose:   "a topic keeps the way its old records go",
	Breaks:    Backward,
	Encodings: bothEncodings,
	Severity:  Error,
	Policy:    true,
	Backward:  "the broker removes records of %s that consumers were promised: all but the last of a key, or all past their time",
	Fix:       "keep the policy of %s; another one takes a new topic",
	Topic: func(c *Check, old, new *schema.Topic) {
		if old == nil || new == nil || old.Settings.CleanupPolicy == new.Settings.CleanupPolicy {
			return
		}
		c.Report(Problem{Change: fmt.Sprintf("cleanup policy of %s changed from %s to %s",
			new.Name, orNone(old.Settings.CleanupPolicy), orNone(new.Settings.CleanupPolicy))})
	},
}
