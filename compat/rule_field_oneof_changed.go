package compat

import (
	"fmt"

	"github.com/omninode/trestle/tools/schema"
)

var fieldOneofChanged = Rule{
	ID:        "FIELD_ONEOF_CHANGED",
	Purpose:   "fields that may be set together stay so, and those that exclude each other too",
	Breaks:    Backward | Forward,
	Encodings: bothEncodings,
	Severity:  Error,
	Backward:  "consumers of %s with the new schema keep one of two fields that old events set together",
	Forward:   "consumers of %s with the old schema keep one of two fields that new events set together",
	Fix:       "leave %s where it was; a oneof may gain only fields that are new",
	Field: func(c *Check, old, new *schema.Field) {
		if old == nil || new == nil || old.Oneof != nil && new.Oneof != nil && old.Oneof.Name == new.Oneof.Name {
			return // what moved is another field
		}
		var breaks Direction
		var beside []fieldPair
		// What joins fields that were beside it: old data may have both.
		if new.Oneof != nil {
			for _, other := range new.Oneof.Fields {
				if was := c.OldField(other); other != new && was != nil && (old.Oneof == nil || was.Oneof != old.Oneof) {
					breaks |= Backward
					beside = append(beside, fieldPair{was, other})
				}
			}
		}
		// What leaves fields that excluded it: new data may have both.
		if old.Oneof != nil {
			for _, other := range old.Oneof.Fields {
				if is := c.NewField(other); other != old && is != nil && (new.Oneof == nil || is.Oneof != new.Oneof) {
					breaks |= Forward
					beside = append(beside, fieldPair{other, is})
				}
			}
		}
		if breaks == 0 {
			return
		}
		c.Report(Problem{
			Change: fmt.Sprintf("%s moved from %s to %s", fieldText(new), oneofText(old.Oneof), oneofText(new.Oneof)),
			Breaks: breaks, Beside: beside,
		})
	},
}

func oneofText(o *schema.Oneof) string {
	if o == nil {
		return "no oneof"
	}
	return "oneof " + o.Name
}
