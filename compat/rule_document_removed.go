package compat

var documentRemoved = Rule{
	ID:        "DOCUMENT_REMOVED",
	Purpose:   "a JSON Schema stays where it is",
	Breaks:    Backward,
	Encodings: jsonOnly,
	Severity:  Error,
	Policy:    true,
	Backward:  "consumers of %s have nothing left to read old events by",
	Fix:       "keep %s as long as there are events of it",
	Schema: func(c *Check, old, new *wholeSchema) {
		if new == nil {
			c.Report(Problem{Change: "schema " + old.path() + " was removed"})
		}
	},
}
