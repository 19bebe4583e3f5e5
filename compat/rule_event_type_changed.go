package compat

import (
	"fmt"

	"github.com/omninode/trestle/tools/schema"
)

var eventTypeChanged = Rule{
	ID:        "EVENT_TYPE_CHANGED",
	Purpose:   "an event keeps its type on the wire",
	Breaks:    Backward | Forward,
	Encodings: bothEncodings,
	Severity:  Error,
	Policy:    true,
	Backward:  "consumers of %s with the new schemas know the old type no more and send old records to the dead letters",
	Forward:   "consumers with the old schemas do the same with new records",
	Fix:       "keep the type %s, whatever the message is called: set `type` in its event option",
	Event: func(c *Check, old, new *schema.Event) {
		if old == nil || new == nil || old.Type == new.Type {
			return
		}
		c.Report(Problem{
			Change: fmt.Sprintf("event type changed from %s to %s", old.Type, new.Type), Name: old.Type,
		})
	},
}
