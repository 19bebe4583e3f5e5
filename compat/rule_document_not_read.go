package compat

import "github.com/omninode/trestle/tools/schema"

var documentNotRead = Rule{
	ID:        "DOCUMENT_NOT_READ",
	Purpose:   "everything that one version of a JSON Schema lets be written, the other lets be read",
	Breaks:    Backward | Forward,
	Encodings: jsonOnly,
	Severity:  Error,
	Backward:  "consumers of %s with the new schema reject old events",
	Forward:   "consumers of %s with the old schema reject new events",
	Fix:       "let %s accept what it accepted, and no more than old consumers take",
	Document: func(c *Check, old, new *schema.File) {
		if old == nil || new == nil {
			return
		}
		c.documentReading(c.cmp.old, c.cmp.new, old, new, Backward)
		c.documentReading(c.cmp.new, c.cmp.old, new, old, Forward)
	},
}

func (c *Check) documentReading(writer, reader *schema.Set, w, r *schema.File, breaks Direction) {
	got, err := c.cmp.readDocument(writer, reader, w, r, breaks)
	if err != nil {
		c.cmp.fault(err)
		return
	}
	c.reportReading(got, "schema", breaks)
}
