package compat

import (
	"fmt"
	"slices"
	"strings"

	"github.com/omninode/trestle/tools/schema"
)

var eventKeyChanged = Rule{
	ID:        "EVENT_KEY_CHANGED",
	Purpose:   "an event keeps the key of its records",
	Breaks:    Backward | Forward,
	Encodings: bothEncodings,
	Severity:  Error,
	Policy:    true,
	Backward:  "in %s, old and new records of one thing lie in different partitions: their order is lost, and compaction keeps both",
	Forward:   "in %s, old and new records of one thing lie in different partitions: their order is lost, and compaction keeps both",
	Fix:       "keep the key of %s; a new key takes a new topic",
	Event: func(c *Check, old, new *schema.Event) {
		if old == nil || new == nil || slices.Equal(old.Key, new.Key) {
			return
		}
		c.Report(Problem{
			Change: fmt.Sprintf("key of %s changed from %s to %s", new.Type,
				orNone(strings.Join(old.Key, ", else ")), orNone(strings.Join(new.Key, ", else "))),
			Name: new.Type,
		})
	},
}
