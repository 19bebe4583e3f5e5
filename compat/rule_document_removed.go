package compat

import "github.com/omninode/trestle/tools/schema"

var documentRemoved = Rule{
	ID:        "DOCUMENT_REMOVED",
	Purpose:   "a JSON Schema stays where it is",
	Breaks:    Backward,
	Encodings: jsonOnly,
	Severity:  Error,
	Policy:    true,
	Backward:  "consumers of %s have nothing left to read old events by",
	Fix:       "keep %s as long as there are events of it",
	SchemaFile: func(c *Check, old, new *schema.File) {
		if new == nil {
			c.Report(Problem{Change: "schema " + old.Path + " was removed"})
		}
	},
}
