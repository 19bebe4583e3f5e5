package compat

import (
	"fmt"

	"github.com/omninode/trestle/tools/schema"
)

var fieldRenamed = Rule{
	ID:        "FIELD_RENAMED",
	Purpose:   "a field keeps its name",
	Breaks:    Backward | Forward,
	Encodings: jsonOnly,
	Severity:  Error,
	Shown:     Carried,
	Backward:  "consumers of %s with the new schema do not find the field in old events",
	Forward:   "consumers with the old schema do not find it in new ones",
	Fix:       "keep the name %s, or keep it in JSON: json_name changes only what generated code calls the field",
	Field: func(c *Check, old, new *schema.Field) {
		if old == nil || new == nil || old.Name == new.Name || old.JSONName == new.JSONName {
			return
		}
		c.Report(Problem{Change: fmt.Sprintf("%s was renamed to %s", fieldText(old), new.Name), Name: old.Name})
	},
}
