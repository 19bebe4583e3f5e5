package compat

import (
	"fmt"

	"github.com/omninode/trestle/tools/schema"
)

var eventEncodingChanged = Rule{
	ID:        "EVENT_ENCODING_CHANGED",
	Purpose:   "an event keeps its encoding",
	Breaks:    Forward,
	Encodings: bothEncodings,
	Severity:  Error,
	Policy:    true,
	Forward:   "consumers of %s that read the old encoding only (today's Python services read JSON only) cannot read new records",
	Fix:       "keep the encoding of %s until every consumer reads both, as those of this runtime do",
	Event: func(c *Check, old, new *schema.Event) {
		if old == nil || new == nil || old.Encoding == new.Encoding {
			return
		}
		c.Report(Problem{
			Change:    fmt.Sprintf("encoding of %s changed from %s to %s", new.Type, old.Encoding, new.Encoding),
			Name:      new.Type,
			Encodings: []schema.Encoding{old.Encoding},
		})
	},
}
