package lint

import (
	"fmt"

	"github.com/omninode/trestle/tools/schema"
)

var sensitiveKey = Rule{
	ID:       "SENSITIVE_KEY",
	Purpose:  "a key holds nothing sensitive",
	Why:      "Keys are in logs, in metrics and in every tool that lists records, and compaction keeps them longest.",
	Severity: Error,
	Fix:      "make the key of %s an id that says nothing about a person, or take the mark from the field if it is none",
	Event: func(c *Check, e *schema.Event) {
		for _, k := range e.KeyPaths() {
			for _, f := range k.Fields {
				if f.Sensitive {
					c.Report(Problem{Message: fmt.Sprintf("key path %s of event %s reads %s.%s (%s), which is sensitive: keys are stored and shown as they are",
						k.Text, e.Type, f.Message.Name, f.Name, f.Pos)})
					break
				}
			}
		}
	},
}
