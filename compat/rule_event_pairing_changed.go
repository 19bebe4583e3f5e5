package compat

import (
	"fmt"

	"github.com/omninode/trestle/tools/schema"
)

var eventPairingChanged = Rule{
	ID:        "EVENT_PAIRING_CHANGED",
	Purpose:   "a request keeps the event that answers it, and an event its role",
	Breaks:    Backward | Forward,
	Encodings: bothEncodings,
	Severity:  Error,
	Policy:    true,
	Backward:  "callers with the new schemas wait for an answer that services not yet deployed do not give",
	Forward:   "callers with the old schemas wait for an answer that new services do not give",
	Fix:       "keep what %s is; for another conversation add a request and a response of their own",
	Event: func(c *Check, old, new *schema.Event) {
		if old == nil || new == nil {
			return
		}
		if old.Role != new.Role {
			c.Report(Problem{
				Change: fmt.Sprintf("role of %s changed from %s to %s", new.Type, old.Role, new.Role), Name: new.Type,
			})
		}
		// A request that gains an answer disappoints nobody.
		if old.Reply != nil && replyType(old) != replyType(new) {
			c.Report(Problem{
				Change: fmt.Sprintf("the answer to %s changed from %s to %s", new.Type, replyType(old), orNone(replyType(new))),
				Name:   new.Type,
			})
		}
	},
}

func replyType(e *schema.Event) string {
	if e.Reply == nil {
		return ""
	}
	return e.Reply.Type
}
