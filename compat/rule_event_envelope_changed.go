package compat

import (
	"fmt"

	"github.com/omninode/trestle/tools/schema"
)

var eventEnvelopeChanged = Rule{
	ID:        "EVENT_ENVELOPE_CHANGED",
	Purpose:   "an event keeps its envelope",
	Breaks:    Backward | Forward,
	Encodings: bothEncodings,
	Severity:  Error,
	Policy:    true,
	Backward:  "consumers of %s with the new schemas look for the payload where old records do not have it",
	Forward:   "consumers with the old schemas look for it where new records do not have it",
	Fix:       "keep the envelope of %s; a new envelope takes a new topic",
	Event: func(c *Check, old, new *schema.Event) {
		if old == nil || new == nil || old.Envelope == new.Envelope {
			return
		}
		c.Report(Problem{
			Change: fmt.Sprintf("envelope of %s changed from %s to %s", new.Type, old.Envelope, new.Envelope),
			Name:   new.Type,
		})
	},
}
