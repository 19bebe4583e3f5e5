package lint

import (
	"github.com/omninode/trestle/tools/schema"
	"github.com/omninode/trestle/tools/schema/jsontree"
)

var defaultInvalid = Rule{
	ID:       "DEFAULT_INVALID",
	Purpose:  "a default keeps the rules of its own field",
	Why:      "An event that leaves the field out is filled in with the default, and is then refused by the field's own rules.",
	Severity: Error,
	Fix:      "give %s a default that its rules allow, or change the rules",
	Field: func(c *Check, f *schema.Field) {
		if f.Default == "" || f.Default == "now" {
			return
		}
		v, err := jsontree.Parse([]byte(f.Default))
		if err != nil {
			return // the loader refuses it
		}
		why := refusal(f.Type, v)
		if why == "" {
			why = c.run.protoRefusal(f, v)
		}
		switch {
		case why == "":
		case f.Sensitive:
			c.Reportf("the default of %s breaks a rule of its own field; the field is sensitive, so that neither is shown", f.Name)
		default:
			c.Reportf("default %s of %s %s", f.Default, f.Name, why)
		}
	},
}
