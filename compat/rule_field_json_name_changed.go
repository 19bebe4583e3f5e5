package compat

import (
	"fmt"

	"github.com/omninode/trestle/tools/schema"
)

var fieldJSONNameChanged = Rule{
	ID:        "FIELD_JSON_NAME_CHANGED",
	Purpose:   "a field keeps its name in JSON",
	Breaks:    Backward | Forward,
	Encodings: jsonOnly,
	Severity:  Error,
	Shown:     Carried,
	Backward:  "consumers of %s with the new schema do not find the field in old events",
	Forward:   "consumers with the old schema do not find it in new ones",
	Fix:       "keep the JSON name of %s",
	Field: func(c *Check, old, new *schema.Field) {
		if old == nil || new == nil || old.Name != new.Name || old.JSONName == new.JSONName {
			return
		}
		c.Report(Problem{Change: fmt.Sprintf("JSON name of %s changed from %s to %s", fieldText(new), old.JSONName, new.JSONName)})
	},
}
