package compat

import (
	"fmt"
	"strings"

	"github.com/omninode/trestle/tools/schema"
)

var eventDataSubjectChanged = Rule{
	ID:        "EVENT_DATA_SUBJECT_CHANGED",
	Purpose:   "what an event says of a person is erased with that person's keys",
	Breaks:    Backward | Forward,
	Encodings: bothEncodings,
	Severity:  Warning,
	Policy:    true,
	Backward:  "old events of %s stay encrypted with the keys of whom they were about: erasing a person who is named otherwise now does not reach them",
	Forward:   "producers with the old schema go on to encrypt with those keys",
	Fix:       "keep the data subject of %s, or write what is old again before you rely on erasure",
	Event: func(c *Check, old, new *schema.Event) {
		if old == nil || new == nil || !old.Message.HoldsEncrypted || !new.Message.HoldsEncrypted {
			return
		}
		was, is := subjectText(old), subjectText(new)
		if was == is {
			return
		}
		p := Problem{Change: fmt.Sprintf("data subject of %s changed from %s to %s", new.Type, orNone(was), orNone(is)), Name: new.Type}
		switch {
		case was == "":
			p.Backward = "old events of %s are encrypted with keys of the class alone: erasing a person does not reach them"
			p.Forward = "producers with the old schema go on to encrypt with those"
		case is == "":
			p.Backward = "new events of %s are encrypted with keys of the class alone: erasing a person does not reach them"
			p.Forward = p.Backward
		}
		c.Report(p)
	},
}

func subjectText(e *schema.Event) string { return strings.Join(e.SubjectNames(), ".") }
