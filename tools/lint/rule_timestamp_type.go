package lint

import (
	"fmt"
	"regexp"

	"github.com/omninode/trestle/tools/schema"
)

var timestampType = Rule{
	ID:       "TIMESTAMP_TYPE",
	Purpose:  "a time is a timestamp, not a string",
	Why:      "A string takes any shape of time, with a zone or without: every reader has to guess, and no validator can help.",
	Severity: Warning,
	Field: func(c *Check, f *schema.Field) {
		if f.Type.Kind != schema.String || !timeName.MatchString(f.JSONName) {
			return
		}
		fix := "use google.protobuf.Timestamp"
		if f.Language() == schema.JSONSchema {
			fix = `add "format": "date-time"`
		}
		c.Report(Problem{
			Message: fmt.Sprintf("%s is named like a time and is a string of any shape", f.Name),
			Fix:     fix + ", or name it for what it is",
		})
	},
}

var timeName = regexp.MustCompile(`^(.+_)?(timestamp|at|time)$`)
