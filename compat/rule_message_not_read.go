package compat

import "github.com/omninode/trestle/tools/values"

var messageNotRead = Rule{
	ID:        "MESSAGE_NOT_READ",
	Purpose:   "every event that one version of a message lets be written, the other lets be read",
	Breaks:    Backward | Forward,
	Encodings: bothEncodings,
	Severity:  Error,
	Backward:  "consumers of %s with the new schema do not take old events",
	Forward:   "consumers of %s with the old schema do not take new events",
	Fix:       "let %s accept what it accepted, and no more than old consumers take",
}

// reportReading reports what one side makes of the events of the other: what is the same for each of them is said by
// the noun, "schema" or "message".
func (c *Check) reportReading(got reading, noun string, breaks Direction) {
	if got.answer.Inclusion == values.Included {
		return
	}
	by, age := breaks.writer(), breaks.reader()
	p := Problem{Breaks: breaks, Encodings: got.encodings, Witness: got.witness}
	switch got.answer.Inclusion {
	case values.NotIncluded:
		p.Change = "the " + age + " " + noun + " does not accept everything that the " + by + " one writes"
		if got.witness != nil {
			p.Change += ", for " + got.witness.Detail
		}
	default:
		p.Unknown = true
		p.Change = "whether the " + age + " " + noun + " accepts everything that the " + by + " one writes could not be decided (unknown: " + got.answer.Why + ")"
		p.Backward = "consumers of %s with the new schema may reject old events"
		p.Forward = "consumers of %s with the old schema may reject new events"
	}
	c.Report(p)
}
