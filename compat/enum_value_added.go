package compat

import (
	"fmt"

	"github.com/omninode/trestle/tools/schema"
)

var enumValueAdded = Rule{
	ID:        "ENUM_VALUE_ADDED",
	Purpose:   "a closed enum gains no value that its readers do not know",
	Breaks:    Forward,
	Encodings: bothEncodings,
	Severity:  Error,
	Forward:   "consumers of %s with the old schema reject new events that carry the value, as of an unknown name",
	Fix:       "add a field for %s beside the old one, or exempt the value until every consumer has the new schema and publish it only then",
	EnumValue: func(c *Check, old, new *schema.EnumValue) {
		if old != nil {
			return
		}
		p := Problem{Change: fmt.Sprintf("value %s was added", valueText(new))}
		closed := c.enumClosed()
		switch {
		case new.JSONName == "" && !closed:
			return // never written in JSON, and in protobuf an open enum keeps a number it does not know
		case new.JSONName == "":
			p.Encodings = protobufOnly
		case !closed:
			p.Encodings = jsonOnly
		}
		c.Report(p)
	},
}

// enumClosed says whether an old reader rejects numbers of the enum that it does not know.
func (c *Check) enumClosed() bool {
	e := c.at.enums[0]
	if e.Closed {
		return true
	}
	for t := c.at.oldField.Type; t != nil; t = t.Elem {
		if t.Constraints.DefinedOnly {
			return true
		}
	}
	return false
}
