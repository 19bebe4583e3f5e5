package compat

import "github.com/omninode/trestle/tools/schema"

var messageClosed = Rule{
	ID:        "MESSAGE_CLOSED",
	Purpose:   "a message that lets unknown properties pass keeps doing so",
	Breaks:    Backward,
	Encodings: jsonOnly,
	Severity:  Error,
	Backward:  "consumers of %s with the new schema reject old events that carry a property which it does not declare",
	Fix:       "leave %s open: additionalProperties stays as it was",
	Message: func(c *Check, old, new *schema.Message) {
		switch {
		case old == nil || new == nil || old.Closed || old.Proto != nil: // protobuf writes nothing undeclared
		case new.Closed:
			c.Report(Problem{
				Change:     new.Name + " no longer lets undeclared properties pass",
				Rejections: []string{"additionalProperties"},
			})
		case new.Rest != nil && old.Rest == nil && new.Rest.Kind != schema.JSONValue:
			c.Report(Problem{Change: new.Name + " lets only undeclared properties pass that are " + typeName(new.Rest)})
		case new.Rest != nil && old.Rest != nil && readsJSON(old.Rest, new.Rest) != readsAll:
			c.Report(Problem{Change: "undeclared properties of " + new.Name + " changed from " +
				typeName(old.Rest) + " to " + typeName(new.Rest)})
		}
	},
}
