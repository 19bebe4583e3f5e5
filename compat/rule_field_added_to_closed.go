package compat

import (
	"fmt"

	"github.com/omninode/trestle/tools/schema"
)

var fieldAddedToClosed = Rule{
	ID:        "FIELD_ADDED_TO_CLOSED",
	Purpose:   "a message whose readers let no undeclared property pass gains none",
	Breaks:    Forward,
	Encodings: jsonOnly,
	Severity:  Error,
	Forward:   "consumers of %s with the old schema reject new events that carry the property",
	Fix:       "open the message first (additionalProperties), wait until every consumer has that schema, then add %s",
	Field: func(c *Check, old, new *schema.Field) {
		if old != nil {
			return
		}
		switch m := c.at.messages[0]; {
		case m.Closed:
			c.Report(Problem{Change: fmt.Sprintf("%s was added to a message that is closed", fieldText(new))})
		case m.Undeclared != nil && readsJSON(new.Type, m.Undeclared) != readsAll:
			c.Report(Problem{Change: fmt.Sprintf("%s was added as %s, where undeclared properties must be %s",
				fieldText(new), typeName(new.Type), typeName(m.Undeclared))})
		}
	},
}
