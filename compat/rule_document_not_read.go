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
	Message:   func(c *Check, old, new *schema.Message) { c.judgeMessageDemands(old, new) },
	Type:      func(c *Check, old, new *schema.Type) { c.judgeTypeDemands(old, new) },
	Schema: func(c *Check, old, new *wholeSchema) {
		if old == nil || new == nil {
			return
		}
		c.proveSources(Backward)
		c.proveSources(Forward)
	},
}

// proveSources reports events of one side of a file that the other does not take.
func (c *Check) proveSources(breaks Direction) {
	writer, reader, w, r := c.cmp.old, c.cmp.new, c.at.schemas[0], c.at.schemas[1]
	if breaks == Forward {
		writer, reader, w, r = reader, writer, r, w
	}
	got, err := c.cmp.askSources(writer, reader, w, r, breaks)
	if err != nil {
		c.cmp.fail(err)
		return
	}
	c.cmp.reportAnswer(c.rule, c.at, got, "schema", breaks)
}
