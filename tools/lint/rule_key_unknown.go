package lint

import "github.com/omninode/trestle/tools/schema"

var keyUnknown = Rule{
	ID:       "KEY_UNKNOWN",
	Purpose:  "every path of a key leads to a string of the payload or of the envelope",
	Why:      "A path that leads nowhere is passed over in silence, and the record has another key than was meant, or none.",
	Severity: Error,
	Event: func(c *Check, e *schema.Event) {
		for _, k := range e.KeyPaths() {
			if !k.Known() {
				c.Report(Problem{Message: k.Fault, Fix: k.Advice})
			}
		}
	},
}
