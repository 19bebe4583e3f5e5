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
	Shown:     Written,
	Forward:   "consumers of %s with the old schema reject new events that carry the property",
	Fix:       "open the message first (additionalProperties), wait until every consumer has that schema, then add %s",
	Field: func(c *Check, old, new *schema.Field) {
		if old != nil {
			return
		}
		switch m := c.at.messages[0]; {
		case m.Closed:
			c.Report(Problem{Change: fmt.Sprintf("%s was added to a message that is closed", fieldText(new)), Acceptance: true})
		case m.Undeclared != nil && !isOpaque(m.Undeclared) && !isOpaque(new.Type) && readsJSON(new.Type, m.Undeclared) != readsAll:
			c.Report(Problem{Change: fmt.Sprintf("%s was added as %s, where undeclared properties must be %s",
				fieldText(new), typeName(new.Type), typeName(m.Undeclared)), Acceptance: true})
		default:
			c.reportToClosedServices(new)
		}
	},
}

// reportToClosedServices reports a field that was added to what closed services consume.
func (c *Check) reportToClosedServices(new *schema.Field) {
	services := c.cmp.closedConsumers(c.at)
	if len(services) == 0 {
		return
	}
	who, refuse, take, its := listed(services), "refuses", "takes", "its"
	if len(services) > 1 {
		refuse, take, its = "refuse", "take", "their"
	}
	c.Report(Problem{
		Change:     fmt.Sprintf("%s was added, and %s %s fields that %s schema lacks", fieldText(new), who, refuse, its),
		Forward:    who + " with the old schema " + refuse + " new events of %s that carry the field",
		Deploy:     "if it must be, deploy " + who + " before the first producer",
		Fix:        fmt.Sprintf("see first that %s %s events with %s: the new schema, or readers that pass over unknown fields", who, take, new.Name),
		Rejections: []string{"additionalProperties"},
		Closed:     true,
	})
}
